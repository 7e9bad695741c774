"""How near several sets of images are to a real one by every measure that sees noise and detail, in one run.

    python -m benchmarks.refine_fidelity --real ACDC:validation \\
        --sets phantoms=P refined=R walk=W "another hospital=SUNNYBROOK" --out FOLDER [--quick]

Every set is a cohort folder, `FOLDER:split` for a split, and is set against the same real subjects, with as many subjects of its own;
so is the other half of the real subjects, which is the floor. Measured are

- texture, tissue, spectrum and slice distance, and MMD and relative FID in the encoder's features, as on the score card;
- the mean gap of the rings of the power spectrum, and the detail probe (a small network on 64x64 pieces), as `synthcmr spectrum`;
- the patch probe (a small network on standardised 32x32 patches around the heart), of pixels as they are and blurred by 1.2.

Real images for generated ones to be compared with are of people that the generator never saw. A score that a set cannot have, such
as textures of regions that its masks do not draw, is absent with its reason. Parts that are finished are not computed again.
"""

import argparse
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.patch_probe import (
    OTHER_HALF,
    ProbeSettings,
    check_one_pixel_size,
    heart_frames,
    opened,
    probe,
)
from synthcmr.cohort import Cohort
from synthcmr.errors import SettingsError
from synthcmr.evaluation.evaluate import evaluate
from synthcmr.evaluation.settings import EvaluateSettings
from synthcmr.frequency.settings import SpectrumSettings
from synthcmr.frequency.sources import CohortImages
from synthcmr.frequency.spectrum.compare import DETAIL, DISTANCE, compare

CARD = (
    "texture distance",
    "tissue distance",
    "spectrum distance",
    "slice distance",
    "MMD (cmr)",
    "relative FID (cmr)",
)
SPECTRUM = (DISTANCE, DETAIL)
PATCHES = "patch probe AUC, "


@dataclass(frozen=True)
class Measure:
    """One measure of one set."""

    value: float | None
    low: float | None = None
    high: float | None = None
    absent: str = ""


Measures = dict[str, Measure]  # by the measure's name


def halves(real: Cohort, subjects: int, seed: int) -> tuple[Cohort, Cohort]:
    """Two random parts of the real subjects, of as many each."""
    order = np.random.default_rng([seed, 3]).permutation(real.subjects["subject_id"].astype(str))
    return tuple(real.select(subject_id=sorted(order[k * subjects : (k + 1) * subjects])) for k in (0, 1))  # type: ignore[return-value]


def some(cohort: Cohort, subjects: int, seed: int) -> Cohort:
    """So many subjects of a cohort."""
    order = np.random.default_rng([seed, 5]).permutation(cohort.subjects["subject_id"].astype(str))
    return cohort.select(subject_id=sorted(order[:subjects]))


def card_measures(real: Cohort, other: Cohort, out: Path, settings: EvaluateSettings) -> Measures:
    """What the score card says of fidelity."""
    card = evaluate(real, other, out, settings, only=("fidelity",))
    scores = {s.name: s for s in card.parts["fidelity"].result.scores if s.group == ""}
    return {
        name: Measure(scores[name].value, scores[name].low, scores[name].high, scores[name].absent or "")
        for name in CARD
        if name in scores
    }


def spectrum_measures(real: Cohort, sets: dict[str, Cohort], settings: SpectrumSettings) -> dict[str, Measures]:
    """Rings and detail of every set."""
    images = {name: CohortImages(cohort) for name, cohort in sets.items()}
    compared = compare(CohortImages(real), images, {}, settings, lambda said: print(f"spectrum: {said}", flush=True))
    return {
        one.name: {
            name: Measure(**asdict(one.scores[name]))
            if name in one.scores
            else Measure(None, absent=one.absent.get(name, "it was not measured"))
            for name in SPECTRUM
        }
        for one in compared.sets
    }


def patch_measures(
    real: Cohort, sets: dict[str, Cohort], seeds: list[int], settings: ProbeSettings
) -> dict[str, Measures]:
    """The patch probe of every set."""
    frames = {name: heart_frames(cohort, settings) for name, cohort in sets.items()}
    table = probe(heart_frames(real, settings), frames, seeds, settings)
    return {name: {PATCHES + kind: Measure(**asdict(auc)) for kind, auc in row.items()} for name, row in table.items()}


def measured(
    real: Cohort, sets: dict[str, Cohort], out: Path, seeds: list[int], subjects: int, quick: bool
) -> dict[str, Measures]:
    """Every measure of every set; what was measured before is read from `out`."""
    n = subjects or min(len(real.subjects) // 2, *(len(one.subjects) for one in sets.values()))
    reference, rest = halves(real, n, 0)
    equal = {OTHER_HALF: rest} | {name: some(cohort, n, 0) for name, cohort in sets.items()}
    card = EvaluateSettings(by=(), crossing=(), draws=100, min_subjects=min(10, n))
    spectrum = SpectrumSettings(by=(), draws=200, detail_steps=20 if quick else 100)
    patches = ProbeSettings(steps=40, asked=16) if quick else ProbeSettings()
    found: dict[str, Measures] = {name: {} for name in equal}
    for name, cohort in equal.items():
        found[name] |= card_measures(reference, cohort, out / _as_folder(name), card)
        print(f"{name}: score card done", flush=True)
    spectra = _kept(out / "spectrum.json", lambda: spectrum_measures(reference, equal, spectrum))
    probed = _kept(out / "patches.json", lambda: patch_measures(real, sets, seeds, patches))
    for name in equal:
        found[name] |= spectra.get(name, {}) | probed.get(name, {})
    return found


def _kept(file: Path, make: Any) -> dict[str, Measures]:
    """What a file holds, or what is made now and written into it."""
    if not file.exists():
        made: dict[str, Measures] = make()
        file.write_text(
            json.dumps({n: {m: asdict(v) for m, v in row.items()} for n, row in made.items()}, indent=1) + "\n"
        )
    record = json.loads(file.read_text())
    return {name: {m: Measure(**v) for m, v in row.items()} for name, row in record.items()}


def _as_folder(name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in name)


def begin(out: Path, asked: dict[str, object]) -> None:
    """Claim the folder for these sets and settings.

    Raises:
        SettingsError: it holds measures of others.
    """
    file = out / "asked.json"
    if file.exists() and json.loads(file.read_text()) != json.loads(json.dumps(asked)):
        raise SettingsError(f"{out}: holds measures of other sets or settings; choose another --out, or --overwrite")
    out.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(asked, indent=1) + "\n")


def in_words(found: dict[str, Measures], beside: str | None) -> str:
    """The table in Markdown, and by how many measures each set is nearer than one of them."""
    names = list(dict.fromkeys(m for row in found.values() for m in row))
    lines = [f"| measure | {' | '.join(found)} |", "|" + " --- |" * (1 + len(found))]
    for name in names:
        lines.append(f"| {name} | {' | '.join(_cell(row.get(name)) for row in found.values())} |")
    reasons = dict.fromkeys(
        f"{name}, {m}: {v.absent}" for name, row in found.items() for m, v in row.items() if v.absent
    )
    lines += ["", *(f"- absent: {reason}" for reason in reasons)]
    if beside in found:
        lines += [f"- {_nearer(name, row, beside, found[beside])}" for name, row in found.items() if name != beside]
    return "\n".join(lines)


def _cell(measure: Measure | None) -> str:
    if measure is None or measure.value is None:
        return "absent"
    if measure.low is None or measure.high is None:
        return f"{measure.value:.3f}"
    return f"{measure.value:.3f} ({measure.low:.3f} to {measure.high:.3f})"


def _nearer(name: str, row: Measures, beside: str, other: Measures) -> str:
    pairs = {
        m: (v.value, other[m].value)
        for m, v in row.items()
        if v.value is not None and m in other and other[m].value is not None
    }
    farther = [m for m, (a, b) in pairs.items() if a >= b]
    told = f"; not by {', '.join(farther)}" if farther else ""
    return (
        f"{name} is nearer to real images than {beside} by {len(pairs) - len(farther)} of {len(pairs)} measures{told}"
    )


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", required=True, help="cohort of real images, FOLDER or FOLDER:split")
    parser.add_argument("--sets", nargs="+", required=True, help="NAME=FOLDER or NAME=FOLDER:split")
    parser.add_argument("--beside", default="phantoms", help="the set that others should be nearer than")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="of the patch probe")
    parser.add_argument("--subjects", type=int, default=0, help="of each side; 0: as many as all sets have")
    parser.add_argument("--quick", action="store_true", help="hardly trained networks: whether everything works")
    parser.add_argument("--overwrite", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/refine_fidelity"))
    options = parser.parse_args()
    if options.overwrite and options.out.exists():
        shutil.rmtree(options.out)
    real = opened(options.real)
    sets = {name: opened(place) for name, _, place in (one.partition("=") for one in options.sets)}
    check_one_pixel_size({"real": real} | sets)
    asked = {"real": [options.real, real.hash], "sets": {n: c.hash for n, c in sets.items()}}
    begin(options.out, asked | {"seeds": options.seeds, "subjects": options.subjects, "quick": options.quick})
    found = measured(real, sets, options.out, options.seeds, options.subjects, options.quick)
    record = {name: {m: asdict(v) for m, v in row.items()} for name, row in found.items()}
    (options.out / "result.json").write_text(json.dumps(record, indent=1) + "\n")
    table = in_words(found, options.beside)
    (options.out / "result.md").write_text(table + "\n")
    print(table)


if __name__ == "__main__":
    main()
