"""All attacks on a synthetic cohort, and on its generator where there is one; a part that was done is not done again."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from synthcmr.cohort import Cohort
from synthcmr.config import Settings
from synthcmr.errors import SynthcmrError
from synthcmr.evaluation.privacy.audit_bound import Audit
from synthcmr.evaluation.privacy.copies import NearCopies
from synthcmr.evaluation.privacy.figures import Absent, Figure
from synthcmr.evaluation.privacy.parts import Parts
from synthcmr.evaluation.privacy.people import People, Report, people
from synthcmr.evaluation.privacy.pile import Features, Side, all_of
from synthcmr.evaluation.privacy.result import Attacks, Inferences, PrivacyResult
from synthcmr.evaluation.privacy.settings import PrivacySettings
from synthcmr.evaluation.privacy.suspect import Suspect

Part = TypeVar("Part", bound=Settings)
Vectors = npt.NDArray[np.float32]
MOST_FRAMES = 2  # ED and ES


def judge_privacy(
    real: Cohort,
    synthetic: Cohort,
    settings: PrivacySettings,
    work_folder: Path,
    generator: Suspect | None = None,
    features: Features | None = None,
    features_hash: str = "",
    report: Report | None = None,
    known: tuple[Vectors, Vectors] | None = None,
) -> PrivacyResult:
    """Attack a synthetic cohort.

    Args:
        real: the cohort that was learned from, with its splits.
        synthetic: images that are judged, whoever made them.
        settings: of all attacks.
        work_folder: for finished parts, and for what is compared while it goes on.
        generator: what made the images, as far as it is at hand.
        features: an extractor, for distances in its space; those of pixels are taken without.
        features_hash: of the extractor, so that parts are done again with another.
        report: called with (done, total, what).
        known: features of all real and of all synthetic images, where they are known.

    Raises:
        CohortError: one side has too few subjects, or images that do not fit.
    """
    suspect = generator or Suspect()
    frames = min(int(side.images["n_frames"].min()) for side in (real, synthetic))
    ours, theirs = known or (None, None)
    who, made = (
        people(real, min(frames, MOST_FRAMES), settings, ours),
        all_of(synthetic, min(frames, MOST_FRAMES), theirs),
    )
    compared = work_folder / "compared"
    parts = Parts(real, synthetic, who, made, settings, suspect, features, compared, report)
    told = [real.hash, synthetic.hash, settings.model_dump(mode="json"), features_hash, suspect.name, _names(who, made)]
    kept = _Kept(work_folder, hashlib.sha256(json.dumps(told).encode()).hexdigest())
    result = PrivacyResult(
        **_counts(who),
        synthetic=len(made.rows),
        near_copies=kept.part("near_copies", NearCopies, parts.near_copies),
        split_bias=kept.part("split_bias", Figure, parts.split_bias),
        black_box=kept.part("black_box", Attacks, parts.black_box),
        grey_box=kept.part("grey_box", Attacks, parts.grey_box),
        white_box=kept.part("white_box", Attacks, parts.white_box),
        attributes=kept.part("attributes", Inferences, parts.attributes),
        audit=kept.part("audit", Audit, parts.audit),
    )
    shutil.rmtree(compared, ignore_errors=True)
    return result


@dataclass(frozen=True)
class _Kept:
    """Finished parts of one judgement, in a folder."""

    folder: Path
    key: str  # of everything that decides them

    def part(self, name: str, kind: type[Part], make: Callable[[], Part]) -> Part | Absent:
        """A part as it was found before, or found now; or why it cannot be."""
        file = self.folder / f"{name}.json"
        before = self._before(file, kind)
        if before is not None:
            return before
        try:
            found = make()
        except SynthcmrError as error:
            return Absent(reason=str(error))
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".part")
        partial.write_text(json.dumps({"of": self.key, "found": found.model_dump(mode="json")}))
        partial.replace(file)
        return found

    def _before(self, file: Path, kind: type[Part]) -> Part | None:
        if not file.exists():
            return None
        try:
            stored = json.loads(file.read_text())
            return kind.model_validate(stored["found"]) if stored["of"] == self.key else None
        except (ValueError, KeyError, ValidationError):
            return None  # of another version, or cut short: it is made again


def _names(who: People, made: Side) -> list[list[str]]:
    """Who is on which side, and who is judged: the hash of a cohort is that of all its subjects, whichever were selected."""
    return [np.unique(side.subject).tolist() for side in (who.members, who.calibrating, who.judged, made)]


def _counts(who: People) -> dict[str, int]:
    sides = {"members": who.members, "calibrating": who.calibrating, "judged": who.judged}
    return {name: len(np.unique(side.subject)) for name, side in sides.items()}
