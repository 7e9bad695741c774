"""The first, middle and last of an order, to be shown."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.intp]
SHOWN = 6  # of each


def extremes(order: Rows, titles: tuple[str, str, str], whole: str) -> dict[str, Rows]:
    """Rows to show by title; one row of all where three would show the same one twice.

    Args:
        order: best first.
        titles: of the best, typical and worst.
        whole: title of the one row.
    """
    if len(order) < 3 * SHOWN:
        return {whole: order}
    middle = len(order) // 2 - SHOWN // 2
    return dict(zip(titles, (order[:SHOWN], order[middle : middle + SHOWN], order[::-1][:SHOWN]), strict=True))
