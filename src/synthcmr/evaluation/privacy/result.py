"""Everything that is said of privacy, ready to be written as JSON."""

from __future__ import annotations

from synthcmr.config import Settings
from synthcmr.evaluation.privacy.attributes import Inference
from synthcmr.evaluation.privacy.audit_bound import Audit
from synthcmr.evaluation.privacy.copies import NearCopies
from synthcmr.evaluation.privacy.figures import Absent, Figure
from synthcmr.evaluation.privacy.membership import Attack


class Attacks(Settings):
    """The attacks of one access."""

    attacks: tuple[Attack, ...]

    @property
    def strongest(self) -> Attack:
        """The one that leaves the least doubt: the largest lower end of the area's interval."""
        return max(self.attacks, key=lambda a: a.result.auc.low)


class Inferences(Settings):
    """All secrets that were guessed."""

    secrets: tuple[Inference, ...]


class PrivacyResult(Settings):
    """What each part found, or why it could not be done."""

    members: int  # subjects
    calibrating: int
    judged: int
    synthetic: int  # images
    near_copies: NearCopies | Absent
    split_bias: Figure | Absent  # area of a classifier that sees which split a real image is of, and no generator
    black_box: Attacks | Absent
    grey_box: Attacks | Absent
    white_box: Attacks | Absent
    attributes: Inferences | Absent
    audit: Audit | Absent

    @property
    def weak(self) -> tuple[str, ...]:
        """Attacks that could not even find what was planted: their silence means nothing."""
        found = [
            a
            for part in (self.black_box, self.grey_box, self.white_box)
            if isinstance(part, Attacks)
            for a in part.attacks
        ]
        return tuple(f"{a.name} ({a.access})" for a in found if a.weak)
