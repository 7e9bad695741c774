"""Does the phantom teach what real hearts look like? A segmenter trained on phantoms alone, tested on ACDC.

    python benchmarks/phantom_to_real.py --data ../shared/data/acdc/training --minutes 45

Trains MONAI's DynUNet on `acdc-like` phantoms and segments every subject of an ACDC folder that it never saw. The heart is
found from the image alone (no ground truth places the crop); Dice is counted on the native pixels, per patient over ED
and ES, then averaged over patients; a structure that was missed counts as it is.
"""

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from benchmarks.segment_volume import dice_per_structure, segment_stack
from synthcmr.cohort import Cohort
from synthcmr.cohort.readers import get_reader
from synthcmr.judges.augment import augment, standardise

SIZE = 128
BATCH = 16
CHECKPOINT_EVERY_S = 120.0


def build_network() -> torch.nn.Module:
    """The plain 2D configuration of DynUNet for 128x128 slices."""
    from monai.networks.nets import DynUNet

    filters = [32, 64, 128, 256, 320, 320]
    strides = [1] + [2] * (len(filters) - 1)
    network = DynUNet(
        spatial_dims=2,
        in_channels=1,
        out_channels=4,
        kernel_size=[3] * len(filters),
        strides=strides,
        upsample_kernel_size=strides[1:],
        filters=filters,
        norm_name=("INSTANCE", {"affine": True}),
    )
    return network.to(memory_format=torch.channels_last)


def load_slices(cohort: Cohort) -> tuple[torch.Tensor, torch.Tensor]:
    """All frames of a cohort in memory as bytes: images (n, rows, columns) scaled to 0..255, and masks."""
    images, masks = [], []
    for i in range(len(cohort)):
        images.append(torch.from_numpy(np.rint(cohort.image(i) * 255).astype(np.uint8)))
        masks.append(torch.from_numpy(cohort.mask(i)))
    return torch.cat(images), torch.cat(masks)


def loss_of(logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Cross-entropy plus soft Dice over the foreground, batch-wise."""
    probability = logits.softmax(dim=1)
    onehot = functional.one_hot(mask, 4).permute(0, 3, 1, 2).float()
    overlap = (probability * onehot).sum(dim=(0, 2, 3))[1:]
    total = (probability + onehot).sum(dim=(0, 2, 3))[1:]
    return functional.cross_entropy(logits, mask) + (1 - (2 * overlap + 1) / (total + 1)).mean()


def train(images: torch.Tensor, masks: torch.Tensor, minutes: float, checkpoint: Path, seed: int) -> torch.nn.Module:
    """Train for a given time, with weight averaging; continues from the checkpoint where there is one."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    network, average = build_network(), build_network()
    average.load_state_dict(network.state_dict())
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=1e-4)
    spent, step, total = 0.0, 0, minutes * 60.0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        generator.set_state(state["generator"])
        spent, step = state["spent"], state["step"]
    last = saved = time.monotonic()
    running = 0.0
    while spent < total:
        for group in optimiser.param_groups:
            group["lr"] = 1e-3 * (0.5 + 0.5 * math.cos(math.pi * min(1.0, spent / total))) + 1e-6
        pick = torch.randint(len(images), (BATCH,), generator=generator)
        image, mask = augment(images[pick][:, None].float() / 255, masks[pick].long(), SIZE, generator)
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(image.contiguous(memory_format=torch.channels_last))
        loss = loss_of(logits.float(), mask)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        step += 1
        decay = min(0.998, (step + 1) / (step + 10))
        with torch.no_grad():
            for slow, fast in zip(average.parameters(), network.parameters(), strict=True):
                slow.lerp_(fast, 1 - decay)
        now = time.monotonic()
        spent, last = spent + now - last, now
        running += (float(loss.detach()) - running) * (1.0 if step == 1 else 0.02)
        if step % 100 == 0:
            print(f"step {step}, {spent / 60:.1f} of {minutes:g} min, loss {running:.3f}", flush=True)
        if now - saved > CHECKPOINT_EVERY_S or spent >= total:
            saved = now
            state = {
                "network": network.state_dict(),
                "average": average.state_dict(),
                "optimiser": optimiser.state_dict(),
            }
            torch.save(state | {"generator": generator.get_state(), "spent": spent, "step": step}, checkpoint)
    return average.eval()


def evaluate(network: torch.nn.Module, data: Path) -> dict[str, object]:
    """Dice per patient and structure on an ACDC folder, and the averages."""
    reader = get_reader("acdc")
    patients: dict[str, dict[str, float]] = {}
    for case in reader.cases(data):
        raw = reader.read(data, case)
        (stack,) = raw.stacks
        labels = segment_stack(network, stack, SIZE, standardise)
        patients[raw.subject_id] = dice_per_structure(labels, stack.mask)
        print(raw.subject_id, {k: round(v, 3) for k, v in patients[raw.subject_id].items()}, flush=True)
    names = list(next(iter(patients.values())))
    mean = {k: float(np.mean([p[k] for p in patients.values()])) for k in names}
    rng = np.random.default_rng(0)
    table = np.array([[p[k] for k in names] for p in patients.values()])
    draws = table[rng.integers(len(table), size=(2000, len(table)))].mean(axis=1)
    interval = {k: [float(v) for v in np.percentile(draws[:, i], [2.5, 97.5])] for i, k in enumerate(names)}
    return {"n_patients": len(patients), "dice": mean, "interval_95": interval, "patients": patients}


def main() -> None:
    """Make or take phantoms, train, evaluate, write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of ACDC patients")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/phantom_to_real"))
    parser.add_argument("--subjects", type=int, default=500, help="phantoms to train on")
    parser.add_argument("--minutes", type=float, default=45.0, help="training time")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    cohort = phantoms(options.out / "phantoms", options.subjects, options.seed)
    images, masks = load_slices(cohort)
    print(f"{len(images)} phantom slices of {len(cohort.subjects)} subjects")
    network = train(images, masks, options.minutes, options.out / "checkpoint.pt", options.seed)
    result = evaluate(network, options.data) | {
        "phantoms": options.subjects,
        "minutes": options.minutes,
        "seed": options.seed,
    }
    (options.out / "result.json").write_text(json.dumps(result, indent=2))
    print(json.dumps({k: v for k, v in result.items() if k != "patients"}, indent=2))


def phantoms(path: Path, subjects: int, seed: int) -> Cohort:
    """The training cohort, made once: a wide crop, so that training can move and turn the heart within it."""
    from synthcmr.config import PreprocessSettings
    from synthcmr.phantom.cohort import make_phantoms

    if (path / "cohort.json").exists():
        return Cohort.open(path)
    settings = PreprocessSettings(size=176, frames="pair")
    return make_phantoms(path, preset="acdc-like", subjects=subjects, frames=2, seed=seed, preprocess=settings)


if __name__ == "__main__":
    main()
