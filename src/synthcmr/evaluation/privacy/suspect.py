"""What is at hand of the generator that is attacked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from synthcmr.evaluation.privacy.canaries import Claim
from synthcmr.evaluation.privacy.protocol import Answers, TellsErrors


@dataclass(frozen=True)
class Suspect:
    """Each part is optional, and without it fewer attacks are made."""

    name: str = ""  # a hash of its weights, and of the references': with others, it is attacked anew
    answers: Answers | None = None
    errors: TellsErrors | None = None
    references: Sequence[TellsErrors] = ()  # models like it that learned from others
    learned_from: tuple[str, ...] = ()  # hashes of cohorts, as far as its run tells
    claim: Claim | None = None  # what a private run says that it did
