"""Settings of `synthcmr label`."""

from typing import Literal

from pydantic import Field

from synthcmr.config import Settings

FRAMES = ("keep", "auto", "single", "pair", "cine")


class LabelSettings(Settings):
    """What `label` does with a cohort, or with files that it reads itself."""

    judge: str | None = Field(None, description="Run folder or weights of a segmenter. [default: the shipped one]")
    size: int | None = Field(
        128,
        ge=16,
        le=1024,
        description="Rows and columns of the crop around the heart that was found; null, and images that are smaller, stay whole.",
    )
    frames: Literal["keep", "auto", "single", "pair", "cine"] = Field(
        "keep",
        description="Frames per image: as they are, or as ingest has it, with the ED and ES that were chosen.",
    )
    complete: bool = Field(
        True, description="Draw the structures that a person's masks lack; what the person drew is never changed."
    )
