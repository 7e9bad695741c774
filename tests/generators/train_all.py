"""Trains every family for two steps: `python -m tests.generators.train_all COHORT FOLDER`, alone or under torchrun."""

import sys
from pathlib import Path

from synthcmr.cohort import Cohort
from synthcmr.generators.families import family
from tests.generators.making import FAMILIES, LOOP


def train_all(cohort: Cohort, folder: Path) -> None:
    changes = {"steps": 2, "precision": "fp32", "learning_rate": 1e-4, "held_out_every": 1, "sheet_every": 100}
    for name, (kind, model) in FAMILIES.items():
        family(kind).fit(cohort, folder / name, model, LOOP.model_copy(update=changes))


if __name__ == "__main__":
    train_all(Cohort.open(Path(sys.argv[1])), Path(sys.argv[2]))
