"""nnU-Net raw data sets: dataset.json, imagesTr/CASE_0000, labelsTr/CASE."""

import json
import re
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np

from synthcmr.cohort.labels import STRUCTURES, Label, Mask, hide_unknown
from synthcmr.cohort.raw_subject import Case, RawSubject
from synthcmr.cohort.readers.image_files import Volume, canonical_mask, check_intensities, check_same_grid, load_image
from synthcmr.cohort.readers.labelled_frames import check_one_frame
from synthcmr.cohort.readers.mask_labels import labels_from_json, structures_in
from synthcmr.cohort.readers.stacking import LabelledVolume, stacks_of
from synthcmr.cohort.readers.tables.files import Cells, agreed_attributes, attribute_columns, attributes_of, read_rows
from synthcmr.cohort.readers.tables.rows import ImageRow
from synthcmr.cohort.reasons import token, why
from synthcmr.cohort.source_links import expect_within
from synthcmr.errors import ReadError, SettingsError

DESCRIPTION, SUBJECTS = "dataset.json", "subjects.csv"
SIDES = {"Tr": None, "Ts": "test"}  # folder suffix -> split
CASE_COLUMNS = ("phase", "frame", "stack", "labelled")  # of subjects.csv, as the table reader has them
OWN_COLUMNS = {"case", "subject_id", *CASE_COLUMNS}
CASE_NAME = re.compile(r"(?P<subject>.+)_(?P<phase>ED|ES)", re.IGNORECASE)
FRAME_NAME = re.compile(r"(?:f|frame_?|phase_?|t)?(\d{1,5})", re.IGNORECASE)
ONE_MASK = "nnU-Net has one mask for all channels; it was taken as that of channel 0"
LONGEST_ENDING = 20
FILE_ENDING = re.compile(rf"\.[A-Za-z0-9.]{{1,{LONGEST_ENDING - 1}}}")
OTHER_CHANNELS = "only channel 0 was read; the others are not frames of it"


class NnunetReader:
    """Reads a `DatasetNNN_Name` folder, or the one that nnUNet_raw holds.

    One subject per case, unless subjects.csv (columns case, subject_id, stack, phase, frame) or names such as
    patient001_ED and patient001_ES say which cases are of one subject.
    """

    name = "nnunet"
    about = "dataset.json with imagesTr/CASE_0000.nii.gz and labelsTr/CASE.nii.gz (nnU-Net v2 raw)"

    def recognises(self, source: Path) -> bool:
        """Whether a dataset.json lies beside imagesTr."""
        return bool(_roots(source))

    def cases(self, source: Path) -> list[Case]:
        """Every subject with its cases."""
        root = _root(source)
        first_channel = f"_0000{_ending(_description(root))}"
        described = _described(root)
        subjects: dict[str, list[Cells]] = defaultdict(list)
        for side, split in SIDES.items():
            names = _names(root / f"images{side}")
            for name in sorted(one.removesuffix(first_channel) for one in names if one.endswith(first_channel)):
                subject_id, cells = described.get(name) or _guessed(name)
                attributes = {**({"split": split} if split else {}), **cells["attributes"]}
                subjects[subject_id].append({**cells, "case": name, "side": side, "attributes": attributes})
        return [Case(subject_id, {"cases": own_cases}) for subject_id, own_cases in sorted(subjects.items())]

    def read(self, source: Path, case: Case) -> RawSubject:
        """Read one subject; a case that cannot be read is a reject of its own where another can."""
        root = _root(source)
        description = _description(root)
        cases = case.payload["cases"]
        files: list[LabelledVolume] = []
        rejects: list[tuple[str, str]] = []
        notes: list[str] = []
        for cells in cases:
            try:
                files.append(_read_case(root, description, cells, notes))
            except ReadError as error:
                rejects.append((str(cells["case"]), str(error)))
        if not files:
            raise ReadError(rejects[0][1] if rejects else "no case is listed for it")
        stacks, unplaced = stacks_of(files)
        attributes, remarks = agreed_attributes([cells["attributes"] for cells in cases])
        return RawSubject(
            case.case_id, attributes, stacks, rejects=(*rejects, *unplaced), notes=(*dict.fromkeys(notes), *remarks)
        )


def _roots(source: Path) -> list[Path]:
    if not source.is_dir():
        return []
    folders = [source, *sorted(f for f in source.glob("Dataset*") if f.is_dir())]
    return [f for f in folders if (f / DESCRIPTION).is_file() and (f / "imagesTr").is_dir()]


def _root(source: Path) -> Path:
    roots = _roots(source)
    if len(roots) != 1:
        got = ", ".join(f.name for f in roots) or "none"
        raise SettingsError(
            f"{source}: expected one folder with {DESCRIPTION} and imagesTr, got {got}; name the one to read"
        )
    return roots[0]


def _description(root: Path) -> Cells:
    path = root / DESCRIPTION
    expect_within(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise SettingsError(f"{path}: expected JSON, got: {why(error)}") from error
    if not isinstance(content, dict) or not isinstance(content.get("labels"), dict):
        raise SettingsError(f'{path}: expected an object with \'labels\', such as {{"background": 0, "LV": 1}}')
    return content


def _ending(description: Cells) -> str:
    """What names of images end in.

    Raises:
        SettingsError: it is no ending of names.
    """
    ending = description.get("file_ending", ".nii.gz")
    if not isinstance(ending, str) or not FILE_ENDING.fullmatch(ending):
        raise SettingsError(
            f"{DESCRIPTION}: expected a file_ending of at most {LONGEST_ENDING} letters, digits and dots, such as '.nii.gz', got "
            f"{token(ending)}"
        )
    return ending


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()] if folder.is_dir() else []


def _described(root: Path) -> dict[str, tuple[str, Cells]]:
    """Case -> (subject, what subjects.csv says)."""
    path = root / SUBJECTS
    rows = read_rows(path) if path.is_file() else []
    if not rows or not {"case", "subject_id"} <= set(rows[0]):
        return {}
    columns = {c: name for c, name in attribute_columns(rows[0]).items() if c not in OWN_COLUMNS}
    return {
        row["case"]: (
            row["subject_id"] or row["case"],
            {**{c: row.get(c) for c in CASE_COLUMNS}, "attributes": attributes_of(row, columns)},
        )
        for row in rows
    }


def _guessed(name: str) -> tuple[str, Cells]:
    match = CASE_NAME.fullmatch(name)
    if match is None:
        return name, {"attributes": {}}
    return match["subject"], {"phase": match["phase"].upper(), "attributes": {}}


def _read_case(root: Path, description: Cells, cells: Cells, notes: list[str]) -> LabelledVolume:
    name, side = cells["case"], cells["side"]
    ending = _ending(description)
    row = ImageRow.parse({**{c: cells.get(c) for c in CASE_COLUMNS}, "image": name})
    channels = _channels(description)
    frames = _frames_of(channels)
    paths = [root / f"images{side}" / f"{name}_{n:04d}{ending}" for n in range(len(channels) if frames else 1)]
    volumes = [load_image(path) for path in paths]
    for volume, path in zip(volumes, paths, strict=True):
        check_intensities(volume, path.name)
        check_same_grid(volume, volumes[0], path.name, paths[0].name)
        check_one_frame(volume, path)
    image = replace(volumes[0], pixels=np.concatenate([v.pixels for v in volumes])) if frames else volumes[0]
    phases, numbers = zip(*frames, strict=True) if frames else ((row.phase,), (row.frame,))
    mask, structures = _mask(root / f"labels{side}" / f"{name}{ending}", description, image)
    notes += [ONE_MASK] if frames and mask is not None else []
    notes += [OTHER_CHANNELS] if not frames and len(channels) > 1 else []
    labelled = tuple(structures if t == 0 else () for t in range(len(phases)))
    return LabelledVolume(name, image, mask, labelled, tuple(phases), tuple(numbers), stack=row.stack)


def _channels(description: Cells) -> list[str]:
    names = description.get("channel_names") or description.get("modality")
    if not isinstance(names, dict):
        return ["MRI"]
    if not all(key.isdecimal() and len(key) < 6 for key in names):
        raise ReadError(f"{DESCRIPTION}: expected channel_names numbered from 0, got other names")
    return [str(value) for _, value in sorted(names.items(), key=lambda item: int(item[0]))]


def _frames_of(channels: list[str]) -> list[tuple[str, int | None]]:
    """(phase, number) of each channel, if the channels are frames of a cine; else nothing."""
    if len(channels) == 1:
        return []
    frames: list[tuple[str, int | None]] = []
    for channel in channels:
        match = FRAME_NAME.fullmatch(channel.strip())
        phase = channel.strip().upper()
        if match is None and phase not in ("ED", "ES"):
            return []
        frames.append((phase, None) if match is None else ("", int(match[1])))
    return frames


def _mask(path: Path, description: Cells, image: Volume) -> tuple[Mask | None, tuple[str, ...]]:
    """Canonical labels, on the first frame of the image, and which structures are drawn."""
    if not path.is_file():
        return None, ()
    table = labels_from_json(description["labels"])
    mask_volume = load_image(path, "mask")
    check_same_grid(mask_volume, image, path.name, "its image")
    first = canonical_mask(mask_volume.pixels[0], table, path.name)
    structures = _drawn(first, structures_in(table))
    mask = np.full(image.pixels.shape, Label.UNLABELLED, dtype=np.uint8)
    mask[0] = hide_unknown(first, structures)
    return mask, structures


def _drawn(mask: Mask, named: tuple[str, ...]) -> tuple[str, ...]:
    """Structures that this mask draws: with `ignore` in place of all background, those that occur in it."""
    values = set(np.unique(mask))
    if int(Label.UNLABELLED) not in values or int(Label.BACKGROUND) in values:
        return named
    return tuple(name for name in named if STRUCTURES[name] in values)
