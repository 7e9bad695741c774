"""What the names of NIfTI files say: whose heart, which phase, image or mask."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import PurePosixPath

from synthcmr.cohort.readers.image_files import NIFTI_SUFFIXES
from synthcmr.cohort.splits import SET_WORDS

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


@dataclass(frozen=True)
class NamedFile:
    """One file as its name describes it."""

    path: str  # relative to the source, with forward slashes
    subject: str  # empty: the name says nobody
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
