"""Settings of the diffusion family, and presets of them and of the run for the machine at hand."""

from typing import ClassVar, Literal

from pydantic import Field

from synthcmr.generators.conditional.settings import Presets, UnetSettings
from synthcmr.generators.flow.settings import PRESETS as FLOW


class DiffusionSettings(UnetSettings):
    """The network, and how it is shown the mask."""

    begins_from: ClassVar[tuple[str, ...]] = ("diffusion", "flow")  # a flow is the same network

    mask: Literal["channels", "controlnet", "none"] = Field(
        "channels",
        description="channels: beside the image; controlnet: a control branch beside a frozen network that was trained without masks; "
        "none: that network alone",
    )


PRESETS: Presets = {
    name: (DiffusionSettings.model_validate(model.model_dump()), loop) for name, (model, loop) in FLOW.items()
}
