"""Every command as it is typed, with its output to be named: what sweeps over all commands go through."""

import inspect
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import synthcmr
from synthcmr.cli.app import COMMANDS
from synthcmr.cohort import Cohort
from synthcmr.cohort.preprocess import to_record
from synthcmr.cohort.raw_subject import RawSubject
from synthcmr.cohort.writer import CohortWriter
from synthcmr.cohort.writers import get_writer
from synthcmr.config import PreprocessSettings, SplitSettings
from synthcmr.privacy.ledger import EMPTY, LEDGER
from tests.cohort.making import heart_stack

RELEASED = Path(__file__).parents[1] / "release/written_by_0_1_0"
ONE_STEP = ["--set", "loop.steps=1", "--set", "slices=all"]
SMALL = ["--size", "32", "--spacing", "6"]
TINY_FLOW = {
    "model.channels": "[16, 16]",
    "model.attention": "[false, true]",
    "model.head_channels": "16",
    "model.token_width": "16",
    "loop.steps": "4",
    "loop.batch": "4",
    "loop.warmup": "1",
    "loop.held_out_every": "2",
    "loop.held_out_images": "2",
    "loop.checkpoint_every": "2",
    "loop.sheet_every": "4",
    "loop.scored_frames": "0",
}
TINY_READER = {
    "model.filters": "[8, 8, 8, 8]",
    "model.features": "8",
    "model.attributes": "[sex]",
    "loop.steps": "2",
    "loop.batch": "4",
}


def flags(settings: dict[str, str]) -> list[str]:
    """Settings as somebody types them."""
    return [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]


@dataclass(frozen=True)
class Bench:
    """What commands are given: small, and made once."""

    root: Path

    def __getattr__(self, name: str) -> Path:
        """An input by its name."""
        return self.root / name


@dataclass(frozen=True)
class Typed:
    """A command.

    Attributes:
        words: what is typed, made of the inputs and the output.
        inputs: names of what it reads.
        old: makes an output that --overwrite replaces; None: the command has no such flag.
        spoils: words that make it fail, each put behind the others.
        short: it takes seconds, so that whole runs of it can be killed.
        claims: it writes while it works, so that no other process may; others write a page at the end.
        inside: its output may lie in the folder that it reads.
    """

    words: Callable[[Bench, Path], Sequence[object]]
    inputs: tuple[str, ...] = ()
    old: Callable[[Bench, Path], object] | None = None
    spoils: tuple[tuple[str, ...], ...] = ()
    short: bool = True
    claims: bool = True
    inside: bool = True


def _copy(name: str) -> Callable[[Bench, Path], object]:
    return lambda bench, out: shutil.copytree(bench.root / name, out)


def _record(name: str) -> Callable[[Bench, Path], object]:
    """The beginning of an output that takes minutes to make."""

    def write(bench: Bench, out: Path) -> None:
        out.mkdir()
        (out / name).write_text("{}")

    return write


TYPED: dict[str, Typed] = {
    "phantom": Typed(
        lambda b, out: ["phantom", out, "--subjects", 1, *SMALL],
        old=_copy("other"),
        spoils=(("--preset", "everybody"), ("--subjects", "0"), ("--size", "1")),
    ),
    "ingest": Typed(
        lambda b, out: ["ingest", b.acdc, out, *SMALL],
        ("acdc",),
        _copy("other"),
        (("--format", "acdcc"), ("--preprocess-from", "nowhere"), ("--settings", "nowhere.yaml")),
        inside=False,
    ),
    "label": Typed(
        lambda b, out: ["label", b.other, out, "--size", 32],
        ("other",),
        _copy("people"),
        (("--judge", "nowhere"), ("--size", "4")),
        short=False,
    ),
    "doctor": Typed(lambda b, out: ["doctor", b.other, "--fix", out], ("other",)),
    "audit": Typed(lambda b, out: ["audit", b.people, "--out", out, "--by", "sex"], ("people",), claims=False),
    "train": Typed(
        lambda b, out: ["train", "flow", b.people, out, *flags(TINY_FLOW)],
        ("people",),
        _copy("run"),
        (("--preset", "huge"), ("--set", "loop.stepps=1"), ("--init-from", "nowhere"), ("--settings", "nowhere.yaml")),
    ),
    "judge fit": Typed(
        lambda b, out: ["judge", "fit", "reader", b.people, out, *flags(TINY_READER)],
        ("people",),
        _copy("judge"),
        (("--set", "loop.stepps=1"), ("--init-from", "nowhere"), ("--also", "nowhere")),
    ),
    "plan": Typed(
        lambda b, out: ["plan", b.people, out, "--target", "copy:3"],
        ("people",),
        _copy("plan"),
        (("--by", "nosuch"), ("--budget", "-1")),
    ),
    "generate": Typed(
        lambda b, out: [
            "generate",
            out,
            "--follow",
            b.people,
            "--masks",
            "real",
            "--run",
            b.run,
            "-n",
            1,
            "--size",
            32,
        ],
        ("people", "run"),
        _copy("other"),
        (
            ("--plan", "nowhere"),
            ("--recalibrate", "nowhere"),
            ("--judges", "nowhere"),
            ("--prompt", "nobody", "--sampler", "best"),
        ),
        short=False,
    ),
    "generate and recalibrate": Typed(
        lambda b, out: [
            *["generate", out, "--follow", b.people, "--masks", "real", "--run", b.run],
            *["-n", 1, "--size", 32, "--recalibrate", b.truth],
        ],
        ("people", "run", "truth"),
        _copy("other"),
        short=False,
    ),
    "recalibrate fit": Typed(
        lambda b, out: ["recalibrate", "fit", b.people, out],
        ("people",),
        _copy("truth"),
        (("--method", "best"), ("--by", "nosuch"), ("--set", "nosuch=1"), ("--split", "nosuch")),
    ),
    "recalibrate apply": Typed(
        lambda b, out: ["recalibrate", "apply", b.other, b.truth, out],
        ("other", "truth"),
        _copy("people"),
        (("--method", "rings"), ("--spacing", "0")),
    ),
    "recalibrate apply to files": Typed(
        lambda b, out: ["recalibrate", "apply", b.pngs, b.truth, out, "--spacing", 6],
        ("pngs", "truth"),
        lambda b, out: synthcmr.recalibrate(b.pngs, b.truth, out, spacing=6.0),
        (("--spacing", "0"),),
        inside=False,
    ),
    "spectrum": Typed(
        lambda b, out: ["spectrum", b.people, b.other, out, "--no-detail", "--set", "draws=100"],
        ("people", "other"),
        _record("spectrum.html"),
        (("--set", "nosuch=1"), ("--split", "nosuch"), ("--also", "nowhere")),
        claims=False,
    ),
    "debias": Typed(
        lambda b, out: ["debias", b.people, out, "--no-synthetic", "--repeats", 1, *ONE_STEP],
        ("people",),
        _record("experiment.json"),
        (("--label", "nosuch"), ("--run", "nowhere"), ("--set", "nosuch=1"), ("--planned", "nowhere")),
        short=False,
    ),
    "balance": Typed(
        lambda b, out: ["balance", b.people, out, "--rounds", 1, "--repeats", 1, "--round-images", 2, *ONE_STEP],
        ("people",),
        _record("experiment.json"),
        (("--label", "nosuch"), ("--run", "nowhere"), ("--set", "nosuch=1")),
        short=False,
    ),
    "evaluate": Typed(
        lambda b, out: ["evaluate", b.people, b.other, out, "--parts", "fidelity"], ("people", "other"), short=False
    ),
    "join": Typed(
        lambda b, out: ["join", out, b.people, b.other], ("people", "other"), _copy("people"), (("nowhere",),)
    ),
    "export": Typed(
        lambda b, out: ["export", b.other, out, "--format", "png"],
        ("other",),
        lambda b, out: synthcmr.export(b.other, out, format="nifti"),
        (("--where", "nosuch == 1"), ("--bits", "3"), ("--dataset-id", "5")),
    ),
    "release": Typed(
        lambda b, out: ["release", b.public, out],
        ("public",),
        lambda b, out: synthcmr.release(b.public, out),
        (("--epsilon", "0"),),
    ),
    "demo": Typed(
        lambda b, out: ["demo", out, "--quick"], (), _record("demo.json"), (("--subjects", "5"),), short=False
    ),
}
# What writes nothing that is named, or writes only into what it is given.
WITHOUT_OUTPUT = {"info", "families", "report", "judge score"}


def bench_in(root: Path) -> Bench:
    """Make everything that the commands are given."""
    people, other = drawn_discs(root / "people", range(20)), drawn_discs(root / "other", range(100, 103))
    drawn_discs(root / "public", range(200, 202), {LEDGER: EMPTY.to_json()})
    synthcmr.fit_recalibration(people, root / "truth")
    synthcmr.plan(people, root / "plan", target="copy:2")
    synthcmr.export(other, root / "files", format="png")
    (root / "files/images").rename(root / "pngs")
    shutil.rmtree(root / "files")
    get_writer("acdc").write(other, root / "acdc")
    for name in ("run", "judge", "scores"):
        shutil.copytree(RELEASED / name, root / name)
    return Bench(root)


def drawn_discs(out: Path, people: range, info: dict[str, Any] | None = None) -> Cohort:
    """A cohort of three slices each, in hardly any time; phantoms take seconds each."""
    settings = PreprocessSettings(size=32, spacing_mm=6.0)
    with CohortWriter(out, {"step": "test", "settings": {"preprocess": settings.model_dump(mode="json")}}) as writer:
        for i in people:
            about = {
                "sex": "FM"[i % 2],
                "age": 40.0 + i % 20,
                "bmi": 21.0 + i % 13,
                "diagnosis": ("NOR", "DCM")[i // 2 % 2],
            }
            stack = heart_stack(i, shape=(2, 3, 48, 48), spacing=(5.0, 5.0), centre=(24.0, 26.0))
            writer.add(
                to_record(RawSubject(f"s{i:03d}", {**about, "vendor": "Siemens"}, (stack,)), f"case{i}", settings)
            )
        writer.finish(SplitSettings(), [], info or {})
    return Cohort.open(out)


def all_commands() -> dict[str, list[str]]:
    """Every command, with the names of its actions where it has any."""
    found = {}
    for name, (_, place) in COMMANDS.items():
        parameters = parameters_of(place)
        action = parameters["action"].annotation if "action" in parameters else None
        kind = get_args(action)[0] if get_origin(action) is Annotated else action
        found[name] = [str(one) for one in get_args(kind)] if get_origin(kind) is Literal else []
    return found


def parameters_of(place: str) -> dict[str, inspect.Parameter]:
    """Parameters of a command's function, "module:function"."""
    module, function = place.split(":")
    return dict(inspect.signature(getattr(import_module(module), function)).parameters)


def replaceable() -> set[str]:
    """Commands that have --overwrite."""
    return {name for name, (_, place) in COMMANDS.items() if "overwrite" in parameters_of(place)}


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, and what it holds; links by where they lead."""
    return {
        p.relative_to(folder).as_posix(): str(p.readlink()).encode() if p.is_symlink() else p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_symlink() or p.is_file()
    }
