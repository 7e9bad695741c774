"""UK Biobank: zips of short-axis DICOM (field 20209), a table of field ids, masks in Bai's convention."""

import re
from pathlib import Path

from synthcmr.cohort.raw import Case, RawSubject, Stack
from synthcmr.cohort.readers.archive import open_entries
from synthcmr.cohort.readers.dicom_attributes import header_attributes
from synthcmr.cohort.readers.dicom_cine import Cine, read_cine, to_stack
from synthcmr.cohort.readers.ukbb_masks import bai_masks
from synthcmr.cohort.readers.ukbb_table import read_table
from synthcmr.errors import ReadError

BULK = re.compile(r"(?P<eid>[^_]+)_20209_(?P<visit>\d+)_(?P<part>\d+)(\.zip)?")


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
        visits = {eid: sorted(found) for eid, found in sorted(files.items())}
        folder = source if source.is_dir() else source.parent
        table = read_table(folder, {eid: found[0][0] for eid, found in visits.items()})
        return [Case(eid, {"visits": found, "attributes": table.get(eid, {})}) for eid, found in visits.items()]

    def read(self, source: Path, case: Case) -> RawSubject:
        """Read one participant; ReadError where no visit can be read or a mask does not fit."""
        folder = source if source.is_dir() else source.parent
        visits = _visits(case)
        first, attributes, notes = _read_visit(folder, visits[0][1], folder / case.case_id)
        stacks, rejects = [first[0]], list(first[1])
        for visit, name in visits[1:]:
            try:
                (stack, more), _, further = _read_visit(folder, name, None)
            except ReadError as error:
                rejects.append((f"visit {visit}", str(error)))
                continue
            stacks.append(stack)
            rejects += more
            notes += (f"imaged again at visit {visit}; the attributes are those of visit {visits[0][0]}", *further)
        table = case.payload["attributes"]
        known = {**attributes, **(table if isinstance(table, dict) else {})}
        return RawSubject(case.case_id, known, tuple(stacks), rejects=tuple(rejects), notes=notes)


def _read_visit(
    folder: Path, name: str, masks: Path | None
) -> tuple[tuple[Stack, tuple[tuple[str, str], ...]], dict[str, object], tuple[str, ...]]:
    """((stack, rejects), header attributes, notes) of one bulk file."""
    with open_entries(folder / name) as entries:
        cine = read_cine(entries)
        stack, notes = _labelled_stack(cine, masks)
        return (stack, cine.rejects), header_attributes(cine.first.entry), (*cine.notes, *notes)


def _labelled_stack(cine: Cine, masks: Path | None) -> tuple[Stack, tuple[str, ...]]:
    if masks is None or not masks.is_dir():
        return to_stack(cine, None, ())
    mask, labelled, told, notes = bai_masks(masks, cine)
    stack, phase_notes = to_stack(cine, mask, labelled, told)
    return stack, (*notes, *phase_notes)


def _visits(case: Case) -> list[tuple[int, str]]:
    found = case.payload["visits"]
    return [(int(visit), str(name)) for visit, name in found] if isinstance(found, list) else []


def _bulk_files(source: Path) -> list[tuple[Path, re.Match[str]]]:
    paths = [source] if source.is_file() else sorted(source.iterdir())
    matches = [(path, BULK.fullmatch(path.name)) for path in paths]
    return [(path, match) for path, match in matches if match is not None]
