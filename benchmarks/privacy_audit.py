"""Twenty private runs with canaries, with the promised noise, with half of it and with none: what one-run auditing proves of each.

    python -m benchmarks.privacy_audit [--runs 20] [--epsilon 1] [--delta 1e-4] [--steps 100] [--canaries 0] [--out FILE]

Every run goes through the training loop as any private run does; the network is a linear regression, so that a run takes seconds, and
minutes with the 25,600 canaries that epsilon = 8 needs. In the other series the noise is halved or left out, as a mistake in the code
would, and the claim is kept.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from functools import partialmethod
from pathlib import Path
from unittest.mock import patch

from torch import Tensor

from synthcmr.evaluation.privacy.dp_audit import PrivacyClaim, audit_claim
from synthcmr.training.secret_noise import Secret

ADD_NOISE = Secret.add_noise


def weaker_noise(secret: Secret, share: float, total: Sequence[Tensor], spread: float, step: int, turn: int) -> None:
    """The noise of a run with a mistake in it: a share of what was promised."""
    if share:
        ADD_NOISE(secret, total, share * spread, step, turn)


def series(claim: PrivacyClaim, runs: int, canaries: int | None, folder: Path) -> list[dict[str, object]]:
    """Audits of so many runs."""
    found = []
    for seed in range(runs):
        told = audit_claim(claim, folder / str(seed), canaries, seed=seed)
        found.append(told.model_dump(mode="json") | {"exposed": told.exposed})
        print(f"seed {seed}: {told.right} of {told.guesses} guesses right; {told.sentence}", flush=True)
    return found


def main() -> None:
    """Audit, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--epsilon", type=float, default=1.0)
    parser.add_argument("--delta", type=float, default=1e-4)
    parser.add_argument("--rate", type=float, default=0.2)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--canaries", type=int, default=0, help="0: as many as the claim needs")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/privacy_audit.json"))
    options = parser.parse_args()
    claim = PrivacyClaim(epsilon=options.epsilon, delta=options.delta, sample_rate=options.rate, releases=options.steps)
    with tempfile.TemporaryDirectory() as folder:
        results = {}
        for name, share in (("promised noise", 1.0), ("half of the noise", 0.5), ("no noise", 0.0)):
            with patch.object(Secret, "add_noise", partialmethod(weaker_noise, share)):
                results[name] = series(
                    claim, options.runs, options.canaries or None, Path(folder) / name.replace(" ", "-")
                )
    for name, found in results.items():
        bounds = [float(str(f["bound"])) for f in found]
        exposed = sum(bool(f["exposed"]) for f in found)
        print(
            f"{name}: bounds {min(bounds):.2f} to {max(bounds):.2f}, claim {claim.epsilon:g}; {exposed} of {len(found)} exposed"
        )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"claim": claim.model_dump(), **results}, indent=2))


if __name__ == "__main__":
    main()
