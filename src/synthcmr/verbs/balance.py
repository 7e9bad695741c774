"""Find the images that make a classifier fairer, round by round."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from synthcmr.config import MOST
from synthcmr.verbs.debias import ExperimentOptions, remedy_table
from synthcmr.verbs.options import Run
from synthcmr.verbs.public import public
from synthcmr.verbs.result import PageResult

if TYPE_CHECKING:
    import pandas as pd

    from synthcmr.cohort import Cohort
    from synthcmr.experiments.settings import BalanceSettings
    from synthcmr.fairness.closed_loop import Balanced
    from synthcmr.verbs.folders import CohortLike

NAMED = ("label", "positive", "sensitive", "round_images", "budget", "rounds", "repeats")


class BalanceOptions(ExperimentOptions):
    """What is predicted, what to be fair about, and how many images and rounds.

    Example:
        >>> import synthcmr
        >>> synthcmr.BalanceOptions(sensitive="sex,bmi", budget=300).budget
        300
    """

    run: Run = Field(
        None, description="Generator: a run, or refine-once, refine or flow, which ship. [default: refine-once]"
    )
    round_images: int | None = Field(None, ge=1, le=MOST, description="Images generated per round. [default: 60]")
    budget: int | None = Field(None, ge=1, le=MOST, description="Maximum number of images in total.")
    rounds: int | None = Field(None, ge=1, le=1000, description="Maximum number of rounds. [default: 8]")
    repeats: int | None = Field(None, ge=1, le=1000, description="Seeds in every round. [default: 3]")


@dataclass(frozen=True)
class BalanceResults(PageResult):
    """How the loop went, and what it recommends.

    Attributes:
        balanced: every round, and the scores on the test split.
        cohort: the real cohort.
        settings: of the loop.
        out: its folder.
    """

    balanced: Balanced
    cohort: Cohort
    settings: BalanceSettings
    out: Path

    @property
    def recommended(self) -> Cohort | None:
        """The cohort of images that it would add; None where no images are better."""
        from synthcmr.cohort import Cohort

        return None if self.balanced.recommended is None else Cohort.open(self.balanced.recommended)

    def summary(self) -> str:
        """What the images gained, which are recommended, and where the page is."""
        place = self.balanced.recommended
        recommended = [] if place is None else [f"Recommended images: {place}"]
        return "\n".join([self._sentences(), *recommended, f"Page: {self.to_html()}"])

    @property
    def table(self) -> pd.DataFrame:
        """One row per round: images so far, the loss on the validation split, and whether it is the best."""
        import pandas as pd

        rounds, best = self.balanced.rounds, self.balanced.best
        rows = [(r.number, r.images, float(r.look.together[0]), k == best) for k, r in enumerate(rounds)]
        return pd.DataFrame(rows, columns=["round", "images", "validation_loss", "best"])

    @property
    def scores(self) -> pd.DataFrame:
        """Scores on the test split with no images and with those of the best round, as `debias` has them."""
        return remedy_table(self.balanced.results)

    @property
    def page_folder(self) -> Path:
        """The folder of the loop."""
        return self.out

    def _write_page(self, folder: Path) -> Path:
        """balance.html, and balance.json with the same numbers."""
        from synthcmr.report.balance_page import write_balance

        return write_balance(self.balanced, self.cohort, self.settings, folder)

    def _sentences(self) -> str:
        from synthcmr.report.balance_page import sentences

        return "\n".join(sentences(self.balanced))


@public
def balance(
    cohort: CohortLike, out: Path | str, options: BalanceOptions | None = None, **changes: Any
) -> BalanceResults:
    """Find the images that make a classifier fairer.

    Each round measures on the validation split which patients the classifier fails, makes images of those where images have
    gained most so far, trains again, and stops when no group gains beyond noise.

    Args:
        cohort: real cohort with train, validation and test splits, or its folder.
        out: folder to make; an unfinished loop is continued.
        options: what is predicted, what to be fair about, how many images and rounds.
        changes: fields of `BalanceOptions`, in place of `options` or over them.

    Returns:
        Every round, and the cohort of images that is recommended.

    Raises:
        SettingsError: a setting is not allowed, or the folder to replace holds other files.
        CohortError: a folder is not what it should be.

    Example:
        >>> import synthcmr
        >>> loop = synthcmr.balance("people", "balanced", sensitive=("sex", "bmi"), budget=300)
        >>> cohort = loop.recommended  # None where no images are better
        >>> rounds = loop.table[["round", "images", "validation_loss"]]
    """
    chosen, out = BalanceOptions.of(options, changes), Path(out)
    from synthcmr.verbs.folders import expect_apart_from, expect_weights, opened_whole

    real = opened_whole(cohort)
    expect_weights({"--run": chosen.run})
    from synthcmr.cohort.output_place import build, known_as
    from synthcmr.experiments.settings import BalanceSettings
    from synthcmr.fairness.closed_loop import balance as run_loop
    from synthcmr.verbs.options import read_settings
    from synthcmr.verbs.outputs import EXPERIMENT
    from synthcmr.verbs.progress import progress_bar

    settings = read_settings(
        BalanceSettings, chosen.settings, {name: getattr(chosen, name) for name in NAMED}, chosen.set
    )

    def looped(folder: Path) -> Balanced:
        with progress_bar("balance") as report:
            return run_loop(real, folder, settings, chosen.run, chosen.workers, report)

    expect_apart_from(out, (cohort, chosen.run))
    balanced = build(out, EXPERIMENT, chosen.overwrite, looped)
    if balanced.recommended is not None:
        balanced = replace(balanced, recommended=Path(known_as(str(balanced.recommended))))
    return BalanceResults(balanced, real, settings, out)
