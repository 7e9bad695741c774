"""A table of images made from the names of NIfTI files: whose heart, which phase, image or mask.

It says what had to be assumed, and what cannot be known.
"""

from __future__ import annotations

import csv
import os
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.csv_cells import harmless_row
from synthcmr.cohort.readers.image_files import NIFTI_SUFFIXES, load_volume
from synthcmr.cohort.readers.mask_labels import GuessedLabels, guess_labels
from synthcmr.cohort.splits import SET_WORDS
from synthcmr.errors import ReadError

MASK_WORDS = {
    "gt", "seg", "segs", "segmentation", "segmentations", "mask", "masks", "label", "labels", "lbl", "labelmap", "labelstr",
    "labelsts", "groundtruth", "truth", "contour", "contours", "annotation", "annotations", "pred", "prediction", "predictions",
}  # fmt: skip
IMAGE_WORDS = {"image", "images", "img", "imgs", "imagestr", "imagests"}
ED_WORDS = {"ed", "diastole", "diastolic", "enddiastole", "enddiastolic", "dia"}
ES_WORDS = {"es", "systole", "systolic", "endsystole", "endsystolic", "sys"}
SHORT_AXIS_WORDS = {"sa", "sax", "lvsa", "shortaxis"}
LONG_AXIS_WORDS = {"la", "lax", "longaxis", "2ch", "3ch", "4ch"}
OTHER_WORDS = {"cine", "cmr", "mri", "nii", "4d", "3d", "end", "short", "axis", "ground", "manual", "0000"}
FRAME = re.compile(r"(?:frame|fr|phase|time)(\d+)")
BARE_FRAME = {"frame", "fr", "time"}  # whose number is a word of its own
GLUED_PHASE = re.compile(r"^(.*\d)(ed|es)$", re.IGNORECASE)  # p01ED
WORDS = re.compile(r"[^\s_.\-]+")
COLUMNS = ("subject_id", "image", "mask", "phase", "frame", "labels", "split")
MASKS_LOOKED_AT = 40  # whose shapes tell which value is which structure
FRAMES_LOOKED_AT = 4  # of a mask that has many
LARGER = 1.05  # by which the cavity at ED exceeds that at ES, at least
PHASE_ORDER = {"ED": 0, "ES": 1, "": 2}
LAST_WORD = re.compile(r"(?P<first>.+?)[\s_.\-]+(?P<word>[^\s_.\-\d]+)")
Row = dict[str, str]
Key = tuple[str, int | None]  # phase and frame


@dataclass(frozen=True)
class NamedFile:
    """One file as its name describes it."""

    path: str  # relative to the source, with forward slashes
    subject: str  # empty: the name has no subject
    folder: str  # what the folders above it say of the subject
    role: str  # "image" or "mask"
    phases: tuple[str, ...] = ()  # "ED" or "ES"; both: the name is ambiguous
    frame: int | None = None
    long_axis: bool = False
    set_name: str | None = None  # train, validation or test, where a folder says it

    @property
    def phase(self) -> str:
        """ED, ES, or empty where the name does not say."""
        return self.phases[0] if self.phases else ""


def parse_name(path: PurePosixPath) -> NamedFile:
    """Read what a path below the source says."""
    stem = _unglued(_stem(path.name))
    folders = [word.lower() for name in path.parts[:-1] for word in WORDS.findall(name)]
    words = [word.lower() for word in WORDS.findall(stem)]
    every = {*folders, *words}
    return NamedFile(
        path=str(path),
        subject=_without_known(stem),
        folder="_".join(left for name in path.parts[:-1] if (left := _without_known(name, SET_WORDS.keys()))),
        role="mask" if MASK_WORDS & every else "image",
        phases=tuple(name for name, known in (("ED", ED_WORDS), ("ES", ES_WORDS)) if known & every),
        frame=_frame(words),
        long_axis=bool(LONG_AXIS_WORDS & every),
        set_name=next((SET_WORDS[word] for word in folders if word in SET_WORDS), None),
    )


def _stem(name: str) -> str:
    return next((name.removesuffix(suffix) for suffix in NIFTI_SUFFIXES if name.endswith(suffix)), name)


def _unglued(stem: str) -> str:
    """With a phase that is written onto a number set apart: p01ED -> p01_ED."""
    return WORDS.sub(lambda word: GLUED_PHASE.sub(r"\1_\2", word[0]), stem)


def _without_known(text: str, further: Collection[str] = ()) -> str:
    """What names the subject: the words that mean nothing else, with what stands between them."""
    left, end, numbered = "", 0, False
    for match in WORDS.finditer(text):
        low = match[0].lower()
        known = low in KNOWN or low in further or bool(FRAME.fullmatch(low)) or (numbered and low.isdigit())
        numbered = low in BARE_FRAME  # the next word is the number of the frame
        if not known:
            between = text[end : match.start()] if end else "_"
            left += (between if left else "") + match[0]
        end = 0 if known else match.end()
    return left


def _frame(words: list[str]) -> int | None:
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if match := FRAME.fullmatch(word):
            return int(match[1])
        if word in BARE_FRAME and following.isdigit():
            return int(following)
    return None


KNOWN = MASK_WORDS | IMAGE_WORDS | ED_WORDS | ES_WORDS | SHORT_AXIS_WORDS | LONG_AXIS_WORDS | OTHER_WORDS | BARE_FRAME


@dataclass(frozen=True)
class GuessedTable:
    """Rows as the table reader takes them; paths are relative to the source."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()  # what was assumed or left out
    problems: tuple[str, ...] = ()  # why it cannot be used as it is

    @property
    def columns(self) -> list[str]:
        """Columns that say something, and those that every table has."""
        return [name for name in COLUMNS if name in COLUMNS[:3] or any(row[name] for row in self.rows)]

    def lines(self, most: int) -> list[str]:
        """The first rows, for people."""
        cells = [[row[name] for name in self.columns] for row in self.rows[:most]]
        table = [self.columns, *cells]
        widths = [max(len(row[k]) for row in table) for k in range(len(self.columns))]
        return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]

    def write(self, path: Path, source: Path) -> None:
        """Write a CSV that `ingest` reads from where it lies."""
        path.parent.mkdir(parents=True, exist_ok=True)
        # names of files may be any bytes; those that are no text are written as ids are, and their rows need a new name
        with path.open("w", newline="", encoding="utf-8", errors="backslashreplace") as stream:
            writer = csv.DictWriter(stream, self.columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(harmless_row(row | _relative_paths(row, source, path.parent)) for row in self.rows)


def guess_table(source: Path, files: Sequence[NamedFile]) -> GuessedTable:
    """Turn file names into a table.

    Args:
        source: the folder that paths are relative to.
        files: all its NIfTI files.
    """
    short_axis = [file for file in files if not file.long_axis]
    notes = [f"{len(files) - len(short_axis)} long-axis file(s) were left out"] * (len(short_axis) < len(files))
    subject_of, problems = _subjects(short_axis)
    by_subject: dict[str, list[NamedFile]] = defaultdict(list)
    for file in short_axis:
        by_subject[subject_of(file)].append(file)
    rows: list[Row] = []
    for subject, own in sorted(by_subject.items()):
        rows += _rows_of(subject, own, notes, problems)
    problems += _further_words(by_subject)
    rows = _with_sets(rows, short_axis)
    if any(row["mask"] for row in rows):
        labels = _labels(source, rows)
        if not labels.text:
            problems.append(
                f"masks: {labels.reason}; write the table, fill its column labels, e.g. with 1=lv,2=myo,3=rv, and ingest it"
            )
        else:
            notes.append(f"labels {labels.text}: {labels.reason}")
            rows = [row | {"labels": labels.text if row["mask"] else ""} for row in rows]
            rows = _with_phases(source, rows, labels.text, notes)
    return GuessedTable(tuple(rows), tuple(dict.fromkeys(notes)), tuple(problems))


def _subjects(files: Sequence[NamedFile]) -> tuple[Callable[[NamedFile], str], list[str]]:
    """How names and folders say whose a file is: the first way in which no two files are the same."""
    ways: tuple[Callable[[NamedFile], str], ...] = (
        lambda file: file.subject or file.folder,
        lambda file: file.folder or file.subject,
        lambda file: "_".join(part for part in (file.folder, file.subject) if part),
    )
    for way in ways:
        if not _alike(files, way) and all(way(file) for file in files):
            return way, []
    problems = [
        f"which is the {_describe(same[0], ways[0])}: {', '.join(file.path for file in same)}"
        for same in _alike(files, ways[0])
    ]
    problems += [f"whose it is: {file.path}" for file in files if not ways[0](file)]
    return ways[0], problems


def _alike(files: Sequence[NamedFile], subject_of: Callable[[NamedFile], str]) -> list[list[NamedFile]]:
    """Files that would be the same image, or the same mask."""
    same: dict[tuple[object, ...], list[NamedFile]] = defaultdict(list)
    for file in files:
        same[subject_of(file), file.role, file.phases, file.frame].append(file)
    return [alike for alike in same.values() if len(alike) > 1]


def _describe(file: NamedFile, subject_of: Callable[[NamedFile], str]) -> str:
    """What a name says, in words."""
    phase = file.phase or ("" if file.frame is None else f"frame {file.frame}")
    return f"{file.role} of {subject_of(file) or 'somebody'}" + (f" at {phase}" if phase else "")


def _rows_of(subject: str, files: Sequence[NamedFile], notes: list[str], problems: list[str]) -> list[Row]:
    """The images of a subject with their masks."""
    problems += [f"which phase, ED or ES: {file.path}" for file in files if len(file.phases) > 1]
    images = {_key(file): file for file in files if file.role == "image"}
    masks = {_key(file): file for file in files if file.role == "mask"}
    if ("", None) in images and len(images) > 1:
        without_phase = [
            file.path for file in (images.pop(("", None)), masks.pop(("", None), None)) if file is not None
        ]
        notes.append(f"files without a phase beside those of ED and ES were left out, e.g. {without_phase[0]}")
    if len(images) == len(masks) == 1 and ("", None) in {*images, *masks}:
        (image,), (mask,) = images.values(), masks.values()  # only one of the two says the phase
        key = _key(image) if _key(image) != ("", None) else _key(mask)
        return [_row(subject, image, mask, key)]
    problems += [
        f"which image the mask of {subject} is drawn on: {mask.path}"
        for key, mask in masks.items()
        if key not in images
    ]
    rows = [_row(subject, image, masks.get(key), key) for key, image in images.items()]
    return sorted(rows, key=lambda row: (PHASE_ORDER[row["phase"]], int(row["frame"] or 0)))


def _key(file: NamedFile) -> Key:
    return file.phase, file.frame


def _row(subject: str, image: NamedFile, mask: NamedFile | None, key: Key) -> Row:
    phase, frame = key
    return {
        "subject_id": subject,
        "image": image.path,
        "mask": "" if mask is None else mask.path,
        "phase": phase,
        "frame": "" if frame is None else str(frame),
        "labels": "",
        "split": image.set_name or "",
    }


def _further_words(by_subject: Mapping[str, Sequence[NamedFile]]) -> list[str]:
    """Files that differ from another's by an unknown word: a mask under another name, or a second version?"""
    problems = []
    for subject in by_subject:
        match = LAST_WORD.fullmatch(subject)
        if match is None or (first := match["first"]) not in by_subject:
            continue
        further = match["word"]
        if {_key(file) for file in by_subject[first]} & {_key(file) for file in by_subject[subject]}:
            problems.append(f"what '{further}' means: {by_subject[subject][0].path} beside {by_subject[first][0].path}")
    return problems


def _with_sets(rows: list[Row], files: Sequence[NamedFile]) -> list[Row]:
    """Folders named train, test and the like are splits where there is more than one of them."""
    several = len({file.set_name for file in files if file.set_name}) > 1
    return rows if several else [row | {"split": ""} for row in rows]


def _labels(source: Path, rows: Iterable[Row]) -> GuessedLabels:
    paths = [row["mask"] for row in rows if row["mask"]]
    step = -(-len(paths) // MASKS_LOOKED_AT)
    return guess_labels(_readable(source, paths[::step]))


def _readable(source: Path, paths: Iterable[str]) -> Iterable[npt.NDArray[np.generic]]:
    """Masks that can be read; what is wrong with the others is said when their subject is."""
    for path in paths:
        try:
            pixels = load_volume(source / path).pixels
        except ReadError:
            continue
        yield pixels[:: -(-len(pixels) // FRAMES_LOOKED_AT)]


def _with_phases(source: Path, rows: list[Row], labels: str, notes: list[str]) -> list[Row]:
    """ED and ES of subjects with two numbered frames: the frame with the larger cavity is ED."""
    cavity = next((part.partition("=")[0] for part in labels.split(",") if part.endswith("=lv")), None)
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["subject_id"]].append(row)
    pairs = [
        own
        for own in groups.values()
        if len(own) == 2 and all(r["frame"] and r["mask"] and not r["phase"] for r in own)
    ]
    for pair in pairs if cavity is not None else []:
        volumes = [int((mask == int(cavity or 0)).sum()) for mask in _readable(source, [row["mask"] for row in pair])]
        if len(volumes) == 2 and max(volumes) > LARGER * min(volumes):
            ed = volumes.index(max(volumes))
            pair[ed]["phase"], pair[1 - ed]["phase"] = "ED", "ES"
            notes.append("of two numbered frames the one with the larger LV cavity was taken as ED")
    return rows


def _relative_paths(row: Row, source: Path, folder: Path) -> Row:
    return {
        name: Path(os.path.relpath((source / row[name]).resolve(), folder.resolve())).as_posix()
        for name in ("image", "mask")
        if row[name]
    }
