"""The closed loop: measure, plan, generate, train again, until no group gains beyond noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from synthcmr.cohort import Cohort
from synthcmr.cohort.joining import join_cohorts
from synthcmr.cohort.writer import COHORT_FILE
from synthcmr.experiments.classifier_job import ClassifierJob
from synthcmr.experiments.images import REAL, all_people
from synthcmr.experiments.jobs import Arm, Report, run_jobs
from synthcmr.experiments.settings import BalanceSettings
from synthcmr.experiments.split_leaks import check_synthetic
from synthcmr.experiments.subjects import UNKNOWN
from synthcmr.fairness.debias.experiment import by_arm, claim, scored
from synthcmr.fairness.debias.remedies import NOTHING
from synthcmr.fairness.debias.scores import Results
from synthcmr.fairness.debias.synthetic_sets import like_images
from synthcmr.fairness.gains import (
    Kind,
    ValidationLosses,
    allocate,
    kinds_of,
    log_loss_gains,
    rates,
    validation_losses,
)
from synthcmr.fairness.planning.plan import Plan, plan_cohort
from synthcmr.fairness.planning.plan_folder import PLAN_FILE
from synthcmr.fairness.planning.settings import PlanSettings
from synthcmr.fairness.planning.target import Reference, Target
from synthcmr.sampling.generate import generate
from synthcmr.sampling.sources import Sources

if TYPE_CHECKING:
    import pandas as pd

RECOMMENDED = "recommended"
CellKey = tuple[str, ...]  # value of the label, and the group of every sensitive attribute


@dataclass(frozen=True)
class Round:
    """One turn of the loop; the first has no images."""

    number: int
    images_by_cell: dict[CellKey, int]
    images: int  # so far
    look: ValidationLosses
    gains: dict[Kind, tuple[float, float, float]]  # against the best round before

    @property
    def gained(self) -> list[Kind]:
        """Kinds of patients that gained beyond noise."""
        return [kind for kind, (_, low, _) in self.gains.items() if low > 0]


@dataclass(frozen=True)
class Balanced:
    """How the loop went, and what it recommends."""

    rounds: tuple[Round, ...]
    best: int  # the round with the lowest loss on the validation split
    why: str  # the rule that ended it
    results: Results  # nothing and the best round on the test split, which decided nothing
    recommended: Path | None  # a cohort; None where no images are better


def balance(
    cohort: Cohort,
    out: Path,
    settings: BalanceSettings,
    run: Path | None,
    workers: int = 1,
    progress: Report | None = None,
) -> Balanced:
    """Run the loop, or continue an interrupted one.

    Args:
        cohort: the real cohort, with its splits.
        out: folder for rounds, answers and what is recommended.
        settings: of the loop and of the classifier.
        run: the generator; None: the one that ships.
        workers: classifiers trained, and chunks rendered, at the same time.
        progress: called with (done, total, what).
    """
    everyone = all_people({REAL: cohort}, settings)[REAL]
    claim(cohort, out, settings, {}, run)
    watched = everyone[everyone["split"] == "validation"].reset_index(drop=True)
    rounds: list[Round] = []
    why = f"{settings.rounds} round{_s(settings.rounds)} {'was' if settings.rounds == 1 else 'were'} allowed"
    for number in range(settings.rounds + 1):
        generated = _next_images(cohort, everyone, rounds, settings) if number else {}
        if number and not sum(generated.values()):
            why = "the budget was used" if _left(rounds, settings) <= 0 else "no further improvement is expected"
            break
        if generated:
            _images(cohort, out, number, generated, settings, run, workers)
        if progress is not None:
            progress(number, settings.rounds + 1, f"round {number}, {sum(generated.values())} images")
        tables = _trained(cohort, out, number, settings, workers)
        seen = watched[watched["subject_id"].isin(tables[0]["subject_id"])].reset_index(drop=True)
        now = validation_losses(tables, seen, settings)
        before = min(rounds, key=lambda r: r.look.together[0]) if rounds else None
        gains = log_loss_gains(before.look, now, settings.min_kind) if before else {}
        images = sum(generated.values()) + (rounds[-1].images if rounds else 0)
        rounds.append(Round(number, generated, images, now, gains))
        if _idle(rounds, settings):
            why = f"no group improved beyond noise in {settings.patience} round{_s(settings.patience)} in a row"
            break
    best = min(rounds, key=lambda r: r.look.together[0]).number
    return Balanced(tuple(rounds), best, why, _scored(cohort, out, best, everyone, settings), _recommended(out, best))


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def _left(rounds: Sequence[Round], settings: BalanceSettings) -> int:
    """How many images a next round may make."""
    if settings.budget is None:
        return settings.round_images
    return min(settings.round_images, settings.budget - rounds[-1].images)


def _next_images(
    cohort: Cohort, everyone: pd.DataFrame, rounds: Sequence[Round], settings: BalanceSettings
) -> dict[CellKey, int]:
    """What the next round makes: by what images have gained so far."""
    cells = _cells(cohort, everyone, settings)
    history = [
        (before.look.measured, _by_kind(after.images_by_cell, cells, settings), after.look.measured)
        for before, after in pairwise(rounds)
    ]
    keys = sorted(cells)
    described = [(cells[key], dict(zip(settings.sensitive, key[1:], strict=True))) for key in keys]
    counts = allocate(described, rounds[-1].look.measured.loss, rates(history), max(0, _left(rounds, settings)))
    return {key: n for key, n in zip(keys, counts, strict=True) if n}


def _cells(cohort: Cohort, everyone: pd.DataFrame, settings: BalanceSettings) -> dict[CellKey, int]:
    """Cells that training subjects are of (value of the label first), and whether these are sick."""
    train = everyone[everyone["split"] == "train"]
    value = dict(
        zip(cohort.subjects["subject_id"].astype(str), cohort.subjects[settings.label].astype(str), strict=True)
    )
    results = {}
    for row in train.to_dict("records"):
        key = (value[row["subject_id"]], *(str(row[name]) for name in settings.sensitive))
        if UNKNOWN not in key:
            results[key] = int(row["label"])
    return results


def _by_kind(
    generated: Mapping[CellKey, int], cells: Mapping[CellKey, int], settings: BalanceSettings
) -> dict[Kind, float]:
    results: dict[Kind, float] = {}
    for key, count in generated.items():
        for kind in kinds_of(cells[key], dict(zip(settings.sensitive, key[1:], strict=True))):
            results[kind] = results.get(kind, 0.0) + count
    return results


def _images(
    cohort: Cohort,
    out: Path,
    number: int,
    generated: Mapping[CellKey, int],
    settings: BalanceSettings,
    run: Path | None,
    workers: int,
) -> None:
    folder = _folder(out, number)
    if (folder / COHORT_FILE).exists():
        return
    where = out / "plans" / f"round-{number}"
    if not (where / PLAN_FILE).exists():
        _plan(cohort, out, number, generated, settings).write(where)
    plan = Plan.read(where)  # as it is stored, so that a loop that goes on asks for the same
    synthetic = generate(
        folder, plan.requests(), Sources(run=run), like_images(cohort), workers, requested=plan.ledger.named(str(where))
    )
    check_synthetic(cohort, synthetic, f"round {number}")


def _plan(cohort: Cohort, out: Path, number: int, generated: Mapping[CellKey, int], settings: BalanceSettings) -> Plan:
    """So many in each cell: a table of counts that real and planned subjects reach together."""
    planner = PlanSettings(
        level="whole" if settings.slices == "all" else "mid", seed=settings.seed + 1000 + number, floor=0
    )
    names = (settings.label, *settings.sensitive)
    there = {
        tuple(cell.groups[name] for name in names): cell.real
        for cell in plan_cohort(cohort, f"make:{','.join(names)}=1", planner).cells
    }
    wanted = {key: Fraction(count + generated.get(key, 0)) for key, count in there.items()}
    # In a file of its own it would be a table of patients that any other plan could match.
    reference = Reference(names, "count", {key: count for key, count in wanted.items() if count})
    return plan_cohort(cohort, Target("match", f"match:round {number}", names, reference=reference), planner)


def _folder(out: Path, number: int) -> Path:
    return out / "rounds" / f"{number}"


def _arm(number: int) -> Arm:
    if number == 0:
        return Arm(NOTHING, "the real training split as it is", "none")
    sets = tuple(f"round-{k}" for k in range(1, number + 1))
    return Arm(f"round {number}", f"real images and those of {number} round{_s(number)}", "synthetic", sets=sets)


def _trained(cohort: Cohort, out: Path, number: int, settings: BalanceSettings, workers: int) -> list[pd.DataFrame]:
    arm = _arm(number)
    sets = {name: _folder(out, k) for k, name in enumerate(arm.sets, 1) if len(Cohort.open(_folder(out, k)))}
    arm = replace(arm, sets=tuple(sets))  # screening may have left nothing of a round
    jobs = [ClassifierJob(cohort.path, sets, settings.experiment, arm, k, out) for k in range(settings.repeats)]
    run_jobs(jobs, workers, all_cores=True)
    return by_arm(jobs)[arm.name]


def _idle(rounds: Sequence[Round], settings: BalanceSettings) -> bool:
    last = rounds[1:][-settings.patience :]
    return len(last) == settings.patience and not any(r.gained for r in last)


def _scored(cohort: Cohort, out: Path, best: int, everyone: pd.DataFrame, settings: BalanceSettings) -> Results:
    remedies = [_arm(number) for number in sorted({0, best})]
    answers = {
        r.name: _trained(cohort, out, number, settings, 1)
        for r, number in zip(remedies, sorted({0, best}), strict=True)
    }
    return scored(answers, remedies, everyone, settings)


def _recommended(out: Path, best: int) -> Path | None:
    if best == 0:
        return None
    folder = out / RECOMMENDED
    if not (folder / COHORT_FILE).exists():
        rounds = [Cohort.open(_folder(out, k)) for k in range(1, best + 1)]
        join_cohorts(folder, [cohort for cohort in rounds if len(cohort)])
    return folder
