import sys
from pathlib import Path

import pytest

from synthcmr.errors import SettingsError
from synthcmr.training.device import Job, submit


def test_a_cluster_job_runs_the_same_command() -> None:
    assert Job(["--version"])() == 0


def test_the_cluster_extra_is_named_where_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(SettingsError, match=r"synthcmr\[cluster\]"):
        submit("gpu", tmp_path / "run", ["train"])
