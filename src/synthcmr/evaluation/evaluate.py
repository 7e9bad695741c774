"""An evaluation: every part, or some, kept as it is finished, and the card that sums them up."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthcmr import __version__
from synthcmr.cohort import Cohort
from synthcmr.cohort.checksums import read_record
from synthcmr.cohort.places import without_places
from synthcmr.cohort.provenance import Input, combined_hash, write_provenance, write_record
from synthcmr.config import settings_from_dict
from synthcmr.errors import CohortError, SettingsError
from synthcmr.evaluation.comparison import Comparison, Report
from synthcmr.evaluation.features.published_networks import CINEMA_WEIGHTS as CINEMA
from synthcmr.evaluation.features.stream import cohort_key
from synthcmr.evaluation.score import PartResult, PartScores, ScoreCard, Side
from synthcmr.evaluation.score_parts import NEEDS, PARTS, USES
from synthcmr.evaluation.settings import EvaluateSettings
from synthcmr.evaluation.verdict import verdict
from synthcmr.formats import SCORES as FORMAT
from synthcmr.training.weights import file_hash, weights_file

if TYPE_CHECKING:
    from synthcmr.evaluation.privacy.attack_target import AttackTarget

SCORES, FOLDER = "scores.json", "parts"
FILES = (
    "encoder",
    "reader",
    "segmenter",
    "inception",
    "radimagenet",
    "cinema",
)  # settings that name a file, whose content is what counts


def evaluate(
    real: Cohort,
    synthetic: Cohort,
    out: Path,
    settings: EvaluateSettings,
    only: Sequence[str] = (),
    report: Report | None = None,
    attack_target: AttackTarget | None = None,
    workers: int = 1,
) -> ScoreCard:
    """Score a synthetic cohort against a real one; parts that are finished are taken as they are.

    Args:
        real: what images are compared with.
        synthetic: the images, whatever generated them.
        out: folder of the scores.
        settings: of the evaluation.
        only: parts to run; empty: all. The card shows every part that was ever finished for these cohorts and settings.
        report: called with (done, total, what).
        attack_target: what generated the images, for attacks on it.
        workers: networks trained at the same time.

    Raises:
        SettingsError: a part does not exist, or a judge cannot be used.
        CohortError: nothing is left to compare.
    """
    unknown = [name for name in only if name not in PARTS]
    if unknown:
        raise SettingsError(f"--parts: expected any of {', '.join(PARTS)}, got '{unknown[0]}'")
    described = Comparison(
        _chosen(real, settings.split), synthetic, out, settings, report, real, attack_target, workers
    )
    (out / FOLDER).mkdir(parents=True, exist_ok=True)
    results = {name: result for name in PARTS if (result := _part(name, described, only)) is not None}
    card = _card(described, results)
    write_record(out / SCORES, without_places(card.model_dump(mode="json")))
    inputs = [Input(str(c.path), "cohort", c.hash) for c in (real, synthetic)]
    write_provenance(out, "evaluate", combined_hash(_key(n, described) for n in results), inputs, card.settings)
    return read_card(out)  # which names no place of this machine


def read_card(out: Path) -> ScoreCard:
    """The card of an evaluation.

    Raises:
        CohortError: there is none, a newer version wrote it, or it is not as it was written.
    """
    file = out / SCORES
    if not file.exists():
        raise CohortError(f"{file}: there are no scores yet; run 'synthcmr evaluate REAL SYNTH {out}' first")
    try:
        return settings_from_dict(read_record(file, FORMAT) | {"schema_version": FORMAT.schema}, ScoreCard, SCORES)
    except SettingsError as error:
        raise CohortError(
            f"{file}: expected the scores of 'synthcmr evaluate REAL SYNTH {out}', got: {error}"
        ) from error


def _chosen(real: Cohort, split: str | None) -> Cohort:
    if split is None:
        return real
    result = real.select(split=split)
    if not len(result):
        there = ", ".join(sorted(real.subjects["split"].dropna().unique()))
        raise CohortError(f"{real.path}: no image of split '{split}'; there are: {there or 'no splits'}")
    return result


def _part(name: str, comparison: Comparison, only: Sequence[str]) -> PartResult | None:
    """The result of a part: kept from before, or computed now if it is asked for."""
    file, key = comparison.out / FOLDER / f"{name}.json", _key(name, comparison)
    if file.exists():
        before = read_record(file)
        if before.get("key") == key:
            return PartResult.model_validate(before["result"])
    if name not in only if only else name in NEEDS and not NEEDS[name](comparison):
        return None
    result = PARTS[name][1](comparison)
    write_record(file, without_places({"key": key, "result": result.model_dump(mode="json")}))
    return result


def _key(name: str, comparison: Comparison) -> str:
    """Hash of all that a part's scores depend on: cohorts, judges, and settings but those of other parts and the rules."""
    values = comparison.settings.model_dump(mode="json", exclude={*PARTS, "rules"} - {name, *USES.get(name, ())})
    for file in FILES:
        path = getattr(comparison.settings, file)
        if path is not None:
            values[file] = file_hash(_content(file, path))
    also = comparison.settings.utility.also_test
    if also is not None and "utility" in values:
        values["also_test"] = Cohort.open(also).hash
    cohorts = [cohort_key(comparison.real), cohort_key(comparison.synthetic)]
    if name == "privacy":
        # Under its former name, so that parts which were finished before are not done again.
        values["suspect"] = comparison.attack_target.name if comparison.attack_target else ""
    text = json.dumps([__version__, name, cohorts, values], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _content(name: str, path: Path) -> Path:
    """The file that holds what a setting names.

    Raises:
        SettingsError: it is not there.
    """
    file = path if name in ("inception", "radimagenet") else path / CINEMA if name == "cinema" else weights_file(path)
    if not file.is_file():
        raise SettingsError(f"{name}: expected a file {file}, got none")
    return file


def _card(comparison: Comparison, results: dict[str, PartResult]) -> ScoreCard:
    settings = comparison.settings
    parts = {
        name: PartScores(about=PARTS[name][0], verdict=verdict(result, settings.rules.get(name, {})), result=result)
        for name, result in results.items()
    }
    return ScoreCard(
        made_by=f"synthcmr {__version__}",
        real=_side(comparison.real, settings.split),
        synthetic=_side(comparison.synthetic, None),
        settings=settings.model_dump(mode="json"),
        parts=parts,
    )


def _side(cohort: Cohort, split: str | None) -> Side:
    info: dict[str, Any] = cohort.info
    return Side(
        name=cohort.path.name,
        hash=cohort.hash,
        subjects=len(cohort.subjects),
        images=len(cohort),
        split=split,
        origin=tuple(info.get("origin", ())),
    )
