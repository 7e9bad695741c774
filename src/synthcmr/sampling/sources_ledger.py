"""The ledger of generated images: all that was used to make them, and to choose them."""

from __future__ import annotations

from collections.abc import Iterator

from synthcmr.cohort import Cohort
from synthcmr.cohort.cohort_ledger import cohort_ledger
from synthcmr.generators.anatomy.generator import anatomy_ledger
from synthcmr.privacy.ledger import EMPTY, NOT_KNOWN, Ledger, LedgerEntry, learned_openly, union
from synthcmr.sampling.settings import GenerateSettings
from synthcmr.sampling.sources import Sources, fingerprints_of
from synthcmr.training.shipped_weights import GENERATOR, shipped
from synthcmr.training.weights_ledger import judge_ledger, weights_ledger

HOW_MASKS = {"generated": "followed", "real": "masks", "deformed": "deformed"}  # reasons, by where masks come from


def generated_ledger(sources: Sources, settings: GenerateSettings, requested: Ledger | None, planned: bool) -> Ledger:
    """The union of everything's ledger.

    Args:
        sources: generator, anatomies, judges and the cohort that is followed.
        settings: whether images are screened, and what is taken from the cohort that is followed.
        requested: of where the requests come from; None where they were stated by the user.
        planned: whether they say that they are of a plan, whose ledger must then be there.
    """
    of_requests = requested if requested is not None else NOT_KNOWN.named("plan") if planned else EMPTY
    return union((of_requests, *_networks(sources, settings), _followed(sources, settings)))


def _networks(sources: Sources, settings: GenerateSettings) -> Iterator[Ledger]:
    yield weights_ledger(sources.run or shipped(GENERATOR))
    if sources.anatomy is not None:
        yield anatomy_ledger(sources.anatomy).named(str(sources.anatomy))
    if not settings.screen.enabled:
        return
    if sources.judges is not None:
        for folder in (sources.judges / "segmenter", sources.judges / "reader"):
            yield judge_ledger(folder)
    if sources.run is not None and not weights_ledger(sources.run).broken and _keeps_prints(sources):
        yield Ledger((LedgerEntry("screening", reason="near-copies", name=str(fingerprints_of(sources.run))),))


def _keeps_prints(sources: Sources) -> bool:
    """Whether a run that may be released has fingerprints of images that are not public."""
    prints = fingerprints_of(sources.run)
    return prints.exists() and prints.parent != shipped(GENERATOR).parent


def _followed(sources: Sources, settings: GenerateSettings) -> Ledger:
    if sources.like is None:
        return EMPTY
    reason = "redrawn" if settings.redraw else HOW_MASKS[settings.masks]
    return learned_openly(cohort_ledger(Cohort.open(sources.like)), "requests", reason).named(str(sources.like))
