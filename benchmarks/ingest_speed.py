"""Ingest against a straightforward MONAI pipeline that does the same work, in one run; and memory against cohort size.

    python benchmarks/ingest_speed.py --data ../shared/data/acdc/training

Same work: read image and mask of every ED and ES frame, resample to 1.5 mm in-plane, scale intensities to percentiles,
crop 128x128 around the heart, and store the result so that it can be read back. Both use two processes.
"""

import argparse
import json
import multiprocessing
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

SPACING_MM, SIZE, WORKERS = 1.5, 128, 2


def time_synthcmr(data: Path, out: Path) -> tuple[float, int]:
    """Seconds and frames of `synthcmr ingest`, through its Python API."""
    from synthcmr.cohort.ingest import ingest, plan_ingest
    from synthcmr.config import IngestSettings

    started = time.perf_counter()
    cohort = ingest(plan_ingest(data, IngestSettings()), out, workers=WORKERS)
    return time.perf_counter() - started, int(cohort.info["frames"])


def time_monai(data: Path, out: Path) -> tuple[float, int]:
    """Seconds and frames of MONAI's Dataset, transforms and DataLoader, saved as one array file per frame."""
    from monai.data import DataLoader, Dataset
    from monai.transforms import (
        Compose,
        CropForegroundd,
        EnsureChannelFirstd,
        LoadImaged,
        ResizeWithPadOrCropd,
        ScaleIntensityRangePercentilesd,
        Spacingd,
    )

    items = [
        {"image": str(gt).replace("_gt", ""), "mask": str(gt)}
        for gt in sorted(data.glob("patient*/patient*_gt.nii.gz"))
    ]
    keys = ["image", "mask"]
    steps = Compose(
        [
            LoadImaged(keys),
            EnsureChannelFirstd(keys),
            Spacingd(keys, pixdim=(SPACING_MM, SPACING_MM, -1.0), mode=("bilinear", "nearest")),
            ScaleIntensityRangePercentilesd("image", 0.5, 99.5, 0.0, 1.0, clip=True),
            CropForegroundd(keys, source_key="mask", margin=(40, 40, 1000), allow_smaller=True),
            ResizeWithPadOrCropd(keys, (SIZE, SIZE, -1)),
        ]
    )
    started = time.perf_counter()
    out.mkdir(parents=True)
    frames = 0
    for i, batch in enumerate(DataLoader(Dataset(items, steps), batch_size=1, num_workers=WORKERS)):
        image = batch["image"][0, 0].numpy().astype(np.float16)
        mask = batch["mask"][0, 0].numpy().astype(np.uint8)
        np.savez_compressed(out / f"{i:05d}.npz", image=image, mask=mask)
        frames += image.shape[-1]
    return time.perf_counter() - started, frames


def peak_memory_mb(data: Path) -> float:
    """Peak resident memory of an ingest in one process of its own."""
    context = multiprocessing.get_context("spawn")
    queue: multiprocessing.Queue[float] = context.Queue()
    process = context.Process(target=_measure, args=(data, queue))
    process.start()
    peak = queue.get()
    process.join()
    return peak


def _measure(data: Path, queue: "multiprocessing.Queue[float]") -> None:
    from synthcmr.cohort.ingest import ingest, plan_ingest
    from synthcmr.config import IngestSettings

    with tempfile.TemporaryDirectory() as folder:
        ingest(plan_ingest(data, IngestSettings()), Path(folder) / "cohort", workers=1)
    # VmHWM belongs to this program alone; ru_maxrss would carry over what the parent once used
    status = Path("/proc/self/status").read_text()
    queue.put(int(status.split("VmHWM:")[1].split()[0]) / 1024)


def phantoms_as_acdc(folder: Path, subjects: int) -> Path:
    """Phantoms written in ACDC's own layout."""
    from synthcmr.cohort.writers import get_writer
    from synthcmr.phantom.cohort import make_phantoms

    cohort = make_phantoms(folder / "phantoms", "acdc-like", subjects)
    get_writer("acdc").write(cohort, folder / "acdc")
    shutil.rmtree(folder / "phantoms")
    return folder / "acdc"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of ACDC patients")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/ingest_speed.json"))
    options = parser.parse_args()
    ours, peer = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for i in range(options.repeats):
            seconds, frames = time_synthcmr(options.data, folder / f"ours{i}")
            ours.append(frames / seconds)
            seconds, frames = time_monai(options.data, folder / f"peer{i}")
            peer.append(frames / seconds)
        small, large = phantoms_as_acdc(folder / "30", 30), phantoms_as_acdc(folder / "300", 300)
        memory = {"30": peak_memory_mb(small), "300": peak_memory_mb(large)}
    result = {
        "slices_per_second": {"synthcmr": float(np.median(ours)), "monai": float(np.median(peer))},
        "ratio": float(np.median(ours) / np.median(peer)),
        "all_runs": {"synthcmr": ours, "monai": peer},
        "peak_memory_mb": memory,
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2))
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
