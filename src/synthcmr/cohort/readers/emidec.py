"""EMIDEC: late gadolinium enhancement with masks of cavity, myocardium, infarct and no-reflow."""

import re
from pathlib import Path

import numpy as np

from synthcmr.cohort.identifiers import column_name
from synthcmr.cohort.labels import EMIDEC_LABELS
from synthcmr.cohort.raw_subject import Case, RawSubject
from synthcmr.cohort.readers.image_files import Volume, canonical_mask, check_same_grid, existing, load_volume, required
from synthcmr.cohort.readers.labelled_frames import labelled_stack, load_frame
from synthcmr.errors import ReadError

CASE = re.compile(r"Case_([A-Z]?)(\d+)", re.IGNORECASE)
DIAGNOSES = {"N": "normal", "P": "pathological", "M": "myocardial infarction"}
STRUCTURES = ("lv", "myo")
INFARCT, NO_REFLOW = 3, 4  # label values
FIELDS = {  # first words of a line of "Case X.txt", as column_name spells them -> attribute
    "sex": "sex",
    "age": "age",
    "tobacco": "tobacco",  # a code whose meaning the data set does not state
    "overweight": "overweight",
    "arterial_hypertension": "hypertension",
    "diabetes": "diabetes",
    "familial": "family_coronary_disease",
    "ecg": "st_elevation",
    "troponin": "troponin",
    "killip": "killip_class",
    "fevg": "lvef_echo_percent",
    "ntpro": "nt_probnp",
}
WORDS: dict[str, object] = {"Y": True, "N": False}
NO_TEXT = "no text file describes this subject"


class EmidecReader:
    """Reads EMIDEC's folder, or one case. A short-axis stack of one frame; it is gated to no named phase."""

    name = "emidec"
    about = "Case_X/Images/Case_X.nii.gz, Case_X/Contours/Case_X.nii.gz and 'Case X.txt'"

    def recognises(self, source: Path) -> bool:
        """Whether folders named Case_X with Images are there."""
        return bool(_folders(source))

    def cases(self, source: Path) -> list[Case]:
        """Every case folder."""
        return [Case(str(f.relative_to(source)) if f != source else f.name) for f in _folders(source)]

    def read(self, source: Path, case: Case) -> RawSubject:
        """Read one case."""
        folder = source if CASE.fullmatch(source.name) else source / case.case_id
        path = required(folder / "Images", folder.name)
        image = load_frame(path)
        text = _text(folder)
        attributes = {"sequence": "LGE", **_diagnosis(folder.name), **(_described(text) if text else {})}
        contours = existing(folder / "Contours", folder.name)
        masks = {}
        if contours is not None:
            contour_volume = load_volume(contours)
            check_same_grid(contour_volume, image, f"Contours/{contours.name}", f"Images/{path.name}")
            masks[0] = canonical_mask(contour_volume.pixels[0], EMIDEC_LABELS, f"Contours/{contours.name}")
            attributes |= _scar(contour_volume, image)
        stack = labelled_stack(image, ("",), masks, structures=STRUCTURES)
        return RawSubject(folder.name, attributes, (stack,), notes=() if text else (NO_TEXT,))


def _folders(source: Path) -> list[Path]:
    if not source.is_dir():
        return []
    if CASE.fullmatch(source.name) and (source / "Images").is_dir():
        return [source]
    return sorted(f for f in source.iterdir() if CASE.fullmatch(f.name) and (f / "Images").is_dir())


def _text(folder: Path) -> Path | None:
    """`Case N006.txt` beside or inside Case_N006."""
    names = (folder.name, folder.name.replace("_", " "), folder.name.replace("_", ""))
    places = [where / f"{name}.txt" for where in (folder, folder.parent) for name in names]
    return next((path for path in places if path.is_file()), None)


def _diagnosis(name: str) -> dict[str, object]:
    match = CASE.fullmatch(name)
    letter = match[1].upper() if match else ""
    return {"diagnosis": DIAGNOSES[letter]} if letter in DIAGNOSES else {}


def _described(path: Path) -> dict[str, object]:
    """Lines such as "Sex : F". Written on French systems, so a no-break space may stand before the colon."""
    attributes: dict[str, object] = {}
    try:
        text = path.read_bytes().decode("cp1252", errors="replace")
    except OSError as error:
        raise ReadError(f"{path.name}: cannot be opened ({error.strerror})") from error
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        name = next((n for start, n in FIELDS.items() if column_name(key).startswith(start)), None)
        if colon and name is not None and value.strip():
            attributes[name] = _value(value.strip()) if name != "sex" else value.strip()
    return attributes


def _value(text: str) -> object:
    """Yes and no as booleans, numbers as numbers; what is neither is free text and is left out."""
    if text.upper() in WORDS:
        return WORDS[text.upper()]
    number = re.match(r"\d+(?:[.,]\d+)?", text)
    return float(number[0].replace(",", ".")) if number else None


def _scar(drawn: Volume, image: Volume) -> dict[str, object]:
    """Volumes of the infarct outside no-reflow and of no-reflow; the whole infarct is their sum."""
    if image.spacing_mm is None or image.slice_step_mm is None:
        return {}
    voxel_ml = image.spacing_mm[0] * image.spacing_mm[1] * image.slice_step_mm / 1000.0
    counts = {"infarct_ml": INFARCT, "no_reflow_ml": NO_REFLOW}
    return {name: round(float(np.sum(drawn.pixels == label)) * voxel_ml, 3) for name, label in counts.items()}
