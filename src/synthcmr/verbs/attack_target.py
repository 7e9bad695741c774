"""What `synthcmr evaluate --run` attacks: a run folder as the target of attacks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from synthcmr.evaluation.privacy.attack_target import AttackTarget


def load_attack_target(run: Path, references: Sequence[Path]) -> AttackTarget:
    """A generator, models like it that learned from others, and what its run claims.

    Args:
        run: that made the images.
        references: runs of the same family, of other people.
    """
    from synthcmr.evaluation.privacy.attack_target import AttackTarget
    from synthcmr.evaluation.privacy.dp_audit import PrivacyClaim
    from synthcmr.generators.families import load_generator
    from synthcmr.generators.sampler import SamplerSettings
    from synthcmr.sampling.attack_adapter import Answering

    generator, *others = (load_generator(path) for path in (run, *references))
    answering = Answering(generator, SamplerSettings())
    private = cast(dict[str, Any] | None, generator.facts.get("privacy"))
    claim = None if private is None else PrivacyClaim.model_validate({k: private[k] for k in PrivacyClaim.model_fields})
    return AttackTarget(
        name=" ".join(one.hash for one in (generator, *others)),
        sampling=answering,
        errors=answering if hasattr(generator, "errors") else None,
        references=[Answering(one, SamplerSettings()) for one in others],
        learned_from=_cohorts(run),
        claim=claim,
    )


def _cohorts(run: Path) -> tuple[str, ...]:
    """Hashes of the cohorts that a run names; none where it does not tell."""
    import json

    from synthcmr.cohort.provenance import PROVENANCE_FILE

    file = run / PROVENANCE_FILE
    if not file.exists():
        return ()
    return tuple(str(i["hash"]) for i in json.loads(file.read_text())["inputs"] if i["kind"] == "cohort")
