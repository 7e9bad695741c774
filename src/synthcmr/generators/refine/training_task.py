"""The frames of a cohort with the look each has, and how they become batches, on the CPU or on the card.

Batches hold windows of frames, turned, with other contrast, and always carry whose look they have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from synthcmr.cohort import Cohort
from synthcmr.cohort.attributes import Value
from synthcmr.cohort.labels import Mask
from synthcmr.conditioning.condition import LOOK, Condition, as_tensor, drop_some
from synthcmr.errors import CohortError
from synthcmr.generators.conditional.render import render
from synthcmr.generators.conditional.training_task import (
    SHEET_IMAGES,
    ConditionalTrainee,
    ResidentTrainee,
    drop_words,
    neighbour_of,
    scaled,
)
from synthcmr.generators.family_settings import RefineSettings
from synthcmr.generators.refine.network import RefineNetwork
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.training.batches import Batch, Draw
from synthcmr.training.images import TrainingImages, joined, load_images

PHANTOM = "phantom"  # the look of simulated images
SHEET_STEPS = 8
Frame = npt.NDArray[np.float32]


def load_frames(cohort: Cohort, split: str) -> TrainingImages:
    """Every frame of a split, whatever number of frames its images have.

    Raises:
        CohortError: there is none.
    """
    table = cohort.table
    counts = sorted(set(table["n_frames"][table["split"] == split].astype(int)))
    if not counts:
        raise CohortError(f"{cohort.path}, split '{split}': expected images, found none")
    return joined([single_frames(load_images(cohort, split, count)) for count in counts])


def load_frame_splits(cohort: Cohort) -> tuple[TrainingImages, TrainingImages | None]:
    """Frames to learn from, and those of the validation split where the cohort has one."""
    watched = bool((cohort.table["split"] == "validation").any())
    return load_frames(cohort, "train"), load_frames(cohort, "validation") if watched else None


def single_frames(images: TrainingImages) -> TrainingImages:
    """The frames of images as images; the neighbours of a frame are the same frame of adjacent slices."""
    count = images.image.shape[1]
    shape = (-1, 1, *images.image.shape[2:])
    return TrainingImages(
        images.image.reshape(shape),
        images.mask.reshape(shape),
        [{**row, LOOK: look_of(row)} for row in images.attributes for _ in range(count)],
        [name for name in images.subject for _ in range(count)],
        [tuple(i * count + f for i in beside) for beside in images.neighbours for f in range(count)],
        images.cohort_hash,
    )


def look_of(row: dict[str, Value]) -> str:
    """The look that a cohort names, or where its images come from."""
    return str(row.get(LOOK) or row.get("origin") or "real")


def look_counts(images: TrainingImages) -> dict[str, int]:
    """How many frames there are of each look, most first."""
    return dict(Counter(str(row[LOOK]) for row in images.attributes).most_common())


def usual_look(counts: dict[str, int]) -> str:
    """The look to give where none is requested: that of most images that were not simulated."""
    real = {name: count for name, count in counts.items() if name != PHANTOM}
    return max(real or counts, key=lambda name: (real or counts)[name])


def frame_weights(images: TrainingImages, phantoms: float) -> npt.NDArray[np.float64]:
    """How often each frame is drawn: phantoms make up a share, and who has four times the frames is seen twice as often.

    Args:
        images: to learn from.
        phantoms: their share, where there are other images too.
    """
    of_subject = Counter(images.subject)
    weights = np.array([of_subject[name] ** -0.5 for name in images.subject])
    simulated = np.array([row[LOOK] == PHANTOM for row in images.attributes])
    if simulated.any() and not simulated.all():
        weights[simulated] *= phantoms / weights[simulated].sum()
        weights[~simulated] *= (1 - phantoms) / weights[~simulated].sum()
    return weights / weights.sum()


class RefineTrainee(ConditionalTrainee):
    """The network on single frames."""

    _own: RefineNetwork

    def batch(self, draws: Sequence[Draw], held_out: bool = False) -> Batch:
        """Frames, what is known of them, noise and times; masks stay labels."""
        images = self._images[held_out] or self._training
        settings = self._own.settings
        examples = [Example.of(images, draw, settings, changed=not held_out) for draw in draws]
        text = [self._text(images, draw) for draw in draws]
        shape = (1, *examples[0].image.shape[-2:])
        return {
            "image": scaled(np.stack([one.image for one in examples])),
            "mask": as_tensor(np.stack([one.mask for one in examples])),
            "neighbour": torch.from_numpy(np.stack([one.neighbour for one in examples])),
            "neighbour_mask": as_tensor(np.stack([one.neighbour_mask for one in examples])),
            "shown": torch.tensor([one.shown for one in examples]),
            "text": self._own.text.prepare(text),
            "time": torch.tensor([self._own.time(draw.rng) for draw in draws]),
            "noise": torch.from_numpy(np.stack([draw.rng.standard_normal(shape, dtype=np.float32) for draw in draws])),
        }

    def sheet(self, network: nn.Module) -> npt.NDArray[np.float32]:
        """Above what is refined, phantoms where there are any; below what becomes of it in the look of real images."""
        images = self._images[True] or self._training
        of_phantoms = [i for i, row in enumerate(images.attributes) if row[LOOK] == PHANTOM]
        known = of_phantoms or list(range(len(images)))
        rows = [known[k] for k in np.linspace(0, len(known) - 1, 2 * SHEET_IMAGES + 2).round().astype(int)[1:-1]]
        look = usual_look(look_counts(self._training))
        starts = images.image[rows].astype(np.float32)
        conditions = [
            Condition(images.mask[i], {**images.attributes[i], LOOK: look}, start=start)
            for i, start in zip(rows, starts, strict=True)
        ]
        samples = render(self._bare(network), conditions, list(range(len(rows))), SamplerSettings(steps=SHEET_STEPS))
        return np.hstack([np.vstack([one[0], other[0]]) for one, other in zip(starts, samples, strict=True)])

    def scored_rows(self, held_out: bool) -> list[int]:
        """Frames that were not simulated, where there are any: those whose looks are learned."""
        images = self._images[held_out] or self._training
        real = [i for i, row in enumerate(images.attributes) if row[LOOK] != PHANTOM]
        return real or list(range(len(images)))

    def _text(self, images: TrainingImages, draw: Draw) -> dict[str, object]:
        row = images.attributes[draw.row]
        return {**drop_some(row, draw.rng), LOOK: row[LOOK]}


class Example:
    """One frame as it is learned from."""

    def __init__(self, image: Frame, mask: Mask, neighbour: Frame, neighbour_mask: Mask, shown: bool) -> None:
        self.image, self.mask = image, mask
        self.neighbour, self.neighbour_mask, self.shown = neighbour, neighbour_mask, float(shown)

    @classmethod
    def of(cls, images: TrainingImages, draw: Draw, settings: RefineSettings, changed: bool) -> Example:
        """Draw what is shown beside a frame, and how both are changed."""
        row, rng = draw.row, draw.rng
        beside = neighbour_of(images, draw, settings.neighbour_rate)
        other = row if beside is None else beside
        window, turns, gamma = _changes(images.image.shape[-2:], settings, rng, changed)

        def image(i: int) -> Frame:
            pixels: Frame = np.clip(images.image[i].astype(np.float32), 0, 1) ** np.float32(gamma)
            return np.rot90(pixels[:, window[0], window[1]], turns, axes=(1, 2))

        def mask(i: int) -> Mask:
            return np.rot90(images.mask[i][:, window[0], window[1]], turns, axes=(1, 2))

        noise = settings.neighbour_noise * rng.random()
        neighbour = image(other) * 2 - 1
        neighbour = neighbour + np.float32(noise) * rng.standard_normal(neighbour.shape, dtype=np.float32)
        return cls(image(row), mask(row), neighbour, mask(other), beside is not None)


def _changes(
    size: tuple[int, ...], settings: RefineSettings, rng: np.random.Generator, changed: bool
) -> tuple[tuple[slice, slice], int, float]:
    """A window, quarter turns and a gamma; none of them where frames are only scored."""
    if not changed:
        return (slice(None), slice(None)), 0, 1.0
    sides = [min(n, settings.crop or n) for n in size]
    first = [int(rng.integers(n - side + 1)) for n, side in zip(size, sides, strict=True)]
    turns = int(rng.integers(4)) if rng.random() < settings.turned and sides[0] == sides[1] else 0
    gamma = float(np.exp(rng.normal(0.0, settings.contrast)))
    return (slice(first[0], first[0] + sides[0]), slice(first[1], first[1] + sides[1])), turns, gamma


class ResidentRefineTrainee(ResidentTrainee, RefineTrainee):
    """The refining network on frames that lie where it computes; masks of a batch stay labels."""

    def batch(self, draws: Sequence[Draw], held_out: bool = False) -> Batch:
        """Frames, what is known of them, noise and times."""
        if held_out:
            return RefineTrainee.batch(self, draws, held_out)
        here, settings = self._resident, self._own.settings
        rows, source = self._rows(draws), self._source(draws)
        beside, shown = here.beside(rows, settings.neighbour_rate, source)
        size = (int(here.image.shape[2]), int(here.image.shape[3]))
        window = Windows.draw(len(rows), size, settings, source)
        gamma = torch.exp(settings.contrast * torch.randn(len(rows), 1, 1, 1, generator=source, device=rows.device))
        image = window.of(here.image[rows]).float().clamp(0, 1) ** gamma * 2 - 1
        neighbour = window.of(here.image[beside]).float().clamp(0, 1) ** gamma * 2 - 1
        return {
            "image": image,
            "mask": window.of(here.mask[rows]),
            "neighbour": neighbour + self._grain(image, settings.neighbour_noise, source),
            "neighbour_mask": window.of(here.mask[beside]),
            "shown": shown.float(),
            "text": drop_words(here.text[rows], self._own.text.vocabulary, source, kept=(LOOK,)),
            "time": self._times(draws),
            "noise": torch.randn(image.shape, generator=source, device=rows.device),
        }


@dataclass(frozen=True)
class Windows:
    """Which pixel of each image stands at every place of its window, turned by quarters."""

    row: Tensor  # (images, rows, columns)
    column: Tensor

    @classmethod
    def draw(cls, count: int, size: tuple[int, int], settings: RefineSettings, source: torch.Generator) -> Windows:
        """Random windows of images of one size."""
        device = source.device
        tall, wide = (min(n, settings.crop or n) for n in size)
        draw = torch.rand(4, count, generator=source, device=device)
        top, left = ((draw[k] * (n - side + 1)).long() for k, n, side in ((0, size[0], tall), (1, size[1], wide)))
        turned = (draw[2] < settings.turned) if tall == wide else torch.zeros(count, dtype=torch.bool, device=device)
        quarters = torch.where(turned, (draw[3] * 4).long(), 0)
        return cls.at(top, left, quarters, tall, wide)

    @classmethod
    def at(cls, top: Tensor, left: Tensor, quarters: Tensor, tall: int, wide: int) -> Windows:
        """Windows at given places; quarter turns are of square ones."""
        i, j = torch.meshgrid(
            torch.arange(tall, device=top.device), torch.arange(wide, device=top.device), indexing="ij"
        )
        if tall == wide:
            last = tall - 1
            rows = torch.stack([i, j, last - i, last - j])[quarters]
            columns = torch.stack([j, last - i, last - j, i])[quarters]
        else:
            rows, columns = i.expand(len(top), -1, -1), j.expand(len(top), -1, -1)
        return cls(rows + top[:, None, None], columns + left[:, None, None])

    def of(self, images: Tensor) -> Tensor:
        """The windows of images (images, 1, rows, columns)."""
        each = torch.arange(len(images), device=images.device)[:, None, None]
        return images[:, 0][each, self.row, self.column][:, None]
