"""Whatever the system refuses, wherever it does, becomes one sentence with a path and what to do."""

import errno
import os
import resource
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import synthcmr
from synthcmr.cohort.parallel import ordered_map
from synthcmr.cohort.system_errors import MESSAGES, in_sentences, sentence
from synthcmr.errors import MachineError, SynthcmrError
from synthcmr.verbs.public import public
from tests.journeys.commands import drawn_discs
from tests.journeys.typing_in import SYNTHCMR, run


def raising(error: BaseException) -> Callable[..., None]:
    @public
    def verb(out: Path) -> None:
        raise error

    return verb


@pytest.mark.parametrize("code", MESSAGES, ids=errno.errorcode.get)
def test_every_refusal_names_the_path_and_how_to_mend_it(code: int) -> None:
    for file in ("/data/out/image.npy", None):
        with pytest.raises(MachineError) as told:
            raising(OSError(code, os.strerror(code), file))("/data/out")
        assert str(told.value) == f"{file or '/data/out'}: {MESSAGES[code]}"
        assert isinstance(told.value.__cause__, OSError)


def test_memory_and_depth_are_said_too_and_faults_of_ours_are_not_hidden() -> None:
    with pytest.raises(MachineError, match=r"^out: there is not enough memory .*\(Unable to allocate 80 GiB\)"):
        raising(MemoryError("Unable to allocate 80 GiB"))("out")
    with pytest.raises(MachineError, match="out: there is not enough memory"):
        raising(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"))("out")
    with pytest.raises(MachineError, match="nested less deeply"):
        raising(RecursionError("maximum recursion depth exceeded"))("out")
    with pytest.raises(ZeroDivisionError):
        raising(ZeroDivisionError())("out")
    with pytest.raises(KeyboardInterrupt):
        raising(KeyboardInterrupt())("out")


def test_a_full_disk_is_told_through_the_errors_of_libraries() -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    of_torch = RuntimeError("unexpected pos 64 vs 0")
    of_torch.__context__ = full
    for error in (of_torch, Exception("Error while serializing: I/O error: No space left on device (os error 28)")):
        assert sentence(error, Path("runs/flow")) == f"runs/flow: {MESSAGES[errno.ENOSPC]}"


def test_an_output_is_named_by_its_place_and_not_by_where_it_is_built() -> None:
    with pytest.raises(MachineError, match=r"^a/out/x: the disk is full"), in_sentences():
        raise OSError(errno.ENOSPC, "No space left on device", "a/.out.writing/out/x")
    with pytest.raises(SynthcmrError, match=r"^my folder/out: mine; see my folder/out$"), in_sentences():
        raise SynthcmrError("my folder/.out.writing/out: mine; see my folder/.out.writing/out")


def missing(name: str) -> bytes:
    return Path(name).read_bytes()


def test_what_a_worker_process_meets_is_said_as_well(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match=r"gone: it is not there") as told, in_sentences():
        list(ordered_map(missing, [str(tmp_path / "gone")] * 2, workers=2))
    assert isinstance(told.value.__cause__, FileNotFoundError)


def test_a_file_that_grows_too_large_ends_a_command_in_one_sentence(tmp_path: Path) -> None:
    people = drawn_discs(tmp_path / "people", range(3)).path
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    try:
        done = run("export", people, tmp_path / "files", "--format", "nifti", ok=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert done.returncode == 2
    assert "the system allows no file that large" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["people"]


def test_output_that_cannot_be_printed_is_said_and_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    typed = " ".join([*SYNTHCMR, "families"])
    full = subprocess.run(f"{typed} > /dev/full", shell=True, capture_output=True, text=True, check=False)
    assert full.returncode != 0
    assert "Traceback" not in full.stderr
    assert "the disk is full" in full.stderr
    piped = subprocess.run(f"{typed} | true", shell=True, capture_output=True, text=True, check=False)
    assert "Traceback" not in piped.stderr


def test_every_public_verb_stands_behind_the_boundary() -> None:
    for name in synthcmr.VERBS:
        verb = getattr(synthcmr, name)
        if not isinstance(verb, type) and name != "load_generator":
            assert hasattr(verb, "__wrapped__"), name
    for method in ("fit", "predict", "score", "to_html"):
        assert hasattr(getattr(synthcmr.Judge, method), "__wrapped__"), method
