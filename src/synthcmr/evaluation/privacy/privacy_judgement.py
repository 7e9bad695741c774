"""All attacks on a synthetic cohort, and on its generator where there is one; a part that was done is not done again."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
from pydantic import ValidationError

from synthcmr.cohort import Cohort
from synthcmr.cohort.checksums import read_record, record_text
from synthcmr.config import Settings
from synthcmr.errors import SettingsError, SynthcmrError
from synthcmr.evaluation.privacy.attack_target import AttackTarget
from synthcmr.evaluation.privacy.attribute_inference import Inferences, infer_attributes
from synthcmr.evaluation.privacy.copies.near_copies import NearCopies, near_copies
from synthcmr.evaluation.privacy.dp_audit import EpsilonAudit, audit_claim
from synthcmr.evaluation.privacy.image_index import Features, Report, SplitIndexes, index_split, silent
from synthcmr.evaluation.privacy.image_selection import (
    ImageSelection,
    MemberSplit,
    Vectors,
    select_all,
    split_members,
)
from synthcmr.evaluation.privacy.interval_estimates import Absent, IntervalEstimate, membership_auc
from synthcmr.evaluation.privacy.membership.black_box import AttackedImages, black_box, sample_attacked
from synthcmr.evaluation.privacy.membership.grey_box import grey_box
from synthcmr.evaluation.privacy.membership.membership_attack import Attacks, MembershipAttack
from synthcmr.evaluation.privacy.membership.white_box import white_box
from synthcmr.evaluation.privacy.settings import PrivacyPartSettings

Result = TypeVar("Result", bound=Settings)
MOST_FRAMES = 2  # ED and ES


class PrivacyResult(Settings):
    """The results of each part, or why it could not be done."""

    members: int  # subjects
    calibrating: int
    judged: int
    synthetic: int  # images
    near_copies: NearCopies | Absent
    # Area of a classifier that sees which split a real image is of, and no generator.
    split_bias: IntervalEstimate | Absent
    black_box: Attacks | Absent
    grey_box: Attacks | Absent
    white_box: Attacks | Absent
    attributes: Inferences | Absent
    audit: EpsilonAudit | Absent

    @property
    def attacked(self) -> list[Attacks]:
        """The attacks on membership, by access, as far as they were made."""
        return [part for part in (self.black_box, self.grey_box, self.white_box) if isinstance(part, Attacks)]

    @property
    def attacks(self) -> list[MembershipAttack]:
        """Every attack on membership."""
        return [attack for part in self.attacked for attack in part.attacks]

    @property
    def weak(self) -> tuple[str, ...]:
        """Attacks that could not even find what was planted: their silence means nothing."""
        return tuple(f"{a.name} ({a.access})" for a in self.attacks if a.weak)


def judge_privacy(
    real: Cohort,
    synthetic: Cohort,
    settings: PrivacyPartSettings,
    work_folder: Path,
    target: AttackTarget | None = None,
    extractor: Features | None = None,
    extractor_hash: str = "",
    report: Report | None = None,
    features: tuple[Vectors, Vectors] | None = None,
) -> PrivacyResult:
    """Attack a synthetic cohort; parts that were finished before are not done again.

    Args:
        real: the cohort that was learned from, with its splits.
        synthetic: images that are judged, whatever generated them.
        settings: of all attacks.
        work_folder: for finished parts, and for what is compared while it goes on.
        target: what generated the images, as far as it is at hand.
        extractor: of features, for distances in their space; those of pixels are taken without.
        extractor_hash: so that parts are done again with another.
        report: called with (done, total, what).
        features: of all real and of all synthetic images, where they are known.

    Raises:
        CohortError: one side has too few subjects, or images that do not fit.
    """
    target = target or AttackTarget()
    frames = min(MOST_FRAMES, *(int(side.images["n_frames"].min()) for side in (real, synthetic)))
    real_features, synthetic_features = features or (None, None)
    split = split_members(real, frames, settings, real_features)
    images = select_all(synthetic, frames, synthetic_features)
    work = work_folder / "compared"
    run = _Attacks(real, synthetic, split, images, settings, target, extractor, work, report or silent)
    sides = {"members": split.members, "calibrating": split.calibrating, "judged": split.judged}
    # The hash of a cohort is that of all its subjects, whichever were selected: so who is on which side is told by name.
    names = [np.unique(side.subject).tolist() for side in (*sides.values(), images)]
    depends_on = [real.hash, synthetic.hash, settings.model_dump(mode="json"), extractor_hash, target.name, names]
    kept = _KeptResults(work_folder, hashlib.sha256(json.dumps(depends_on).encode()).hexdigest())
    result = PrivacyResult(
        **{name: len(np.unique(side.subject)) for name, side in sides.items()},
        synthetic=len(images),
        near_copies=kept.get("near_copies", NearCopies, run.near_copies),
        split_bias=kept.get("split_bias", IntervalEstimate, run.split_bias),
        black_box=kept.get("black_box", Attacks, run.black_box),
        grey_box=kept.get("grey_box", Attacks, run.grey_box),
        white_box=kept.get("white_box", Attacks, run.white_box),
        attributes=kept.get("attributes", Inferences, run.attributes),
        audit=kept.get("audit", EpsilonAudit, run.audit),
    )
    shutil.rmtree(work, ignore_errors=True)
    return result


@dataclass(frozen=True)
class _Attacks:
    """Every attack of a judgement, made when it is asked for; what several of them need is made once."""

    real: Cohort
    synthetic: Cohort
    split: MemberSplit
    images: ImageSelection  # synthetic
    settings: PrivacyPartSettings
    target: AttackTarget
    extractor: Features | None
    work: Path
    report: Report

    @cached_property
    def indexes(self) -> SplitIndexes:
        """All images as they are compared."""
        return index_split(self.split, self.images, self.work / "all", self.extractor, self.report)

    @cached_property
    def attacked(self) -> AttackedImages:
        """The images whose membership is attacked."""
        return sample_attacked(self.split, self.settings, self.work, self.extractor)

    def near_copies(self) -> NearCopies:
        """Near-copies."""
        return near_copies(self.split, self.indexes, self.settings, self.work, self.report)

    def split_bias(self) -> IntervalEstimate:
        """How well the real images alone tell who is a member."""
        alike = self.attacked.alike
        return membership_auc(alike.member, alike.other, self.settings.draws, self.settings.seed)

    def black_box(self) -> Attacks:
        """Membership from images alone."""
        return black_box(self.attacked, self.indexes, self.settings, self.work, self.report)

    def grey_box(self) -> Attacks:
        """Membership with sampling access."""
        if self.target.sampling is None:
            raise SettingsError("no generator was given that can be asked for images")
        return grey_box(self.attacked, self.target.sampling, self.settings, self.report)

    def white_box(self) -> Attacks:
        """Membership from errors."""
        model, references = self.target.errors, self.target.references
        if model is None:
            raise SettingsError("no generator was given that tells its errors")
        return white_box(self.attacked, self.split, model, references, self.settings, self.report)

    def attributes(self) -> Inferences:
        """Secrets that are guessed."""
        attacked = self.attacked.members, self.attacked.others
        secrets = infer_attributes(self.real.subjects, self.synthetic.subjects, self.indexes, attacked, self.settings)
        if not secrets:
            raise SettingsError(
                f"real and synthetic subjects share no attribute of {', '.join(self.settings.attributes.known)} that varies; "
                "name others in privacy.attributes"
            )
        return Inferences(secrets=secrets)

    def audit(self) -> EpsilonAudit:
        """What canaries prove of the claim of a private run."""
        if self.target.claim is None:
            raise SettingsError("the generator claims no differential privacy")
        folder = self.work / "canaries"
        shutil.rmtree(folder, ignore_errors=True)
        return audit_claim(self.target.claim, folder, seed=self.settings.seed)


@dataclass(frozen=True)
class _KeptResults:
    """Finished parts of one judgement, in a folder."""

    folder: Path
    key: str  # of everything that decides them

    def get(self, name: str, kind: type[Result], make: Callable[[], Result]) -> Result | Absent:
        """A part as it was kept before, or made now; or why it cannot be."""
        file = self.folder / f"{name}.json"
        before = self._read(file, kind)
        if before is not None:
            return before
        try:
            result = make()
        except SynthcmrError as error:
            return Absent(reason=str(error))
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".part")
        partial.write_text(record_text({"of": self.key, "found": result.model_dump(mode="json")}))
        partial.replace(file)
        return result

    def _read(self, file: Path, kind: type[Result]) -> Result | None:
        if not file.exists():
            return None
        try:
            stored = read_record(file)
            return kind.model_validate(stored["found"]) if stored["of"] == self.key else None
        except (ValueError, KeyError, ValidationError, SynthcmrError):
            return None  # of another version, cut short or damaged: it is made again
