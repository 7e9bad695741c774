"""What pages take for granted: phantoms stand in for the cohorts, files and runs that a reader has."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from synthcmr.cli.app import app
from synthcmr.cohort import Cohort
from synthcmr.cohort.joining import join_cohorts
from synthcmr.cohort.writers import get_writer
from tests.generators.making import phantoms, stable_diffusion

SBATCH = """#!/bin/bash
tasks=$(sed -n 's/^#SBATCH.*--array=1-\\([0-9]*\\).*/\\1/p' "$1")
for task in $(seq "$tasks"); do SLURM_ARRAY_TASK_ID=$task bash "$1" || exit 1; done
"""
CINE = 5  # frames, so few that files stay small


class Shelf:
    """Things by kind, each made once when it is first asked for."""

    def __init__(self, folder: Path, cohort: Cohort, run: Path) -> None:
        """Everything is made from a phantom cohort and a run that has hardly learned anything."""
        self.folder, self.cohort = folder, cohort
        four = cohort.subjects["subject_id"].head(4).tolist()
        self.kinds: dict[str, Callable[[Path], object]] = {
            "cohort": lambda out: shutil.copytree(cohort.path, out),
            "mid slices": lambda out: join_cohorts(out, [_mid_slices(cohort)]),
            "another cohort": lambda out: phantoms(out, subjects=8, seed=2),
            "synthetic cohort": self._synthetic,
            "run": lambda out: shutil.copytree(run, out),
            "ACDC": lambda out: get_writer("acdc").write(cohort, out),
            "four of ACDC": lambda out: get_writer("acdc").write(cohort.select(subject_id=four), out),
            "M&Ms": self._mnms,
            "UK Biobank": self._ukbb,
            "NIfTI named by subject and phase": _named_nifti,
            "PNGs": self._pngs,
            "unlabelled cines": self._unlabelled,
            "SLURM": self._slurm,
            "Stable Diffusion": stable_diffusion,
            "examples": lambda out: shutil.copytree(Path(__file__).parents[2] / "examples", out),
        }

    def lay_out(self, kind: str, place: Path) -> None:
        """Put one of a kind where a page says it is."""
        made = self.folder / kind.replace(" ", "_")
        if not made.exists():
            self.kinds[kind](made)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(made, place)

    def _synthetic(self, out: Path) -> None:
        """Single slices by the generator that ships, in one step: it has seen none of the people they are compared with."""
        words = f"generate {out} -n 16 --size 64 --steps 1 --no-screen"
        assert CliRunner().invoke(app, words.split()).exit_code == 0

    def _cines(self) -> Cohort:
        """A few phantoms that beat."""
        from synthcmr.config import PreprocessSettings
        from synthcmr.phantom.cohort import make_phantoms

        made = self.folder / "cines"
        small = PreprocessSettings(size=64, spacing_mm=3.0)
        return Cohort.open(made) if made.exists() else make_phantoms(made, "vendors", 2, CINE, 3, small, workers=1)

    def _mnms(self, out: Path) -> None:
        """As the challenge hands out its training set."""
        from tests.cohort.readers.layouts import save, write_csv

        rows = []
        for code, name in zip("AB", (cohort := self._cines()).subjects["subject_id"], strict=True):
            (stack,) = cohort.stacks(name)
            phases = stack.phases.index("ED"), stack.phases.index("ES")
            drawn = np.where(np.isin(np.arange(CINE), phases)[:, None, None, None], stack.mask, 0).astype(np.uint8)
            folder = out / "Training/Labeled" / (key := f"{code}0S9V9")
            save(folder / f"{key}_sa.nii.gz", (stack.image * 1000).astype(np.int16), stack.affine)
            save(folder / f"{key}_sa_gt.nii.gz", drawn, stack.affine)
            told = {
                "External code": key,
                "VendorName": "",
                "Vendor": code,
                "Centre": 1,
                "ED": phases[0],
                "ES": phases[1],
            }
            rows.append(told | {"Age": 40, "Pathology": "NOR", "Sex": "F", "Height": 1.7, "Weight": 70})
        write_csv(out / "211230_M&Ms_Dataset_information_diagnosis_opendataset.csv", rows)

    def _ukbb(self, out: Path) -> None:
        """Zips of DICOM and a table with field ids."""
        import zipfile

        import pydicom

        get_writer("dicom").write(self._cines(), self.folder / "dicom")
        people = [f for f in sorted((self.folder / "dicom").iterdir()) if f.is_dir()]
        out.mkdir()
        lines = ["eid,31-0.0,21003-2.0,21001-2.0"]
        for k, person in enumerate(people):
            eid = 1234567 + k
            with zipfile.ZipFile(out / f"{eid}_20209_2_0.zip", "w") as archive:
                for n, file in enumerate(sorted(person.rglob("*.dcm"))):
                    if pydicom.dcmread(file, stop_before_pixels=True).Modality == "MR":
                        archive.write(file, f"{n:04d}.dcm")
            lines.append(f"{eid},{k % 2},{55 + k},{24 + k}")
        (out / "people.csv").write_text("\n".join(lines) + "\n")

    def _unlabelled(self, out: Path) -> None:
        """Cines as a scanner sends them: a folder of DICOM for each person, and no masks."""
        import pydicom

        cines = self._cines().where("slice_index in (3, 4, 5, 6)")
        get_writer("dicom").write(cines, out)
        for file in sorted(out.rglob("*")):
            if file.is_file() and (
                file.suffix != ".dcm" or pydicom.dcmread(file, stop_before_pixels=True).Modality != "MR"
            ):
                file.unlink()

    def _slurm(self, out: Path) -> None:
        """A scheduler that runs the tasks of an array one after another."""
        out.mkdir()
        script = out / "sbatch"
        script.write_text(SBATCH)
        script.chmod(0o755)

    def _pngs(self, out: Path) -> None:
        """Grey images as another tool writes them, one per subject."""
        from PIL import Image

        out.mkdir()
        for k in range(0, len(self.cohort), len(self.cohort) // 24):
            Image.fromarray((self.cohort.image(k)[0] * 255).clip(0, 255).astype(np.uint8)).save(out / f"{k:03d}.png")


def _named_nifti(out: Path) -> None:
    """Two people whose files say by their names alone what they are, with ACDC's order of labels."""
    from tests.cohort.readers.layouts import ACDC, heart, picture, save

    for name in ("p01", "p02"):
        for phase, drawn in zip(("ED", "ES"), heart(2), strict=True):
            save(out / f"{name}_{phase}.nii.gz", picture(drawn))
            save(out / f"{name}_{phase}_gt.nii.gz", ACDC[drawn])


def _mid_slices(cohort: Cohort) -> Cohort:
    """A third of the images, and splits that all hold enough people to be told something."""
    few = cohort.where("slice_level == 'mid'")
    splits = ("test", "train", "train", "validation")  # so that each has people of either kind
    few.subjects = few.subjects.assign(split=[splits[k % 4] for k in range(len(few.subjects))])
    return few
