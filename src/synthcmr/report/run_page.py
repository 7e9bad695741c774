"""The page of a training run: curves, sheets of samples, settings. One file that opens offline."""

from __future__ import annotations

import base64
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthcmr.evaluation.score import Line, Plot
from synthcmr.report.plots import plot_svg
from synthcmr.report.single_file_page import write_page
from synthcmr.training.run_folder import SHEETS, RunFolder
from synthcmr.training.verdict import verdict

PAGE = "curves.html"
SHOWN_SHEETS = 6
DISTANCES = {
    "held_out": "to held-out frames",
    "training": "to training frames",
    "real": "held-out from training frames: what real ones reach",
}
RATIOS = {
    "own_ratio": "to the frame that was asked for: training over held-out",
    "near_ratio": "to the nearest training frame: samples over held-out people",
}


@dataclass(frozen=True)
class Sheet:
    """A picture of samples."""

    name: str
    data: str


def write_run_page(run: Path, folder: Path | None = None) -> Path:
    """Write curves.html from the metrics and sheets of a run; into the run folder where no other is named."""
    record, metrics = RunFolder(run).record(), RunFolder(run).metrics()
    return write_page(
        (folder or run) / PAGE,
        "run",
        name=run.name,
        family=record["family"],
        state=_state(record, metrics),
        losses=_losses(metrics),
        scores=[*_scores(metrics), *_calibration(record)],
        plot=plot_svg,
        sheets=[_sheet(file) for file in _chosen(sorted((run / SHEETS).glob("*.png")))],
        settings=[(f"{p}.{k}", json.dumps(v)) for p in ("model", "loop") for k, v in record.get(p, {}).items()],
    )


def _state(record: dict[str, Any], metrics: list[dict[str, Any]]) -> str:
    if not metrics:
        return "Not a step was taken yet."
    last, steps = metrics[-1], record["loop"]["steps"]
    held_out = [m["held_out"] for m in metrics if m.get("held_out") is not None]
    best = f" Held-out loss {held_out[-1]:.4f}, lowest {min(held_out):.4f}." if held_out else ""
    judged = verdict(metrics)
    judgement = "" if judged is None else f" {judged.sentence}"
    kept = (record.get("ended") or {}).get("weights_of_step", steps)
    weights = "" if kept == steps else f" The weights are those of step {kept}, whose samples were better."
    return f"Step {last['step']} of {steps}{' (finished)' if record.get('finished') else ''}.{best}{judgement}{weights}"


def _losses(metrics: list[dict[str, Any]]) -> Plot | None:
    """Every loss by step, as powers of ten."""
    names = {k: k[5:] for k in sorted({k for m in metrics for k in m if k.startswith("loss_")})}
    names |= {"held_out": "held out (averaged weights)", "known": "training images (averaged weights)"}
    lines = []
    for key, name in names.items():
        points = [(float(m["step"]), math.log10(m[key])) for m in metrics if (m.get(key) or 0) > 0]
        if points:
            lines.append(Line(name=name, x=tuple(x for x, _ in points), y=tuple(y for _, y in points)))
    return Plot(title="Loss", x="step", y="log10 of the loss", lines=tuple(lines)) if lines else None


def _scores(metrics: list[dict[str, Any]]) -> list[Plot]:
    """Of samples by step: how far from real frames, and how near copies."""
    scored = [(float(m["step"]), m["samples"]) for m in metrics if m.get("samples")]
    if not scored:
        return []
    shown = [
        ("Distance of samples", "energy distance, in standard deviations", DISTANCES),
        ("Are samples copies?", "ratio of distances; about 1: no", RATIOS),
    ]
    steps = tuple(step for step, _ in scored)
    return [
        Plot(
            title=title,
            x="step",
            y=axis,
            lines=tuple(
                Line(name=name, x=steps, y=tuple(float(scores[key]) for _, scores in scored))
                for key, name in lines.items()
            ),
        )
        for title, axis, lines in shown
    ]


def _calibration(record: dict[str, Any]) -> list[Plot]:
    """Of a generator that refines phantoms: what becomes of them by the place where they begin."""
    measured = (record.get("ended") or {}).get("calibration")
    if not measured:
        return []
    curve = measured["begin"]
    x = tuple(float(point["begin"]) for point in curve)
    return [
        Plot(
            title="Where phantoms begin",
            x="share of the way from noise to image",
            y="distance in standard deviations; share of the Dice",
            lines=(
                Line(name="distance to real frames", x=x, y=tuple(float(point["distance"]) for point in curve)),
                Line(name="Dice that is kept", x=x, y=tuple(float(point["dice_share"]) for point in curve)),
            ),
        )
    ]


def _chosen(sheets: list[Path]) -> list[Path]:
    """The first, the last, and some between."""
    if len(sheets) <= SHOWN_SHEETS:
        return sheets
    step = (len(sheets) - 1) / (SHOWN_SHEETS - 1)
    return [sheets[round(i * step)] for i in range(SHOWN_SHEETS)]


def _sheet(file: Path) -> Sheet:
    data = base64.b64encode(file.read_bytes()).decode()
    return Sheet(file.stem.replace("_", " "), f"data:image/png;base64,{data}")
