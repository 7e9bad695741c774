"""A small cohort of which it is known who leaked: every subject a texture of their own, seen in a few noisy slices."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from synthcmr.cohort import Cohort
from synthcmr.cohort.records import ImageRecord, SubjectRecord
from synthcmr.cohort.writer import CohortWriter
from synthcmr.conditioning.condition import Condition
from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.evaluation.privacy.image_index import ImageIndex, SplitIndexes, build_index, index_selection
from synthcmr.evaluation.privacy.image_selection import ImageSelection, MemberSplit, split_members
from synthcmr.evaluation.privacy.settings import CopySettings, MembershipSettings, PrivacyPartSettings

SETTINGS = PrivacyPartSettings(copies=CopySettings(planted=20), draws=200)
QUICK = SETTINGS.model_copy(
    update={"membership": MembershipSettings(images=2, slices=2, times=(0.3, 0.7), noises=1, asked=2)}
)
SIDE, SLICES = 64, 3
MEMBERS, OTHERS = 16, 24


def textures(out: Path) -> Cohort:
    """Subjects of both sides."""
    rng = np.random.default_rng(0)
    with CohortWriter(out, {"step": "textures"}, canvas=(SIDE, SIDE)) as writer:
        for k in range(MEMBERS + OTHERS):
            attributes = {
                "sex": ("female", "male")[int(rng.integers(2))],
                "age": float(rng.integers(20, 90)),
                "diagnosis": ("nor", "dcm", "hcm")[int(rng.integers(3))],
                "split": "train" if k < MEMBERS else "test",
            }
            records = tuple(_slice(f"s{k:02d}", i, rng) for i in range(SLICES))
            writer.add(SubjectRecord(f"s{k:02d}", f"s{k:02d}", attributes, records))
        writer.finish(None, [])
    return Cohort.open(out)


def _slice(name: str, index: int, rng: np.random.Generator) -> ImageRecord:
    fine, coarse = (gaussian_filter(rng.normal(size=(SIDE, SIDE)), sigma) for sigma in (2.0, 5.0))
    shape = fine / fine.std() + coarse / coarse.std()
    frames = np.stack([shape, 0.9 * shape + 0.3 * gaussian_filter(rng.normal(size=(SIDE, SIDE)), 3.0)])
    image = np.clip(0.5 + 0.12 * frames + rng.normal(0, 0.01, frames.shape), 0, 1).astype(np.float32)
    mask = np.zeros(image.shape, dtype=np.uint8)
    down, right = rng.integers(10, 40, size=2)
    mask[:, down : down + 12, right : right + 12] = 1
    return ImageRecord(image, mask, name, 0, index, SLICES, ("ED", "ES"), ("lv", "lv"), frame_indices=(0, 1))


def divided(cohort: Cohort) -> MemberSplit:
    """The real images, by side."""
    return split_members(cohort, 2, SETTINGS)


def indexed(split: MemberSplit, images: np.ndarray, subject: np.ndarray, folder: Path) -> SplitIndexes:
    """Real images, and given ones as the synthetic ones, as they are compared."""
    names = np.array([f"{s}/{k}" for k, s in enumerate(subject)])
    calibrating = np.arange(len(split.held_out)) < len(split.calibrating)
    return SplitIndexes(
        index_selection(split.members, folder / "m"),
        index_selection(split.held_out, folder / "h"),
        calibrating,
        index_selection(split.calibrating, folder / "r"),
        build_index(folder / "s", [images], subject, names, None),
    )


def index_of(folder: Path, images: np.ndarray, each: int = 1) -> ImageIndex:
    """An index of given images, some of each subject."""
    names = np.repeat([f"s{k:02d}" for k in range(len(images) // each)], each)
    return build_index(folder, [images.astype(np.float32)], names, names, None)


def pixels_of(selection: ImageSelection) -> np.ndarray:
    """All selected images."""
    return np.concatenate(list(selection.blocks()))


@dataclass
class Memory:
    """A generator that gives back what it learned, and is half as wrong about it as about others; all in closed form."""

    learned: dict[bytes, np.ndarray]  # mask -> image
    known: float = 0.5
    frames: int = 2
    vocabulary: Vocabulary = field(default_factory=lambda: Vocabulary(()))

    def draw(self, conditions: Sequence[Condition], seeds: Sequence[int]) -> np.ndarray:
        rng = np.random.default_rng(list(seeds))
        noise = rng.random((len(conditions), *conditions[0].mask.shape)).astype(np.float32)
        return np.stack([self.learned.get(c.mask.tobytes(), n) for c, n in zip(conditions, noise, strict=True)])

    def errors(
        self, images: np.ndarray, conditions: Sequence[Condition], time: float, seeds: Sequence[int]
    ) -> np.ndarray:
        noise = np.stack([np.random.default_rng(seed).normal(size=images.shape[1:]) for seed in seeds])
        size = [self.known if c.mask.tobytes() in self.learned else 1.0 for c in conditions]
        return (noise * np.array(size)[:, None, None, None]).astype(np.float32)
