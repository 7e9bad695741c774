"""Does a discriminator learn to tell the first images of a generator from real ones, and with how much momentum?

    python -m benchmarks.gan_momentum --cohort COHORT [--steps 25]

The generator stays as it is at its random start; what it draws is plainly not real, so that the hinge loss of a discriminator that learns
falls from 2 towards 0. In batches of four images, for each choice of momentum and learning rate.
"""

import argparse
import json
from pathlib import Path

import torch

from synthcmr.cohort import Cohort
from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.generators.conditional.trainee import ConditionalTrainee
from synthcmr.generators.gan.generator import GanGenerator
from synthcmr.generators.gan.network import JUDGE, GanNetwork
from synthcmr.generators.gan.settings import GanSettings
from synthcmr.training.draws import Order
from synthcmr.training.images import TrainingImages, load_images

CHOICES = ((0.0, 4e-4), (0.0, 2e-4), (0.5, 2e-4), (0.9, 2e-4))
BATCH = 4


def losses(images: TrainingImages, momentum: float, rate: float, steps: int) -> list[float]:
    """The discriminators' loss, step by step."""
    settings = GanGenerator.settings("cpu")[0]
    assert isinstance(settings, GanSettings)
    torch.manual_seed(0)
    network = GanNetwork(settings, Vocabulary.of(images.attributes, settings.attributes)).train()
    trainee, order = ConditionalTrainee(network, images, None), Order(len(images), 0, None)
    parameters = network.parameters_of(JUDGE)
    optimiser = torch.optim.AdamW(parameters, lr=rate, weight_decay=0.01, betas=(momentum, 0.99))
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
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out"))
    options = parser.parse_args()
    images = load_images(Cohort.open(options.cohort), "validation")
    table = []
    for momentum, rate in CHOICES:
        found = losses(images, momentum, rate, options.steps)
        table.append({"momentum": momentum, "rate": rate, "losses": found, "last_ten": sum(found[-10:]) / 10})
        print(f"momentum {momentum}, rate {rate}: mean of the last ten {table[-1]['last_ten']:.2f}", flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "gan_momentum.json").write_text(json.dumps(table, indent=2))


if __name__ == "__main__":
    main()
