"""What the shipped refining network learns from: phantoms, and Sunnybrook's people (CC0), their masks completed by a segmenter.

    python -m benchmarks.refine_data OUT --sunnybrook FOLDER [FOLDER ...] [--segmenter RUN] [--phantoms 150]

Every sixth subject by name stays aside (split `test`), every seventh of the others is watched (`validation`). PNG slices say no pixel
spacing: they get that of the series that do (1.29 to 1.37 mm). Of a subject whose whole cine is there, its slices are not read again.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from synthcmr.cohort import Cohort
from synthcmr.cohort.joining import join_cohorts
from synthcmr.cohort.labels import Label, Mask
from synthcmr.cohort.preprocess import to_record
from synthcmr.cohort.provenance import Input
from synthcmr.cohort.raw_subject import RawSubject
from synthcmr.cohort.readers import get_reader
from synthcmr.cohort.records import ImageRecord, SubjectRecord
from synthcmr.cohort.writer import CohortWriter
from synthcmr.config import PreprocessSettings
from synthcmr.judges.segmenter import Segmenter
from synthcmr.phantom.cohort import make_phantoms
from synthcmr.training.shipped_weights import shipped

PNG_SPACING_MM = (1.33, 1.33)
ASIDE_EVERY, WATCHED_EVERY = 6, 7
MANUFACTURER = {"vendor": "GE", "field_strength_t": 1.5, "look": "sunnybrook"}
WALL_PX = 4  # of a wall that is drawn around a cavity where the segmenter found none


def main() -> None:
    """Make the cohort."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--sunnybrook", type=Path, nargs="+", required=True)
    parser.add_argument("--segmenter", type=Path, default=None)
    parser.add_argument("--phantoms", type=int, default=150)
    parser.add_argument("--preset", default="acdc-like")
    asked = parser.parse_args()
    people = sunnybrook(asked.out / "sunnybrook", asked.sunnybrook, asked.segmenter)
    if asked.phantoms:
        phantoms = make_phantoms(asked.out / "phantoms", asked.preset, asked.phantoms, seed=22)
        join_cohorts(asked.out / "both", [people, phantoms])
    print(people.subjects.groupby("split").size().to_dict())


def sunnybrook(out: Path, sources: list[Path], segmenter: Path | None) -> Cohort:
    """The people of Sunnybrook on the grid of every cohort, with all structures."""
    if (out / "cohort.json").exists():
        return Cohort.open(out)
    judge = Segmenter.load(segmenter or shipped("segmenter"))
    with CohortWriter(out, {"step": "refine data", "settings": {}}, "float16", (128, 128)) as writer:
        for record in records(sources):
            writer.add(replace(record, images=tuple(completed(judge, image) for image in record.images)))
        writer.finish(None, [Input(str(source), "images", "") for source in sources])
    return Cohort.open(out)


def records(sources: list[Path]) -> Iterator[SubjectRecord]:
    """Whole cines where they are, slices of the others; in order of their names, which decides the split."""
    slices = {name: raw for source in sources for name, raw in _raw("sunnybrook-png", source)}
    scans = {scan: name for source in sources for name, scan in _scans(source)}
    cines = {scans[scan]: raw for source in sources for scan, raw in _raw("sunnybrook", source / "dicom")}
    watched = 0
    for k, name in enumerate(sorted({*slices, *cines})):
        raw, split = cines.get(name) or slices[name], "test" if k % ASIDE_EVERY == ASIDE_EVERY - 1 else "train"
        if split == "train":
            watched += 1
            split = "validation" if watched % WATCHED_EVERY == 0 else "train"
        raw = replace(raw, subject_id=name, attributes={**raw.attributes, **MANUFACTURER, "split": split})
        stacks = tuple(s if s.spacing_mm else replace(s, spacing_mm=PNG_SPACING_MM) for s in raw.stacks)
        frames = "cine" if name in cines else "auto"
        yield to_record(replace(raw, stacks=stacks), name, PreprocessSettings(frames=frames))


def completed(judge: Segmenter, image: ImageRecord) -> ImageRecord:
    """What people drew, and where they did not, what the segmenter finds."""
    found = judge.segment(np.asarray(image.image, dtype=np.float32))
    drawn = np.stack([_joined(own, other) for own, other in zip(image.mask, found, strict=True)])
    return replace(image, mask=drawn, labelled=("lv,myo,rv",) * len(drawn))


def _joined(drawn: Mask, found: Mask) -> Mask:
    """A cavity that somebody drew stays, the wall goes around it."""
    from scipy.ndimage import binary_dilation

    cavity = drawn == Label.LV
    if not cavity.any():
        return found
    own_wall = drawn == Label.MYOCARDIUM
    wall = own_wall if own_wall.any() else (found == Label.MYOCARDIUM) | (found == Label.LV)
    wall |= binary_dilation(cavity, iterations=1)
    if not own_wall.any() and (wall & ~cavity).sum() < cavity.sum() ** 0.5:
        wall |= binary_dilation(cavity, iterations=WALL_PX)
    joined = np.where(found == Label.RV, np.uint8(Label.RV), np.uint8(0))
    joined[wall] = Label.MYOCARDIUM
    joined[cavity] = Label.LV
    return joined


def _raw(reader: str, source: Path) -> Iterator[tuple[str, RawSubject]]:
    chosen = get_reader(reader)
    for case in chosen.cases(source):
        yield case.case_id, chosen.read(source, case)


def _scans(source: Path) -> set[tuple[str, str]]:
    """Names of subjects in the manifest of slices, and those of their scans."""
    with (source / "manifest.csv").open(newline="") as file:
        return {(row["subject"], row["scd_id"]) for row in csv.DictReader(file)}


if __name__ == "__main__":
    main()
