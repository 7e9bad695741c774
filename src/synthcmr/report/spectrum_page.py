"""A comparison of spectra as spectrum.json and one offline HTML page."""

from __future__ import annotations

import base64
import io
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.provenance import write_record
from synthcmr.evaluation.score import Line, Plot
from synthcmr.formats import SPECTRUM
from synthcmr.frequency.fourier import Plane, spectra
from synthcmr.frequency.settings import SpectrumSettings
from synthcmr.frequency.spectrum.compare import DETAIL, DISTANCE, PROBE, ComparedSpectra, SetComparison
from synthcmr.frequency.spectrum.profiles import NAMES, high_passed
from synthcmr.report.plots import plot_svg
from synthcmr.report.single_file_page import write_page
from synthcmr.statistics.intervals import Estimate as Interval

PAGE, SCORES = "spectrum.html", "spectrum.json"


def write_spectrum(comparison: ComparedSpectra, real: str, settings: SpectrumSettings, out: Path) -> Path:
    """Write spectrum.json and spectrum.html; returns the page."""
    out.mkdir(parents=True, exist_ok=True)
    write_record(out / SCORES, to_json(comparison, real, settings))
    return write_page(
        out / PAGE,
        "spectrum",
        comparison=comparison,
        real=real,
        settings=settings,
        sentences=verdict(comparison),
        curves=_curves(comparison),
        gaps=_gaps(comparison),
        pictures={s.name: [_pair(p, settings) for p in s.pictures] for s in (comparison.real, *comparison.sets)},
        scores=(DISTANCE, PROBE, *((DETAIL,) if settings.detail else ())),
        bands=NAMES,
        plot=plot_svg,
    )


def to_json(comparison: ComparedSpectra, real: str, settings: SpectrumSettings) -> dict[str, Any]:
    """Plain values."""
    return {
        "schema": SPECTRUM.schema,
        "real": real,
        "settings": settings.model_dump(mode="json"),
        "sentences": verdict(comparison),
        "frequency": {"unit": f"cycles per {comparison.rings.unit}", "rings": comparison.rings.centres.tolist()},
        "floors": {k: asdict(v) for k, v in comparison.floors.items()},
        "floors_absent": comparison.absent,
        "real_set": _row(comparison.real),
        "sets": {s.name: _row(s) for s in comparison.sets},
    }


def _row(one: SetComparison) -> dict[str, Any]:
    return {
        "family": one.family,
        "subjects": one.subjects,
        "frames": one.frames,
        "scores": {k: asdict(v) for k, v in one.scores.items()},
        "absent": one.absent,
        "log_power": {"mean": one.mean.tolist(), "p5": one.low.tolist(), "p95": one.high.tolist()},
        "phase_peaks": {k: asdict(v) for k, v in one.phase.items()},
        "groups": [{k: v for k, v in asdict(g).items() if v not in (None, "")} for g in one.groups],
        "left_out": one.refused,
    }


def verdict(comparison: ComparedSpectra) -> list[str]:
    """The results in sentences, set by set."""
    lines = [_sentence(s, comparison) for s in comparison.sets]
    if not comparison.floors:
        lines.append(
            "What real images score against real ones is not known: " + next(iter(comparison.absent.values())) + "."
        )
    return lines


def _sentence(one: SetComparison, comparison: ComparedSpectra) -> str:
    distance, probe = one.scores.get(DISTANCE), one.scores.get(PROBE)
    if distance is None or probe is None:
        return f"{one.name}: not compared, {one.absent[DISTANCE]}."
    floor = comparison.floors.get(DISTANCE)
    beside = "" if floor is None else f" (real against real: {floor.value:.2f})"
    line = f"{one.name}: log power differs by {distance.value:.2f} on average over frequencies{beside}"
    how = (
        "and a straight line tells real from synthetic by spectra alone nearly always"
        if probe.value > 0.95
        else "and spectra alone often tell real from synthetic"
        if probe.low > 0.6
        else "and spectra alone do not tell real from synthetic"
    )
    detail = one.scores.get(DETAIL)
    more = "" if detail is None else f"; a small network that looks at detail reaches {detail.value:.2f}"
    return f"{line}, {how} (AUC {probe.value:.2f}{_floored(comparison.floors.get(PROBE))}){more}."


def _floored(floor: Interval | None) -> str:
    return "" if floor is None else f", real against real {floor.value:.2f}"


def _curves(comparison: ComparedSpectra) -> Plot:
    """Log power by frequency, with the band that 90 % of frames lie in."""
    lines = [
        Line(
            name=one.name,
            x=_plain(comparison.rings.centres),
            y=_plain(one.mean),
            low=_plain(one.low),
            high=_plain(one.high),
        )
        for one in (comparison.real, *comparison.sets)
    ]
    return Plot(title="Power by frequency", x=_per(comparison), y="log power density", lines=tuple(lines))


def _gaps(comparison: ComparedSpectra) -> Plot:
    """Difference of the means by ring; the real set lies at 0."""
    x = _plain(comparison.rings.centres)
    lines = [Line(name="real", x=x, y=(0.0,) * len(x))]
    lines += [Line(name=s.name, x=x, y=_plain(s.mean - comparison.real.mean)) for s in comparison.sets]
    return Plot(title="Synthetic less real", x=_per(comparison), y="difference in log power", lines=tuple(lines))


def _per(comparison: ComparedSpectra) -> str:
    return f"cycles per {comparison.rings.unit}"


def _plain(values: npt.NDArray[np.floating]) -> tuple[float, ...]:
    return tuple(float(v) for v in values)


def _pair(image: npt.NDArray[np.floating], settings: SpectrumSettings) -> tuple[str, str]:
    """A picture, and the detail in it."""
    plane = Plane(image.shape[0], image.shape[1])
    detail = high_passed(spectra(image[None], plane, settings.edges))[0].astype(np.float64)
    low, high = np.percentile(image, (0.5, 99.5))
    return _png((image - low) / max(high - low, 1e-9)), _png(0.5 + detail / 8)


def _png(image: npt.NDArray[np.floating]) -> str:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray((np.clip(image, 0, 1) * 255).astype(np.uint8)).save(buffer, format="PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
