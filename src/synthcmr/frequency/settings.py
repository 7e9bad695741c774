"""What decides a recalibration, the network of RHM and its training, and a comparison of spectra."""

from typing import Literal

from pydantic import Field

from synthcmr.config import DEEPEST, LARGEST_SEED, LARGEST_SIZE, MOST, WIDEST_LAYER, Depth, Settings, Width
from synthcmr.errors import SettingsError
from synthcmr.training.settings import LoopSettings

Edges = Literal["periodic", "none"]
Method = Literal["rings", "shr", "rhm", "frerec", "release"]


class RingSettings(Settings):
    """Our own method: each image's log power by ring is moved to where a real image of its rank would have it."""

    target: Literal["affine", "shift", "sampled"] = Field(
        "affine",
        description="affine: real mean and spread; shift: real mean alone; sampled: drawn from a Gaussian of real profiles",
    )
    most_spread: float = Field(
        8.0, ge=1, description="a ring's deviation from the mean is stretched at most so many times"
    )
    rounds: int = Field(
        3, ge=1, le=20, description="repetitions; cutting off values outside the range undoes a part of each"
    )


class ReplacementSettings(Settings):
    """SHR, statistical high-frequency replacement (Liu et al. 2025), as far as it is public."""

    radius: float | None = Field(
        None,
        ge=0,
        le=1,
        description="share of the frequencies, from the highest down, that is replaced; null: where real and synthetic part",
    )
    reading: Literal["magnitude", "complex"] = Field(
        "magnitude", description="whether mean and spread are of magnitudes (phase kept) or of complex coefficients"
    )
    retrieval: Literal["ssim", "group"] = Field(
        "ssim", description="whose statistics: of the most similar real images, or of those of the same group"
    )
    neighbours: int = Field(200, ge=1, le=MOST, description="K, real images that are retrieved")


class RecalibrationSettings(Settings):
    """Everything that decides a recalibration, apart from the training of a network."""

    method: Method = "rings"
    rings: int | None = Field(None, ge=4, le=512, description="of equal width; null: 64, fewer for small images")
    edges: Literal["periodic", "none"] = Field(
        "periodic", description="periodic: what the borders leak is taken out first; none: a plain transform"
    )
    untouched_mm: float = Field(
        100.0, gt=0, description="waves longer than this are left as they are; those half as long are changed fully"
    )
    untouched_pixels: float = Field(64.0, gt=0, description="the same where the pixel spacing is not known")
    by: tuple[str, ...] = Field(
        ("vendor", "field_strength_t"), description="attributes whose crossing has statistics of its own"
    )
    shrinkage: float = Field(
        10.0, ge=0, description="k: a group of n subjects has a weight of n / (n + k) against everyone"
    )
    map: RingSettings = RingSettings()
    replacement: ReplacementSettings = ReplacementSettings()
    seed: int = Field(0, ge=0, le=LARGEST_SEED)

    def floor(self, unit: str) -> float:
        """Frequency below which nothing is changed, in cycles per millimetre or per pixel."""
        return 1 / (self.untouched_mm if unit == "mm" else self.untouched_pixels)


class MappingSettings(Settings):
    """A denoising autoencoder from perturbed real images to real ones."""

    network: Literal["small", "restormer"] = Field("small", description="small: convolutions, for CPUs")
    channels: tuple[Width, Width] = Field(
        (32, 64), description="of the small network, at half and at a quarter of the resolution"
    )
    dim: int = Field(48, ge=8, le=WIDEST_LAYER, description="width of Restormer's first level")
    blocks: tuple[Depth, Depth, Depth, Depth] = Field((2, 4, 6, 8), description="FET-blocks of each level")
    heads: tuple[Depth, Depth, Depth, Depth] = Field((1, 2, 4, 8), description="attention heads of each level")
    refinement: int = Field(2, ge=1, le=DEEPEST, description="FET-blocks at the end")
    local: bool = Field(True, description="FESA, the branch of each FET-block that attends to rings of frequencies")
    spectral: Literal["rings", "log", "complex"] = Field(
        "rings",
        description="second part of the loss: of log power by ring; of the log amplitude of each frequency; or of complex "
        "coefficients, as printed, which Parseval makes a multiple of the first part",
    )
    spectral_weight: float = Field(0.003, ge=0, description="of the second part against the mean squared error")
    perturbation: Literal["shr", "slopes", "both"] = Field(
        "shr", description="shr: as in the paper; slopes: random smooth gains over frequency; both: one or the other"
    )
    slope: float = Field(2.5, gt=0, description="spread of those gains at the highest frequency, in log power")
    radius: tuple[float, float] = Field(
        (0.2, 0.9), description="SHR replaces a share of the rings drawn from this range"
    )
    crop: int | None = Field(
        64, ge=32, le=LARGEST_SIZE, description="side of the pieces that are learned from; null: whole images"
    )


LOOP = LoopSettings(
    steps=800,
    batch=16,
    learning_rate=2e-3,
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


class SpectrumSettings(Settings):
    """Everything that decides the numbers."""

    rings: int | None = Field(None, ge=4, le=512, description="of equal width; null: 64, fewer for small images")
    edges: Edges = Field(
        "periodic", description="periodic: what the borders leak is taken out first; none: a plain transform"
    )
    by: tuple[str, ...] = Field(
        ("vendor", "field_strength_t", "sex", "diagnosis"), description="groups that are compared apart"
    )
    min_subjects: int = Field(5, ge=2, le=MOST, description="on either side, below which nothing is compared")
    draws: int = Field(500, ge=100, le=MOST, description="of the bootstrap over subjects")
    halves: int = Field(20, ge=2, le=MOST, description="random halves of the real subjects that give the floor")
    detail: bool = Field(True, description="whether a small network is trained, too; it takes a minute or two")
    detail_images: int = Field(300, ge=20, le=MOST, description="frames of either side that the network sees")
    detail_steps: int = Field(100, ge=1, le=MOST, description="of its training, in each of three folds")
    seed: int = Field(0, ge=0, le=LARGEST_SEED)
