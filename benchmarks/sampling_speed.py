"""Seconds an image, against what a group would otherwise run, in the same process on the same machine.

    python -m benchmarks.sampling_speed [--peers sd ddpm] [--threads 2]

Ours: the shipped flow with guidance, batches of 16, 128x128 ED+ES pairs. Peers, with random weights (time does not depend on them):
- sd: Stable Diffusion 2.1's U-Net with a ControlNet at 512x512 (latents 64x64), 20 DDIM steps with guidance, as in the fairness
  paper; needs diffusers. Text encoding and VAE decoding are left out, in the peer's favour. A few steps are timed and multiplied.
- ddpm: MONAI's DiffusionInferer with 1000 DDPM steps on the very same network as ours; a few steps are timed and multiplied.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from synthcmr.conditioning.condition import Condition
from synthcmr.generators.anatomy.generator import AnatomyGenerator
from synthcmr.generators.conditional.condition_batch import around
from synthcmr.generators.families import load_generator
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.training.shipped_weights import shipped

BATCH = 16
SD_STEPS, DDPM_STEPS, TIMED_DDPM = 20, 1000, 20


def seconds(job: Callable[[], object], repeats: int) -> float:
    """Median time of a job after a warm-up."""
    job()
    taken = []
    for _ in range(repeats):
        started = time.perf_counter()
        job()
        taken.append(time.perf_counter() - started)
    return float(np.median(taken))


def ours(steps: int, repeats: int) -> float:
    """Seconds an image of the shipped generator, anatomy and text included."""
    generator, anatomy = load_generator(shipped("flow")), AnatomyGenerator.load(shipped("anatomy"))
    hearts = [anatomy.sample({}, seed) for seed in range(BATCH)]
    known = generator.vocabulary.names
    asked = [
        Condition(h.mask[:, h.mask.shape[1] // 2], {k: v for k, v in h.attributes.items() if k in known})
        for h in hearts
    ]
    settings = SamplerSettings(steps=steps)
    return seconds(lambda: generator.sample(asked, list(range(BATCH)), settings), repeats) / BATCH


@torch.no_grad()
def ddpm(repeats: int) -> float:
    """Seconds an image of MONAI's inferer at 1000 steps, on our network without guidance."""
    from monai.networks.schedulers import DDPMScheduler

    network = load_generator(shipped("flow")).network  # type: ignore[attr-defined]
    text = network.text(network.text.prepare([{}] * BATCH))
    shape = (BATCH, 2, 128, 128)
    blank = torch.zeros(BATCH, 8, 128, 128)
    beside = around(blank, torch.zeros(shape), blank, torch.zeros(BATCH), network.settings.patch)
    scheduler = DDPMScheduler(num_train_timesteps=DDPM_STEPS)
    scheduler.set_timesteps(DDPM_STEPS)

    def some_steps() -> None:
        x = torch.randn(shape)
        with torch.autocast("cpu", torch.bfloat16):
            for t in scheduler.timesteps[:TIMED_DDPM]:
                v = network.field(x, t.expand(BATCH) / DDPM_STEPS, beside, text)
                x, _ = scheduler.step(v, t, x)

    return seconds(some_steps, repeats) / TIMED_DDPM * DDPM_STEPS / BATCH


@torch.no_grad()
def stable_diffusion(repeats: int) -> float:
    """Seconds an image of SD 2.1's U-Net with ControlNet: one guided step (both branches) times 20."""
    from diffusers import ControlNetModel, UNet2DConditionModel

    unet = UNet2DConditionModel(
        sample_size=64,
        attention_head_dim=(5, 10, 20, 20),
        cross_attention_dim=1024,
        use_linear_projection=True,
    ).to(torch.bfloat16)
    control = ControlNetModel.from_unet(unet).to(torch.bfloat16)
    latents, context = torch.randn(2, 4, 64, 64).bfloat16(), torch.randn(2, 77, 1024).bfloat16()
    image = torch.rand(2, 3, 512, 512).bfloat16()

    def step() -> None:
        down, middle = control(latents, 500, context, image, return_dict=False)
        unet(latents, 500, context, down_block_additional_residuals=down, mid_block_additional_residual=middle)

    return seconds(step, repeats) * SD_STEPS


def main() -> None:
    """Time everything, print ratios, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", nargs="*", default=["ddpm", "sd"], choices=["ddpm", "sd"])
    parser.add_argument("--steps", type=int, default=SamplerSettings().steps)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/sampling_speed.json"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    found = {"ours_s": ours(options.steps, options.repeats), "steps": options.steps, "threads": options.threads}
    print(f"ours, {options.steps} guided steps: {found['ours_s']:.3f} s an image", flush=True)
    peers = {"ddpm": ddpm, "sd": stable_diffusion}
    for name in options.peers:
        found[f"{name}_s"] = peers[name](options.repeats)
        print(
            f"{name}: {found[f'{name}_s']:.1f} s an image, {found[f'{name}_s'] / found['ours_s']:.0f} times ours",
            flush=True,
        )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
