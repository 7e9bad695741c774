"""UK Biobank: zips of short-axis DICOM (field 20209), a table of field ids, masks in the convention of Bai et al.'s ukbb_cardiac."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.attributes import is_missing
from synthcmr.cohort.labels import ALL_STRUCTURES, MNMS_LABELS, Label, Mask, remap
from synthcmr.cohort.phases import MIN_CINE_FRAMES, systole_frames
from synthcmr.cohort.raw_subject import Case, RawSubject
from synthcmr.cohort.readers.archive import open_entries
from synthcmr.cohort.readers.dicom.cine import Cine, CineMasks, read_cine, to_subject
from synthcmr.cohort.readers.dicom.short_axis import slice_affine
from synthcmr.cohort.readers.image_files import scaled
from synthcmr.cohort.readers.nifti_file import read_nifti
from synthcmr.cohort.reasons import why
from synthcmr.errors import ReadError, SettingsError

BULK = re.compile(r"(?P<eid>[^_]+)_20209_(?P<visit>\d+)_(?P<part>\d+)(\.zip)?")
FIELDS = {
    31: "sex",
    21003: "age",
    21001: "bmi",
    50: "height_cm",
    21002: "weight_kg",
    4080: "systolic_bp",
    4079: "diastolic_bp",
}
SEX_CODES = {"0": "female", "1": "male"}
ID_COLUMNS = {"eid", "f.eid", "n_eid", "participant.eid", "participant_id", "participant id"}
FIELD_COLUMN = re.compile(
    r"(?:participant\.)?[fpxn]?[._]?(\d{1,9})(?:[-._]i?(\d{1,9}))?(?:[._]a?(\d{1,9}))?"
)  # no id is longer
DELIMITER_OF = {".csv": ",", ".tsv": "\t", ".txt": "\t", ".tab": "\t"}

Attributes = dict[str, object]
BAI_LABELS = MNMS_LABELS  # 1 LV cavity, 2 myocardium, 3 RV cavity in both
WHOLE_CINE = ("seg_sa.nii.gz", "label_sa.nii.gz")
ONE_PHASE = {"ED": ("label_sa_ED.nii.gz", "seg_sa_ED.nii.gz"), "ES": ("label_sa_ES.nii.gz", "seg_sa_ES.nii.gz")}
SLICE_TOLERANCE = 0.25  # of a slice step: farther off, a mask was drawn on other slices
ORDER_NOTE = "masks carry no usable position; their slices were taken in the order of the images"
ES_NOTE = "the frame of the ES mask was found by where its wall is darkest"


class UkbbReader:
    """One subject per participant; a participant imaged at two visits is one subject with two stacks."""

    name = "ukbb"
    about = (
        "EID_20209_2_0.zip files, a CSV with eid and field ids (31-0.0, 21003-2.0, ...), masks as EID/seg_sa*.nii.gz"
    )

    def recognises(self, source: Path) -> bool:
        """Whether a zip or folder is named as the bulk files of field 20209 are."""
        return any(True for _ in _bulk_files(source))

    def cases(self, source: Path) -> list[Case]:
        """Every participant with a bulk file, with what the table says of it."""
        files: dict[str, list[tuple[int, str]]] = {}
        for path, match in _bulk_files(source):
            files.setdefault(match["eid"], []).append((int(match["visit"]), path.name))
        visits = {eid: sorted(scans) for eid, scans in sorted(files.items())}
        folder = source if source.is_dir() else source.parent
        table = read_table(folder, {eid: scans[0][0] for eid, scans in visits.items()})
        return [Case(eid, {"visits": scans, "attributes": table.get(eid, {})}) for eid, scans in visits.items()]

    def read(self, source: Path, case: Case) -> RawSubject:
        """Read one participant; ReadError where no visit can be read or a mask does not fit."""
        folder = source if source.is_dir() else source.parent
        (first_visit, name), *further_visits = case.payload["visits"]
        subject = _read_visit(case.case_id, folder, name, folder / case.case_id)
        stacks, rejects, notes = list(subject.stacks), list(subject.rejects), list(subject.notes)
        for visit, name in further_visits:
            try:
                again = _read_visit(case.case_id, folder, name, None)
            except ReadError as error:
                rejects.append((f"visit {visit}", str(error)))
                continue
            stacks += again.stacks
            rejects += again.rejects
            notes += [f"imaged again at visit {visit}; the attributes are those of visit {first_visit}", *again.notes]
        attributes = {**subject.attributes, **case.payload["attributes"]}
        return RawSubject(case.case_id, attributes, tuple(stacks), rejects=tuple(rejects), notes=tuple(notes))


def _read_visit(participant: str, folder: Path, name: str, masks: Path | None) -> RawSubject:
    """One bulk file as a subject of one stack."""
    with open_entries(folder / name) as entries:
        cine = read_cine(entries)
        labels = bai_masks(masks, cine) if masks is not None and masks.is_dir() else None
        return to_subject(participant, cine, labels)


def _bulk_files(source: Path) -> list[tuple[Path, re.Match[str]]]:
    paths = [source] if source.is_file() else sorted(source.iterdir())
    matches = [(path, BULK.fullmatch(path.name)) for path in paths]
    return [(path, match) for path, match in matches if match is not None]


def read_table(folder: Path, instance_of: dict[str, int]) -> dict[str, Attributes]:
    """Attributes of the participants of interest.

    Where a field was measured at several visits, the visit of the images is preferred, then the latest before it, then
    the earliest after it. Of other columns only `diagnosis` is kept: a table's dates and codes do not reach a cohort.

    Args:
        folder: where the table lies, beside the zips; without one the result is empty.
        instance_of: participant -> visit (2 or 3) of its images.

    Raises:
        SettingsError: the table cannot be read.
    """
    participants: dict[str, Attributes] = {}
    for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in DELIMITER_OF and p.is_file()):
        try:
            _read_file(path, instance_of, participants)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise SettingsError(
                f"{path}: expected a table with an 'eid' column and field ids such as 31-0.0, got: {why(error)}"
            ) from error
    return participants


def _read_file(path: Path, instance_of: dict[str, int], participants: dict[str, Attributes]) -> None:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = csv.reader(stream, delimiter=DELIMITER_OF[path.suffix.lower()])
        names = [name.strip().lower() for name in next(rows, [])]
        id_column = next((i for i, name in enumerate(names) if name in ID_COLUMNS), None)
        if id_column is None:
            return
        columns = _field_columns(names)
        for row in rows:
            eid = row[id_column].strip() if len(row) > id_column else ""
            if eid in instance_of:
                participants.setdefault(eid, {}).update(_attributes_at(row, columns, instance_of[eid]))


def _field_columns(names: list[str]) -> dict[str, list[tuple[int, int, int]]]:
    """Canonical attribute -> (visit, array, column) of each column that holds it."""
    columns: dict[str, list[tuple[int, int, int]]] = {}
    for i, name in enumerate(names):
        match = FIELD_COLUMN.fullmatch(name)
        if match and int(match[1]) in FIELDS:
            columns.setdefault(FIELDS[int(match[1])], []).append((int(match[2] or 0), int(match[3] or 0), i))
        elif name == "diagnosis":
            columns["diagnosis"] = [(0, 0, i)]
    return columns


def _attributes_at(row: list[str], columns: dict[str, list[tuple[int, int, int]]], instance: int) -> Attributes:
    attributes: Attributes = {}
    for name, places in columns.items():
        for _, _, column in sorted(places, key=lambda p: (*_distance(p[0], instance), p[1])):
            value = row[column].strip() if column < len(row) else ""
            if not is_missing(value):
                attributes[name] = SEX_CODES.get(value, value) if name == "sex" else value
                break
    return attributes


def _distance(visit: int, instance: int) -> tuple[bool, int]:
    return visit > instance, abs(visit - instance)


def bai_masks(folder: Path, cine: Cine) -> CineMasks:
    """Masks beside a subject's images, if there are any, and the phases that the files' names say.

    Raises:
        ReadError: a mask is damaged, has foreign labels, or does not fit the images.
    """
    count = cine.image.shape[0]
    mask, drawn, phases = cine.empty_mask(), [False] * count, [""] * count
    notes: list[str] = []
    for phase, placed in _placed(folder, cine, notes):
        if phase == "":
            mask[:], drawn = placed, [True] * count
            continue
        t = 0 if phase == "ED" else _es_frame(cine, placed[0], notes)
        mask[t], drawn[t], phases[t] = placed[0], True, phase
    if not any(drawn):
        return CineMasks(notes=tuple(notes))
    labelled = tuple(ALL_STRUCTURES if d else () for d in drawn)
    return CineMasks(mask, labelled, tuple(phases), tuple(dict.fromkeys(notes)))


def _placed(folder: Path, cine: Cine, notes: list[str]) -> Iterator[tuple[str, Mask]]:
    """(phase, masks on the cine's grid) of each mask file: the whole cine if it is there, else ED and ES."""
    whole_cine = _first_file(folder, WHOLE_CINE)
    if whole_cine is not None:
        yield "", _on_cine(whole_cine, cine, cine.image.shape[0], notes)
        return
    for phase, names in ONE_PHASE.items():
        path = _first_file(folder, names)
        if path is not None:
            yield phase, _on_cine(path, cine, 1, notes)


def _first_file(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _on_cine(path: Path, cine: Cine, frames: int, notes: list[str]) -> Mask:
    """A mask file on the grid of a cine: (frames, slices, rows, columns)."""
    values, affine = _load(path)
    if values.shape[3] != frames:
        raise ReadError(f"{path.name}: expected {frames} frame(s) as the images have, got {values.shape[3]}")
    if _is_unusable(affine):
        notes.append(ORDER_NOTE)
        return _in_order(path, values, cine)
    slices = [_sample(values, np.linalg.inv(affine) @ slice_affine(row[0]), row[0].shape) for row in cine.slices]
    if all((s == Label.UNLABELLED).all() for s in slices):
        raise ReadError(f"{path.name}: expected a mask on the grid of the images, got one that lies elsewhere in space")
    return np.stack(slices, axis=1)


def _load(path: Path) -> tuple[Mask, npt.NDArray[np.float64]]:
    """Canonical labels (columns, rows, slices, frames) and the affine to RAS+ millimetres."""
    try:
        stored, header = read_nifti(path)
        affine = np.asarray(header.get_best_affine(), dtype=np.float64)
        values = scaled(stored, *header.get_slope_inter())
    except ReadError:
        raise
    except Exception as error:  # nibabel raises many kinds on damaged bytes, all with one meaning here
        raise ReadError(f"{path.name}: expected a NIfTI mask, got a damaged file ({why(error)})") from error
    if values.ndim not in (3, 4):
        raise ReadError(
            f"{path.name}: expected a mask of 3 or 4 axes (columns, rows, slices, frames), got {values.ndim}"
        )
    try:
        mask = remap(values, BAI_LABELS, path.name)
    except ValueError as error:
        raise ReadError(str(error)) from error
    return (mask if mask.ndim == 4 else mask[..., np.newaxis]), affine


def _is_unusable(affine: npt.NDArray[np.float64]) -> bool:
    if not np.isfinite(affine).all() or np.linalg.matrix_rank(affine) < len(affine):
        return True
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    is_diagonal = np.array_equal(np.abs(affine[:3, :3]), np.diag(spacing))
    return is_diagonal and not affine[:3, 3].any()


def _in_order(path: Path, values: Mask, cine: Cine) -> Mask:
    _, slices, rows, columns = cine.image.shape
    if values.shape[:3] != (columns, rows, slices):
        wanted = f"{columns} columns x {rows} rows x {slices} slices"
        raise ReadError(f"{path.name}: expected {wanted} as the images have, got {values.shape[:3]}")
    return np.ascontiguousarray(values.transpose(3, 2, 1, 0))


def _sample(values: Mask, to_mask: npt.NDArray[np.float64], shape: tuple[int, int]) -> Mask:
    """(frames, rows, columns) of the mask at the pixels of one image; UNLABELLED where the mask does not reach."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    pixels = np.stack([columns.ravel(), rows.ravel(), np.zeros(rows.size), np.ones(rows.size)])
    where = (to_mask @ pixels)[:3]
    index = np.rint(where).astype(np.int64)
    limits = np.array(values.shape[:3])[:, np.newaxis]
    inside = ((index >= 0) & (index < limits)).all(axis=0) & (np.abs(where - index)[2] <= SLICE_TOLERANCE)
    out = np.full((values.shape[3], rows.size), Label.UNLABELLED, dtype=np.uint8)
    i, j, k = index[:, inside]
    out[:, inside] = values[i, j, k].T
    return out.reshape(values.shape[3], *shape)


def _es_frame(cine: Cine, mask: Mask, notes: list[str]) -> int:
    """The frame an ES mask (slices, rows, columns) belongs to: where its wall is darkest.

    In a fuller ventricle part of that wall is still blood. The cavity says less: trabeculae darken it at end-systole.
    """
    count = cine.image.shape[0]
    if count < 2:
        raise ReadError("expected a cine for the ES mask, got a single frame")
    if count == 2:
        return 1
    notes.append(ES_NOTE)
    candidates = systole_frames(count) if count >= MIN_CINE_FRAMES else range(1, count)
    wall = mask == Label.MYOCARDIUM
    if not wall.any():
        raise ReadError("expected myocardium in the ES mask, got a mask without it")
    return min(candidates, key=lambda t: float(cine.image[t][wall].mean()))
