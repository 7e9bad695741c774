"""A debiasing experiment as scores.json and one offline HTML page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthcmr.cohort.provenance import write_record
from synthcmr.experiments.classifier_scores import WORST
from synthcmr.fairness.debias.scores import RemedyScores, Results
from synthcmr.fairness.debias.verdict import OPPORTUNITY, verdict
from synthcmr.formats import DEBIAS
from synthcmr.report.single_file_page import write_page
from synthcmr.statistics.intervals import Estimate

if TYPE_CHECKING:
    from synthcmr.cohort import Cohort
    from synthcmr.experiments.settings import DebiasSettings

PAGE, SCORES = "debias.html", "scores.json"


def write_debias(results: Results, cohort: Cohort, settings: DebiasSettings, out: Path) -> Path:
    """Write scores.json and debias.html; returns the page."""
    write_record(out / SCORES, to_json(results, cohort, settings))
    return write_page(
        out / PAGE,
        "debias",
        results=results,
        cohort=cohort,
        settings=settings,
        sentences=verdict(results),
        headline=_headline(results),
        forests=_forests(results),
        place=_place,
    )


def to_json(results: Results, cohort: Cohort, settings: DebiasSettings) -> dict[str, Any]:
    """Plain values."""
    return {
        "schema": DEBIAS.schema,
        "cohort": cohort.path.name,
        "cohort_hash": cohort.hash,
        "settings": settings.model_dump(mode="json"),
        "sentences": verdict(results),
        "test_subjects": results.subjects,
        "seeds": results.seeds,
        "best_cheap": results.best_cheap,
        "groups": {
            g.name: {
                one.name: {"sick": one.sick, "healthy": one.healthy} | ({"refused": one.refused} if one.refused else {})
                for one in g.groups
            }
            for g in results.groupings
        },
        "remedies": {r.remedy.name: _row(r) for r in results.remedies},
    }


def _row(r: RemedyScores) -> dict[str, Any]:
    return {
        "about": r.remedy.about,
        "kind": r.remedy.kind,
        "validation_loss": r.validation_loss,
        "best_steps": list(r.steps),
        "scores": _plain(r.scores),
        "to_nothing": _plain(r.to_nothing),
        "to_best_cheap": _plain(r.to_best),
        "by_chance": {k: asdict(v) for k, v in r.chance.items()},
        "groups": {g: {name: _plain(scores) for name, scores in groups.items()} for g, groups in r.groups.items()},
    }


def _plain(scores: Mapping[str, Estimate | float]) -> dict[str, Any]:
    return {k: asdict(v) if isinstance(v, Estimate) else v for k, v in scores.items()}


def _headline(results: Results) -> list[str]:
    """The scores that every remedy has a column for."""
    main = [f"{name}, {results.main}" for name in (WORST, OPPORTUNITY, "equalised odds gap", "demographic parity gap")]
    return ["balanced accuracy", "AUROC", *(main if results.main else [])]


def _forests(results: Results) -> dict[str, list[tuple[RemedyScores, Estimate]]]:
    """Differences to nothing, as intervals: title -> remedy and difference."""
    if not results.main:
        return {}
    measures = {
        f"Worst group's balanced accuracy ({results.main}), difference to nothing; right is better": WORST,
        f"Equal-opportunity gap ({results.main}), difference to nothing; left is better": OPPORTUNITY,
    }
    return {
        title: [(r, r.to_nothing[f"{name}, {results.main}"]) for r in results.remedies if r.to_nothing]
        for title, name in measures.items()
    }


def _place(value: float, reach: float) -> float:
    """Where a difference lies on a line from -reach to +reach, in percent."""
    return 100 * min(max((value + reach) / (2 * reach), 0.0), 1.0)
