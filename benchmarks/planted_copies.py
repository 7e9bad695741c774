"""Are copies found that were made on purpose, and are held-out real images left alone? With enough of both to say so.

    python -m benchmarks.planted_copies [COHORT] [--planted 700] [--subjects 0] [--out benchmarks/out/planted_copies.json]

As the score card does it: the threshold comes from one half of the held-out subjects, false alarms from the other half. Beside it: of
simulated people, how many of whom no one was copied lie above the threshold that 50 to 100 others gave. Without a cohort this alone.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from synthcmr.cohort import Cohort
from synthcmr.evaluation.privacy.copies.calibration import threshold_of
from synthcmr.evaluation.privacy.copies.near_copies import near_copies, one_of_each
from synthcmr.evaluation.privacy.copies.partial_copies import PartialCopies, partial_copies
from synthcmr.evaluation.privacy.image_index import index_split
from synthcmr.evaluation.privacy.image_selection import select_all, split_members
from synthcmr.evaluation.privacy.interval_estimates import Floats, IntervalEstimate
from synthcmr.evaluation.privacy.settings import CopySettings, PrivacyPartSettings

POPULATIONS = ("normal", "heavy tails", "resembling")  # how simulated people differ


def row(name: str, found: IntervalEstimate) -> str:
    """One line of the table."""
    return f"| {name} | {found.value:.2%} | {found.low:.2%} to {found.high:.2%} | {found.n} |"


def simulated(kind: str, people: int, images: int, rng: np.random.Generator) -> Floats:
    """Correlations of images of whom nobody was copied, (people, images): Fisher's z, of which people share most."""
    own = {
        "normal": lambda: rng.normal(size=people),
        "heavy tails": lambda: rng.standard_t(3, people) / np.sqrt(3),
        "resembling": lambda: rng.normal(size=people) + (rng.random(people) < 0.03) * rng.normal(3, 0.5, people),
    }[kind]()
    z = 0.6 + 0.15 * (np.sqrt(0.6) * own[:, None] + np.sqrt(0.4) * rng.normal(size=(people, images)))
    return np.tanh(z)


def rates_of_threshold(kind: str, people: int, images: int, runs: int, false_alarms: float) -> Floats:
    """Share of a large population above the threshold that some people gave, run by run."""
    everybody = np.sort(simulated(kind, 20000, images, np.random.default_rng(0)).ravel())
    subject = np.repeat(np.arange(people), images).astype(str)
    rates = []
    for run in range(runs):
        some = simulated(kind, people, images, np.random.default_rng([run, people, 1])).ravel()
        threshold = threshold_of(some, subject, false_alarms)
        rates.append(1 - np.searchsorted(everybody, threshold, side="right") / len(everybody))
    return np.array(rates)


def print_simulated(runs: int) -> None:
    """False alarms of the threshold by the number of calibrating people."""
    print("| people differ | calibrating | false alarms | runs above 1 % |\n| --- | --- | --- | --- |")
    for kind in POPULATIONS:
        for people in (50, 75, 100):
            rates = rates_of_threshold(kind, people, 10, runs, 0.01)
            print(f"| {kind} | {people} | {rates.mean():.2%} | {(rates > 0.01).mean():.1%} |", flush=True)


def print_parts(parts: PartialCopies) -> None:
    """Partial copies, line by line."""
    for kind, figure in parts.planted.items():
        print(row(f"part: {kind}", figure))
    print(row("held-out real images, called partial copies", parts.false_alarms), flush=True)


def main() -> None:
    """Plant, search, tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cohort", type=Path, nargs="?")
    parser.add_argument(
        "--parts", action="store_true", help="partial copies alone, which takes minutes instead of hours"
    )
    parser.add_argument(
        "--held-out", type=float, help="share of subjects to hold out instead of those of the cohort's split"
    )
    parser.add_argument("--runs", type=int, default=200, help="simulated thresholds of each kind")
    parser.add_argument("--planted", type=int, default=700, help="copies of each kind")
    parser.add_argument("--subjects", type=int, default=0, help="the first so many alone; 0: all")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/planted_copies.json"))
    options = parser.parse_args()
    print_simulated(options.runs)
    if options.cohort is None:
        return
    cohort = Cohort.open(options.cohort)
    if options.subjects:
        cohort = cohort.select(subject_id=cohort.subjects["subject_id"].head(options.subjects).tolist())
    if options.held_out:
        split = np.where(np.random.default_rng(0).random(len(cohort.subjects)) < options.held_out, "test", "train")
        cohort = Cohort(cohort.path, cohort.info, cohort.subjects.assign(split=split), cohort.images)
    settings = PrivacyPartSettings(copies=CopySettings(planted=options.planted))
    frames = min(2, int(cohort.images["n_frames"].min()))
    who = split_members(cohort, frames, settings)
    synthetic = select_all(
        cohort.select(split=settings.held_out[-1]), frames
    )  # nobody's copies: what is judged is the search
    print(f"{len(who.members.rows)} training and {len(who.held_out.rows)} held-out images")
    with tempfile.TemporaryDirectory() as place:
        indexes = index_split(who, synthetic, Path(place), None)
        if options.parts:
            chosen = who.members.with_rows(who.members.rows[one_of_each(who.members.subject, options.planted, 0)])
            parts = partial_copies(who, indexes, settings, chosen, Path(place) / "planted-parts")
            print_parts(parts)
            return
        found = near_copies(who, indexes, settings, Path(place))
    print(f"threshold {found.threshold:.3f}")
    print("| copies | found | 95 % interval | subjects |\n| --- | --- | --- | --- |")
    for kind, figure in found.planted.items():
        print(row(kind, figure))
    print(row("held-out real images, called copies", found.false_alarms))
    if found.partial is not None:
        print_parts(found.partial)
    print(f"called copies for certain: {len(found.for_certain)} training subjects, of {len(synthetic.rows)} images")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(found.model_dump_json(indent=2))


if __name__ == "__main__":
    main()
