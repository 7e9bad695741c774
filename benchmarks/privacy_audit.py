"""Twenty private runs with canaries, with the promised noise and with none: what one-run auditing proves of each.

    python -m benchmarks.privacy_audit [--runs 20] [--epsilon 1] [--steps 100] [--canaries 200] [--out benchmarks/out/privacy_audit.json]

Every run goes through the training loop as any private run does; the network is a linear regression, so that a run takes seconds. In
the second series the noise is left out, as a mistake in the code would, and the claim is kept.
"""

import argparse
import json
import tempfile
from pathlib import Path
from unittest.mock import patch

from synthcmr.evaluation.privacy.dp_audit import PrivacyClaim, audit_claim
from synthcmr.training import loop


def series(claim: PrivacyClaim, runs: int, canaries: int, folder: Path) -> list[dict[str, object]]:
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
    parser.add_argument("--canaries", type=int, default=200)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/privacy_audit.json"))
    options = parser.parse_args()
    claim = PrivacyClaim(epsilon=options.epsilon, delta=options.delta, sample_rate=options.rate, releases=options.steps)
    with tempfile.TemporaryDirectory() as folder:
        kept = series(claim, options.runs, options.canaries, Path(folder) / "kept")
        with patch.object(loop, "add_noise", lambda total, spread, seed: None):
            broken = series(claim, options.runs, options.canaries, Path(folder) / "broken")
    for name, found in (("promised noise", kept), ("no noise", broken)):
        bounds = [float(str(f["bound"])) for f in found]
        exposed = sum(bool(f["exposed"]) for f in found)
        print(
            f"{name}: bounds {min(bounds):.2f} to {max(bounds):.2f}, claim {claim.epsilon:g}; {exposed} of {len(found)} exposed"
        )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"claim": claim.model_dump(), "kept": kept, "broken": broken}, indent=2))


if __name__ == "__main__":
    main()
