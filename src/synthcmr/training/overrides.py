"""Settings of a run: a preset's, over it a file's, over it single ones from the command line."""

from pathlib import Path
from typing import Any, TypeVar

from synthcmr.config import Settings, settings_from_dict, yaml_file, yaml_value
from synthcmr.errors import SettingsError
from synthcmr.training.settings import LoopSettings

Model = TypeVar("Model", bound=Settings)
PARTS = ("model", "loop")


def overridden(
    model: Model, loop: LoopSettings, file: Path | None, single: list[str], balance: str | None
) -> tuple[Model, LoopSettings]:
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
    origin = str(file) if file is not None else "--set"
    return _changed(model, changes["model"], origin), _changed(loop, changes["loop"], origin)


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
