"""What the settings of all families have in common."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from synthcmr.conditioning.vocabulary import DEFAULT_ATTRIBUTES
from synthcmr.config import DEEPEST, WIDEST_LAYER, Settings, Width
from synthcmr.errors import SettingsError
from synthcmr.training.settings import LoopSettings


class ConditionalSettings(Settings):
    """What a network is conditioned on, and what it begins from."""

    begins_from: ClassVar[tuple[str, ...]] = ()  # families whose weights will do; empty: its own
    never_private: ClassVar[str] = ""  # why no run of the family can be private
    kept: ClassVar[tuple[str, ...]] = ()  # settings that are not those of the weights it begins from

    frames: int = Field(
        2,
        ge=1,
        le=WIDEST_LAYER,
        description="1: ED; 2: ED and ES; more: phases of a cine. They are channels of one image",
    )
    token_width: int = Field(128, ge=8, le=WIDEST_LAYER)
    text_encoder: Literal["tokens", "clip"] = "tokens"
    clip_model: str = Field("openai/clip-vit-base-patch32", description="hub name or folder, for text_encoder clip")
    attributes: tuple[str, ...] = Field(
        DEFAULT_ATTRIBUTES, description="columns that are told; absent ones are skipped"
    )
    neighbour_rate: float = Field(0.4, ge=0, le=1, description="how often the adjacent slice is shown in training")
    neighbour_noise: float = Field(0.1, ge=0, description="noise on the adjacent slice, so that errors do not add up")
    start: str | None = Field(
        None, description="weights to begin from: phantom (those that ship), a run folder, or a weights file"
    )
    rank: int | None = Field(
        None,
        ge=1,
        le=WIDEST_LAYER,
        description="with start: learn nothing but low-rank additions of this rank, and the words",
    )
    heart_weight: float = Field(4.0, ge=1, description="how much more errors on the heart count than elsewhere")

    @model_validator(mode="after")
    def _rank_needs_start(self) -> Self:
        if self.rank is not None and self.start is None:
            raise ValueError("rank needs a start: additions to random weights learn nothing; name one with --init-from")
        return self

    @property
    def borrowed(self) -> tuple[str, ...]:
        """Weights of others that the network stands on: hub names or folders."""
        return (self.clip_model,) if self.text_encoder == "clip" else ()

    @property
    @abstractmethod
    def multiple(self) -> int:
        """Rows and columns of an image must be a multiple of this."""


Presets = Mapping[str, tuple[ConditionalSettings, LoopSettings]]  # by the machine at hand


def chosen(presets: Presets, name: str) -> tuple[ConditionalSettings, LoopSettings]:
    """Model and loop settings of a preset.

    Raises:
        SettingsError: there is no such preset.
    """
    if name not in presets:
        raise SettingsError(f"--preset: expected one of {', '.join(presets)}; got '{name}'")
    return presets[name]


class UnetSettings(ConditionalSettings):
    """MONAI's diffusion U-Net on folded pixels."""

    patch: int = Field(
        4, ge=1, le=DEEPEST, description="pixels are folded into channels by this factor, so that a laptop can train it"
    )
    channels: tuple[Width, ...] = (96, 160, 256)
    attention: tuple[bool, ...] = (False, True, True)
    head_channels: int = Field(32, ge=4, le=WIDEST_LAYER)
    blocks: int = Field(1, ge=1, le=DEEPEST, description="residual blocks per level")
    predict: Literal["rest", "image", "velocity"] = Field(
        "rest",
        description="what the network puts out: what is left after the best linear guess, the image, or the velocity; "
        "the loss is that of the path in any case",
    )
    planes: int = Field(16, ge=0, le=WIDEST_LAYER, description="channels that carry the whole text to every pixel")

    @model_validator(mode="after")
    def _levels_agree(self) -> Self:
        if len(self.attention) != len(self.channels):
            raise ValueError(f"attention needs {len(self.channels)} entries, one per level of channels")
        if any(c % self.head_channels for c in self.channels):
            raise ValueError(f"channels must be multiples of head_channels ({self.head_channels})")
        return self

    @property
    def multiple(self) -> int:
        """Rows and columns of an image must be a multiple of this."""
        return self.patch * 2 ** (len(self.channels) - 1)
