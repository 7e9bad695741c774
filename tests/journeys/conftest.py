"""What sweeps over all commands are given, made once."""

import pytest

from tests.journeys.commands import Bench, bench_in


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return bench_in(tmp_path_factory.mktemp("bench"))
