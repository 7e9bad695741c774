"""nnU-Net's own `verify_dataset_integrity` on an exported cohort.

nnunetv2 brings torchvision with it, so it runs in an environment of its own:

    python -m venv /tmp/nnunet && /tmp/nnunet/bin/pip install nnunetv2
    synthcmr export COHORT raw --format nnunet
    python benchmarks/nnunet_integrity.py raw/Dataset501_SynthCMR --python /tmp/nnunet/bin/python
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

# A file with a main guard: nnU-Net checks in processes that it spawns, and those import the script again.
CHECK = """
import sys
from nnunetv2.experiment_planning.verify_dataset_integrity import verify_dataset_integrity
if __name__ == "__main__":
    verify_dataset_integrity(sys.argv[1], num_processes=2)
"""
PASSED = "most likely OK"


def passes(dataset: Path, python: str) -> bool:
    """Whether nnU-Net finds nothing wrong with a raw data set; its report goes to the terminal."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "check.py"
        script.write_text(CHECK)
        result = subprocess.run([python, str(script), str(dataset)], capture_output=True, text=True, check=False)
    print(result.stdout, result.stderr, sep="\n")
    return result.returncode == 0 and PASSED in result.stdout


def main() -> int:
    """Check one data set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path, help="DatasetNNN_Name folder")
    parser.add_argument("--python", default=sys.executable, help="interpreter that can import nnunetv2")
    given = parser.parse_args()
    return 0 if passes(given.dataset, given.python) else 1


if __name__ == "__main__":
    sys.exit(main())
