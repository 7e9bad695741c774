"""Every family in one table: how real its images are, whether they show what was asked, what networks learn from them, whom they give away.

    python -m benchmarks.families_utility --people COHORT --runs FOLDER [--subjects 100] [--test 200] [--seeds 2] [--set KEY=VALUE]

FOLDER holds one run per family. Each run makes whole stacks for people like those of the training split of COHORT, once per seed, and
each set is scored against the same test subjects with `synthcmr evaluate`: FID and KID in the features `cmr`, Dice of re-segmentation
with the asked mask, and what a segmentation network gains when it learns from the set beside real subjects. The row "real" puts real
people of the test split (--spare), who are then not tested on, at the place of synthetic ones. Membership is attacked from images
alone, on the cohort that the run learned from (--learned, where the run does not tell): the area of the strongest attack, its interval
widened for how many were tried. Seconds are per image, masks included: core-seconds on one core, or seconds where there is a card. Figures
are means over seeds; intervals reach from the lowest to the highest end of the seeds' intervals.

What is finished is kept in --out, set by set, so that several processes can share the work (--families, --only-seed, --sets-alone);
the same command without these then makes the table.
"""

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from synthcmr.cohort import Cohort
from synthcmr.cohort.parallel import cores
from synthcmr.cohort.provenance import PROVENANCE_FILE
from synthcmr.cohort.writer import COHORT_FILE
from synthcmr.conditioning.vocabulary import FOLLOWED, typed
from synthcmr.errors import CohortError
from synthcmr.evaluation.evaluate import evaluate
from synthcmr.evaluation.privacy.membership.membership_attack import Attacks
from synthcmr.evaluation.privacy.privacy_judgement import judge_privacy
from synthcmr.evaluation.privacy.privacy_part import best_of
from synthcmr.evaluation.privacy.settings import PrivacyPartSettings
from synthcmr.evaluation.score import ScoreCard
from synthcmr.evaluation.settings import EvaluateSettings
from synthcmr.evaluation.utility.segmentation_scores import WORK as NETWORKS
from synthcmr.fairness.debias.synthetic_sets import like_images
from synthcmr.sampling.generate import generate
from synthcmr.sampling.requests import Request, like_cohort
from synthcmr.sampling.settings import GenerateSettings
from synthcmr.sampling.sources import Sources, load_image_generator
from synthcmr.training.device import best_device
from synthcmr.training.run_folder import WEIGHTS
from synthcmr.verbs.options import read_settings
from synthcmr.verbs.progress import progress_bar

TIMED = 2  # subjects that seconds are taken from
PARTS = ("trial", "base")  # runs beside a run: not families of their own
COLUMNS = {  # column -> part and score
    "FID (cmr)": ("fidelity", "FID (cmr)"),
    "KID (cmr)": ("fidelity", "KID (cmr)"),
    "Dice, asked mask": ("adherence", "Dice, mean"),
    "Dice gain, 25 %": ("utility", "Dice gain, 25 %"),
    "Dice gain, 100 %": ("utility", "Dice gain, 100 %"),
    "Dice, synthetic only": ("utility", "Dice, synthetic only"),
}
MEMBERSHIP, SECONDS = "membership AUC", "seconds per image"
Figures = dict[str, tuple[float, float, float]]  # column -> value, low, high


@dataclass(frozen=True)
class Ground:
    """What all families are asked for and scored against."""

    people: Cohort  # training split, and the test subjects that are scored on
    spare: Cohort  # test subjects that are not: real people at the place of synthetic ones
    settings: EvaluateSettings
    out: Path
    subjects: int
    workers: int
    attacked: int
    learned: Cohort | None

    def requests(self, seed: int) -> list[Request]:
        """People like those of the training split, their anatomies drawn anew."""
        train = self.people.subjects[self.people.subjects["split"] == "train"]
        known = [
            (str(r["subject_id"]), {k: v for k, v in typed(r).items() if k in FOLLOWED})
            for r in train.to_dict("records")
        ]
        return like_cohort(known, self.subjects, seed, {}, "whole")

    def made(self, name: str, run: Path, seed: int) -> Cohort:
        """The set of a family and a seed; what is there already is taken as it is."""
        folder = self.out / "sets" / f"{name}-{seed}"
        if (folder / COHORT_FILE).exists():
            return Cohort.open(folder)
        sources, settings = Sources(run=run), unscreened(self.people)
        with progress_bar(f"{name}, seed {seed + 1}") as report:
            return generate(folder, self.requests(seed), sources, settings, self.workers, report)

    def scored(self, name: str, synthetic: Cohort) -> Figures:
        """Everything that the score card says."""
        only, scores = sorted({part for part, _ in COLUMNS.values()}), self.out / "scores" / name
        share_networks(scores, self.out / "networks")
        with progress_bar(name) as report:
            card = evaluate(self.people, synthetic, scores, self.settings, only, report, workers=self.workers)
        return {column: found for column, where in COLUMNS.items() if (found := figure(card, *where)) is not None}

    def figures(self, name: str, run: Path | None, seed: int, sets_alone: bool = False) -> Figures:
        """Of a family and a seed, or of real people where there is no run; taken once."""
        title = f"{name}-{seed}"
        file = self.out / "figures" / f"{title}.json"
        if file.exists():
            return {column: (v, low, high) for column, (v, low, high) in json.loads(file.read_text()).items()}
        made = self.spare if run is None else self.made(name, run, seed)
        if sets_alone:
            return {}
        found = self.scored(title, made)
        if run is not None:
            learned, work = learned_from(run) or self.learned, self.out / "privacy" / title
            if (area := membership(learned, run, made, work, self.attacked, seed)) is not None:
                found[MEMBERSHIP] = area
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(found))
        return found

    def seconds(self, name: str, run: Path) -> float:
        """Of an image, on one core; taken once."""
        file = self.out / "seconds" / f"{name}.json"
        if not file.exists():
            load_image_generator(Sources(run=run))  # reading weights is no part of an image
            folder = self.out / "seconds" / f"{name}-{time.time_ns()}"  # never one that is there in part
            clock = time.process_time if best_device().type == "cpu" else time.perf_counter
            started = clock()
            made = generate(folder, self.requests(0)[:TIMED], Sources(run=run), unscreened(self.people))
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps({"seconds": (clock() - started) / len(made)}))
        return float(json.loads(file.read_text())["seconds"])


def share_networks(scores: Path, networks: Path) -> None:
    """Keep the networks of all sets in one place: those that saw no synthetic image are then trained once."""
    scores.mkdir(parents=True, exist_ok=True)
    networks.mkdir(exist_ok=True)
    if not (scores / NETWORKS).exists():
        (scores / NETWORKS).symlink_to(networks.resolve())


def unscreened(people: Cohort) -> GenerateSettings:
    """As large and fine as the images of a cohort, and kept whatever the judges say: families are compared, not screenings."""
    like = like_images(people)
    return like.model_copy(update={"screen": like.screen.model_copy(update={"enabled": False})})


def figure(card: ScoreCard, part: str, name: str) -> tuple[float, float, float] | None:
    """A score with its interval; None where it is absent, after saying why."""
    score = card.parts[part].result.score(name)
    if score is None or score.value is None or score.low is None or score.high is None:
        print(f"{name}: absent, {score.absent if score else 'not measured'}", flush=True)
        return None
    return score.value, score.low, score.high


def membership(
    learned: Cohort | None, run: Path, synthetic: Cohort, work: Path, most: int, seed: int
) -> tuple[float, float, float] | None:
    """Area of the strongest attack from images alone, on whom the run learned from; None where that is not known any more."""
    if learned is None:
        print(f"{run.name}: membership absent, because the cohort it learned from is not at hand", flush=True)
        return None
    settings = PrivacyPartSettings.model_validate({"membership": {"subjects": most}, "seed": seed})
    found = judge_privacy(learned, synthetic, settings, work).black_box
    if not isinstance(found, Attacks):
        print(f"{run.name}: membership absent, {found.reason}", flush=True)
        return None
    area = best_of(found.strongest.result.auc, len(found.attacks))
    return area.value, area.low, area.high


def learned_from(run: Path) -> Cohort | None:
    """The cohort of a run, where it is unchanged."""
    for row in json.loads((run / PROVENANCE_FILE).read_text()).get("inputs", []):
        if row["kind"] != "cohort":
            continue
        try:
            cohort = Cohort.open(row["name"])
        except CohortError:
            continue
        if cohort.hash == row["hash"]:
            return cohort
    return None


def together(seeds: Sequence[Figures]) -> dict[str, dict[str, float]]:
    """Means over seeds, and the widest interval."""
    found = {}
    for column in dict.fromkeys(name for one in seeds for name in one):
        values = np.array([one[column] for one in seeds if column in one])
        found[column] = {
            "value": float(values[:, 0].mean()),
            "low": float(values[:, 1].min()),
            "high": float(values[:, 2].max()),
            "seeds": len(values),
        }
    return found


def families(folder: Path) -> Iterator[tuple[str, Path]]:
    """Runs that are finished, by name."""
    for file in sorted(folder.glob(f"*/{WEIGHTS}")):
        if file.parent.name.split("-")[-1] not in PARTS:
            yield file.parent.name, file.parent


def markdown(table: dict[str, dict[str, dict[str, float]]]) -> str:
    """The table as people read it."""
    columns = [name for name in (*COLUMNS, MEMBERSHIP, SECONDS) if any(name in row for row in table.values())]
    lines = ["| family | " + " | ".join(columns) + " |", "|" + " --- |" * (len(columns) + 1)]
    for name, row in table.items():
        lines.append(f"| {name} | " + " | ".join(told(row.get(column)) for column in columns) + " |")
    return "\n".join(lines)


def told(one: dict[str, float] | None) -> str:
    """A figure with its interval."""
    if one is None:
        return "absent"
    if one["low"] == one["high"]:
        return f"{one['value']:.3g}"
    return f"{one['value']:.3g} ({one['low']:.3g} to {one['high']:.3g})"


def some(cohort: Cohort, test: int, spare: int, seed: int) -> tuple[Cohort, Cohort]:
    """A cohort with fewer test subjects, and others of that split."""
    subjects = cohort.subjects
    names = np.random.default_rng(seed).permutation(subjects.loc[subjects["split"] == "test", "subject_id"].astype(str))
    if len(names) < test + spare:
        raise SystemExit(
            f"{cohort.path}: expected {test + spare} test subjects, got {len(names)}; --test or --spare less"
        )
    kept = [*subjects.loc[subjects["split"] != "test", "subject_id"].astype(str), *names[:test]]
    return cohort.select(subject_id=kept), cohort.select(subject_id=names[test : test + spare].tolist())


def options_of() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=Path, required=True)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--families", default="", help="names, comma-separated, also 'real'; empty: all")
    parser.add_argument("--only-seed", type=int, default=None, help="score the set of this seed, and make no table")
    parser.add_argument("--sets-alone", action="store_true", help="make the sets and score none")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/families_utility"))
    parser.add_argument("--subjects", type=int, default=100, help="synthetic subjects of a set")
    parser.add_argument(
        "--spare",
        type=int,
        default=None,
        help="real test subjects in the row 'real'; default: --subjects, 0: no such row",
    )
    parser.add_argument("--learned", type=Cohort.open, default=None, help="whom runs learned from that do not tell")
    parser.add_argument("--test", type=int, default=200, help="real subjects tested on")
    parser.add_argument("--seeds", type=int, default=2, help="sets that each family makes")
    parser.add_argument("--attacked", type=int, default=300, help="most subjects whose membership is attacked")
    parser.add_argument("--workers", type=int, default=cores())
    parser.add_argument("--set", action="append", default=[], help="a setting of evaluate, e.g. utility.repeats=5")
    return parser.parse_args()


def row_of(ground: Ground, name: str, run: Path | None, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """All figures of a family, or of real people."""
    wanted = range(options.seeds if run is not None else 1)
    if options.only_seed is not None:
        wanted = [options.only_seed]
    each = [ground.figures(name, run, seed, options.sets_alone) for seed in wanted]
    if run is None or options.sets_alone or options.only_seed is not None:
        return together(each)
    seconds = ground.seconds(name, run)
    return together(each) | {SECONDS: {"value": seconds, "low": seconds, "high": seconds, "seeds": 1}}


def ground_of(options: argparse.Namespace) -> Ground:
    """The cohort and how it is scored."""
    # the classifier has a benchmark of its own; the splits keep test subjects from fidelity's training side
    base: dict[str, Any] = {"split": "test", "by": (), "crossing": ()}
    settings = read_settings(EvaluateSettings, None, base, ["utility.tasks=[segmentation]", *options.set])
    people, spare = some(Cohort.open(options.people), options.test, options.spare, settings.seed)
    return Ground(
        people, spare, settings, options.out, options.subjects, options.workers, options.attacked, options.learned
    )


def main() -> None:
    """Make, score, tell; what is finished is kept."""
    options = options_of()
    options.spare = options.subjects if options.spare is None else options.spare
    ground = ground_of(options)
    options.out.mkdir(parents=True, exist_ok=True)
    chosen: dict[str, Path | None] = {"real": None} if options.spare and not options.sets_alone else {}
    chosen |= dict(families(options.runs))
    if options.families:
        chosen = {name: chosen[name] for name in options.families.split(",")}
    table = {name: row_of(ground, name, run, options) for name, run in chosen.items()}
    if options.sets_alone or options.only_seed is not None:
        return
    told = {"people": str(options.people), "settings": ground.settings.model_dump(mode="json"), "table": table}
    (options.out / "table.json").write_text(json.dumps(told, indent=2))
    (options.out / "table.md").write_text(markdown(table) + "\n")
    print(markdown(table))


if __name__ == "__main__":
    main()
