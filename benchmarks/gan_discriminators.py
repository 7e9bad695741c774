"""What lets the discriminators of the gan family learn to tell a trained autoencoder's images from real ones?

    python -m benchmarks.gan_discriminators --cohort COHORT --run RUN [--steps 40]

RUN is one of the family `vae`, of which a GAN can begin. The generator stays as it is, so that the hinge loss of discriminators that learn
falls from 2 towards 0. One thing is changed at a time.
"""

import argparse
import json
from pathlib import Path

import torch

from synthcmr.cohort import Cohort
from synthcmr.generators.conditional.training_task import ConditionalTrainee
from synthcmr.generators.conditional.warm_start import start_vocabulary, started
from synthcmr.generators.family_settings import GanSettings
from synthcmr.generators.gan import JUDGE, MOMENTUM, GanGenerator, GanNetwork
from synthcmr.training.batches import Order
from synthcmr.training.images import TrainingImages, load_images
from synthcmr.training.run_folder import WEIGHTS

CHANGES: dict[str, dict[str, float]] = {
    "as it is": {},
    "detail as it is": {"judge_detail": 0.0},
    "no augmentation": {"augment": 0.0},
    "DiffAugment's strength": {"augment": 1.0},
    "no momentum": {"momentum": 0.0},
    "a rate four times as large": {"rate": 4.0},
}
BATCH, LAST = 8, 10


def losses(images: TrainingImages, run: Path, steps: int, change: dict[str, float]) -> list[float]:
    """The discriminators' loss, step by step."""
    model, loop = GanGenerator.settings("cpu")
    values = started(model.model_dump() | {"start": str(run)}, run / WEIGHTS)
    values |= {k: v for k, v in change.items() if k in values}
    torch.manual_seed(0)
    network = GanNetwork(GanSettings.model_validate(values), start_vocabulary(run / WEIGHTS)).train()
    GanGenerator.begin(network, run / WEIGHTS)
    trainee, order = ConditionalTrainee(network, images, None), Order(len(images), 0, None)
    parameters = network.parameters_of(JUDGE)
    rate, momentum = loop.learning_rate * change.get("rate", 1.0), change.get("momentum", MOMENTUM[0])
    optimiser = torch.optim.AdamW(parameters, lr=rate, weight_decay=0.01, betas=(momentum, MOMENTUM[1]))
    found = []
    for step in range(steps):
        batch = trainee.batch(list(order.draws(step, BATCH, range(BATCH))))
        network.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16):
            loss, _ = network(JUDGE, batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        found.append(round(loss.item(), 3))
    return found


def main() -> None:
    """Every choice, and what it comes to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cohort", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True, help="of the family vae")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out"))
    options = parser.parse_args()
    images = load_images(Cohort.open(options.cohort), "validation")
    table = {}
    for name, change in CHANGES.items():
        found = losses(images, options.run, options.steps, change)
        table[name] = {"losses": found, "last": sum(found[-LAST:]) / LAST}
        print(f"{name:28s} mean of the last {LAST}: {table[name]['last']:.2f}", flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "gan_discriminators.json").write_text(json.dumps(table, indent=2))


if __name__ == "__main__":
    main()
