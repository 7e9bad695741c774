"""Kinds of folders that commands make, and what synthcmr writes into each; whatever else lies there belongs to somebody else."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from synthcmr.cohort.output_place import build

if TYPE_CHECKING:
    from synthcmr.cohort import Cohort
    from synthcmr.verbs.folders import CohortLike

NAMES = "names"  # in a manifest: what will be written


@dataclass(frozen=True)
class Patterned:
    """A kind of folder whose files have known names.

    Attributes:
        marks: any of these says that one is there.
        files: patterns of all its files, with their folders.
        resumes: one that was cut short is gone on with.
        hidden: it is never seen unfinished.
        shared: it may be written among files of others.
        together: processes of one launcher make it together.
    """

    marks: tuple[str, ...]
    files: tuple[str, ...]
    resumes: bool = True
    hidden: bool = False
    shared: bool = False
    together: bool = False

    def is_at(self, out: Path) -> bool:
        """Whether one is there, finished or not."""
        return any((out / mark).exists() for mark in self.marks)

    def others(self, out: Path) -> list[str]:
        """Files in it that synthcmr did not write."""
        return [name for name in files_below(out) if not any(fnmatchcase(name, known) for known in self.files)]


@dataclass(frozen=True)
class Listed:
    """A kind of folder whose provenance lists its files, because their names are those of subjects.

    Attributes:
        step: by which its provenance tells it.
        manifest: of one that was begun, with the names of what it will hold; "": there is none.
        resumes: one that was cut short is gone on with.
    """

    step: str
    manifest: str = ""
    resumes: bool = False
    hidden: bool = True
    shared: bool = False
    together: bool = False

    def is_at(self, out: Path) -> bool:
        """Whether one is there, finished or not."""
        from synthcmr.cohort.provenance import PROVENANCE_FILE

        begun = bool(self.manifest) and (out / self.manifest).exists()
        return begun or _record(out / PROVENANCE_FILE).get("step") == self.step

    def others(self, out: Path) -> list[str]:
        """Files in it that synthcmr did not write; all, where an earlier version did not list them."""
        from synthcmr.cohort.provenance import FILES, PROVENANCE_FILE

        begun = _record(out / self.manifest).get(NAMES) if self.manifest else None
        listed = (*_names(_record(out / PROVENANCE_FILE).get(FILES)), *_names(begun), PROVENANCE_FILE)
        known, work = set(listed), Path(self.manifest).parent.as_posix() + "/"
        return [n for n in files_below(out) if n not in known and not (self.manifest and n.startswith(work))]


@dataclass(frozen=True)
class Composed:
    """A kind of folder that is made of others.

    Attributes:
        marks: any of these says that one is there.
        parts: kind of every folder in it.
        files: patterns of all files beside these.
        resumes: one that was cut short is gone on with.
        hidden: it is never seen unfinished.
        shared: it may be written among files of others.
        together: processes of one launcher make it together.
    """

    marks: tuple[str, ...]
    parts: Mapping[str, Patterned | Listed]
    files: tuple[str, ...]
    resumes: bool = True
    hidden: bool = False
    shared: bool = False
    together: bool = False

    def is_at(self, out: Path) -> bool:
        """Whether one is there, finished or not."""
        return any((out / mark).exists() for mark in self.marks)

    def others(self, out: Path) -> list[str]:
        """Files in it that synthcmr did not write."""
        inside = [
            f"{part}/{n}" for part, kind in self.parts.items() if (out / part).is_dir() for n in kind.others(out / part)
        ]
        beside = [n for n in files_below(out) if n.split("/")[0] not in self.parts or "/" not in n]
        return inside + [n for n in beside if not any(fnmatchcase(n, known) for known in self.files)]


def files_below(folder: Path) -> list[str]:
    """Every file in a folder and below, links included, with the folders that it lies in."""
    found = []
    for place, folders, files in os.walk(folder):
        links = [name for name in folders if Path(place, name).is_symlink()]
        found += [Path(place, name).relative_to(folder).as_posix() for name in (*files, *links)]
    return sorted(found)


def _record(file: Path) -> dict[str, object]:
    try:
        record = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _names(listed: object) -> list[str]:
    return [str(name) for name in listed] if isinstance(listed, list) else []


def _within(folder: str, files: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{folder}/{name}" for name in files)


_PROVENANCE = ("provenance.json", "provenance.json.part")  # .part: of a write that was killed
_COHORT = (
    *("cohort.json", "cohort.json.part", *_PROVENANCE, ".unfinished/*", "audit/audit.html*", "audit/audit.json*"),
    *("subjects.parquet", "images.parquet", "rejects.parquet", "truth.parquet", "measures.parquet"),
    *("subjects.part", "images.part", "rejects.part", "truth.part", "measures.part"),
    *("arrays.zarr/zarr.json", "arrays.zarr/image/zarr.json", "arrays.zarr/mask/zarr.json"),
    *("arrays.zarr/image/c/[0-9]*", "arrays.zarr/mask/c/[0-9]*", "arrays.zarr/*.partial"),
    *("guessed_table.csv", "labels.csv", "label_slices.csv", "generated.html*", "label.html*"),
)
_PLAN = ("plan.json", "plan.json.part", "plan.parquet", "plan.part", "plan.html*", *_PROVENANCE)
_ONE_RUN = (
    *("run.json", "run.json.part", "metrics.jsonl", "curves.html*", "sheets/*.png", *_PROVENANCE, ".lock"),
    *("weights.safetensors", "weights.part", "so_far.safetensors", "so_far.part", "fingerprints.npz"),
    *("checkpoint.pt", "checkpoint.writing", "best_look.pt", "best_look.writing"),
)
_RUN = (*_ONE_RUN, *_within("base", _ONE_RUN), *_within("first_stage", _ONE_RUN))
_EXPERIMENT = (
    *("experiment.json", "experiment.json.part", *_PROVENANCE, "scores.json", "scores.json.part", "debias.html*"),
    *(
        "balance.json",
        "balance.json.part",
        "balance.html*",
        "predictions/*.parquet",
        "predictions/*.part",
        "predictions/*.crc32",
        "work/*",
    ),
    *("plans/round-*.csv", *_within("plans/*", _PLAN), *_within("synthetic/plans/*", _PLAN)),
    *(*_within("synthetic/*", _COHORT), *_within("rounds/*", _COHORT), *_within("recommended", _COHORT)),
)
COHORT = Patterned(("cohort.json", ".unfinished"), _COHORT)
RUN = Patterned(("run.json",), _RUN, together=True)
PLAN = Patterned(("plan.json",), _PLAN, resumes=False, hidden=True)
EXPERIMENT = Patterned(("experiment.json",), _EXPERIMENT)
RECALIBRATION = Patterned(
    ("recalibration.json", "network/run.json"),
    ("recalibration.json", "recalibration.json.part", "statistics.npz", *_PROVENANCE, *_within("network", _RUN)),
    hidden=True,
)
SCORES = Patterned(
    ("scores.json",),
    (
        *("scores.json*", *_PROVENANCE, "report.html*", "model_card.md", "data_sheet.md", "parts/*", "features/*"),
        *("networks/*", *_within("encoder", _RUN)),
    ),
    shared=True,
)
RELEASE = Patterned(
    ("statement.json",),
    (*_COHORT, "statement.json", "data_sheet.md", "model_card.md", "release.html*", "weights.safetensors"),
    resumes=False,
    hidden=True,
)
EXPORT = Listed("export")
DEMO = Composed(
    ("demo.json",),
    {
        **dict.fromkeys(("cohort", "synthetic", "recalibrated", "balanced"), COHORT),
        **{"plan": PLAN, "recalibration": RECALIBRATION, "debiased": EXPERIMENT, "scores": SCORES},
        **dict.fromkeys(("nnunet", "dicom"), EXPORT),
        "audit": Patterned((), ("audit.html*", "audit.json*")),
        "spectrum": Patterned((), ("spectrum.html*", "spectrum.json*", *_PROVENANCE)),
    },
    ("demo.json", "demo.json.part", "index.html*", ".*.writing/*"),
)
RECALIBRATED_FILES = Listed("recalibrate", ".unfinished/manifest.json", resumes=True, hidden=False)


def build_cohort(
    out: Path, overwrite: bool, make: Callable[[Path], Cohort], inputs: Sequence[CohortLike | None] = ()
) -> Cohort:
    """A cohort that is made, or the one that the same call finished before.

    Args:
        out: cohort folder.
        overwrite: whether one that is there is replaced, once the new one is whole.
        make: makes it in the folder that it is given.
        inputs: what the command reads; an output that is one of them or holds one is refused.
    """
    from synthcmr.cohort import Cohort
    from synthcmr.verbs.folders import expect_apart_from, made_or_taken

    expect_apart_from(out, inputs)
    made = build(out, COHORT, overwrite, lambda folder: made_or_taken(folder, lambda: make(folder)))
    return made if made.path == out else Cohort.open(out)
