"""Sunnybrook Cardiac Data: short-axis cines as DICOM with manual contours (lists of points), or PNG slices with masks of the LV cavity."""

import csv
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import Label, Mask
from synthcmr.cohort.phases import phase_names
from synthcmr.cohort.raw_subject import Case, RawSubject
from synthcmr.cohort.readers.archive import open_entries
from synthcmr.cohort.readers.dicom.cine import Cine, CineMasks, read_cine, to_subject
from synthcmr.cohort.readers.dicom.frames import Frame
from synthcmr.cohort.readers.tables.files import Row, agreed_attributes, read_columns, read_rows, renamed_cells
from synthcmr.cohort.readers.tables.rows import read_rows_of_subject
from synthcmr.cohort.reasons import why
from synthcmr.cohort.source_links import expect_within
from synthcmr.errors import ReadError, SettingsError

SEXES = {"male": "male", "m": "male", "female": "female", "f": "female"}
MANIFEST = "manifest.csv"
MANIFEST_COLUMNS = {"subject", "image", "mask", "slice", "phase_index", "phase_guess"}
MANIFEST_ATTRIBUTES = {"sex": "sex", "age": "age", "pathology": "diagnosis"}
MANIFEST_CELLS = {
    "image": "image",
    "mask": "mask",
    "slice": "slice_index",
    "phase_index": "frame",
    "phase_guess": "phase",
}
CAVITY_ONLY = {"labels": "255=lv,1=lv", "labelled": "lv"}  # only the cavity was drawn: the rest is not background
SCD_ID = re.compile(r"SCD\d{7}", re.IGNORECASE)
ORIGINAL_ID = re.compile(r"SC-(HF-I|HF-NI|HYP|N)-0*(\d+)", re.IGNORECASE)
TABLE_COLUMNS = ("patientid", "originalid", "gender", "age", "pathology")  # in the order of `Patient`
CONTOUR_FILE = re.compile(r"IM-\d+-(?P<number>\d+)-(?P<kind>[io])contour-manual\.txt", re.IGNORECASE)
Points = npt.NDArray[np.float64]
IMAGE_NUMBER = re.compile(r"(?:IM-\d+-)?(\d+)(?:\.\w+)?", re.IGNORECASE)

Place = tuple[int, int]  # phase, slice


class SunnybrookReader:
    """One subject per SCD zip or folder. Contours give the LV cavity at ED and ES, and its wall mostly at ED."""

    name = "sunnybrook"
    about = "SCD0000301.zip (or folders) of DICOM, contours in contours_SCD.../SC-HF-I-4, scd_patientdata.csv"

    def recognises(self, source: Path) -> bool:
        """Whether a zip or folder is named after a Sunnybrook subject."""
        return bool(image_paths(source))

    def cases(self, source: Path) -> list[Case]:
        """Every subject with images, its contour files, and what the patient table says."""
        contours, table = contour_files(source), read_patients(source)
        cases: dict[str, Case] = {}
        for path in image_paths(source):
            name = canonical_name(path.stem if path.is_file() else path.name)
            patient = table.get(name)
            subject_id = canonical_name(patient.scd_id) if patient else name
            names = {name, subject_id, *({canonical_name(patient.original_id)} if patient else ())}
            files = sorted({p for n in names for p in contours.get(n, [])})
            payload = {
                "path": str(path.relative_to(source)),
                "contours": [str(p.relative_to(data_folder(source))) for p in files],
                "attributes": {} if patient is None else patient.attributes,
            }
            cases.setdefault(subject_id, Case(subject_id, payload))
        return list(cases.values())

    def read(self, source: Path, case: Case) -> RawSubject:
        """Read one subject; ReadError where its images make no short-axis cine. A bad contour is its own reject."""
        files = [data_folder(source) / name for name in case.payload["contours"]]
        with open_entries(source / case.payload["path"]) as entries:
            cine = read_cine(entries)
            masks = masks_from_contours(cine, find_contours(files))
            return to_subject(case.case_id, cine, masks, case.payload["attributes"])


class SunnybrookPngReader:
    """One subject per name in the manifest. There is no pixel spacing."""

    name = "sunnybrook-png"
    about = "manifest.csv with subject, image, mask, slice, phase_index, phase_guess, and PNG slices"

    def recognises(self, source: Path) -> bool:
        """Whether the manifest is there with its columns."""
        return set(read_columns(_manifest(source))) >= MANIFEST_COLUMNS

    def cases(self, source: Path) -> list[Case]:
        """Every subject of the manifest."""
        rows = read_rows(_manifest(source))
        if missing := sorted(MANIFEST_COLUMNS - set(rows[0] if rows else ())):
            raise SettingsError(f"{_manifest(source)}: expected rows with columns {', '.join(missing)}")
        subjects: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            subjects[row["subject"]].append(row)
        return [Case(subject, {"rows": own_rows}) for subject, own_rows in subjects.items()]

    def read(self, source: Path, case: Case) -> RawSubject:
        """Read one subject: ED and ES of the same slices as one stack, slices of one phase as another."""
        rows = case.payload["rows"]
        folder = _manifest(source).parent
        stacks, rejects = read_rows_of_subject(
            (folder, {**{ours: row[theirs] for theirs, ours in MANIFEST_CELLS.items()}, **CAVITY_ONLY}) for row in rows
        )
        attributes, notes = agreed_attributes([renamed_cells(row, MANIFEST_ATTRIBUTES) for row in rows])
        return RawSubject(case.case_id, attributes, stacks, rejects=rejects, notes=notes)


def _manifest(source: Path) -> Path:
    return source if source.is_file() else source / MANIFEST


@dataclass(frozen=True)
class Patient:
    """One row of scd_patientdata.csv."""

    scd_id: str
    original_id: str
    sex: str
    age: str
    pathology: str

    @property
    def attributes(self) -> dict[str, object]:
        """As the cohort names them."""
        sex = SEXES.get(self.sex.lower(), self.sex)
        return {"sex": sex, "age": self.age, "diagnosis": self.pathology}


def data_folder(source: Path) -> Path:
    """The folder that holds images, contours and table when the source is a zip, or the folder of the zips."""
    folder = source.parent if source.is_file() else source
    return folder.parent if folder.name.lower() == "dicom" else folder


def image_paths(source: Path) -> list[Path]:
    """Zips and folders of DICOM named after a subject: the source itself, or up to two folders down."""
    if source.is_file():
        return [source] if _is_image_path(source) else []
    below = sorted(source.iterdir())
    deeper = [p for folder in below if folder.is_dir() and not _is_image_path(folder) for p in sorted(folder.iterdir())]
    return [p for p in [*below, *deeper] if _is_image_path(p)]


def contour_files(source: Path) -> dict[str, list[Path]]:
    """Manual contour files per subject, under every name (SCD0000301, SC-HF-I-4) their folders give it."""
    files: dict[str, list[Path]] = {}
    for folder in sorted(data_folder(source).iterdir()):
        if folder.is_dir() and ("contour" in folder.name.lower() or ORIGINAL_ID.fullmatch(folder.name)):
            for path in sorted(folder.rglob("*.txt")):
                if CONTOUR_FILE.fullmatch(path.name):
                    for name in _subject_names(path):
                        files.setdefault(name, []).append(path)
    return files


def read_patients(source: Path) -> dict[str, Patient]:
    """Rows of the patient table under both of their names; empty where there is no table.

    Raises:
        SettingsError: the table cannot be read.
    """
    patients: dict[str, Patient] = {}
    for path in sorted(data_folder(source).glob("*.csv")):
        expect_within(path)
        try:
            with path.open(encoding="utf-8-sig", newline="") as stream:
                rows = list(csv.DictReader(stream))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise SettingsError(
                f"{path}: expected columns PatientID, OriginalID, Gender, Age, Pathology, got: {why(error)}"
            ) from error
        for row in rows:
            values = {str(key).strip().lower(): str(value or "").strip() for key, value in row.items()}
            if set(values) >= set(TABLE_COLUMNS):
                patient = Patient(*(values[c] for c in TABLE_COLUMNS))
                patients[canonical_name(patient.scd_id)] = patients[canonical_name(patient.original_id)] = patient
    return patients


def canonical_name(name: str) -> str:
    """One spelling of a subject's name: SC-HF-I-04 and SC-HF-I-4 are the same subject."""
    match = ORIGINAL_ID.fullmatch(name.strip())
    return f"SC-{match[1].upper()}-{match[2]}" if match else name.strip().upper()


def _is_image_path(path: Path) -> bool:
    name = path.stem if path.suffix.lower() == ".zip" else path.name
    if SCD_ID.fullmatch(name):
        return path.is_dir() or path.suffix.lower() == ".zip"
    return ORIGINAL_ID.fullmatch(name) is not None and path.is_dir() and any(path.glob("*.dcm"))


def _subject_names(path: Path) -> set[str]:
    names = set()
    for part in path.parts:
        scd, original = SCD_ID.search(part), ORIGINAL_ID.fullmatch(part)
        names |= {scd[0].upper()} if scd else set()
        names |= {canonical_name(part)} if original else set()
    return names


@dataclass(frozen=True)
class Contour:
    """One drawn line of one image."""

    number: int  # of the image in its series
    kind: str  # "i": inner border of the wall, "o": outer
    path: Path


def find_contours(paths: list[Path]) -> list[Contour]:
    """The contour files among paths, papillary and automatic ones aside."""
    matches = [(path, CONTOUR_FILE.fullmatch(path.name)) for path in sorted(paths)]
    return [Contour(int(m["number"]), m["kind"].lower(), path) for path, m in matches if m is not None]


def read_points(path: Path) -> Points:
    """The (x, y) points of a contour in pixels.

    Raises:
        ReadError: the file is not a list of at least three points.
    """
    expect_within(path)
    try:
        points = np.array([[float(v) for v in line.split()] for line in path.read_text().splitlines() if line.strip()])
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise ReadError(f"{path.name}: expected one 'x y' pair per line, got: {why(error)}") from error
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < 3 or not np.isfinite(points).all():
        raise ReadError(f"{path.name}: expected three or more 'x y' pairs, got {len(points)} line(s)")
    return points


def fill(points: Points, shape: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Pixels whose centre lies inside a closed contour (even-odd rule).

    Coordinates count from the corner of the first pixel: the centre of pixel (row r, column c) is (c + 0.5, r + 0.5).
    On the images the contours sit on the edge of the blood with this reading; taken from pixel centres they lie half a
    pixel too far down and right.

    Args:
        points: (n, 2) x and y in pixels; the last point joins the first.
        shape: rows and columns.
    """
    low = np.maximum(np.floor(points.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(points.max(axis=0)).astype(int), (shape[1], shape[0]))
    inside = np.zeros(shape, dtype=bool)
    y, x = np.mgrid[low[1] : max(high[1], low[1]), low[0] : max(high[0], low[0])] + 0.5
    box = np.zeros(x.shape, dtype=bool)
    for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
        if y0 != y1:
            crosses = (y0 > y) != (y1 > y)
            box ^= crosses & (x < x0 + (y - y0) / (y1 - y0) * (x1 - x0))
    inside[low[1] : low[1] + box.shape[0], low[0] : low[0] + box.shape[1]] = box
    return inside


def contour_mask(inner: Points | None, outer: Points | None, shape: tuple[int, int]) -> Mask:
    """Cavity inside the inner contour, myocardium between inner and outer; all else stays unlabelled.

    An outer contour without an inner one labels nothing: it holds cavity and wall together.
    """
    mask = np.full(shape, Label.UNLABELLED, dtype=np.uint8)
    if inner is None:
        return mask
    if outer is not None:
        mask[fill(outer, shape)] = Label.MYOCARDIUM
    mask[fill(inner, shape)] = Label.LV
    return mask


def masks_from_contours(cine: Cine, contours: list[Contour]) -> CineMasks:
    """Masks of the contoured images of a cine; per phase the structures drawn in any slice."""
    lines, rejects = _lines_by_place(cine, contours)
    mask = cine.empty_mask()
    for (t, s), drawn in lines.items():
        mask[t, s] = contour_mask(drawn.get("i"), drawn.get("o"), cine.first.shape)
    labelled = tuple(_labelled(m) for m in mask)
    if not any(labelled):
        return CineMasks(rejects=tuple(rejects))
    return CineMasks(mask, labelled, _phases(mask), rejects=tuple(rejects))


def _lines_by_place(
    cine: Cine, contours: list[Contour]
) -> tuple[dict[Place, dict[str, Points]], list[tuple[str, str]]]:
    places = _numbered(cine)
    lines: dict[Place, dict[str, Points]] = defaultdict(dict)
    rejects: list[tuple[str, str]] = []
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
