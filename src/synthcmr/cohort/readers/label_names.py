"""What other data sets call the structures, and how a text says which mask value is which."""

import json
import re
from collections.abc import Mapping

from synthcmr.cohort.labels import STRUCTURES, Label
from synthcmr.cohort.privacy import column_name
from synthcmr.errors import ReadError

CANONICAL: dict[int, int] = {int(label): int(label) for label in Label}
NAMES: dict[Label, set[str]] = {
    Label.BACKGROUND: {"background", "bg", "other", "none"},
    Label.LV: {
        "lv", "lvc", "lv_cavity", "lv_blood_pool", "lvbp", "lv_bp", "lv_endo", "lv_endocardium", "left_ventricle",
        "left_ventricular_cavity", "left_ventricle_cavity", "left_ventricle_blood_pool", "papillary", "papillaries",
    },
    Label.MYOCARDIUM: {
        "myo", "myocardium", "lv_myo", "lvm", "lvmyo", "lv_myocardium", "lv_wall", "left_ventricular_myocardium",
        "left_ventricle_myocardium", "scar", "infarct", "infarction", "edema", "oedema", "mvo", "no_reflow",
    },
    Label.RV: {
        "rv", "rvc", "rv_cavity", "rv_blood_pool", "rvbp", "rv_bp", "rv_endo", "rv_endocardium", "right_ventricle",
        "right_ventricular_cavity", "right_ventricle_cavity", "right_ventricle_blood_pool",
    },
    Label.UNLABELLED: {"ignore", "unlabelled", "unlabeled", "unknown", "void"},
}  # fmt: skip
OTHER_ORGANS = {
    "la", "ra", "left_atrium", "right_atrium", "aorta", "ao", "pa", "pulmonary_artery", "pericardium", "fat", "liver", "lung",
}  # fmt: skip  # drawn, and background here
PAIR = re.compile(r"\s*[\"']?(-?\d+)[\"']?\s*[=:]\s*[\"']?([^,;\"'{}]+?)[\"']?\s*")


def label_of(name: str) -> Label:
    """The canonical label that a structure's name means.

    Raises:
        ReadError: nobody told what it means.
    """
    key = column_name(name)
    if key in OTHER_ORGANS:
        return Label.BACKGROUND
    label = next((label for label, names in NAMES.items() if key in names), None)
    if label is None:
        known = ", ".join(
            sorted({*STRUCTURES, "background", "ignore", "left_ventricle", "myocardium", "right_ventricle"})
        )
        raise ReadError(f"label '{name}': expected a structure such as {known}")
    return label


def parse_labels(text: str) -> dict[int, int]:
    """Mask value -> canonical label, from "1=lv,2=myo,3=rv" or {"1": "lv"}; 0 is background unless it is named.

    Raises:
        ReadError: the text is something else, or a name is unknown.
    """
    table: dict[int, int] = {}
    for part in re.split(r"[,;]", text.strip().strip("{}")):
        match = PAIR.fullmatch(part)
        if match is None:
            raise ReadError(f"labels: expected text such as '1=lv,2=myo,3=rv', got {text!r}")
        table[int(match[1])] = int(label_of(match[2]))
    return complete(table)


def complete(table: Mapping[int, int]) -> dict[int, int]:
    """The table with 0 as background and 255 as unlabelled, unless it says otherwise."""
    return {0: int(Label.BACKGROUND), 255: int(Label.UNLABELLED), **table}


def structures_in(table: Mapping[int, int]) -> tuple[str, ...]:
    """Structures that some mask value stands for."""
    return tuple(name for name, label in STRUCTURES.items() if label in table.values())


def parse_structures(text: str) -> tuple[str, ...]:
    """Structures from "lv,myo", in canonical order.

    Raises:
        ReadError: a name is unknown.
    """
    found = {label_of(part) for part in re.split(r"[,;+ ]+", text.strip()) if part}
    return tuple(name for name, label in STRUCTURES.items() if label in found)


def labels_from_json(table: Mapping[str, object]) -> dict[int, int]:
    """nnU-Net's `labels`: name -> value; regions (lists of several values) are unions of what is named elsewhere.

    Raises:
        ReadError: a name is unknown, or a value is no whole number.
    """
    found: dict[int, int] = {}
    for name, value in table.items():
        values = value if isinstance(value, list) else [value]
        numbers = [v for v in values if isinstance(v, int)]
        if len(numbers) < len(values):
            raise ReadError(f"labels: expected a whole number for '{name}', got {json.dumps(value)}")
        if len(numbers) == 1:
            found[numbers[0]] = int(label_of(name))
    return {0: int(Label.BACKGROUND), **found}
