"""Compare remedies for an unfair classifier, synthetic images among them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field, model_validator

from synthcmr.config import MOST_WORKERS
from synthcmr.errors import SettingsError
from synthcmr.verbs.options import Changes, Names, OneOrSeveral, Options, Run
from synthcmr.verbs.public import public
from synthcmr.verbs.result import PageResult

if TYPE_CHECKING:
    import pandas as pd

    from synthcmr.cohort import Cohort
    from synthcmr.experiments.settings import DebiasSettings
    from synthcmr.fairness.debias.scores import Results
    from synthcmr.statistics.intervals import Estimate
    from synthcmr.verbs.folders import CohortLike


ONE_PLAN = "planned images have one target; plan and generate others yourself and give them with --planned"
GIVEN_SETS = {"copy": "synthetic_copy", "planned": "planned"}  # synthetic set -> option that names its cohort


class ExperimentOptions(Options):
    """What is predicted, and what to be fair about."""

    label: str | None = Field(None, description="Attribute to predict. [default: diagnosis]")
    positive: Names = Field(
        None, description="Its values that count as diseased, comma-separated. [default: all but healthy]"
    )
    sensitive: Names = Field(None, description="Sensitive attributes. [default: sex,bmi]")
    settings: Path | None = Field(None, description="YAML file of settings.")
    set: Changes = Field((), description="One setting, e.g. --set loop.steps=600 or --set slices=central.")
    workers: int = Field(1, ge=1, le=MOST_WORKERS, description="Classifiers trained at once.")
    overwrite: bool = Field(False, description="Replace existing results.")


class DebiasOptions(ExperimentOptions):
    """What is predicted, what to be fair about, and which synthetic images are tried.

    Example:
        >>> import synthcmr
        >>> synthcmr.DebiasOptions(sensitive=("sex", "bmi"), repeats=8).repeats
        8
    """

    run: Run = Field(
        None,
        description="Generator of the synthetic images: a run, or refine-once, refine or flow, which ship. [default: refine-once]",
    )
    synthetic_copy: Path | None = Field(
        None, description="Existing synthetic copy of the cohort.", json_schema_extra={"flags": ["--copy"]}
    )
    planned: Path | None = Field(None, description="Existing planned images.")
    synthetic: bool = Field(True, description="Also test synthetic images.")
    target: Annotated[tuple[str, ...], OneOrSeveral] = Field(
        (), description="What the planned images reach, as in plan. [default: parity:LABEL|SENSITIVE]"
    )
    repeats: int | None = Field(None, ge=1, le=1000, description="Seeds. [default: 5]")

    @model_validator(mode="after")
    def _can_be_combined(self) -> Self:
        """Synthetic sets are tried or not, and planned by one target."""
        given = [self.flag(name) for name in GIVEN_SETS.values() if getattr(self, name) is not None]
        if given and not self.synthetic:
            raise SettingsError(f"--no-synthetic: expected without {' and '.join(given)}, which bring synthetic images")
        if len(self.target) > 1:  # of one flag given twice the shell would silently drop the first
            raise SettingsError(
                f"--target: expected once, got {len(self.target)} times ({' and '.join(self.target)}); {ONE_PLAN}"
            )
        return self


@dataclass(frozen=True)
class DebiasResults(PageResult):
    """How a classifier does under every remedy.

    Attributes:
        results: scores of every remedy, by group, with intervals.
        cohort: the real cohort.
        settings: of the experiment.
        out: its folder.
    """

    results: Results
    cohort: Cohort
    settings: DebiasSettings
    out: Path

    def summary(self) -> str:
        """Who is treated worse, what the remedies do about it, and where the page is."""
        return "\n".join([self._sentences(), f"Page: {self.to_html()}"])

    @property
    def table(self) -> pd.DataFrame:
        """Scores on the test split: remedy, score, value, low, high, and its difference to no remedy with interval."""
        return remedy_table(self.results)

    @property
    def rates(self) -> pd.DataFrame:
        """Scores of each group: remedy, attribute, group, score, value, low, high; or why the group is refused."""
        import pandas as pd

        rows: list[tuple[object, ...]] = []
        for one in self.results.remedies:
            for attribute, groups in one.groups.items():
                for group, scores in groups.items():
                    rows += [
                        (one.remedy.name, attribute, group, *_score_row(name, s), "") for name, s in scores.items()
                    ]
            for grouping in self.results.groupings:
                refused = [group for group in grouping.groups if group.refused]
                rows += [(one.remedy.name, grouping.name, g.name, "", None, None, None, g.refused) for g in refused]
        columns = ["remedy", "attribute", "group", "score", "value", "low", "high", "refused"]
        return pd.DataFrame(rows, columns=columns)

    @property
    def page_folder(self) -> Path:
        """The folder of the experiment."""
        return self.out

    def _write_page(self, folder: Path) -> Path:
        """debias.html, and scores.json with the same numbers."""
        from synthcmr.report.debias_page import write_debias

        return write_debias(self.results, self.cohort, self.settings, folder)

    def _sentences(self) -> str:
        from synthcmr.fairness.debias.verdict import verdict

        return "\n".join(verdict(self.results))


def _score_row(name: str, score: Estimate | float) -> tuple[object, ...]:
    """Name, value and interval; a count has none."""
    return (name, score, None, None) if isinstance(score, (int, float)) else (name, score.value, score.low, score.high)


def remedy_table(results: Results) -> pd.DataFrame:
    """Scores of every remedy on the test split, with the difference to no remedy."""
    import pandas as pd

    rows = []
    for one in results.remedies:
        for name, score in one.scores.items():
            change = one.to_nothing.get(name)
            changed = (None, None, None) if change is None else (change.value, change.low, change.high)
            rows.append((one.remedy.name, name, score.value, score.low, score.high, *changed))
    columns = ["remedy", "score", "value", "low", "high", "difference", "difference_low", "difference_high"]
    return pd.DataFrame(rows, columns=columns)


@public
def debias(cohort: CohortLike, out: Path | str, options: DebiasOptions | None = None, **changes: Any) -> DebiasResults:
    """Compare remedies for an unfair classifier.

    The same classifier is trained under every remedy, with the same number of steps and several seeds, and scored on the test
    split: balanced accuracy by group, the worst group, and the gaps between groups.

    Args:
        cohort: real cohort with train, validation and test splits, or its folder.
        out: folder to make; an unfinished experiment is continued.
        options: what is predicted, what to be fair about, which synthetic images are tried.
        changes: fields of `DebiasOptions`, in place of `options` or over them.

    Returns:
        The scores of every remedy, with a summary and a page.

    Raises:
        SettingsError: options cannot be combined, or a setting is not allowed.
        CohortError: a folder is not what it should be, or a synthetic cohort has seen the test split.

    Example:
        >>> import synthcmr
        >>> compared = synthcmr.debias("people", "debiased", sensitive="sex,bmi", synthetic=False)
        >>> print(compared.summary())
        >>> by_group = compared.rates.query("score == 'balanced accuracy'")
    """
    chosen, out = DebiasOptions.of(options, changes), Path(out)
    from synthcmr.verbs.folders import expect_apart_from, expect_cohorts, expect_weights, opened_whole

    real = opened_whole(cohort)
    expect_cohorts(chosen.synthetic_copy, chosen.planned)
    expect_weights({"--run": chosen.run})
    from synthcmr.cohort.output_place import build
    from synthcmr.experiments.settings import DebiasSettings
    from synthcmr.fairness.debias.experiment import run_experiment
    from synthcmr.verbs.options import read_settings
    from synthcmr.verbs.outputs import EXPERIMENT
    from synthcmr.verbs.progress import progress_bar

    named = {name: getattr(chosen, name) for name in ("label", "positive", "sensitive", "repeats")}
    named["target"] = chosen.target[0] if chosen.target else None
    settings = read_settings(DebiasSettings, chosen.settings, named, chosen.set)

    def compared(folder: Path) -> Results:
        sets = _synthetic_sets(real, folder, settings, chosen)
        with progress_bar("debias") as report:
            return run_experiment(real, folder, settings, sets, chosen.workers, report)

    expect_apart_from(out, (cohort, chosen.synthetic_copy, chosen.planned, chosen.run))
    results = build(out, EXPERIMENT, chosen.overwrite, compared)
    return DebiasResults(results, real, settings, out)


def _synthetic_sets(cohort: Cohort, out: Path, settings: DebiasSettings, chosen: DebiasOptions) -> dict[str, Path]:
    """The synthetic cohorts: those that were given, or those that are generated where none is."""
    given = {name: getattr(chosen, option) for name, option in GIVEN_SETS.items()}
    there = {name: path for name, path in given.items() if path is not None}
    if not chosen.synthetic or there:
        return there
    from synthcmr.experiments.images import REAL, all_people
    from synthcmr.fairness.debias.synthetic_sets import make_sets
    from synthcmr.verbs.progress import progress_bar

    all_people({REAL: cohort}, settings)  # refuse what cannot be learned before minutes of generating
    with progress_bar("generate") as report:
        return make_sets(cohort, out / "synthetic", settings, chosen.run, chosen.workers, report)
