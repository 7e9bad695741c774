"""Are copies found that were made on purpose, and are held-out real images left alone? With enough of both to say so.

    python -m benchmarks.planted_copies COHORT [--planted 700] [--subjects 0] [--out benchmarks/out/planted_copies.json]

As the score card does it: the threshold comes from one half of the held-out subjects, false alarms from the other half.
"""

import argparse
import tempfile
from pathlib import Path

from synthcmr.cohort import Cohort
from synthcmr.evaluation.privacy.copies.near_copies import near_copies
from synthcmr.evaluation.privacy.image_index import index_split
from synthcmr.evaluation.privacy.image_selection import select_all, split_members
from synthcmr.evaluation.privacy.interval_estimates import IntervalEstimate
from synthcmr.evaluation.privacy.settings import CopySettings, PrivacyPartSettings


def row(name: str, found: IntervalEstimate) -> str:
    """One line of the table."""
    return f"| {name} | {found.value:.2%} | {found.low:.2%} to {found.high:.2%} | {found.n} |"


def main() -> None:
    """Plant, search, tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cohort", type=Path)
    parser.add_argument("--planted", type=int, default=700, help="copies of each kind")
    parser.add_argument("--subjects", type=int, default=0, help="the first so many alone; 0: all")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/planted_copies.json"))
    options = parser.parse_args()
    cohort = Cohort.open(options.cohort)
    if options.subjects:
        cohort = cohort.select(subject_id=cohort.subjects["subject_id"].head(options.subjects).tolist())
    settings = PrivacyPartSettings(copies=CopySettings(planted=options.planted))
    frames = min(2, int(cohort.images["n_frames"].min()))
    who = split_members(cohort, frames, settings)
    synthetic = select_all(
        cohort.select(split=settings.held_out[-1]), frames
    )  # nobody's copies: what is judged is the search
    with tempfile.TemporaryDirectory() as place:
        found = near_copies(who, index_split(who, synthetic, Path(place), None, None), settings, Path(place))
    print(
        f"{len(who.members.rows)} training and {len(who.held_out.rows)} held-out images; threshold {found.threshold:.3f}"
    )
    print("| copies | found | 95 % interval | subjects |\n| --- | --- | --- | --- |")
    for kind, figure in found.planted.items():
        print(row(kind, figure))
    print(row("held-out real images, called copies", found.false_alarms))
    print(f"called copies for certain: {len(found.for_certain)} training subjects, of {len(synthetic.rows)} images")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(found.model_dump_json(indent=2))


if __name__ == "__main__":
    main()
