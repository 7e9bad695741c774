"""What decides a comparison of spectra."""

from pydantic import Field

from synthcmr.config import Settings
from synthcmr.frequency.plane import Edges


class SpectrumSettings(Settings):
    """Everything that decides the numbers."""

    rings: int | None = Field(None, ge=4, le=512, description="of equal width; null: 64, fewer for small images")
    edges: Edges = Field(
        "periodic", description="periodic: what the borders leak is taken out first; none: a plain transform"
    )
    by: tuple[str, ...] = Field(
        ("vendor", "field_strength_t", "sex", "diagnosis"), description="groups that are compared apart"
    )
    min_subjects: int = Field(5, ge=2, description="on either side, below which nothing is compared")
    draws: int = Field(500, ge=100, description="of the bootstrap over subjects")
    halves: int = Field(20, ge=2, description="random halves of the real subjects that give the floor")
    detail: bool = Field(True, description="whether a small network is asked, too; it takes a minute or two")
    detail_images: int = Field(300, ge=20, description="frames of either side that the network sees")
    detail_steps: int = Field(100, ge=1, description="of its training, in each of three folds")
    seed: int = Field(0, ge=0)
