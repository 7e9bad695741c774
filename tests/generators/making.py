"""A phantom cohort and a flow so small that they are made in seconds."""

from pathlib import Path

from synthcmr.cohort import Cohort
from synthcmr.config import PreprocessSettings, Settings
from synthcmr.generators.family_settings import (
    DiffusionSettings,
    FlowSettings,
    GanSettings,
    LatentSettings,
    RefineSettings,
    VaeSettings,
)
from synthcmr.phantom.cohort import make_phantoms
from synthcmr.training.settings import LoopSettings

TINY = FlowSettings(patch=4, channels=(32, 32), attention=(False, True), head_channels=16, token_width=16, planes=4)
UNET = {"channels": (32, 32), "attention": (False, True), "head_channels": 16, "token_width": 16, "planes": 4}
SPADE = {
    "channels": (16, 16, 16, 16),
    "encoder": (16, 16, 16),
    "token_width": 16,
    "label_channels": 8,
    "latent_channels": 2,
}
FAMILIES: dict[str, tuple[str, Settings]] = {  # every family, and every kind of it, as small as it gets
    "refine": ("refine", RefineSettings(channels=(16, 16, 16), fine=8, token_width=16, crop=48)),
    "refine-folded": (
        "refine",
        RefineSettings(channels=(16, 16), fine=0, token_width=16, crop=None, neighbour_rate=1.0),
    ),
    "flow": ("flow", TINY),
    "diffusion": ("diffusion", DiffusionSettings(**UNET)),
    "controlnet": ("diffusion", DiffusionSettings(**UNET, mask="controlnet")),
    "latent": ("latent", LatentSettings(**UNET, first_channels=(16, 16), latent_channels=4)),
    "latent-diffusion": (
        "latent",
        LatentSettings(**UNET, first_channels=(16, 16), latent_channels=4, way="diffusion"),
    ),
    "vae": ("vae", VaeSettings(**SPADE)),
    "gan": ("gan", GanSettings(**SPADE, judge_channels=8, judge_layers=2)),
}
LOOP = LoopSettings(steps=6, batch=4, warmup=2, held_out_every=3, held_out_images=4, sheet_every=6, checkpoint_every=2)


def phantoms(out: Path, subjects: int = 8, size: int = 64, seed: int = 1) -> Cohort:
    """Phantoms at 3 mm, so that a whole heart fits into few pixels."""
    return make_phantoms(
        out, "everyone", subjects, seed=seed, preprocess=PreprocessSettings(spacing_mm=3.0, size=size), workers=1
    )


def stable_diffusion(folder: Path) -> Path:
    """A Stable Diffusion of the real classes, with next to no channels and random weights."""
    import diffusers
    import torch

    from tests.conditioning.making import clip_text_model

    tokenizer, text = clip_text_model(folder / "made")
    torch.manual_seed(0)
    tokenizer.save_pretrained(folder / "tokenizer")
    text.save_pretrained(folder / "text_encoder")
    blocks = ("DownEncoderBlock2D",) * 4, ("UpDecoderBlock2D",) * 4
    diffusers.AutoencoderKL(
        block_out_channels=(8,) * 4, down_block_types=blocks[0], up_block_types=blocks[1], norm_num_groups=4
    ).save_pretrained(folder / "vae")
    diffusers.UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(16, 32),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=16,
        attention_head_dim=8,
        norm_num_groups=8,
    ).save_pretrained(folder / "unet")
    diffusers.DDPMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012).save_pretrained(
        folder / "scheduler"
    )
    return folder
