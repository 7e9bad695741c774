"""The parts of a judgement, each made when it is asked for; what several of them need is made once."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from synthcmr.cohort import Cohort
from synthcmr.errors import SettingsError
from synthcmr.evaluation.privacy.attributes import inferences
from synthcmr.evaluation.privacy.audit_bound import Audit
from synthcmr.evaluation.privacy.black_box import Attacked, attacked, black_box
from synthcmr.evaluation.privacy.canaries import audit_claim
from synthcmr.evaluation.privacy.copies import NearCopies, near_copies
from synthcmr.evaluation.privacy.figures import Figure
from synthcmr.evaluation.privacy.grey_box import grey_box
from synthcmr.evaluation.privacy.people import People, Piles, Report, piles
from synthcmr.evaluation.privacy.pile import Features, Side
from synthcmr.evaluation.privacy.result import Attacks, Inferences
from synthcmr.evaluation.privacy.roc import auc
from synthcmr.evaluation.privacy.settings import PrivacySettings
from synthcmr.evaluation.privacy.suspect import Suspect
from synthcmr.evaluation.privacy.white_box import white_box


@dataclass(frozen=True)
class Parts:
    """Everything at hand."""

    real: Cohort
    synthetic: Cohort
    who: People
    made: Side
    settings: PrivacySettings
    suspect: Suspect
    features: Features | None
    work: Path
    report: Report | None

    @cached_property
    def piles(self) -> Piles:
        """All images as they are compared."""
        return piles(self.who, self.made, self.work / "all", self.features, self.report)

    @cached_property
    def attacked(self) -> Attacked:
        """The images whose membership is attacked."""
        return attacked(self.who, self.settings, self.work, self.features)

    def near_copies(self) -> NearCopies:
        """Near-copies."""
        return near_copies(self.who, self.piles, self.settings, self.work, self.report)

    def split_bias(self) -> Figure:
        """How well the real images alone tell who is a member."""
        alike = self.attacked.alike
        return auc(alike.member, alike.other, self.settings.draws, self.settings.seed)

    def black_box(self) -> Attacks:
        """Membership from images alone."""
        return Attacks(attacks=black_box(self.attacked, self.piles, self.settings, self.work, self.report))

    def grey_box(self) -> Attacks:
        """Membership by asking."""
        if self.suspect.answers is None:
            raise SettingsError("no generator was given that can be asked for images")
        return Attacks(attacks=grey_box(self.attacked, self.suspect.answers, self.settings, self.report))

    def white_box(self) -> Attacks:
        """Membership from errors."""
        model = self.suspect.errors
        if model is None:
            raise SettingsError("no generator was given that tells its errors")
        found = white_box(self.attacked, self.who, model, self.suspect.references, self.settings, self.report)
        return Attacks(attacks=found)

    def attributes(self) -> Inferences:
        """Secrets that are guessed."""
        attacked = self.attacked.members, self.attacked.others
        found = inferences(self.real.subjects, self.synthetic.subjects, self.piles, attacked, self.settings)
        if not found:
            raise SettingsError(
                f"real and synthetic subjects share no attribute of {', '.join(self.settings.attributes.known)} that varies; "
                "name others in privacy.attributes"
            )
        return Inferences(secrets=found)

    def audit(self) -> Audit:
        """What canaries prove of the claim of a private run."""
        if self.suspect.claim is None:
            raise SettingsError("the generator claims no differential privacy")
        folder = self.work / "canaries"
        shutil.rmtree(folder, ignore_errors=True)
        return audit_claim(self.suspect.claim, folder, seed=self.settings.seed)
