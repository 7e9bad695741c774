"""The model card of the generator behind some images (Mitchell et al. 2019): facts from folders, and what no folder tells."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthcmr.cohort import Cohort
from synthcmr.evaluation.score import ScoreCard
from synthcmr.evaluation.verdict import listed
from synthcmr.report.lineage import Lineage
from synthcmr.report.markdown import UNKNOWN, chain_lines, facts, people, plain, table, verdict_lines
from synthcmr.training.run_folder import RunFolder
from synthcmr.training.shipped_weights import LICENCE, PRESET, TRAINED_BY

FILE = "model_card.md"
USE = [
    "Meant for: training, augmenting and testing methods of cardiac MRI (segmentation, classification, fairness), teaching, "
    "and sharing where patients' images cannot be shared, within the limits of the verdicts below.",
    "",
    "Not meant for: diagnosis or treatment, statements about any patient, or evidence about disease: images show what the "
    "generator learned, not observations.",
    "",
]


def write_model_card(card: ScoreCard, out: Path) -> Path:
    """Write OUT/model_card.md."""
    lineage = Lineage.of(card, out)
    name = lineage.run.name if lineage.run else f"the generator of {card.synthetic.name}"
    lines = [
        f"# Model card: {plain(name)}",
        "",
        *_details(lineage),
        "## Intended use",
        "",
        *USE,
        *_training_data(lineage),
    ]
    lines += [
        *_conditions(lineage),
        *_privacy(lineage),
        "## Evaluation",
        "",
        *verdict_lines(card),
        *limits(card),
        *_blind(lineage),
    ]
    lines += ["## Provenance", "", *chain_lines(lineage.steps)]
    file = out / FILE
    file.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    return file


def _details(lineage: Lineage) -> list[str]:
    record, loop = lineage.run_record, lineage.run_record.get("loop", {})
    frames, ships = record.get("model", {}).get("frames"), _ships(lineage)
    metrics = RunFolder(lineage.run.folder).metrics() if lineage.run and lineage.run.record else []
    held_out = [m["held_out"] for m in metrics if m.get("held_out") is not None]
    known: dict[str, object] = {
        "Family": record.get("family") or lineage.generated.get("family"),
        "Weights": f"SHA-256 {lineage.run.hash}..." if lineage.run else None,
        "Trained by": TRAINED_BY if ships else record.get("made_by"),
        "Frames of an image": frames,
        "Steps": _steps(lineage),
        "Images per step": loop.get("batch") if not loop.get("dp") else "sampled at random, for differential privacy",
        "Began from": lineage.began_from,
        "Loss on held-out images, lowest": f"{min(held_out):.4f}" if held_out else None,
        "Licence of the weights": f"{LICENCE}, like the package" if ships else None,
    }
    return ["## Details", "", *facts(known)]


def _ships(lineage: Lineage) -> bool:
    """Whether it is a generator that ships with the package."""
    return lineage.run is not None and lineage.run.ships


def _steps(lineage: Lineage) -> object:
    last = lineage.run_record.get("steps")
    if last is None or not lineage.earlier:
        return last
    parts = [*(part["steps"] for part in lineage.earlier), last]
    return f"{sum(parts)} in {len(parts)} parts ({', '.join(map(str, parts))}), each from the weights of the one before"


def _training_data(lineage: Lineage) -> list[str]:
    cohort, record = lineage.training, lineage.run_record
    lines = ["## Training data", ""]
    origin = record.get("origin") or (cohort.info.get("origin") if cohort is not None else None)
    step = lineage.first("cohort", lineage.run) if lineage.run else None
    known: dict[str, object] = {
        "Cohort": f"{step.name}, {step.hash}" if step else None,
        "Origin": ", ".join(origin) if origin else None,
        "Training images": record.get("images"),
    }
    if cohort is None and _ships(lineage):
        return [*lines, *facts(known | _shipped_data(record))]
    if cohort is None:
        return [*lines, *facts(known | {"Who they are": None})]
    subjects = cohort.subjects
    if "split" in subjects and (subjects["split"] == "train").any():
        subjects = subjects[subjects["split"] == "train"]
    known["Training subjects"] = len(subjects)
    return [*lines, *facts(known), *table(("attribute", "training subjects", "missing"), people(subjects))]


def _shipped_data(record: Mapping[str, Any]) -> dict[str, object]:
    """Training data of a generator that ships."""
    cohort = record["cohort_hash"][:12]
    if "looks" not in record:
        known = f"phantoms of the preset '{PRESET}' alone, {cohort}"
        return {"Cohort": known, "Who they are": "digital phantoms, not people"}
    frames = ", ".join(f"{n} of {look}" for look, n in record["looks"].items())
    people = "digital phantoms, and people of the Sunnybrook Cardiac Data, whose images are in the public domain (CC0)"
    return {"Cohort": f"frames by look: {frames}; {cohort}", "Who they are": people}


def _conditions(lineage: Lineage) -> list[str]:
    words: list[Mapping[str, Any]] = lineage.run_record.get("vocabulary") or []
    lines = ["## Attributes that can be requested", ""]
    if not words:
        return [*lines, f"{UNKNOWN}: the weights are not there.", ""]
    rows = [(w["name"].replace("_", " "), _word(w)) for w in words]
    also = "Masks of LV cavity, myocardium and RV cavity, and the attributes below; any may be left out."
    return [*lines, also, "", *table(("attribute", "known from training"), rows)]


def _word(word: Mapping[str, Any]) -> str:
    if "values" in word:
        return ", ".join(word["values"])
    return f"mean {word['mean']:.4g}, standard deviation {word['sd']:.4g}"


def _privacy(lineage: Lineage) -> list[str]:
    lines = ["## Differential privacy", ""]
    if not lineage.run_record:
        return [*lines, f"{UNKNOWN}.", ""]
    spent = lineage.run_record.get("privacy")
    return [*lines, *facts(spent)] if spent else [*lines, "None: trained without differential privacy.", ""]


def limits(card: ScoreCard) -> list[str]:
    """Rules that are bad, rules without enough evidence, and groups without scores."""
    findings = [(name, f) for name, p in card.parts.items() for f in p.verdict.findings]
    wanting = [f"- {plain(f.sentence)}" for _, f in findings if f.word == "bad"]
    unsure = [f"- {name}, {listed(f.rule)}" for name, f in findings if f.word == "not enough evidence"]
    refused = dict.fromkeys(
        s.group for p in card.parts.values() for s in p.result.scores if s.group and s.value is None
    )
    scored = {s.group for p in card.parts.values() for s in p.result.scores if s.value is not None}
    unseen = [f"- {plain(group)}" for group in refused if group not in scored]
    lines = ["## Limits", ""]
    for heading, items in (
        ("Bad:", wanting),
        ("Not enough evidence:", unsure),
        ("Groups without any score:", unseen),
    ):
        lines += [heading, "", *items, ""] if items else []
    return lines if len(lines) > 2 else [*lines, "No rule is bad, and none lacks evidence.", ""]


def _blind(lineage: Lineage) -> list[str]:
    from synthcmr.evaluation.score_parts import PARTS

    missing = [f"{name} ({about})" for name, (about, *_) in PARTS.items() if name not in lineage.card.parts]
    lines = [f"Not evaluated: {plain('; '.join(missing))}.", ""] if missing else []
    unheard = _never_seen(lineage.training, lineage.synthetic)
    return lines + (
        [f"Requested, but absent from the training subjects above: {plain('; '.join(unheard))}.", ""] if unheard else []
    )


def _never_seen(training: Cohort | None, synthetic: Cohort | None) -> list[str]:
    """Values of categories among the synthetic subjects that no training subject has."""
    if training is None or synthetic is None:
        return []
    unseen = []
    for name in ("sex", "diagnosis", "vendor"):
        if name in synthetic.subjects and name in training.subjects:
            new = set(synthetic.subjects[name].dropna()) - set(training.subjects[name].dropna())
            unseen += [f"{name} {value}" for value in sorted(map(str, new))]
    return unseen
