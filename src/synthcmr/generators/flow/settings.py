"""Settings of the flow family."""

from typing import Literal

from pydantic import Field

from synthcmr.generators.conditional.settings import UnetSettings


class FlowSettings(UnetSettings):
    """The network, and what it puts out."""

    predict: Literal["rest", "image", "velocity"] = Field(
        "rest",
        description="what the network puts out: what is left after the best linear guess, the image, or the velocity; "
        "the loss is that of the velocity in any case",
    )
