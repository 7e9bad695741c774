"""What `generate` gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from synthcmr.verbs.result import PageResult

if TYPE_CHECKING:
    import pandas as pd

    from synthcmr.cohort import Cohort
    from synthcmr.conditioning.prompt import Understood
    from synthcmr.sampling.sources import Sources

BLIND = 0.5  # median Dice of what screening kept, below which the segmenter does not screen
NOT_SEEN = "diagnosis is not seen in the image"
ADVICE = (
    "Train longer, train judges on your own data (synthcmr judge fit) and name them with --judges, "
    "or keep everything with --no-screen."
)


@dataclass(frozen=True)
class GeneratedCohort(PageResult):
    """A cohort of synthetic images, and how it came about.

    Attributes:
        cohort: the images with their masks and tables; empty where screening rejected everything.
        requested: how many subjects were asked for.
        notes: what was assumed, and what the generator cannot show.
        advice: where nothing passed screening, why that may be and what to do; otherwise empty.
    """

    cohort: Cohort
    requested: int
    notes: tuple[str, ...] = field(default=())
    advice: str = ""

    def summary(self) -> str:
        """How many were generated, and how many failed screening."""
        rejects = self.cohort.rejects[self.cohort.rejects["level"] == "reject"]
        lines = [f"{self.cohort.path}: {len(self.cohort.subjects)} subject(s), {len(self.cohort)} image(s)"]
        lines += self._screening()
        if len(rejects):
            lines.append(
                f"  {len(rejects)} of {self.requested} failed screening; reasons in rejects.parquet, first: "
                f"{rejects['reason'].iloc[0]}"
            )
        lines += _sampled(self.cohort)
        if self.cohort.info["settings"]["generate"]["redraw"]:
            lines.append(
                "  these images show real subjects as another scanner would: protect them as you protect the originals"
            )
        if len(self.cohort):
            lines.append(f"Page: {self.to_html()}")
        return "\n".join(lines)

    @property
    def table(self) -> pd.DataFrame:
        """The subjects with their attributes; `cohort.images` has the seed and the screening of each image."""
        return self.cohort.subjects

    @property
    def rejects(self) -> pd.DataFrame:
        """What failed screening: case_id, part, level, reason."""
        return self.cohort.rejects

    @property
    def page_folder(self) -> Path:
        """The folder of the cohort."""
        return self.cohort.path

    def _write_page(self, folder: Path) -> Path:
        """generated.html: pictures, what was requested, what screening said."""
        from synthcmr.report.generated_page import write_generated_page

        return write_generated_page(self.cohort, folder)

    def _repr_html_(self) -> str:
        """The first images, and the summary, for notebooks."""
        from html import escape

        from synthcmr.report.pictures import heart_picture

        shown = range(min(len(self.cohort), 6))
        pictures = "".join(
            f'<img src="{heart_picture(self.cohort.image(i)[0], self.cohort.mask(i)[0])}" alt="image {i}">'
            for i in shown
        )
        return f"<div>{pictures}</div><pre>{escape(self.summary())}</pre>"

    def _screening(self) -> list[str]:
        """How many renderings were rejected, and whether the judge can be trusted."""
        cohort = self.cohort
        rejects = cohort.rejects[cohort.rejects["level"] == "reject"]
        kept = cohort.images.groupby("subject_id")["tries"].first() if len(cohort) else []
        vain = rejects["reason"].str.extract(r"after (\d+) tries")[0].dropna().astype(int).sum() if len(rejects) else 0
        tries = int(sum(kept)) + int(vain)
        if not tries or not cohort.info["settings"]["generate"]["screen"]["enabled"]:
            return []
        rejected = tries - len(kept)
        rate = f"  screening: {rejected} of {tries} renderings rejected ({100 * rejected / tries:.0f} %)"
        return [rate, *_weak_judge(cohort)]


def why_nothing_passed(cohort: Cohort, understood: Understood, sources: Sources) -> str:
    """Why that may be, as far as it is known, and what to do; empty where something passed."""
    if len(cohort):
        return ""
    said = ["Nothing passed screening."]
    diagnosis = str(understood.attributes.get("diagnosis", ""))
    if diagnosis and cohort.rejects["reason"].str.contains(NOT_SEEN, regex=False).any():
        from synthcmr.sampling.sources import load_anatomies

        far = load_anatomies(sources).unusual(understood.attributes, understood.numbers)
        if far:
            said.append(
                f"The diagnosis was not seen, and the request is far from {diagnosis} in the training data: "
                f"{'; '.join(far)}. Request other numbers or another diagnosis first."
            )
    return " ".join([*said, ADVICE])


def _sampled(cohort: Cohort) -> list[str]:
    """Attributes that were not requested were sampled."""
    from synthcmr.cohort.attributes import DRAWN
    from synthcmr.report.markdown import drawn

    names = drawn(cohort.subjects)
    line = f"  sampled (not in the request): {names}; listed per subject in the column '{DRAWN}' of subjects.parquet"
    return [line] if names else []


def _weak_judge(cohort: Cohort) -> list[str]:
    """Screening measures by what the segmenter reaches on real images; one that never learned lets everything pass."""
    dice = cohort.images["screen_dice"].astype(float).median() if "screen_dice" in cohort.images else float("nan")
    if not dice < BLIND:
        return []
    return [
        f"  the segmenter reaches a Dice of only {dice:.2f} on the kept images, so it hardly screens. Train it longer; "
        "'synthcmr judge score segmenter COHORT JUDGE' scores it"
    ]
