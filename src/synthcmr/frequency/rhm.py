"""RHM, reconstructive high-frequency mapping (Liu et al. 2025): a network that learns from real images alone what detail belongs where.

Here are its networks, their attention to rings of frequencies, and what they are trained for beside the pixels: spectra.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from synthcmr.cohort.provenance import Input
from synthcmr.frequency.fourier import Floats, pixels, spectra
from synthcmr.frequency.images import ImageBatch as Frames
from synthcmr.frequency.settings import MappingSettings
from synthcmr.frequency.shr import Replacement
from synthcmr.training.batches import Batch, Draw
from synthcmr.training.described_network import settings_of
from synthcmr.training.device import channels_last, channels_last_batch, main_first
from synthcmr.training.loop import Loop, Observer
from synthcmr.training.run_folder import WEIGHTS, RunFolder
from synthcmr.training.settings import LoopSettings
from synthcmr.training.weights import file_hash, load_weights, save_weights

BENDS = 3  # terms of a random gain over frequency


class FrequencyEnhanced(nn.Module):
    """Transposed attention beside ring attention; both are put side by side and fused."""

    def __init__(self, attention: nn.Module, channels: int) -> None:
        """Take the attention that is there and add the other branch."""
        super().__init__()
        self.attention, self.rings = attention, RingAttention(channels)
        self.fuse = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        fused: Tensor = self.fuse(torch.cat([self.attention(x), self.rings(x)], dim=1))
        return fused


class RingAttention(nn.Module):
    """FESA: the amplitudes of channel c in ring c are gated by what all channels hold there."""

    def __init__(self, channels: int) -> None:
        """Build it."""
        super().__init__()
        self.channels = channels
        self.gate = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        output = torch.fft.rfft2(x.float(), norm="ortho")
        gate = torch.sigmoid(self.gate(torch.log1p(output.abs())))
        mine = self._rings(x.shape[-2], x.shape[-1], x.device)
        kept = output * torch.where(mine, gate, torch.ones_like(gate))
        return torch.fft.irfft2(kept, s=x.shape[-2:], norm="ortho").to(x.dtype)

    def _rings(self, rows: int, columns: int, device: torch.device) -> Tensor:
        """Which frequencies belong to each channel, (1, channels, rows, half)."""
        radius = torch.hypot(torch.fft.fftfreq(rows)[:, None], torch.fft.rfftfreq(columns)[None]) / 0.5**0.5
        ring = (radius * self.channels).long().clamp(max=self.channels - 1)
        return (ring[None, None] == torch.arange(self.channels)[None, :, None, None]).to(device)


LEAST = 1e-4  # amplitude below which the log says nothing: rounding of pixels is larger
WIDTH = 2  # of a ring, in steps of frequency


def spectral_loss(output: Tensor, image: Tensor, kind: str) -> Tensor:
    """Difference of spectra.

    Args:
        output: (batch, 1, rows, columns).
        image: what it should be.
        kind: `rings`: log power by ring; `log`: log amplitude of each frequency; `complex`: coefficients, squared.
    """
    if kind == "rings":
        return functional.l1_loss(ring_power(output), ring_power(image))
    if kind == "complex":
        apart = torch.fft.fft2(output - image, norm="ortho")
        return (apart.real**2 + apart.imag**2).mean()
    log = [0.5 * _log_power(torch.fft.rfft2(x, norm="ortho")) for x in (output, image)]
    return functional.l1_loss(log[0], log[1])


def ring_power(image: Tensor) -> Tensor:
    """Log of the mean power in each ring, (batch, 1, rings), under Hann's window: pieces have borders that do not meet."""
    rows, columns = image.shape[2:]
    window, share = _plane(rows, columns)
    coefficients = torch.fft.rfft2((image - image.mean(dim=(2, 3), keepdim=True)) * window.to(image), norm="ortho")
    power = (coefficients.real**2 + coefficients.imag**2).flatten(2)
    return torch.log(power @ share.to(image) + LEAST**2)


def _log_power(coefficients: Tensor) -> Tensor:
    """Flat near zero, where the gradient would explode."""
    return torch.log(coefficients.real**2 + coefficients.imag**2 + LEAST**2)


@lru_cache(maxsize=8)
def _plane(rows: int, columns: int) -> tuple[Tensor, Tensor]:
    """The window, and the matrix that takes the half plane to means of rings; what lies beyond the sides belongs to the last."""
    window = torch.outer(*(torch.hann_window(n, periodic=False) for n in (rows, columns)))
    count = min(rows, columns) // (2 * WIDTH)
    radius = torch.hypot(torch.fft.fftfreq(rows)[:, None], torch.fft.rfftfreq(columns)[None]).flatten()
    ring = torch.clamp(radius * 2 * count, max=count - 1).long()
    weight = functional.one_hot(ring, count).float()
    return window, weight / weight.sum(dim=0)


MULTIPLE = 8


class Mapper(nn.Module):
    """A network that adds what is missing: output = input + network(input)."""

    def __init__(self, settings: MappingSettings) -> None:
        """Build it; it begins as the identity."""
        super().__init__()
        self.settings = settings
        self.network = restormer(settings) if settings.network == "restormer" else SmallNetwork(settings.channels)
        channels_last(self)

    def map(self, image: Tensor) -> Tensor:
        """Images of any size, (batch, 1, rows, columns)."""
        rows, columns = image.shape[2:]
        right, below = -columns % MULTIPLE, -rows % MULTIPLE
        framed = functional.pad(image, (0, right, 0, below), mode="reflect")
        mapped: Tensor = image + self.network(channels_last_batch(framed))[..., :rows, :columns]
        return mapped

    def forward(self, turn: str, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean squared error, and the spectral part."""
        output = self.map(batch["perturbed"]).float()
        pixel = functional.mse_loss(output, batch["image"])
        spectral = spectral_loss(output, batch["image"], self.settings.spectral)
        return pixel + self.settings.spectral_weight * spectral, {"pixel": pixel, "spectral": spectral}


class SmallNetwork(nn.Module):
    """Two levels of residual convolutions on pixels folded into channels: a tenth of Restormer's time, or less."""

    def __init__(self, channels: tuple[int, int]) -> None:
        """Build it; the last layer begins at zero."""
        super().__init__()
        near, far = channels
        self.enter = nn.Conv2d(4, near, 3, padding=1)
        self.above = nn.Sequential(Residual(near), Residual(near))
        self.down = nn.Conv2d(near, far, 2, stride=2)
        self.below = nn.Sequential(Residual(far), Residual(far))
        self.up = nn.Conv2d(far, 4 * near, 1)
        self.after = nn.Sequential(Residual(near), Residual(near))
        self.leave = nn.Conv2d(near, 4, 3, padding=1)
        for parameter in self.leave.parameters():
            nn.init.zeros_(parameter)

    def forward(self, image: Tensor) -> Tensor:
        """What is to be added."""
        near = self.above(self.enter(functional.pixel_unshuffle(image, 2)))
        far = functional.pixel_shuffle(self.up(self.below(self.down(near))), 2)
        return functional.pixel_shuffle(self.leave(self.after(near + far)), 2)


class Residual(nn.Module):
    """Two convolutions beside the identity."""

    def __init__(self, channels: int) -> None:
        """Build it."""
        super().__init__()
        self.first, self.second = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        return x + self.second(functional.silu(self.first(x)))


def restormer(settings: MappingSettings) -> nn.Module:
    """MONAI's Restormer, its attention blocks widened to FET-blocks; its last layer begins at zero."""
    from monai.networks.blocks.cablock import CABlock
    from monai.networks.nets.restormer import Restormer  # older versions do not show it beside the others

    network: Any = Restormer(
        spatial_dims=2,
        in_channels=1,
        out_channels=1,
        dim=settings.dim,
        num_blocks=settings.blocks,
        heads=settings.heads,
        num_refinement_blocks=settings.refinement,
    )
    if settings.local:
        for block in [m for m in network.modules() if isinstance(getattr(m, "attn", None), CABlock)]:
            block.attn = FrequencyEnhanced(block.attn, block.norm1.num_features)
    last = [m for m in network.output.modules() if isinstance(m, nn.Conv2d)][-1]
    nn.init.zeros_(last.weight)
    return network


@dataclass(frozen=True)
class RealFrames:
    """Frames of one size that are learned from."""

    frames: Frames

    def __len__(self) -> int:
        """How many there are."""
        return len(self.frames.images)

    def one(self, row: int) -> Frames:
        """A single frame."""
        f = self.frames
        at = slice(row, row + 1)
        return replace(
            f,
            images=f.images[at],
            names=f.names[at],
            subjects=f.subjects[at],
            groups=f.groups[at],
            low=f.low[at],
            high=f.high[at],
        )


class MappingTrainee:
    """The mapper in training."""

    optimizer_phases: tuple[str, ...] = ("map",)

    def __init__(self, network: Mapper, training: RealFrames, held_out: RealFrames | None, shr: Replacement) -> None:
        """Take a network, frames, and the SHR by which they are perturbed."""
        self.network: nn.Module = network
        self._frames = {False: training, True: held_out or training}
        self._watched = held_out is not None
        self._shr, self._settings = shr, network.settings

    def sizes(self) -> tuple[int, int]:
        """Number of training and of held-out frames."""
        return len(self._frames[False]), len(self._frames[True]) if self._watched else 0

    def parameters(self, turn: str) -> list[nn.Parameter]:
        """Everything."""
        return list(self.network.parameters())

    def batch(self, draws: Sequence[Draw], held_out: bool = False) -> Batch:
        """Perturbed frames beside the real ones, cut to pieces in training."""
        pairs = [self._pair(self._frames[held_out].one(d.row), d.rng, not held_out) for d in draws]
        perturbed, image = (
            torch.from_numpy(np.stack(part).astype(np.float32))[:, None] for part in zip(*pairs, strict=True)
        )
        return {"perturbed": perturbed, "image": image}

    def _pair(self, frame: Frames, rng: np.random.Generator, cut: bool) -> tuple[Floats, Floats]:
        changed, real = self._perturbed(frame, rng)[0], frame.images[0]
        side = min(self._settings.crop or max(real.shape), *real.shape)
        if not cut or side == max(real.shape):
            return changed, real
        top, left = (int(rng.integers(n - side + 1)) for n in real.shape)
        at = (slice(top, top + side), slice(left, left + side))
        return changed[at], real[at]

    def _perturbed(self, frame: Frames, rng: np.random.Generator) -> Floats:
        kind = self._settings.perturbation
        if kind == "slopes" or (kind == "both" and rng.random() < 0.5):
            return sloped(frame, self._settings.slope, rng)
        low, high = self._settings.radius
        named = replace(frame, names=[f"{frame.names[0]}/{rng.integers(2**31)}"])
        return replace(self._shr, radius=float(rng.uniform(low, high)))(named)


def sloped(frame: Frames, spread: float, rng: np.random.Generator) -> Floats:
    """A frame whose log power got a smooth random curve over frequency, zero at frequency zero."""
    transformed = spectra(frame.images, frame.plane)
    place = frame.plane.radius / frame.plane.corner
    curve = sum(rng.normal(0, spread / BENDS**0.5) * place ** (k + 1) for k in range(BENDS))
    return frame.cut(pixels(transformed.coefficients * np.exp(np.asarray(curve) / 2), transformed))


AT_ONCE = 8


class Mapping:
    """A trained RHM."""

    def __init__(self, network: Mapper, weights_hash: str) -> None:
        """Use `fit` or `load`."""
        self.network, self.hash = network.eval().requires_grad_(False), weights_hash

    @classmethod
    def fit(
        cls,
        run: Path,
        training: RealFrames,
        held_out: RealFrames | None,
        shr: Replacement,
        model: MappingSettings,
        loop: LoopSettings,
        inputs: Sequence[Input],
        observe: Observer | None = None,
    ) -> Mapping:
        """Train on real frames alone; a run that was cut short goes on."""
        folder = RunFolder(run)
        record = {
            "family": "rhm",
            "model": model.model_dump(mode="json"),
            "loop": loop.model_dump(mode="json"),
            "shr": shr.settings.model_dump(mode="json"),
            "real": [one.hash for one in inputs],
        }
        with main_first():
            folder.start(record, list(inputs))
        torch.manual_seed(loop.seed)
        going = Loop(MappingTrainee(Mapper(model), training, held_out, shr), loop, folder, observe)
        network = going.fit()
        if going.main:
            folder.finish(save_weights(network, run / WEIGHTS, record | {"steps": going.step}), list(inputs))
        return cls(cast(Mapper, network), file_hash(run / WEIGHTS))

    @classmethod
    def load(cls, weights: Path) -> Mapping:
        """Load a weights file."""
        network = Mapper(settings_of(weights, MappingSettings))
        load_weights(network, weights)
        return cls(network, file_hash(weights))

    @torch.no_grad()
    def __call__(self, batch: Frames) -> Floats:
        """The images with the detail that the network says belongs to them."""
        device = next(self.network.parameters()).device
        parts = torch.split(torch.from_numpy(batch.images.astype(np.float32))[:, None], AT_ONCE)
        mapped = torch.cat([self.network.map(part.to(device)).cpu() for part in parts])
        return batch.cut(mapped[:, 0].double().numpy())
