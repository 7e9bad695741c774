"""What each training preset needs on this machine: parameters, peak memory, seconds a step.

    python -m benchmarks.presets [--only cpu 8g 24g 80g] [--steps 10]

Trains a few steps on random images of the preset's size. On a GPU memory is the card's peak and the share of its peak arithmetic is
given too (PEAK_TFLOPS, bf16 dense); on a CPU memory is what the process held at most. Without a GPU only `cpu` is timed by default.
"""

import argparse
import json
import resource
import shutil
import time
from pathlib import Path

import numpy as np
import torch

from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.generators.conditional.condition_batch import around
from synthcmr.generators.conditional.training_task import ConditionalTrainee
from synthcmr.generators.family_settings import FLOW_PRESETS
from synthcmr.generators.flow import FlowNetwork
from synthcmr.training.images import TrainingImages
from synthcmr.training.loop import LOG_EVERY, Loop
from synthcmr.training.run_folder import RunFolder

SIZE, IMAGES = 128, 256
PEAK_TFLOPS = {"H200": 989.0, "H100": 989.0, "A100": 312.0, "4090": 165.0, "3090": 71.0}


def random_images(frames: int) -> TrainingImages:
    """Images of the right size; their content does not matter for time."""
    rng = np.random.default_rng(0)
    image = rng.random((IMAGES, frames, SIZE, SIZE), dtype=np.float32).astype(np.float16)
    mask = rng.integers(0, 4, image.shape, dtype=np.uint8)
    attributes = [
        {"sex": ("female", "male")[i % 2], "age": 20.0 + i % 60, "bmi": 25.0, "diagnosis": "NOR"} for i in range(IMAGES)
    ]
    return TrainingImages(image, mask, attributes, [str(i) for i in range(IMAGES)], [()] * IMAGES, "random")  # type: ignore[arg-type]


def flops_a_step(network: FlowNetwork, batch: int) -> float:
    """Multiply-adds of one training step, counted on one image forward; backward costs twice as much."""
    from torch.utils.flop_counter import FlopCounterMode

    frames = network.settings.frames
    x, t = torch.zeros(1, frames, SIZE, SIZE), torch.zeros(1)
    masks = torch.zeros(1, 4 * frames, SIZE, SIZE)
    beside = around(masks, x, masks, torch.zeros(1), network.settings.patch)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network.field(x, t, beside, network.text(network.text.prepare([{}])))
    return float(counter.get_total_flops()) * 3 * batch


def measure(name: str, steps: int, work: Path) -> dict[str, object]:
    """Train a few steps of one preset."""
    model, loop = FLOW_PRESETS[name]
    images = random_images(model.frames)
    network = FlowNetwork(model, Vocabulary.of(images.attributes, model.attributes))
    flops = flops_a_step(network, loop.batch)
    quiet = loop.model_copy(
        update={"steps": steps + LOG_EVERY, "held_out_every": 10**6, "sheet_every": 10**6, "checkpoint_every": 10**6}
    )
    at: dict[int, float] = {}
    trainee = ConditionalTrainee(network, images, None)
    Loop(trainee, quiet, RunFolder(work / name), lambda p: at.update({p.step: time.perf_counter()})).fit()
    seconds = (at[steps + LOG_EVERY] - at[LOG_EVERY]) / steps  # the first steps warm up
    found: dict[str, object] = {
        "preset": name,
        "million_parameters": round(sum(p.numel() for p in network.parameters()) / 1e6, 1),
        "batch": loop.batch,
        "seconds_a_step": round(seconds, 3),
        "hours_in_all": round(seconds * loop.steps / 3600, 2),
        "images_a_second": round(loop.batch / seconds, 1),
        "tflops": round(flops / seconds / 1e12, 2),
    }
    if torch.cuda.is_available():
        card = torch.cuda.get_device_name()
        found |= {"device": card, "peak_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2)}
        peak = next((v for k, v in PEAK_TFLOPS.items() if k in card), None)
        if peak:
            found["share_of_peak"] = round(flops / seconds / 1e12 / peak, 3)
        torch.cuda.reset_peak_memory_stats()
    else:
        found |= {
            "device": f"{torch.get_num_threads()} CPU threads",
            "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        }
    return found


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = list(FLOW_PRESETS) if torch.cuda.is_available() else ["cpu"]
    parser.add_argument("--only", nargs="*", default=default, choices=list(FLOW_PRESETS))
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/presets.json"))
    options = parser.parse_args()
    rows = []
    shutil.rmtree(options.out.parent / "presets", ignore_errors=True)
    for name in options.only:
        rows.append(measure(name, options.steps, options.out.parent / "presets"))
        print(rows[-1], flush=True)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
