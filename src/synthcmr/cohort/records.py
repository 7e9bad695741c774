"""One image row of a cohort, before and after it is stored."""

import hashlib
from dataclasses import dataclass, field, fields, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.attributes import Value
from synthcmr.cohort.labels import Mask


@dataclass(frozen=True)
class ImageRecord:
    """One row of images.parquet with its pixels: one slice of one subject, with one or more frames."""

    image: npt.NDArray[np.floating]  # (frames, rows, columns)
    mask: Mask  # same shape, canonical labels; UNLABELLED where no label exists
    subject_id: str
    stack: int  # which stack of the subject; slices of one stack share a geometry
    slice_index: int  # base -> apex where slice order is known
    slice_count: int
    phases: tuple[str, ...]
    labelled: tuple[str, ...]  # per frame, e.g. "lv,myo,rv", "lv" or ""
    slice_level: str | None = None  # "basal", "mid", "apical"; None where no mask tells
    slice_fraction: float | None = None  # 0 at the most basal slice with LV, 1 at the most apical
    frame_indices: tuple[int, ...] = ()
    trigger_ms: tuple[float, ...] = ()
    spacing_row_mm: float | None = None
    spacing_column_mm: float | None = None
    slice_step_mm: float | None = None
    slice_thickness_mm: float | None = None
    affine: tuple[float, ...] | None = None  # 4x4 row-major: (stored column, stored row, slice_index, 1) -> RAS mm
    intensity_low: float | None = None  # native intensity that was mapped to 0
    intensity_high: float | None = None  # native intensity that was mapped to 1
    area_lv_mm2: tuple[float, ...] = ()  # per frame, measured on the native pixels
    area_myo_mm2: tuple[float, ...] = ()
    area_rv_mm2: tuple[float, ...] = ()
    heart_cut: bool = False  # the crop lost labelled pixels
    origin: str = "real"
    extra: dict[str, Value | tuple[Value | None, ...]] = field(
        default_factory=dict
    )  # further columns, e.g. seed and plan row of a generated image; a tuple has a value per frame

    def stored_as(self, dtype: npt.DTypeLike) -> Self:
        """The image with pixels of the type that a cohort stores, which its hash is of."""
        return replace(self, image=self.image.astype(dtype, copy=False))

    def row(self, first_frame: int) -> dict[str, object]:
        """The row of images.parquet; `first_frame` is where its frames start in the arrays."""
        frames, height, width = self.image.shape
        core: dict[str, object] = {"image_id": self.image_id, "first_frame": first_frame, "n_frames": frames}
        for item in fields(self):
            if item.name not in ("image", "mask", "extra"):
                value = getattr(self, item.name)
                core[item.name] = list(value) if isinstance(value, tuple) else value
        core |= {"height": height, "width": width, "content_hash": self.content_hash}
        return core | {k: list(v) if isinstance(v, tuple) else v for k, v in self.extra.items() if k not in core}

    @property
    def image_id(self) -> str:
        """A name for the row that is unique within the cohort."""
        frames = "-".join(str(i) for i in self.frame_indices) if len(self.frame_indices) <= 2 else "cine"
        return f"{self.subject_id}/{self.stack}/{self.slice_index:02d}/{frames}"

    @property
    def content_hash(self) -> str:
        """Hash of the pixels and the mask as they are stored."""
        return pixels_hash(self.image, self.mask)


def pixels_hash(image: npt.NDArray[np.generic], mask: npt.NDArray[np.generic]) -> str:
    """Hash of an image and its mask, of the types in which they are stored."""
    digest = hashlib.blake2b(digest_size=16)
    for pixels in (image, mask):
        digest.update(np.ascontiguousarray(pixels).tobytes())
    return digest.hexdigest()


def plain_text(text: str) -> str:
    """Text that any file can hold: what a name of a file has beyond UTF-8 is written as \\x.."""
    return text.encode("utf-8", "backslashreplace").decode()


@dataclass(frozen=True)
class Reject:
    """Something that could not be read (level "reject"), or that had to be assumed (level "note")."""

    case_id: str
    part: str  # "subject", or the slice, file or attribute concerned
    reason: str
    level: str = "reject"

    def row(self) -> dict[str, object]:
        """The row of rejects.parquet."""
        return {k: plain_text(getattr(self, k)) for k in ("case_id", "part", "reason", "level")}


@dataclass(frozen=True)
class SubjectRecord:
    """Everything that ingest makes of one case: a subject with its image rows, or only rejects."""

    case_id: str
    subject_id: str | None  # None: the whole case was rejected
    attributes: dict[str, Value] = field(default_factory=dict)
    images: tuple[ImageRecord, ...] = ()
    rejects: tuple[Reject, ...] = ()
    truth: dict[str, Value] = field(default_factory=dict)  # what is known of a phantom; one row of truth.parquet
    measures: dict[str, Value] = field(default_factory=dict)  # what a judge measured; one row of measures.parquet
    dropped: dict[str, str] = field(default_factory=dict)  # attributes kept out to protect the patient, with the reason
