"""Run settings as frozen pydantic models: YAML in, JSON schema out, unknown keys refused by name."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from synthcmr.errors import SettingsError, in_words

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

LONGEST_YAML, DEEPEST_YAML = 200_000, 12
# A mistyped number must not fill memory or run for years, so every whole number of settings has a most.
MOST = 1_000_000  # subjects, images, plan rows, draws
MOST_STEPS = 1_000_000_000
LARGEST_NUMBER = 1e12  # of decimals that have no limit of their own: squares and products of them stay finite
LARGEST_SEED = 2**63 - 1  # that tables of images can hold
LARGEST_SIZE = 1024  # rows and columns of an image
SMALLEST_PIXEL_MM, LARGEST_PIXEL_MM = 0.02, 100.0
LARGEST_BATCH = 16_384  # images
MOST_WORKERS = 1024  # processes
WIDEST_LAYER, DEEPEST = 4096, 64  # of a network: channels of a layer; layers or blocks
Width = Annotated[int, Field(ge=1, le=WIDEST_LAYER)]
Depth = Annotated[int, Field(ge=1, le=DEEPEST)]
SHOWN = 80  # characters of a value in an error
MOST_SHOWN = 5  # problems of one file or call that an error lists
BOUNDS = {  # a validator's name -> how it is said, and what it calls the limit
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
}
KINDS = {
    **dict.fromkeys(("int_parsing", "int_type", "int_from_float", "int_parsing_size"), "a whole number"),
    **dict.fromkeys(("float_parsing", "float_type"), "a number"),
    **dict.fromkeys(("bool_parsing", "bool_type"), "true or false"),
    "finite_number": "a finite number",
    "missing": "a value",
}
FrameMode = Literal["auto", "single", "pair", "cine"]


class Settings(BaseModel):
    """Base of all settings: immutable, and a misspelt key is an error rather than a silent default."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    renamed: ClassVar[Mapping[str, str]] = {}  # former name of a key -> its name now

    @model_validator(mode="after")
    def _numbers_can_be_computed_with(self) -> Self:
        for name, value in self:
            numbers = value if isinstance(value, tuple) else (value,)
            for number in numbers:
                if isinstance(number, float) and abs(number) > LARGEST_NUMBER:
                    raise ValueError(
                        f"{name}: expected a number between -{LARGEST_NUMBER:g} and {LARGEST_NUMBER:g}, got {number:g}"
                    )
        return self


class PreprocessSettings(Settings):
    """What is done once, at ingest, to every image. The same settings can be applied to another site's cohort later."""

    spacing_mm: float | None = Field(
        1.5,
        ge=SMALLEST_PIXEL_MM,
        le=LARGEST_PIXEL_MM,
        description="in-plane pixel after resampling; null keeps the native one",
    )
    size: int | None = Field(
        128, ge=16, le=LARGEST_SIZE, description="rows and columns after cropping; null keeps the whole image"
    )
    frames: FrameMode = Field("auto", description="frames per image row: one, an ED+ES pair, or the whole cine")
    intensity: Literal["percentile", "none"] = Field("percentile", description="robust scaling to 0..1 per volume")
    low_percentile: float = Field(0.5, ge=0, lt=50)
    high_percentile: float = Field(99.5, gt=50, le=100)
    kernel: Literal["cubic", "linear"] = Field("cubic", description="interpolation of images; masks use linear votes")
    centre: Literal["auto", "mask", "motion", "middle"] = Field(
        "auto", description="where the crop sits: heart from masks, from the image alone, or the middle of the image"
    )
    orientation: Literal["keep", "septum"] = Field(
        "keep", description="septum: quarter turns that bring the right ventricle to the left of the image"
    )

    @classmethod
    def lossless(cls) -> "PreprocessSettings":
        """Pixels exactly as they were read: no resampling, crop or scaling."""
        return cls(spacing_mm=None, size=None, intensity="none", centre="middle")


class SplitSettings(Settings):
    """Shares of subjects per split; a subject is never on two sides."""

    method: Literal["auto", "official", "random"] = Field(
        "auto",
        description="official: the training, validation and test sets that the data set came with; random: drawn by the shares "
        "below; auto: official where the source holds more than a training set",
    )
    train: float = Field(0.7, ge=0, le=1)
    validation: float = Field(0.1, ge=0, le=1)
    test: float = Field(0.2, ge=0, le=1)
    stratify: tuple[str, ...] = ("diagnosis", "sex")
    seed: int = Field(0, ge=0, le=LARGEST_SEED)

    @model_validator(mode="after")
    def _shares_add_up(self) -> Self:
        total = self.train + self.validation + self.test
        if abs(total - 1.0) > 1e-6:
            raise ValueError(f"train + validation + test must be 1, got {total:g}")
        return self


class IngestSettings(Settings):
    """Everything that decides what a cohort holds; stored in cohort.json."""

    format: str = "auto"
    preprocess: PreprocessSettings = PreprocessSettings()
    split: SplitSettings = SplitSettings()
    include: tuple[str, ...] = Field((), description="subject ids to read; empty reads all")
    salted: bool = Field(False, description="subject ids were replaced by a keyed hash; the key itself is never stored")


S = TypeVar("S", bound=Settings)


def settings_from_yaml(path: Path, kind: type[S]) -> S:
    """Read settings of one kind from a YAML file.

    Raises:
        SettingsError: the file is missing, is not YAML, or holds a key or value that `kind` does not allow.
    """
    values = yaml_file(path) or {}
    if not isinstance(values, dict):
        raise SettingsError(f"{path}: expected 'key: value' lines, got a {type(values).__name__}")
    return settings_from_dict(values, kind, origin=str(path))


def yaml_file(path: Path) -> Any:
    """What a YAML file holds.

    Raises:
        SettingsError: it cannot be read, or is no YAML that settings are written in.
    """
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: expected a readable YAML file of settings, got: {in_words(error)}") from error
    return yaml_value(text, str(path))


def yaml_value(text: str, origin: str) -> Any:
    """What a text of YAML holds: numbers, words, lists and keys.

    References (&, *) are refused, because a few lines of them can stand for billions of values.

    Raises:
        SettingsError: it is no such text.
    """
    import yaml

    if len(text) > LONGEST_YAML:
        raise SettingsError(f"{origin}: expected settings in at most {LONGEST_YAML} characters, got {len(text)}")
    try:
        depth = 0
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST_YAML:
                raise SettingsError(f"{origin}: expected settings of at most {DEEPEST_YAML} levels, got more")
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
                raise SettingsError(
                    f"{origin}: expected plain values, got a YAML reference (& or *); write the value itself"
                )
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        where = getattr(error, "problem_mark", None)
        line = f" (line {where.line + 1})" if where is not None and text.count("\n") > 1 else ""
        raise SettingsError(
            f"{origin}: expected YAML, such as 3, true, name or [1, 2], got {_short(text)!r}{line}"
        ) from error


def _short(value: object) -> str:
    """A value as an error shows it."""
    text = str(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def settings_from_dict(values: dict[str, object], kind: type[S], origin: str) -> S:
    """Validate a dict of settings; errors name the key, what it got and what is allowed. For a renamed key the error gives the new name."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise SettingsError(f"{origin}: {_explain(error, kind)}") from error


def recorded_settings(values: Mapping[str, object], kind: type[S], origin: str) -> S:
    """Settings that a run, plan or model of this or an earlier version recorded; keys renamed since are understood."""
    return settings_from_dict(_with_new_names(values, kind), kind, origin)


def _with_new_names(values: Mapping[str, Any], kind: type[Settings]) -> dict[str, object]:
    current: dict[str, object] = {}
    for key, value in values.items():
        name = kind.renamed.get(key, key)
        inner = _settings_in(kind.model_fields[name].annotation) if name in kind.model_fields else None
        current[name] = _with_new_names(value, inner) if inner is not None and isinstance(value, Mapping) else value
    return current


def _settings_in(annotation: Any) -> type[Settings] | None:
    """The settings that a field holds, also where it may be None or holds several by name."""
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return annotation
    return next((inner for part in get_args(annotation) if (inner := _settings_in(part)) is not None), None)


def _explain(error: ValidationError, kind: type[Settings]) -> str:
    problems = error.errors()
    more = len(problems) - MOST_SHOWN
    sentences = [_sentence(problem, kind) for problem in problems[:MOST_SHOWN]]
    return "; ".join([*sentences, *([f"and {more} more"] if more > 0 else [])])


def _sentence(problem: "ErrorDetails", kind: type[Settings]) -> str:
    """What is wrong with one key: what was expected, and what it got."""
    path = problem["loc"]
    key = ".".join(_short(part) for part in path)
    if problem["type"] == "extra_forbidden":
        return _unknown(key, _short(path[-1]), _settings_at(kind, path[:-1]))
    of_key = f"'{key}': " if key else ""
    return of_key + expected_and_got(problem)


def expected_and_got(problem: "ErrorDetails") -> str:
    """A validator's complaint in the words of our own errors, without the key: "expected at least 1, got 0"."""
    got = "" if isinstance(problem["input"], Mapping) else f", got {_shown(problem['input'])}"  # settings that disagree
    return _expected(problem) + got + _meant(problem)


def _shown(value: object) -> str:
    """A value in an error: text in quotes, and never more of it than one line."""
    return repr(_short(value)) if isinstance(value, str) else _short(value)


def _unknown(key: str, name: str, kind: type[Settings]) -> str:
    """What to write instead of a key that does not exist."""
    if name in kind.renamed:
        return f"'{key}' is now called '{kind.renamed[name]}'; rename it there"
    near = get_close_matches(name, kind.model_fields, n=1)
    meant = f"did you mean '{near[0]}'? " if near else ""
    return f"unknown key '{key}'; {meant}allowed: {', '.join(kind.model_fields)}"


def _expected(problem: "ErrorDetails") -> str:
    """What a validator expects, in the words of our own errors."""
    kind, limits = problem["type"], problem.get("ctx", {})
    if kind in BOUNDS:
        word, limit = BOUNDS[kind]
        return f"expected {word} {plain_number(limits[limit])}"
    if kind in KINDS:
        return f"expected {KINDS[kind]}"
    if kind == "literal_error":
        return f"expected {limits['expected']}"
    message = problem["msg"].removeprefix("Value error, ")
    return message.replace("Input should be ", "expected ", 1) if message.startswith("Input should be ") else message


def plain_number(value: float) -> str:
    """A limit as people write it: every digit of a whole number."""
    return str(value) if isinstance(value, int) else f"{value:g}"


def _meant(problem: "ErrorDetails") -> str:
    """The allowed word that is nearest to what was given."""
    if problem["type"] != "literal_error":
        return ""
    near = get_close_matches(str(problem["input"]), quoted(str(problem["ctx"]["expected"])), n=1)
    return f"; did you mean '{near[0]}'?" if near else ""


def quoted(text: str) -> list[str]:
    """The words that stand in quotes."""
    return text.split("'")[1::2]


def _settings_at(kind: type[Settings], path: tuple[int | str, ...]) -> type[Settings]:
    """The settings at a place within nested ones."""
    for part in path:
        inner = _settings_in(kind.model_fields[str(part)].annotation) if str(part) in kind.model_fields else None
        kind = kind if inner is None else inner
    return kind
