"""What noisy sums over subjects cost and hide, and how far the spectra of public images lie from each other.

    python -m benchmarks.private_sums [--subjects 70] [--sets phantoms=P refined=R sunnybrook=S]

Printed are, for several epsilons, the noise on each mean of private anatomies, and what each part of the chain of
`benchmarks.privacy_utility` may ask for so that all together cost that epsilon. With --sets (cohort folders), the root mean square
difference between pairs of them in each of the four numbers of a private recalibration: the scale that `recalibrate apply` sets
against the noise (`EXPECTED`). No patient who is to be protected belongs among them. Last, what the walk of
`docs/how-to/release-privately.md` costs by two accountants: its training, its recalibration, and both.
"""

import argparse
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.privacy_utility import DELTA, shares_of
from synthcmr.cohort import Cohort
from synthcmr.frequency.recalibration import Recalibration
from synthcmr.frequency.release import EXPECTED, NUMBERS
from synthcmr.frequency.settings import RecalibrationSettings
from synthcmr.frequency.sources import CohortImages
from synthcmr.generators.anatomy.private_fit import CLIP, SENSITIVITY
from synthcmr.generators.family_settings import FLOW_PRESETS
from synthcmr.privacy.accountant import epsilons
from synthcmr.training.privacy import promise
from synthcmr.training.private_sums import SumPromise
from synthcmr.training.settings import PrivacySettings

EPSILONS = (1.0, 3.0, 10.0)
HARDLY_ANY_NOISE = 1000.0  # epsilon
WALK_SUBJECTS, WALK_DELTA = 100, 1e-5  # of the how-to


def anatomy_noise(epsilon: float, subjects: int) -> float:
    """On each mean, in standard deviations of the public generator."""
    return SumPromise(epsilon, DELTA, subjects).sigma * SENSITIVITY * CLIP / subjects


def four_numbers(cohort: Cohort) -> npt.NDArray[np.float64]:
    """Of a set's spectrum."""
    promise = SumPromise(HARDLY_ANY_NOISE, DELTA, len(cohort.subjects))
    model = Recalibration(RecalibrationSettings(method="release")).fit(CohortImages(cohort), promise=promise)
    assert model.release is not None  # method "release" makes one
    return model.release.theta


def walk() -> dict[str, dict[str, float]]:
    """Epsilon of what the how-to types, by accountant."""
    dp = PrivacySettings(epsilon=7, delta=WALK_DELTA, subjects_in_cohort=WALK_SUBJECTS)
    training = promise(dp, WALK_SUBJECTS, FLOW_PRESETS["cpu"][1].steps).entries("training")
    recalibration = SumPromise(1, WALK_DELTA, WALK_SUBJECTS).entries("recalibration", "", "recalibration")
    parts = {"training": training, "recalibration": recalibration, "both": training + recalibration}
    return {name: epsilons([e.mechanism for e in part if e.mechanism], WALK_DELTA) for name, part in parts.items()}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subjects", type=int, default=70)
    parser.add_argument("--sets", nargs="*", default=[], help="NAME=FOLDER")
    options = parser.parse_args()
    print("| epsilon | noise of anatomies alone | asked for: weights | anatomies | recalibration |\n|" + " --- |" * 5)
    for epsilon in EPSILONS:
        asked = " | ".join(f"{part:.2f}" for part in shares_of(epsilon, options.subjects).values())
        print(f"| {epsilon:g} | {anatomy_noise(epsilon, options.subjects):.2f} | {asked} |")
    if len(options.sets) > 1:
        places = dict(one.split("=", 1) for one in options.sets)
        values = {name: four_numbers(Cohort.open(Path(place))) for name, place in places.items()}
        print(f"\n| sets | {' | '.join(NUMBERS)} |\n|" + " --- |" * (1 + len(NUMBERS)))
        apart = {f"{a} and {b}": values[a] - values[b] for a, b in combinations(values, 2)}
        apart["root mean square"] = np.sqrt(np.mean(np.square(list(apart.values())), axis=0))
        apart["what is expected"] = EXPECTED
        for name, row in apart.items():
            print(f"| {name} | {' | '.join(f'{value:+.2f}' for value in row)} |")
    print("\nThe walk:")
    for part, by_accountant in walk().items():
        print(f"  {part}: {', '.join(f'{value:.4f} by {name}' for name, value in by_accountant.items())}")


if __name__ == "__main__":
    main()
