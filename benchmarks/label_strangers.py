"""What `label` does with images that lie otherwise than they should, and with images that show no heart: on ACDC.

    python -m benchmarks.label_strangers --acdc FOLDER ... [--every 8]

Every k-th patient's stack is turned and mirrored, and labelled without its masks: Dice of LV, myocardium and RV for each pose. Then the
largest part of the field of view beside the heart, which shows lung, chest wall, liver or stomach alone, is labelled: how many
are rejected, and how many slices of the rest are called doubtful.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from synthcmr.cohort.labels import STRUCTURES, Mask
from synthcmr.cohort.raw_subject import Stack
from synthcmr.cohort.readers import get_reader
from synthcmr.errors import ReadError
from synthcmr.judges.segmenter import Segmenter
from synthcmr.labelling.labeller import label_stack
from synthcmr.labelling.stack_views import POSES
from synthcmr.training.shipped_weights import shipped

ROOM = 6  # native pixels between the heart and what is looked at beside it


def stacks(folders: list[Path], every: int) -> Iterator[Stack]:
    """Every k-th patient's stack, with its masks."""
    reader = get_reader("acdc")
    for folder in folders:
        for case in list(reader.cases(folder))[::every]:
            yield reader.read(folder, case).stacks[0]


def without_masks(stack: Stack) -> Stack:
    """As it would be read where nobody drew anything."""
    return replace(stack, mask=None, labelled=())


def dice(drawn: Mask, found: Mask) -> list[float]:
    """Of each structure's volume over the stack."""
    return [
        float(2 * ((drawn == label) & (found == label)).sum() / max(1, (drawn == label).sum() + (found == label).sum()))
        for label in STRUCTURES.values()
    ]


def beside_the_heart(stack: Stack) -> Stack:
    """The largest part of the field of view above, below, left or right of everything that was drawn."""
    assert stack.mask is not None
    heart = stack.mask > 0
    rows, columns = np.flatnonzero(heart.any((0, 1, 3))), np.flatnonzero(heart.any((0, 1, 2)))
    parts = [
        stack.image[..., : max(rows[0] - ROOM, 0), :],
        stack.image[..., rows[-1] + ROOM :, :],
        stack.image[..., : max(columns[0] - ROOM, 0)],
        stack.image[..., columns[-1] + ROOM :],
    ]
    return replace(
        without_masks(stack), image=np.ascontiguousarray(max(parts, key=lambda part: part.size)), affine=None
    )


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--acdc", type=Path, nargs="+", required=True)
    parser.add_argument("--every", type=int, default=8)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/label_strangers.json"))
    asked = parser.parse_args()
    judge = Segmenter.load(shipped("segmenter"))
    known = list(stacks(asked.acdc, asked.every))
    told: dict[str, object] = {"patients": len(known)}
    for pose in POSES:
        scores = []
        for stack in known:
            assert stack.mask is not None
            image, drawn = (np.ascontiguousarray(pose.apply(part)) for part in (stack.image, stack.mask))
            found = label_stack(judge, replace(without_masks(stack), image=image)).stack.mask
            assert found is not None
            scores.append(dice(drawn, found))
        told[str(pose)] = [round(float(one), 3) for one in np.mean(scores, axis=0)]
        print(pose, told[str(pose)], flush=True)
    rejected, doubtful, slices = 0, 0, 0
    for stack in known:
        try:
            doubt = label_stack(judge, beside_the_heart(stack)).stack.columns["doubt"]
        except ReadError:
            rejected += 1
            continue
        assert isinstance(doubt, np.ndarray)
        doubtful, slices = doubtful + int((doubt != "").sum()), slices + doubt.size
    told["beside the heart"] = {"rejected": rejected, "slices of the others": slices, "of these doubtful": doubtful}
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(told, indent=1) + "\n")
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
