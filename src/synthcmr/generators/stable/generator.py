"""The stable family."""

from pathlib import Path
from typing import ClassVar

from synthcmr.generators.conditional.generator import ConditionalGenerator, Fitting, Presets
from synthcmr.generators.stable.network import StableNetwork
from synthcmr.generators.stable.settings import StableSettings
from synthcmr.training.settings import LoopSettings

# The paper's: AdamW at 1e-5 throughout, batches of one, gradients of two added up, fp32; 5 epochs of 177 174 images.
PAPER = LoopSettings(
    steps=442_935,
    batch=2,
    accumulate=2,
    learning_rate=1e-5,
    warmup=0,
    precision="fp32",
    held_out_every=5000,
    held_out_images=64,
    sheet_every=10_000,
    checkpoint_every=5000,
)
QUICK = {"steps": 20_000, "precision": "bf16", "held_out_every": 1000, "sheet_every": 2000, "checkpoint_every": 1000}


class StableGenerator(ConditionalGenerator[StableNetwork]):
    """Stable Diffusion and a ControlNet."""

    family = "stable"
    settings_kind = StableSettings
    network_kind = StableNetwork
    presets: ClassVar[Presets] = {
        "cpu": (StableSettings(resolution=128), PAPER.model_copy(update=QUICK | {"steps": 500})),
        "8g": (StableSettings(resolution=256, tune="lora"), PAPER.model_copy(update=QUICK)),
        "24g": (StableSettings(), PAPER),
        "80g": (StableSettings(tune="full"), PAPER.model_copy(update=QUICK | {"batch": 32, "accumulate": 1})),
    }

    @classmethod
    def prepare(cls, network: StableNetwork, fitting: Fitting) -> None:
        """Nothing is measured; low-rank additions are made."""
        network.add_low_rank()

    @classmethod
    def begin(cls, network: StableNetwork, start: Path) -> None:
        """Take all that was trained before."""
        super().begin(network, start)
        network.add_low_rank()
