"""What of Stable Diffusion is trained, and for how long, on the machine at hand."""

from synthcmr.generators.conditional.settings import Presets
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
PRESETS: Presets = {
    "cpu": (StableSettings(resolution=128), PAPER.model_copy(update=QUICK | {"steps": 500})),
    "8g": (StableSettings(resolution=256, tune="lora"), PAPER.model_copy(update=QUICK)),
    "24g": (StableSettings(), PAPER),
    "80g": (StableSettings(tune="full"), PAPER.model_copy(update=QUICK | {"batch": 32, "accumulate": 1})),
}
