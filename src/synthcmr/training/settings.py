"""What decides a training run, whatever is trained: a preset's settings, a file's over them, and single ones from the command line."""

from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field

from synthcmr.config import (
    LARGEST_BATCH,
    LARGEST_SEED,
    MOST,
    MOST_STEPS,
    MOST_WORKERS,
    Settings,
    settings_from_dict,
    yaml_file,
    yaml_value,
)
from synthcmr.errors import SettingsError

ModelSettings = TypeVar("ModelSettings", bound=Settings)
PARTS = ("model", "loop")


class PrivacySettings(Settings):
    """What differential privacy of a run promises."""

    epsilon: float = Field(8.0, gt=0, description="most that is spent by the end of the run")
    delta: float | None = Field(
        None, gt=0, lt=0.1, description="null: one over ten times the number of subjects, at most 1e-3"
    )
    clip: float = Field(1.0, gt=0, description="norm that one subject's gradient is clipped to")
    subjects: float = Field(16.0, gt=0, description="subjects per step on average; many of them make up for the noise")
    slices: int = Field(
        4, ge=1, le=MOST, description="images of each of them, drawn anew each time: they count once, as one subject"
    )
    subjects_in_cohort: int | None = Field(
        None,
        ge=1,
        le=MOST,
        description="training subjects, where that is public; null: counted with noise, within the budget",
    )
    count_share: float = Field(
        0.1, gt=0, lt=1, description="of epsilon, for that count; not spent where subjects_in_cohort is stated"
    )
    categories: dict[str, tuple[str, ...]] = Field(
        {},
        description="values of categories that may be told, beside the public ones and those of the weights begun from; "
        "others are treated as missing",
    )

    @property
    def count_epsilon(self) -> float:
        """What counting the subjects costs."""
        return 0.0 if self.subjects_in_cohort is not None else self.count_share * self.epsilon


class LoopSettings(Settings):
    """Settings of the loop; the model has its own."""

    steps: int = Field(2000, ge=1, le=MOST_STEPS, description="optimiser steps")
    batch: int = Field(
        16, ge=1, le=LARGEST_BATCH, description="images per step, over all processes and accumulated parts"
    )
    accumulate: int = Field(1, ge=1, le=MOST, description="parts a step's batch is computed in, to save memory")
    learning_rate: float = Field(4e-4, gt=0)
    warmup: int = Field(100, ge=0, le=MOST_STEPS, description="steps of linear warm-up")
    schedule: Literal["cosine", "hold"] = Field(
        "cosine",
        description="after the warm-up: a cosine to a twentieth, or held and falling to a twentieth over the last 30 %",
    )
    weight_decay: float = Field(0.01, ge=0)
    clip_norm: float = Field(1.0, gt=0, description="gradients are scaled to this norm where they exceed it")
    ema: float = Field(0.999, ge=0, lt=1, description="decay of the averaged weights that are used afterwards")
    precision: Literal["fp32", "bf16", "fp16"] = "bf16"
    seed: int = Field(0, ge=0, le=LARGEST_SEED)
    held_out_every: int = Field(250, ge=1, le=MOST_STEPS, description="steps between looks at the held-out loss")
    held_out_images: int = Field(256, ge=1, le=MOST)
    sheet_every: int = Field(500, ge=1, le=MOST_STEPS, description="steps between sheets of samples")
    scored_frames: int = Field(
        48,
        ge=0,
        le=MOST,
        description="frames that are drawn at each sheet and scored against held-out and training ones; 0: none",
    )
    checkpoint_every: int = Field(250, ge=1, le=MOST_STEPS)
    balance: tuple[str, ...] = Field((), description="attributes whose values are drawn evenly, within the cap")
    balance_cap: float = Field(2.0, ge=1, description="no image is drawn more than this many times its share")
    dp: PrivacySettings | None = Field(
        None, description="differential privacy of the subjects; the batch follows from it, and `batch` is not used"
    )
    threads: int | None = Field(None, ge=1, le=MOST_WORKERS, description="CPU threads; null leaves torch's choice")


def check_even(settings: LoopSettings) -> None:
    """Refuse a private run that would draw some subjects more often than others.

    Raises:
        SettingsError: it would.
    """
    if settings.dp is not None and settings.balance:
        raise SettingsError(
            "--balance with --dp: expected one of them; a private run takes each subject with the same chance, "
            "which is what its accounts stand on"
        )


def read_privacy(text: str) -> PrivacySettings:
    """`epsilon=8,delta=1e-5` as settings.

    Raises:
        SettingsError: it is something else.
    """
    pairs = [item.partition("=") for item in text.split(",")]
    known = set(PrivacySettings.model_fields)
    if not all(equals and name.strip() in known for name, equals, _ in pairs):
        raise SettingsError(
            f"--dp: expected epsilon=NUMBER and, if wished, {', '.join(sorted(known - {'epsilon'}))}, separated by commas; "
            f"got '{text}'. For example: --dp epsilon=8,delta=1e-5"
        )
    values: dict[str, Any] = {name.strip(): value.strip() for name, _, value in pairs}
    if "categories" in values:
        values["categories"] = read_categories(values["categories"])
    return settings_from_dict(values, PrivacySettings, "--dp")


def read_categories(text: str) -> dict[str, tuple[str, ...]]:
    """`vendor:Siemens|GE;diagnosis:NOR|DCM` as values by name.

    Raises:
        SettingsError: it is something else.
    """
    pairs = [item.partition(":") for item in text.split(";")]
    if not all(name.strip() and values.strip() for name, _, values in pairs):
        raise SettingsError(
            f"--dp categories: expected NAME:VALUE|VALUE, several names separated by semicolons, got '{text}'; "
            "for example: --dp 'epsilon=8,categories=vendor:Siemens|GE;diagnosis:NOR|DCM'"
        )
    return {name.strip(): tuple(v.strip() for v in values.split("|")) for name, _, values in pairs}


def overridden(
    model: ModelSettings, loop: LoopSettings, file: Path | None, single: list[str], balance: str | None
) -> tuple[ModelSettings, LoopSettings]:
    """Apply overrides.

    Args:
        model: the preset's model settings.
        loop: the preset's loop settings.
        file: YAML with "model" and "loop".
        single: "loop.steps=5000" and the like.
        balance: attribute names, separated by commas.

    Raises:
        SettingsError: an unknown key, or a value that is not allowed.
    """
    changes: dict[str, dict[str, Any]] = {"model": {}, "loop": {}}
    if file is not None:
        _from_file(file, changes)
    for item in single:
        part, key, value = _parsed(item)
        changes[part][key] = value
    if balance:
        changes["loop"]["balance"] = tuple(name.strip() for name in balance.split(",") if name.strip())
    origins = [f"{file}, {part}" if file is not None else f"--set {part}" for part in PARTS]
    return _changed(model, changes["model"], origins[0]), _changed(loop, changes["loop"], origins[1])


def _changed(settings: Any, changes: dict[str, Any], origin: str) -> Any:
    return settings_from_dict(settings.model_dump() | changes, type(settings), origin) if changes else settings


def _from_file(file: Path, changes: dict[str, dict[str, Any]]) -> None:
    content = yaml_file(file) or {}
    unknown = sorted(map(str, set(content) - set(PARTS))) if isinstance(content, dict) else [str(content)]
    if unknown:
        raise SettingsError(
            f"--settings {file}: expected the keys {' and '.join(PARTS)}, got also {', '.join(unknown)}"
        )
    for part in PARTS:
        values = content.get(part) or {}
        if not isinstance(values, dict):
            raise SettingsError(f"--settings {file}: expected 'key: value' lines below {part}, got {values!r:.80}")
        changes[part] |= values


def _parsed(item: str) -> tuple[str, str, Any]:
    name, equals, text = item.partition("=")
    part, dot, key = name.partition(".")
    if not (equals and dot) or part not in PARTS:
        raise SettingsError(f"--set: expected model.KEY=VALUE or loop.KEY=VALUE, got '{item:.80}'")
    return part, key, yaml_value(text, f"--set {part}.{key}")
