"""The one label convention inside synthcmr, and how foreign masks are brought to it."""

from collections.abc import Collection, Mapping
from enum import IntEnum

import numpy as np
import numpy.typing as npt


class Label(IntEnum):
    """Canonical mask values. Papillary muscles and trabeculae count as cavity, as ACDC and UK Biobank draw them."""

    BACKGROUND = 0
    LV = 1
    MYOCARDIUM = 2
    RV = 3
    UNLABELLED = 255  # nothing is known of this pixel; it is not background


STRUCTURES: dict[str, Label] = {"lv": Label.LV, "myo": Label.MYOCARDIUM, "rv": Label.RV}
ALL_STRUCTURES: tuple[str, ...] = tuple(STRUCTURES)

ACDC_LABELS: dict[int, int] = {0: 0, 1: Label.RV, 2: Label.MYOCARDIUM, 3: Label.LV}
MNMS_LABELS: dict[int, int] = {0: 0, 1: Label.LV, 2: Label.MYOCARDIUM, 3: Label.RV}
EMIDEC_LABELS: dict[int, int] = {0: 0, 1: Label.LV, 2: Label.MYOCARDIUM, 3: Label.MYOCARDIUM, 4: Label.MYOCARDIUM}

Mask = npt.NDArray[np.uint8]


def in_canonical_order(names: Collection[str]) -> tuple[str, ...]:
    """The structures among some names: LV, myocardium, RV."""
    return tuple(name for name in ALL_STRUCTURES if name in names)


def remap(mask: npt.NDArray[np.generic], table: Mapping[int, int], source: str) -> Mask:
    """Bring a foreign mask to canonical labels.

    Args:
        mask: integer-valued array of any shape; floats are accepted when they hold whole numbers.
        table: foreign value -> canonical value, for every value that may occur.
        source: what to call the mask in an error.

    Raises:
        ValueError: the mask holds a value that the table does not name, or fractions.
    """
    codes = _codes(mask, source)
    values = np.flatnonzero(np.bincount(codes.ravel(), minlength=1))
    unknown = [int(v) for v in values if int(v) not in table]
    if unknown:
        raise ValueError(f"{source}: expected labels {sorted(table)}, got also {unknown}")
    lookup = np.zeros(int(values.max(initial=0)) + 1, dtype=np.uint8)
    for foreign, canonical in table.items():
        if 0 <= foreign < lookup.size:
            lookup[foreign] = canonical
    return lookup[codes]


def _codes(mask: npt.NDArray[np.generic], source: str) -> npt.NDArray[np.unsignedinteger]:
    """The mask as small whole numbers, checked to lose nothing."""
    codes = mask.astype(np.uint8)
    if not np.array_equal(codes, mask):
        codes = mask.astype(np.uint16)
        lossless = codes == mask
        if not lossless.all():
            odd = mask[~lossless].flat[0]
            raise ValueError(
                f"{source}: expected whole label values from 0 to 65535, got fractions or others such as {odd:g}"
            )
    return codes


def is_drawn(mask: Mask) -> npt.NDArray[np.bool_]:
    """Where any structure is drawn."""
    return (mask != Label.BACKGROUND) & (mask != Label.UNLABELLED)


def hide_unknown(mask: Mask, labelled: tuple[str, ...]) -> Mask:
    """Turn background into UNLABELLED where some structure was never drawn (it may hide in that background)."""
    if set(labelled) == set(ALL_STRUCTURES):
        return mask
    return np.where(mask == Label.BACKGROUND, np.uint8(Label.UNLABELLED), mask)
