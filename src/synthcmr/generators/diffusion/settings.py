"""Settings of the diffusion family."""

from typing import ClassVar, Literal

from pydantic import Field

from synthcmr.generators.conditional.settings import UnetSettings


class DiffusionSettings(UnetSettings):
    """The network, and how it is shown the mask."""

    begins_from: ClassVar[tuple[str, ...]] = ("diffusion", "flow")  # a flow is the same network

    mask: Literal["channels", "controlnet", "none"] = Field(
        "channels",
        description="channels: beside the image; controlnet: a control branch beside a frozen network that was trained without masks; "
        "none: that network alone",
    )
