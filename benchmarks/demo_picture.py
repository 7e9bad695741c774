"""The picture of the README: what the demo made and found.

    python -m benchmarks.demo_picture DEMO [--out docs/images/demo.png]

DEMO is the folder that `synthcmr demo` wrote. Left: a phantom, an image generated for somebody like it, and the same image after
recalibration. Right: balanced accuracy of a classifier, group by group, learned from phantoms alone, from their hearts alone, and from
phantoms and planned images, with 95 % intervals.
"""

import argparse
import base64
import io
import json
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from PIL import Image

from synthcmr.cohort import Cohort
from synthcmr.report.demo_page import CaptionedPicture, GroupRow, groups, trios

mpl.use("Agg")
from matplotlib import pyplot as plt

COLOURS = {"nothing": "#1c2430", "cropping": "#0b6e75", "real + planned": "#7a4fa3"}
NAMES = {
    "nothing": "phantoms alone",
    "cropping": "phantoms, heart alone",
    "real + planned": "phantoms + planned images",
}
ROWS = 3


def pixels(shown: CaptionedPicture | None) -> npt.NDArray[np.uint8]:
    """What a page shows, as an array."""
    if shown is None:
        return np.full((256, 256), 235, dtype=np.uint8)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(shown.data.split(",", 1)[1]))))


def draw_groups(axis: plt.Axes, rows: list[GroupRow]) -> None:
    """Intervals of each group, one line for each remedy."""
    scored = [row for row in rows if row.scores]
    for k, row in enumerate(scored):
        for j, (remedy, e) in enumerate(row.scores.items()):
            y = -k + 0.22 * (1 - j)
            axis.plot([e.low, e.high], [y, y], color=COLOURS[remedy], lw=2.2, label=NAMES[remedy] if k == 0 else None)
            axis.plot(e.value, y, "o", color=COLOURS[remedy], ms=5)
    axis.set_yticks([-k for k in range(len(scored))], [f"{row.name}\n{row.people}" for row in scored], fontsize=8)
    axis.set_xlabel("balanced accuracy on a balanced test split, 95 % interval", fontsize=8)
    axis.tick_params(axis="x", labelsize=8)
    axis.grid(axis="x", color="#dfe4ea")
    axis.set_axisbelow(True)
    axis.spines[["top", "right", "left"]].set_visible(False)
    axis.legend(fontsize=8, frameon=False, loc="upper center", bbox_to_anchor=(0.4, 1.12), ncols=3, columnspacing=1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("demo", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/images/demo.png"))
    given = parser.parse_args()
    cohorts = (Cohort.open(given.demo / name) for name in ("cohort", "synthetic", "recalibrated"))
    shown = trios(*cohorts)[:ROWS]
    figure = plt.figure(figsize=(11, 4.8), dpi=110)
    left, right = figure.subfigures(1, 2, width_ratios=(1.0, 1.25))
    for k, trio in enumerate(shown):
        for j, (title, one) in enumerate(
            (("phantom", trio.real), ("generated", trio.generated), ("recalibrated", trio.recalibrated))
        ):
            axis = left.add_axes((0.02 + 0.32 * j, 0.68 - 0.31 * k, 0.31, 0.26))
            axis.imshow(pixels(one), cmap="gray", vmin=0, vmax=255)
            axis.set_axis_off()
            if k == 0:
                axis.set_title(title, fontsize=9, pad=3)
            if j == 1:
                axis.text(0.5, -0.04, trio.who, fontsize=8, ha="center", va="top", transform=axis.transAxes)
    axis = right.add_axes((0.27, 0.12, 0.7, 0.76))
    draw_groups(axis, groups(json.loads((given.demo / "debiased/scores.json").read_text())))
    given.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(given.out)
    print(given.out)


if __name__ == "__main__":
    main()
