"""Sunnybrook Cardiac Data: short-axis cines as DICOM, with manual contours that become masks."""

import re
from collections import defaultdict
from pathlib import Path

import numpy as np

from synthcmr.cohort.labels import Label, Mask
from synthcmr.cohort.raw import Case, RawSubject
from synthcmr.cohort.readers.archive import open_entries
from synthcmr.cohort.readers.cine_phases import phase_names
from synthcmr.cohort.readers.contours import Contour, Points, contour_mask, find_contours, read_points
from synthcmr.cohort.readers.dicom_attributes import header_attributes
from synthcmr.cohort.readers.dicom_cine import Cine, read_cine, to_stack
from synthcmr.cohort.readers.dicom_headers import Frame
from synthcmr.cohort.readers.sunnybrook_files import canonical, contour_files, home, image_paths, patients
from synthcmr.errors import ReadError

IMAGE_NUMBER = re.compile(r"(?:IM-\d+-)?(\d+)(?:\.\w+)?", re.IGNORECASE)
SEXES = {"male": "male", "m": "male", "female": "female", "f": "female"}
Place = tuple[int, int]  # phase, slice
Part = tuple[str, str]


class SunnybrookReader:
    """One subject per SCD zip or folder. Contours give the LV cavity at ED and ES, and its wall mostly at ED."""

    name = "sunnybrook"
    about = "SCD0000301.zip (or folders) of DICOM, contours in contours_SCD.../SC-HF-I-4, scd_patientdata.csv"

    def recognises(self, source: Path) -> bool:
        """Whether a zip or folder is named after a Sunnybrook subject."""
        return bool(image_paths(source))

    def cases(self, source: Path) -> list[Case]:
        """Every subject with images, its contour files, and what the patient table says."""
        contours, table = contour_files(source), patients(source)
        cases: dict[str, Case] = {}
        for path in image_paths(source):
            name = canonical(path.stem if path.is_file() else path.name)
            patient = table.get(name)
            subject_id = canonical(patient.scd_id) if patient else name
            names = {name, subject_id, *({canonical(patient.original_id)} if patient else ())}
            files = sorted({p for n in names for p in contours.get(n, [])})
            payload: dict[str, object] = {
                "path": str(path.relative_to(source)),
                "contours": [str(p.relative_to(home(source))) for p in files],
                "attributes": {}
                if patient is None
                else {
                    "sex": SEXES.get(patient.sex.lower(), patient.sex),
                    "age": patient.age,
                    "diagnosis": patient.pathology,
                },
            }
            cases.setdefault(subject_id, Case(subject_id, payload))
        return list(cases.values())

    def read(self, source: Path, case: Case) -> RawSubject:
        """Read one subject; ReadError where its images make no short-axis cine. A bad contour is its own reject."""
        names, table = case.payload["contours"], case.payload["attributes"]
        files = [home(source) / str(name) for name in names] if isinstance(names, list) else []
        with open_entries(source / str(case.payload["path"])) as entries:
            cine = read_cine(entries)
            mask, labelled, told, rejects = masks_from_contours(cine, find_contours(files))
            stack, notes = to_stack(cine, mask, labelled, told)
            attributes = {**header_attributes(cine.first.entry), **(table if isinstance(table, dict) else {})}
        rejects = [*cine.rejects, *rejects]
        return RawSubject(case.case_id, attributes, (stack,), rejects=tuple(rejects), notes=(*cine.notes, *notes))


def masks_from_contours(
    cine: Cine, contours: list[Contour]
) -> tuple[Mask | None, tuple[tuple[str, ...], ...], tuple[str, ...], list[Part]]:
    """Masks of the contoured images of a cine.

    Returns:
        (phases, slices, rows, columns) or None where there is no usable contour; per phase the structures drawn in any
        slice; per phase "ED", "ES" or ""; and (file, reason) of contours that could not be used.
    """
    lines, rejects = _lines_by_place(cine, contours)
    mask = cine.empty_mask()
    for (t, s), drawn in lines.items():
        mask[t, s] = contour_mask(drawn.get("i"), drawn.get("o"), cine.first.shape)
    labelled = tuple(_labelled(m) for m in mask)
    if not any(labelled):
        return None, (), (), rejects
    return mask, labelled, _phases(mask), rejects


def _lines_by_place(cine: Cine, contours: list[Contour]) -> tuple[dict[Place, dict[str, Points]], list[Part]]:
    places = _numbered(cine)
    lines: dict[Place, dict[str, Points]] = defaultdict(dict)
    rejects: list[Part] = []
    for contour in contours:
        try:
            if contour.number not in places:
                raise ReadError(
                    f"expected an image of this number in the short-axis cine ({len(places)} images), got none"
                )
            lines[places[contour.number]][contour.kind] = read_points(contour.path)
        except ReadError as error:
            rejects.append((contour.path.name, str(error)))
    return lines, rejects


def _numbered(cine: Cine) -> dict[int, Place]:
    """Image number -> place: by file name (77.dcm, IM-0001-0077.dcm) if unique, else by Instance Number."""
    frames = {(t, s): frame for s, row in enumerate(cine.slices) for t, frame in enumerate(row)}
    for number_of in (_file_number, _instance_number):
        numbers = {place: number_of(frame) for place, frame in frames.items()}
        by_number = {number: place for place, number in numbers.items() if number is not None}
        if len(by_number) == len(frames):
            return by_number
    return by_number


def _file_number(frame: Frame) -> int | None:
    match = IMAGE_NUMBER.fullmatch(frame.entry.base)
    return int(match[1]) if match else None


def _instance_number(frame: Frame) -> int | None:
    value = frame.times.get("instance")
    return None if value is None else int(value)


def _labelled(mask: Mask) -> tuple[str, ...]:
    return tuple(name for name, label in (("lv", Label.LV), ("myo", Label.MYOCARDIUM)) if (mask == label).any())


def _phases(mask: Mask) -> tuple[str, ...]:
    """ED and ES are the two phases contoured in most slices; over the slices they share, the cavity is larger at ED."""
    drawn = (mask == Label.LV).sum(axis=(2, 3))  # (phases, slices) cavity pixels
    slices = (drawn > 0).sum(axis=1)
    order = [int(t) for t in np.argsort(-slices, kind="stable") if slices[t] > 0]
    if len(order) == 1:
        return ("",) * len(mask)
    a, b = order[:2]
    shared = (drawn[a] > 0) & (drawn[b] > 0)
    ed, es = (a, b) if drawn[a, shared].sum() >= drawn[b, shared].sum() else (b, a)
    return phase_names(len(mask), ed, es)
