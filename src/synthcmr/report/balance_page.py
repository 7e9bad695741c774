"""A closed loop as balance.json and one offline HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthcmr.cohort.provenance import write_record
from synthcmr.experiments.classifier_scores import WORST
from synthcmr.experiments.settings import BalanceSettings
from synthcmr.fairness.closed_loop import Balanced, Round
from synthcmr.fairness.debias.remedies import NOTHING
from synthcmr.fairness.debias.scores import RemedyScores
from synthcmr.fairness.debias.verdict import OPPORTUNITY
from synthcmr.fairness.gains import Kind
from synthcmr.formats import BALANCE
from synthcmr.report.debias_page import to_json
from synthcmr.report.single_file_page import write_page
from synthcmr.statistics.intervals import Estimate

if TYPE_CHECKING:
    from synthcmr.cohort import Cohort

PAGE, SCORES = "balance.html", "balance.json"
SHOWN_CELLS = 4


def write_balance(balanced: Balanced, cohort: Cohort, settings: BalanceSettings, out: Path) -> Path:
    """Write balance.json and balance.html; returns the page."""
    write_record(out / SCORES, balance_json(balanced, cohort, settings))
    kinds = sorted({kind for r in balanced.rounds for kind in r.look.kinds})
    largest = max(float(r.look.kinds[k][0]) for r in balanced.rounds for k in r.look.kinds)
    return write_page(
        out / PAGE,
        "balance",
        balanced=balanced,
        cohort=cohort,
        settings=settings,
        sentences=sentences(balanced),
        kinds=kinds,
        sizes=balanced.rounds[0].look.subjects,
        called=called,
        cells=_cells,
        shade=lambda loss: f"{min(0.6, 0.6 * loss / largest):.2f}",
        test=_test(balanced),
    )


def balance_json(balanced: Balanced, cohort: Cohort, settings: BalanceSettings) -> dict[str, Any]:
    """Plain values."""
    return {
        **to_json(balanced.results, cohort, settings),
        "schema": BALANCE.schema,
        "sentences": sentences(balanced),
        "stopped": balanced.why,
        "best_round": balanced.best,
        "recommended": balanced.recommended.name if balanced.recommended else None,
        "rounds": [_row(r) for r in balanced.rounds],
    }


def sentences(balanced: Balanced) -> list[str]:
    """The results of the loop."""
    best, first = balanced.rounds[balanced.best], balanced.rounds[0]
    count = len(balanced.rounds) - 1
    ended = f"The loop ended after {count} round{'' if count == 1 else 's'}: {balanced.why}."
    if balanced.best == 0:
        return [
            ended,
            "No images lowered the loss on the validation split, so the loop recommends no images.",
            *balanced.results.notes,
        ]
    before, after = float(first.look.together[0]), float(best.look.together[0])
    text = (
        f"The loop recommends the {best.images} images of {_first(balanced.best)}: on the validation split, where rare "
        f"patients count as much as frequent ones, the loss falls from {before:.3f} to {after:.3f}."
    )
    return [ended, text, *_on_test(balanced), *balanced.results.notes]


def _first(rounds: int) -> str:
    return "the first round" if rounds == 1 else f"the first {rounds} rounds"


def called(kind: Kind) -> str:
    """A kind of patient in words."""
    name, group, label = kind
    return f"{group}{'' if name in ('sex', 'bmi', 'age') else f' ({name})'}, {'sick' if label else 'healthy'}"


def _on_test(balanced: Balanced) -> list[str]:
    mine = _best(balanced)
    keys = [f"{score}, {balanced.results.main}" for score in (WORST, OPPORTUNITY)]
    if not balanced.results.main or keys[0] not in mine.to_nothing:
        return ["The test split has too few subjects per group to measure the change in the worst group."]
    worst, gap = (mine.to_nothing[key] for key in keys)
    return [
        f"On the test split, which decided nothing, the worst group's balanced accuracy changes by {_signed(worst)} and the "
        f"equal-opportunity gap by {_signed(gap)}."
    ]


def _best(balanced: Balanced) -> RemedyScores:
    return balanced.results.remedies[-1]


def _test(balanced: Balanced) -> list[tuple[str, Estimate, Estimate, Estimate | None]]:
    """Scores of nothing and of what is recommended, with the difference."""
    nothing, mine = balanced.results.of(NOTHING), _best(balanced)
    return [(k, nothing.scores[k], mine.scores[k], mine.to_nothing.get(k)) for k in mine.scores]


def _cells(r: Round) -> str:
    """Where the images of a round went, the most first."""
    most = sorted(r.images_by_cell.items(), key=lambda item: -item[1])
    text = [f"{count} {', '.join(key)}" for key, count in most[:SHOWN_CELLS]]
    more = sum(count for _, count in most[SHOWN_CELLS:])
    return "; ".join(text) + (f"; {more} others" if more else "")


def _row(r: Round) -> dict[str, Any]:
    return {
        "round": r.number,
        "images": r.images,
        "made": {", ".join(key): count for key, count in r.images_by_cell.items()},
        "validation_loss": float(r.look.together[0]),
        "loss": {called(kind): float(v[0]) for kind, v in r.look.kinds.items()},
        "gained": {called(kind): {"value": v, "low": low, "high": high} for kind, (v, low, high) in r.gains.items()},
    }


def _signed(e: Estimate) -> str:
    return f"{e.value:+.2f} ({e.low:+.2f} to {e.high:+.2f})"
