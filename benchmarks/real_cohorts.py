"""Real cohorts for measurements: files of one data set from several folders, as one cohort on the pixels of phantoms.

    python -m benchmarks.real_cohorts acdc OUT ../shared/data/acdc/training ../shared/more/acdc/training
    python -m benchmarks.real_cohorts sunnybrook-png OUT ../shared/data/sunnybrook ../shared/more/sunnybrook --pixel-mm 1.33

`--pixel-mm` states the pixel size of images whose files name none: the PNG slices of Sunnybrook have no spacing, and the
DICOM series of the same data set lie between 1.29 and 1.37 mm. Without it such images would stay on their own pixels,
and a network could tell them from others by their size alone.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from synthcmr.cohort import Cohort
from synthcmr.cohort.preprocess import to_record
from synthcmr.cohort.provenance import Input, fingerprint
from synthcmr.cohort.raw_subject import RawSubject
from synthcmr.cohort.readers import READERS, get_reader
from synthcmr.cohort.writer import CohortWriter
from synthcmr.config import FrameMode, PreprocessSettings, SplitSettings


def real_cohort(
    reader: str,
    sources: list[Path],
    out: Path,
    pixel_mm: float | None = None,
    frames: FrameMode = "auto",
    size: int = 128,
) -> Cohort:
    """Read every subject of some folders into one cohort; one that is finished is opened.

    Args:
        reader: name of the reader of all of them.
        sources: folders of the data set.
        out: the cohort folder.
        pixel_mm: pixel size of images whose files name none.
        frames: of an image.
        size: rows and columns.
    """
    if (out / "cohort.json").exists():
        return Cohort.open(out)
    settings = PreprocessSettings(frames=frames, size=size)
    manifest = {
        "step": "ingest",
        "reader": reader,
        "sources": [str(source) for source in sources],
        "pixel_mm": pixel_mm,
        "settings": {"preprocess": settings.model_dump(mode="json")},
    }
    with CohortWriter(out, manifest) as writer:
        for source in sources:
            for case in get_reader(reader).cases(source):
                if case.case_id not in writer.done:
                    raw = with_pixel_size(get_reader(reader).read(source, case), pixel_mm)
                    writer.add(to_record(raw, case.case_id, settings))
        inputs = [Input(source.name, "files", fingerprint(source)) for source in sources]
        writer.finish(SplitSettings(), inputs, {"reader": reader})
    return Cohort.open(out)


def with_pixel_size(raw: RawSubject, pixel_mm: float | None) -> RawSubject:
    """The same subject; stacks without a pixel size get the stated one."""
    if pixel_mm is None:
        return raw
    stated = (pixel_mm, pixel_mm)
    return replace(raw, stacks=tuple(replace(s, spacing_mm=s.spacing_mm or stated) for s in raw.stacks))


def main() -> None:
    """Read and say what is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reader", choices=sorted(READERS))
    parser.add_argument("out", type=Path)
    parser.add_argument("sources", type=Path, nargs="+")
    parser.add_argument("--pixel-mm", type=float, default=None)
    parser.add_argument("--frames", choices=("auto", "single", "pair", "cine"), default="auto")
    options = parser.parse_args()
    print(real_cohort(options.reader, options.sources, options.out, options.pixel_mm, options.frames))


if __name__ == "__main__":
    main()
