"""M&Ms: one 4D short-axis file per subject, ED and ES named in the challenge's CSV."""

import re
from collections.abc import Iterator
from pathlib import Path

from synthcmr.cohort.attributes import TALLEST_M, is_missing
from synthcmr.cohort.labels import MNMS_LABELS, Mask
from synthcmr.cohort.raw_subject import Case, RawSubject
from synthcmr.cohort.readers.image_files import (
    Volume,
    canonical_mask,
    check_same_grid,
    existing,
    load_volume,
    nifti_stem,
    required,
)
from synthcmr.cohort.readers.labelled_frames import cine_stack, load_cine
from synthcmr.cohort.readers.tables.files import Row, find_table, named_as_in_cohort, read_rows, renamed_cells
from synthcmr.cohort.reasons import kind_of
from synthcmr.cohort.splits import OFFICIAL, set_in_folders, set_in_row, set_of_case
from synthcmr.errors import ReadError, SettingsError

COLUMNS = {"external_code", "ed", "es"}
ATTRIBUTES = {"centre": "centre", "age": "age", "sex": "sex", "weight": "weight_kg", "pathology": "diagnosis"}
VENDOR_CODES = {"A": "Siemens", "B": "Philips", "C": "GE", "D": "Canon"}
PARTITIONS = {"training", "labeled", "unlabeled", "validation", "testing"}
PARENTS = 3  # the table lies in the root, and the source may be Training/Labeled
IMAGE = "_sa"
NO_PHASES = "the table does not say which frames are ED and ES"


class MnmsReader:
    """Reads the root of the M&Ms challenge, or any of its folders below the table."""

    name = "mnms"
    about = "CODE/CODE_sa.nii.gz and CODE_sa_gt.nii.gz (4D) with a CSV that has 'External code', 'ED' and 'ES'"

    def recognises(self, source: Path) -> bool:
        """Whether the challenge's table is there, and a subject's folder."""
        return source.is_dir() and _table(source) is not None and next(_subjects(source), None) is not None

    def cases(self, source: Path) -> list[Case]:
        """Every folder CODE with CODE_sa.nii.gz, and what the table says of it."""
        table = _table(source)
        if table is None:
            raise SettingsError(
                f"{source}: expected a CSV with columns 'External code', 'ED' and 'ES' here or up to {PARENTS} folders above"
            )
        rows = {row["external_code"].upper(): row for row in named_as_in_cohort(read_rows(table))}
        return [_case(source, f, table, rows.get(f.name.upper())) for f in sorted(_subjects(source))]

    def read(self, source: Path, case: Case) -> RawSubject:
        """Read one subject: the whole cine, with masks at ED and ES."""
        folder, row = source / case.case_id, case.payload["row"]
        if row is None:
            raise ReadError(f"{case.payload['table']}: expected a row with External code {folder.name}, got none")
        path = required(folder, folder.name + IMAGE)
        cine = load_cine(path)
        ed, es = (_frame(row, name, len(cine.pixels)) for name in ("ed", "es"))
        stack = cine_stack(cine, ed, es, _masks(folder, cine, ed, es))
        notes = () if ed is not None and es is not None else (NO_PHASES,)
        partition = {"partition": case.payload["partition"]} if case.payload["partition"] else {}
        attributes = {**_attributes(row), **partition}
        return RawSubject(folder.name, attributes, (stack,), official_split=set_of_case(case), notes=notes)


def _case(source: Path, folder: Path, table: Path, row: Row | None) -> Case:
    """A subject with its row, and its official set: the table's word, or else that of the folders below the table."""
    below = folder.resolve().relative_to(table.parent.resolve()).parts[:-1]
    parts = [part.lower() for part in below if part.lower() in PARTITIONS]
    payload = {
        "row": row,
        "table": table.name,
        "partition": "-".join(parts) or None,
        OFFICIAL: set_in_row(row or {}) or set_in_folders(parts),
    }
    return Case(str(folder.relative_to(source)), payload)


def _table(source: Path) -> Path | None:
    return find_table([source, *list(source.resolve().parents)[:PARENTS]], COLUMNS)


def _subjects(source: Path) -> Iterator[Path]:
    for path in source.rglob(f"*{IMAGE}.nii*"):
        if nifti_stem(path) == path.parent.name + IMAGE:
            yield path.parent


def _frame(row: Row, name: str, count: int) -> int | None:
    """A 0-based frame; None where the table leaves it out."""
    text = row.get(name, "")
    if is_missing(text):
        return None
    if not re.fullmatch(r"\d+(\.0*)?", text) or float(text) >= count:
        raise ReadError(f"{name.upper()}: expected a frame from 0 to {count - 1}, got {kind_of(text)} in the table")
    return int(float(text))


def _masks(folder: Path, image: Volume, ed: int | None, es: int | None) -> dict[int, Mask]:
    """Masks of ED and ES; none where the file of masks is missing or empty, as it is for unlabelled subjects."""
    path = existing(folder, f"{folder.name}{IMAGE}_gt")
    if path is None:
        return {}
    volume = load_volume(path)
    check_same_grid(volume, image, path.name, f"{folder.name}{IMAGE}")
    if len(volume.pixels) != len(image.pixels):
        raise ReadError(f"{path.name}: expected {len(image.pixels)} frames as its image has, got {len(volume.pixels)}")
    labelled = [t for t in (ed, es) if t is not None] or range(len(volume.pixels))
    return {t: canonical_mask(volume.pixels[t], MNMS_LABELS, path.name) for t in labelled if volume.pixels[t].any()}


def _attributes(row: Row) -> dict[str, object]:
    code = row.get("vendor", "")
    attributes: dict[str, object] = {
        **renamed_cells(row, ATTRIBUTES),
        "vendor": row.get("vendor_name") or VENDOR_CODES.get(code.upper(), code),
        "height_cm": _centimetres(row.get("height", "")),
    }
    return {name: value for name, value in attributes.items() if not is_missing(value)}


def _centimetres(text: str) -> str:
    """Heights are centimetres; a value that could only be metres is one."""
    try:
        value = float(text)
    except ValueError:
        return text
    return f"{value * 100:g}" if 0 < value < TALLEST_M else "" if value == 0 else text
