"""Full-physics phantom slices per second on one core.

python benchmarks/phantom_speed.py
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before numpy is loaded: one core is what is measured

import json  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402

from synthcmr.phantom.population import draw_subject  # noqa: E402
from synthcmr.phantom.render import render_subject  # noqa: E402

SUBJECTS = 12


def slices_per_second(preset: str, size: tuple[int, int] | None) -> float:
    """Slices (every frame of every position) a second, everything included: drawing, solving, truth, physics."""
    started, count = time.perf_counter(), 0
    for index in range(SUBJECTS):
        rendered = render_subject(draw_subject(preset, index, 0), 2, size)
        count += rendered.image.shape[0] * rendered.image.shape[1]
    return count / (time.perf_counter() - started)


def main() -> None:
    """Measure and print."""
    result = {
        "slices_per_second_per_core": {
            "128x128": {preset: slices_per_second(preset, (128, 128)) for preset in ("population", "acdc-like")},
            "whole field of view": {"acdc-like": slices_per_second("acdc-like", None)},
        },
        "subjects": SUBJECTS,
    }
    out = Path("benchmarks/out/phantom_speed.json")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=2))
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
