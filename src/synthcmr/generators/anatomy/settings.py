"""Settings of the anatomy generator."""

from pydantic import Field

from synthcmr.config import Settings

NUMBERS = ("age", "bmi", "height_cm")  # of a person; weight follows from height and BMI


class AnatomySettings(Settings):
    """How hearts are described, and how strongly small groups lean on the whole."""

    grid: int = Field(56, ge=16, description="rows and columns of the distance maps")
    grid_mm: float = Field(3.0, gt=0, description="their pixel")
    levels: int = Field(10, ge=3, description="distance maps per structure and phase, base to apex")
    slice_components: int = Field(24, ge=2, description="numbers that describe one distance map")
    components: int = Field(48, ge=2, description="numbers that describe a whole heart")
    reach_mm: float = Field(18.0, gt=0, description="distances are cut here: what is far from a border says nothing")
    shrinkage: float = Field(0.02, ge=0, le=1, description="least weight of the pooled covariance in a diagnosis' own")
    ridge: float | None = Field(
        None,
        gt=0,
        description="of regressions, in subjects' worth of evidence; null: what predicts left-out subjects best",
    )
