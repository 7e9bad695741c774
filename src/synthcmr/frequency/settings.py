"""What decides a recalibration."""

from typing import Literal

from pydantic import Field

from synthcmr.config import Settings

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
    neighbours: int = Field(200, ge=1, description="K, real images that are retrieved")


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
    seed: int = Field(0, ge=0)

    def floor(self, unit: str) -> float:
        """Frequency below which nothing is changed, in cycles per millimetre or per pixel."""
        return 1 / (self.untouched_mm if unit == "mm" else self.untouched_pixels)
