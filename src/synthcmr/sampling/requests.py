"""Requests: every draw is made here, before anything is rendered."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from synthcmr.cohort.attributes import Value
from synthcmr.cohort.provenance import Input
from synthcmr.privacy.ledger import Ledger

WHOLE = "whole"  # instead of a level: the whole stack
PLANNED = "plan"  # column of images that names the plan they were made from


@dataclass(frozen=True)
class Request:
    """One subject to make: a whole stack, or one slice of it."""

    name: str  # subject id of the result
    seed: int
    attributes: Mapping[str, Value] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)  # what the heart shall measure
    severity: float | None = None
    level: str = WHOLE  # "basal", "mid", "apical" for one slice
    prompt: str = ""  # as typed, where the request is a prompt
    like: str | None = None  # subject whose mask, and whatever is not requested otherwise, is taken
    columns: Mapping[str, Value] = field(default_factory=dict)  # what every image of it says besides
    denied: tuple[str, ...] = ()  # diagnoses that may not be drawn for it

    def row(self) -> dict[str, Any]:
        """As plain values, for manifests."""
        mappings = {k: dict(getattr(self, k)) for k in ("attributes", "numbers", "columns")}
        return asdict(self) | mappings


@dataclass(frozen=True)
class RequestList:
    """One request per subject, and what follows from where they came from."""

    requests: list[Request]
    masks: str  # generated, real or deformed
    follow: Path | None  # cohort whose people, or masks, are followed
    inputs: tuple[Input, ...] = ()  # further inputs of the cohort
    notes: tuple[str, ...] = ()
    ledger: Ledger | None = None  # of a plan; None where the user stated everything


def seed_of(run_seed: int, *parts: object) -> int:
    """A seed that depends on everything given and on nothing else."""
    text = "/".join(str(p) for p in (run_seed, *parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest(), "big")


def from_prompt(
    count: int,
    seed: int,
    attributes: Mapping[str, Value],
    numbers: Mapping[str, float],
    severity: float | None,
    level: str,
    prompt: str,
) -> list[Request]:
    """The same request for several subjects, each with its own seed."""
    return [
        Request(f"synth-{seed}-{i:05d}", seed_of(seed, i), dict(attributes), dict(numbers), severity, level, prompt)
        for i in range(count)
    ]


def like_cohort(
    subjects: Sequence[tuple[str, Mapping[str, Value]]],
    count: int,
    seed: int,
    attributes: Mapping[str, Value],
    level: str,
    shuffled: bool = True,
) -> list[Request]:
    """Requests that follow the people of a cohort, as often as needed.

    Args:
        subjects: name and attributes of each subject with masks.
        count: how many to make.
        seed: of the run.
        attributes: what replaces the subjects' own.
        level: whole stacks, or slices of one level.
        shuffled: in random order; otherwise in that of the cohort.
    """
    rounds = range(-(-count // len(subjects)))
    orders = [np.random.default_rng([seed, k]).permutation(len(subjects)) for k in rounds]
    order = np.concatenate(orders if shuffled else [np.arange(len(subjects)) for _ in rounds])[:count]
    requests = []
    for i, k in enumerate(order):
        name, own = subjects[int(k)]
        requests.append(
            Request(f"synth-{seed}-{i:05d}", seed_of(seed, i), {**own, **attributes}, level=level, like=name)
        )
    return requests
