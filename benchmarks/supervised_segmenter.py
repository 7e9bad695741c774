"""What labels buy: the segmenter's network trained on 70 labelled ACDC patients, to stand beside one that learned from phantoms alone.

    python -m benchmarks.supervised_segmenter --data ../shared/data/acdc/training ../shared/more/acdc/training --out RUN [--steps 2400]

Patients 15 to 20, 35 to 40, 55 to 60, 75 to 80 and 95 to 100 (six of each group) are never looked at: they are for testing, with
`benchmarks.segmentation_on_patients`. Of the other 70, one of each group is watched while the network learns from the other 65;
nothing is chosen by it but when to stop. Augmentation is what nnU-Net does to real images: any rotation, mirroring, scaling, a little
warping, noise, blur, low resolution, contrast. A run that was cut short goes on. RUN holds weights that `Segmenter.load` reads,
and the curve of the watched patients in metrics.jsonl.
"""

import argparse
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.real_cohorts import real_cohort
from synthcmr.cohort import Cohort
from synthcmr.judges.augment import standardise
from synthcmr.judges.fitting import Limits, fit_judge
from synthcmr.judges.scores import segmenter_limits
from synthcmr.judges.segmenter import Segmenter, SegmenterNetwork, SegmenterTrainee, build
from synthcmr.judges.settings import SEGMENTER_LOOP, SegmenterSettings
from synthcmr.training.batches import Batch, Draw
from synthcmr.training.images import TrainingImages, load_images
from synthcmr.training.loop import Progress

TEST_PATIENTS = tuple(n for end in (20, 40, 60, 80, 100) for n in range(end - 5, end + 1))
WATCHED_PATIENTS = (14, 34, 54, 74, 94)  # one of each group
WIDE = 192  # pixels that are read, so that turned and shifted crops hold real pixels
SIZE = 96  # pixels that are learned from, 144 mm: hearts fill them, and a step costs half of what 128 pixels do
BATCH = 12
Augment = Callable[[Tensor, Tensor, int, torch.Generator], tuple[Tensor, Tensor]]


def patient_name(number: int) -> str:
    """As ACDC writes it."""
    return f"patient{number:03d}"


def split_patients(cohort: Cohort) -> tuple[Cohort, Cohort]:
    """The patients that are learned from, and those that are watched; test patients are in neither."""
    watched = [patient_name(n) for n in WATCHED_PATIENTS]
    kept_away = {*watched, *(patient_name(n) for n in TEST_PATIENTS)}
    learned = [name for name in cohort.subjects["subject_id"] if name not in kept_away]
    return cohort.select(subject_id=learned), cohort.select(subject_id=watched)


class SupervisedTrainee(SegmenterTrainee):
    """The segmenter on wide images, with an augmentation of choice."""

    def __init__(
        self,
        network: SegmenterNetwork,
        training: TrainingImages,
        held_out: TrainingImages | None,
        size: int,
        augmentation: Augment,
    ) -> None:
        """Take a network, the images and what is done to them in training."""
        super().__init__(network, training, held_out, size)
        self._chosen = augmentation

    def batch(self, draws: Sequence[Draw], held_out: bool = False) -> Batch:
        """Frames with their masks; augmented in training, the middle of the wide crop otherwise."""
        made = super().batch(draws, held_out)
        if not held_out:
            return made
        edge = (made["image"].shape[-1] - self._size) // 2
        middle = slice(edge, edge + self._size)
        cropped = {"image": standardise(made["image"][..., middle, middle]), "mask": made["mask"][..., middle, middle]}
        return made | cropped

    def _augmented(self, image: Tensor, mask: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        return self._chosen(image, mask, self._size, generator)


def augment_real(image: Tensor, mask: Tensor, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Pose, warp, low resolution, blur, noise, shading and contrast, as for labelled real images.

    Args:
        image: (batch, 1, rows, columns), 0 to 1.
        mask: (batch, rows, columns), labels 0 to 3.
        size: rows and columns of the output.
        generator: source of all randomness.

    Returns:
        Image (batch, 1, size, size), standardised per image, and mask (batch, size, size).
    """
    grid = _places(len(image), image.shape[-1], size, generator)
    image = functional.grid_sample(image, grid, align_corners=False)
    labels = functional.grid_sample(mask[:, None].float(), grid, mode="nearest", align_corners=False)[:, 0].long()
    image = _mixed(image, _coarse(image, generator), 0.25, generator)
    image = _mixed(image, functional.avg_pool2d(image, 3, stride=1, padding=1), 0.3, generator)
    noise = torch.randn(image.shape, generator=generator) * _between(len(image), 0.0, 0.06, generator)
    image = _mixed(image, image + noise, 0.4, generator)
    field = torch.randn(len(image), 1, 3, 3, generator=generator)
    shade = functional.interpolate(field, (size, size), mode="bicubic", align_corners=True)
    image = _mixed(image, image * torch.exp(0.2 * shade), 0.4, generator)
    power = torch.exp(_between(len(image), -0.4, 0.4, generator))
    return standardise(_mixed(image, image.clamp(min=0) ** power, 0.5, generator)), labels


def _places(n: int, wide: int, size: int, generator: torch.Generator) -> Tensor:
    """Where each pixel of a turned, mirrored, scaled, shifted and warped crop comes from."""
    angle = (torch.rand(n, generator=generator) * 2 - 1) * math.pi
    zoom = torch.exp(torch.randn(n, generator=generator) * 0.16) * size / wide
    mirror = torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0)
    cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    turn = torch.stack([torch.stack([cos * mirror, -sin], -1), torch.stack([sin * mirror, cos], -1)], 1)
    shift = torch.randn(n, 2, 1, generator=generator) * 0.09
    grid = functional.affine_grid(torch.cat([turn, shift], 2), [n, 1, size, size], align_corners=False)
    bend = torch.randn(n, 2, 5, 5, generator=generator) * 0.02 * torch.rand(n, 1, 1, 1, generator=generator)
    return grid + functional.interpolate(bend, (size, size), mode="bicubic", align_corners=True).permute(0, 2, 3, 1)


def _coarse(image: Tensor, generator: torch.Generator) -> Tensor:
    """The images on fewer pixels and back."""
    side = image.shape[-1]
    fewer = int(torch.randint(side // 2, side, (1,), generator=generator))
    return functional.interpolate(
        functional.interpolate(image, (fewer, fewer), mode="bilinear", align_corners=False),
        (side, side),
        mode="bilinear",
        align_corners=False,
    )


def _between(n: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return torch.rand(n, 1, 1, 1, generator=generator) * (high - low) + low


def _mixed(image: Tensor, changed: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Some of the images changed."""
    return torch.where(torch.rand(len(image), 1, 1, 1, generator=generator) < share, changed, image)


def planar(network: SegmenterNetwork) -> SegmenterNetwork:
    """The same network with one plane per channel in memory, in which a CPU trains it in two thirds of the time."""

    def lay_out(_: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return tuple(one.clone(memory_format=torch.contiguous_format) for one in given)

    network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    network.network.register_forward_pre_hook(lay_out)
    return network


def train(cohort: Cohort, run: Path, steps: int, seed: int) -> Segmenter:
    """Train, or go on."""
    learned, watched = (load_images(part, None, 2) for part in split_patients(cohort))
    settings = SegmenterSettings(size=SIZE)
    loop = SEGMENTER_LOOP.model_copy(
        update={
            "steps": steps,
            "batch": BATCH,
            "seed": seed,
            "held_out_every": 200,
            "held_out_images": 90,
            "checkpoint_every": 100,
            "threads": 1,
        }
    )

    def limits(network: nn.Module) -> Limits:
        return segmenter_limits(Segmenter(cast(SegmenterNetwork, network), "", {}), watched)

    record = {"family": Segmenter.kind, "model": settings.model_dump(mode="json")}
    weights = fit_judge(
        cohort,
        run,
        record,
        loop,
        lambda: SupervisedTrainee(planar(build(settings)), learned, watched, settings.size, augment_real),
        limits,
        observe,
    )
    return Segmenter.load(weights)


def observe(progress: Progress) -> None:
    """A line now and then."""
    if progress.step % 50 == 0:
        told = "" if progress.held_out is None else f", watched patients {progress.held_out:.4f}"
        minutes = progress.seconds_left / 60
        print(
            f"step {progress.step} of {progress.steps}, loss {progress.loss:.4f}{told}, {minutes:.0f} min left",
            flush=True,
        )


def main() -> None:
    """Read the patients and train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of ACDC patients")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/supervised70"))
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    cohort = real_cohort("acdc", options.data, options.out / "acdc", size=WIDE)
    segmenter = train(cohort, options.out / "run", options.steps, options.seed)
    print(f"{options.out / 'run'}: weights {segmenter.hash[:12]}")


if __name__ == "__main__":
    main()
