"""What decides the network of RHM and its training."""

from typing import Literal

from pydantic import Field

from synthcmr.config import Settings
from synthcmr.errors import SettingsError
from synthcmr.training.settings import LoopSettings


class MappingSettings(Settings):
    """A denoising autoencoder from perturbed real images to real ones."""

    network: Literal["small", "restormer"] = Field("small", description="small: convolutions, for CPUs")
    channels: tuple[int, int] = Field(
        (32, 64), description="of the small network, at half and at a quarter of the resolution"
    )
    dim: int = Field(48, ge=8, description="width of Restormer's first level")
    blocks: tuple[int, int, int, int] = Field((2, 4, 6, 8), description="FET-blocks of each level")
    heads: tuple[int, int, int, int] = Field((1, 2, 4, 8), description="attention heads of each level")
    refinement: int = Field(2, ge=1, description="FET-blocks at the end")
    local: bool = Field(True, description="FESA, the branch of each FET-block that attends to rings of frequencies")
    spectral: Literal["log", "complex"] = Field(
        "log",
        description="second part of the loss: of log amplitudes; or of complex coefficients, as printed, which Parseval makes "
        "a multiple of the first part",
    )
    spectral_weight: float = Field(0.003, ge=0, description="of the second part against the mean squared error")
    perturbation: Literal["shr", "slopes", "both"] = Field(
        "shr", description="shr: as in the paper; slopes: random smooth gains over frequency; both: one or the other"
    )
    slope: float = Field(1.5, gt=0, description="spread of those gains at the highest frequency, in log power")
    radius: tuple[float, float] = Field(
        (0.2, 0.9), description="SHR replaces a share of the rings drawn from this range"
    )
    crop: int | None = Field(64, ge=32, description="side of the pieces that are learned from; null: whole images")


LOOP = LoopSettings(
    steps=800,
    batch=16,
    learning_rate=1e-3,
    warmup=50,
    ema=0.99,
    precision="fp32",  # half precision cannot tell the amplitudes of high frequencies
    held_out_every=200,
    held_out_images=64,
    sheet_every=10**6,
    checkpoint_every=200,
)
PRESETS: dict[str, tuple[MappingSettings, LoopSettings]] = {
    "cpu": (MappingSettings(), LOOP),
    "8g": (
        MappingSettings(network="restormer", dim=24),
        LOOP.model_copy(update={"steps": 20_000, "batch": 16, "learning_rate": 3e-4, "ema": 0.999}),
    ),
    "24g": (
        MappingSettings(network="restormer", crop=128),
        LOOP.model_copy(update={"steps": 60_000, "batch": 16, "learning_rate": 3e-4, "ema": 0.999}),
    ),
}


def preset(name: str) -> tuple[MappingSettings, LoopSettings]:
    """Settings for the machine at hand.

    Raises:
        SettingsError: there is no such preset.
    """
    if name not in PRESETS:
        raise SettingsError(f"--preset: expected one of {', '.join(PRESETS)}, got '{name}'")
    return PRESETS[name]
