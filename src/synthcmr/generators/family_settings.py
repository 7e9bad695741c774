"""Settings of every family, and presets of them and of the run for the machine at hand.

They stand apart from the networks and import no torch, so that a wrong flag is refused at once.
"""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from synthcmr.conditioning.condition import LOOK
from synthcmr.conditioning.vocabulary import DEFAULT_ATTRIBUTES
from synthcmr.config import DEEPEST, LARGEST_SIZE, MOST, WIDEST_LAYER, Width
from synthcmr.generators.conditional.settings import ConditionalSettings, Presets, UnetSettings
from synthcmr.training.settings import LoopSettings

FIRST_PATCH = 2  # images are folded by this before the first stage


class RefineSettings(ConditionalSettings):
    """Of the family refine: the network, what it learns of the way from noise to image, and where on it a phantom begins."""

    frames: int = Field(
        2,
        ge=1,
        le=WIDEST_LAYER,
        description="frames of an image where nothing else is asked; each is learned by itself",
    )
    attributes: tuple[str, ...] = Field(
        (*DEFAULT_ATTRIBUTES, LOOK), description="columns that are told; absent ones are skipped"
    )
    channels: tuple[Width, ...] = Field((48, 96, 160, 192), description="of the levels, from half the resolution down")
    fine: int = Field(
        16,
        ge=0,
        le=WIDEST_LAYER,
        description="channels of a stage at full resolution; 0: pixels are folded by two in and out instead",
    )
    groups: int = Field(8, ge=1, le=WIDEST_LAYER, description="of the normalisations; channels are multiples of it")
    phantoms: float = Field(
        0.2, ge=0, le=1, description="share of phantoms among what is seen, where there are others too"
    )
    crop: int | None = Field(
        112, ge=16, le=LARGEST_SIZE, description="rows and columns of a random window that is learned from"
    )
    turned: float = Field(0.5, ge=0, le=1, description="share of training images that get a random quarter turn")
    contrast: float = Field(0.1, ge=0, description="spread of the logarithm of a random gamma in training")
    predict: Literal["rest", "image"] = Field(
        "rest",
        description="what the network puts out: what the best linear guess leaves of the image, or the image itself",
    )
    earliest: float = Field(0.3, ge=0, lt=1, description="time from noise (0) to image (1) from which on it learns")
    time_mean: float = Field(0.3, description="of the logit of times, on the part of the way that is learned")
    time_sd: float = Field(1.2, gt=0)
    left_at_least: float = Field(
        0.05, gt=0, lt=1, description="errors near the end count as if this share of the way was left"
    )
    begin: float = Field(0.45, gt=0, lt=1, description="where on the way a phantom begins, unless asked otherwise")
    late: float = Field(1.5, ge=1, description="above 1: more of the steps close to the image, where grain is decided")
    shared: float = Field(1.0, ge=0, le=1, description="share of the noise that all frames of a slice have in common")
    heart_weight: float = Field(2.0, ge=1, description="how much more errors on the heart count than elsewhere")
    neighbour_rate: float = Field(0.3, ge=0, le=1, description="how often the adjacent slice is shown in training")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if any(width % self.groups for width in (*self.channels, self.fine)):
            raise ValueError(f"channels and fine must be multiples of groups ({self.groups})")
        if self.begin < self.earliest:
            raise ValueError(f"begin must not lie before earliest ({self.earliest}), from which on it has learned")
        return self

    @property
    def multiple(self) -> int:
        """Rows and columns of an image must be a multiple of this."""
        return 2 ** len(self.channels)


def _refine_loop(steps: int, batch: int, every: int) -> LoopSettings:
    return LoopSettings(
        steps=steps,
        batch=batch,
        learning_rate=1.5e-3,
        schedule="hold",
        held_out_every=every,
        sheet_every=2 * every,
        checkpoint_every=every,
    )


REFINE_PRESETS: Presets = {
    "cpu": (RefineSettings(), _refine_loop(2000, 16, 200)),
    "8g": (RefineSettings(channels=(64, 128, 256, 320), fine=32), _refine_loop(30_000, 64, 1000)),
    "24g": (RefineSettings(channels=(96, 192, 320, 448), fine=32), _refine_loop(40_000, 128, 1000)),
    "80g": (RefineSettings(channels=(128, 256, 448, 640), fine=64), _refine_loop(60_000, 256, 1000)),
}


class RefineOnceSettings(RefineSettings):
    """Of the family refine-once: what its images keep of what it begins from, and what they are compared by.

    Without --init-from it begins from the refine that ships.
    """

    begins_from: ClassVar[tuple[str, ...]] = ("refine", "refine-once")
    never_private = "trains a discriminator that sees patients for as long as it runs; use family 'refine'"
    kept: ClassVar[tuple[str, ...]] = ("crop", "phantoms", "turned", "neighbour_rate")

    start: str | None = Field(
        "phantom", description="phantom (the refine that ships), or a run of refine or refine-once"
    )
    crop: int | None = Field(
        96, ge=16, le=LARGEST_SIZE, description="rows and columns of the windows that are compared"
    )
    phantoms: float = Field(0.0, ge=0, le=1, description="phantoms are begun from, and never compared with")
    turned: float = Field(
        0.0, ge=0, le=1, description="share that begins a quarter turned; comparisons turn by themselves"
    )
    neighbour_rate: float = Field(0.6, ge=0, le=1, description="how often the adjacent slice is shown in training")
    structure: float = Field(
        1.5,
        ge=0,
        description="weight of the local correlation with what the start draws: shapes stay, light may change",
    )
    brightness: float = Field(
        0.2, ge=0, description="weight of the difference of widely averaged brightness from what the start draws"
    )
    rings: float = Field(
        0.1, ge=0, description="weight of the gap between the power of images by frequency and that of real ones"
    )
    praise: float = Field(0.1, ge=0, description="weight of the discriminator's verdict")
    penalty: float = Field(20.0, ge=0, description="on the discriminator's gradient at real images (R1)")
    judge_channels: int = Field(
        48, ge=2, le=WIDEST_LAYER, multiple_of=2, description="of the discriminator's first layer"
    )


def _once(preset: str, steps: int, batch: int) -> tuple[RefineOnceSettings, LoopSettings]:
    own = REFINE_PRESETS[preset][0].model_dump(include={"channels", "fine"})
    loop = LoopSettings(
        steps=steps,
        batch=batch,
        learning_rate=1e-4,
        weight_decay=0.0,
        clip_norm=100.0,  # hardly ever: clipped, the penalty of the discriminator would lose its weight
        warmup=100,
        schedule="hold",
        ema=0.995,
        held_out_every=250,
        held_out_images=32,
        sheet_every=500,
        checkpoint_every=50,
    )
    return RefineOnceSettings(**own), loop


REFINE_ONCE_PRESETS: Presets = {
    "cpu": _once("cpu", 2500, 8),
    "8g": _once("8g", 10_000, 32),
    "24g": _once("24g", 20_000, 64),
    "80g": _once("80g", 20_000, 128),
}


class FlowSettings(UnetSettings):
    """Of the family flow: the network, and what it puts out."""


FLOW_PRESETS: Presets = {
    "cpu": (
        # minutes are too short for the rest of the linear guess, which keeps the noise of what is not learned yet
        FlowSettings(channels=(64, 128, 192), attention=(False, False, True), predict="image"),
        LoopSettings(
            steps=2000, batch=16, learning_rate=6e-4, held_out_every=200, sheet_every=400, checkpoint_every=200
        ),
    ),
    "8g": (
        FlowSettings(channels=(128, 192, 256), attention=(False, True, True)),
        LoopSettings(steps=30_000, batch=32, held_out_every=1000, sheet_every=2000, checkpoint_every=1000),
    ),
    "24g": (
        FlowSettings(channels=(192, 320, 448), attention=(False, True, True), blocks=2),
        LoopSettings(steps=60_000, batch=64, held_out_every=1000, sheet_every=5000, checkpoint_every=1000),
    ),
    "80g": (
        FlowSettings(channels=(256, 448, 640), attention=(False, True, True), blocks=3, patch=2),
        LoopSettings(steps=100_000, batch=128, held_out_every=1000, sheet_every=5000, checkpoint_every=1000),
    ),
}


class DiffusionSettings(UnetSettings):
    """Of the family diffusion: the network, and how it is shown the mask."""

    begins_from: ClassVar[tuple[str, ...]] = ("diffusion", "flow")  # a flow is the same network

    mask: Literal["channels", "controlnet", "none"] = Field(
        "channels",
        description="channels: beside the image; controlnet: a control branch beside a frozen network that was trained without masks; "
        "none: that network alone",
    )


DIFFUSION_PRESETS: Presets = {
    name: (DiffusionSettings.model_validate(model.model_dump()), loop) for name, (model, loop) in FLOW_PRESETS.items()
}


class LatentSettings(UnetSettings):
    """Of the family latent: first stage, and the way through its latent space.

    `patch` is how much smaller a latent image is than an image.
    """

    way: Literal["flow", "diffusion"] = "flow"
    latent_channels: int = Field(8, ge=1, le=WIDEST_LAYER)
    first_channels: tuple[Width, ...] = Field(
        (64, 128), description="of the first stage, from half of the resolution down"
    )
    first_steps: float = Field(0.5, gt=0, description="steps of the first stage, as a share of those of the second")
    first_divergence: float = Field(1e-4, ge=0, description="weight of the divergence of latents from standard noise")

    @model_validator(mode="after")
    def _sizes_agree(self) -> Self:
        shrink = FIRST_PATCH * 2 ** (len(self.first_channels) - 1)
        if self.patch != shrink:
            raise ValueError(f"patch must be {shrink}, by which first_channels {self.first_channels} shrink an image")
        return self


# Latent images of 16x16: large shapes are learned sooner where there are few places.
_LATENT_CPU = LatentSettings(
    patch=8,
    first_channels=(64, 128, 128),
    latent_channels=16,
    first_steps=0.25,
    channels=(96, 160, 224),
    attention=(False, True, True),
)
_LATENT_CPU_LOOP = FLOW_PRESETS["cpu"][1].model_copy(update={"steps": 3600, "batch": 8})


def _latent_settings(preset: str) -> LatentSettings:
    values = FLOW_PRESETS[preset][0].model_dump(exclude={"patch"})
    return LatentSettings.model_validate(values)


LATENT_PRESETS: Presets = {
    "cpu": (_LATENT_CPU, _LATENT_CPU_LOOP),
    **{name: (_latent_settings(name), loop) for name, (_, loop) in FLOW_PRESETS.items() if name != "cpu"},
}


class FewStepSettings(FlowSettings):
    """Of the family few-step: the leaps of the student, and how its teacher draws.

    Without --init-from the teacher is the flow that ships.
    """

    begins_from: ClassVar[tuple[str, ...]] = ("flow",)  # its teacher

    start: str | None = Field("phantom", description="the teacher: phantom (the flow that ships), or a run of a flow")
    leaps: int = Field(2, ge=1, le=16, description="evaluations per image")
    early: float = Field(
        1.7, gt=0, description="above 1: shorter leaps near the noise, where the large shapes are decided"
    )
    teacher_steps: int = Field(5, ge=1, le=MOST, description="steps of the teacher within each leap")
    fine: float = Field(
        0.1,
        ge=0,
        description="weight of errors of the last leap's amplitude by frequency, so that grain is not averaged away",
    )
    guidance: float = Field(4.0, ge=0, description="of the teacher; the student has it built in")
    branch: Literal["empty", "metadata-free"] = "metadata-free"
    until: float = Field(0.2, gt=0, le=1)
    rescale: float = Field(0.5, ge=0, le=1)


_FEW_STEP = FewStepSettings()


def _few_step_loop(steps: int, batch: int) -> LoopSettings:
    return LoopSettings(
        steps=steps,
        batch=batch,
        learning_rate=2e-4,
        ema=0.99,
        held_out_every=100,
        held_out_images=32,
        sheet_every=200,
        checkpoint_every=100,
    )


FEW_STEP_PRESETS: Presets = {
    "cpu": (_FEW_STEP, _few_step_loop(600, 8)),
    "8g": (_FEW_STEP, _few_step_loop(5000, 16)),
    "24g": (_FEW_STEP, _few_step_loop(10_000, 32)),
    "80g": (_FEW_STEP, _few_step_loop(10_000, 64)),
}


class SpadeSettings(ConditionalSettings):
    """What vae and gan share: decoder and encoder.

    They work on images folded by two, the decoder from a grid of latent numbers a sixteenth as wide.
    """

    channels: tuple[Width, Width, Width, Width] = Field(
        (192, 160, 96, 64), description="from the grid of latent numbers up to half of the image's resolution"
    )
    latent_channels: int = Field(8, ge=1, le=WIDEST_LAYER, description="latent numbers per place of the grid")
    encoder: tuple[Width, Width, Width] = (48, 96, 128)
    code: int = Field(
        64,
        ge=1,
        le=WIDEST_LAYER,
        description="numbers that an image is summed up in, beside what mask and text say of it",
    )
    divergence: float = Field(
        1.0,
        gt=0,
        description="weight of the code's divergence from its prior, in nats per pixel; larger: what is drawn from the prior is "
        "closer to what is given back, and less of an image is given back",
    )
    label_channels: int = Field(
        32, ge=4, le=WIDEST_LAYER, description="channels that mask and neighbour are summed up in"
    )

    @property
    def multiple(self) -> int:
        """Rows and columns of an image must be a multiple of this."""
        return SPADE_SHRINK


SPADE_PATCH, SPADE_SHRINK = 2, 16


WIDTHS = (256, 256, 192, 128)
WIDER = (384, 384, 256, 160)
WIDEST = (512, 512, 384, 256)
SPADE_LOOPS = {name: loop for name, (_, loop) in FLOW_PRESETS.items()}
SPADE_LOOPS["cpu"] = SPADE_LOOPS["cpu"].model_copy(update={"steps": 3000, "batch": 8})


class VaeSettings(SpadeSettings):
    """Of the family vae: how exactly an image must be given back."""

    edges: float = Field(0.5, ge=0, description="weight of errors of the gradient beside those of the pixels")
    fine: float = Field(
        1.0,
        ge=0,
        description="weight of errors of the amplitude by frequency in small windows: how much grain there is, as no code holds which",
    )


VAE_PRESETS: Presets = {
    "cpu": (VaeSettings(), SPADE_LOOPS["cpu"]),
    "8g": (VaeSettings(channels=WIDTHS), SPADE_LOOPS["8g"]),
    "24g": (VaeSettings(channels=WIDER, encoder=(96, 192, 256)), SPADE_LOOPS["24g"]),
    "80g": (VaeSettings(channels=WIDEST, encoder=(128, 256, 384)), SPADE_LOOPS["80g"]),
}


class GanSettings(SpadeSettings):
    """Of the family gan: the discriminator, and what the generator gets beside its verdict."""

    begins_from: ClassVar[tuple[str, ...]] = ("gan", "vae")  # an autoencoder lacks the discriminators alone

    judge_channels: int = Field(32, ge=8, le=WIDEST_LAYER, description="of the discriminators' first layer")
    judge_scales: int = Field(
        2, ge=1, le=3, description="discriminators, each at half the resolution of the one before"
    )
    judge_layers: int = Field(
        2, ge=2, le=DEEPEST, description="of the first discriminator; the second has twice as many"
    )
    judge_text: int = Field(8, ge=1, le=WIDEST_LAYER, description="channels that tell the discriminators the text")
    judge_detail: float = Field(
        20.0,
        ge=0,
        description="how much larger discriminators see detail than it is; at 0 they find hardly any difference within minutes",
    )
    divergence: float = Field(
        5.0,
        gt=0,
        description="weight of the code's divergence from its prior; larger than a VAE's, as it stands beside larger losses: at 1 the code "
        "drifts away from what can be drawn",
    )
    features: float = Field(
        10.0,
        ge=0,
        description="weight of the difference to the real image of the same mask in the discriminators' features",
    )
    augment: float = Field(
        0.25,
        ge=0,
        le=1,
        description="strength of the shifts and changes of brightness that discriminators see images through, so that a small cohort "
        "is not learned by heart; 1 is DiffAugment's, with which they learn more slowly, 0 is none",
    )


_GAN_LOOPS = {name: loop.model_copy(update={"learning_rate": 2e-4, "warmup": 20}) for name, loop in SPADE_LOOPS.items()}
GAN_PRESETS: Presets = {
    "cpu": (GanSettings(), _GAN_LOOPS["cpu"]),
    "8g": (GanSettings(channels=WIDTHS, judge_channels=48), _GAN_LOOPS["8g"]),
    "24g": (GanSettings(channels=WIDER, judge_channels=64), _GAN_LOOPS["24g"]),
    "80g": (GanSettings(channels=WIDEST, judge_channels=64, judge_scales=3), _GAN_LOOPS["80g"]),
}


class StableSettings(ConditionalSettings):
    """Of the family stable: which weights to begin from, what of them is trained, and at which size."""

    base: str = Field(
        "stabilityai/stable-diffusion-2-1-base",
        description="hub name, or folder, of a Stable Diffusion in diffusers' layout",
    )
    tune: Literal["controlnet", "lora", "full"] = Field(
        "controlnet",
        description="controlnet: the control branch alone (the paper's); lora: low-rank additions to the U-Net as well; full: both entire",
    )
    lora_rank: int = Field(8, ge=1, le=WIDEST_LAYER, description="of the additions where tune is lora")
    resolution: int = Field(
        512, ge=32, le=LARGEST_SIZE, multiple_of=8, description="images are brought to this size and back"
    )
    scale: float = Field(1.0, ge=0, description="strength of the control branch when drawing")

    @property
    def borrowed(self) -> tuple[str, ...]:
        """All that is not trained is its base's."""
        return (self.base,)

    @property
    def multiple(self) -> int:
        """Images of any size are resized."""
        return 1


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
STABLE_PRESETS: Presets = {
    "cpu": (StableSettings(resolution=128), PAPER.model_copy(update=QUICK | {"steps": 500})),
    "8g": (StableSettings(resolution=256, tune="lora"), PAPER.model_copy(update=QUICK)),
    "24g": (StableSettings(), PAPER),
    "80g": (StableSettings(tune="full"), PAPER.model_copy(update=QUICK | {"batch": 32, "accumulate": 1})),
}


FAMILY_PRESETS: dict[str, Presets] = {
    "refine": REFINE_PRESETS,
    "refine-once": REFINE_ONCE_PRESETS,
    "flow": FLOW_PRESETS,
    "diffusion": DIFFUSION_PRESETS,
    "latent": LATENT_PRESETS,
    "gan": GAN_PRESETS,
    "vae": VAE_PRESETS,
    "stable": STABLE_PRESETS,
    "few-step": FEW_STEP_PRESETS,
}
