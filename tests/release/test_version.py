"""The version, its history and how to cite it say the same."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from synthcmr import __version__

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text())


def test_changelog_and_citation_name_the_version() -> None:
    headings = re.findall(r"^## \[(.+?)\] - (\d{4}-\d{2}-\d{2})$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == (__version__, CITATION["date-released"])
    assert CITATION["version"] == __version__


def test_the_citation_file_has_what_its_format_asks() -> None:
    assert CITATION["cff-version"] == "1.2.0"
    for one in (CITATION, *CITATION["references"]):
        assert {"title", "authors", "type"} <= set(one)
        assert all({"name", "family-names"} & set(author) for author in one["authors"])
    assert [r["identifiers"][0]["value"] for r in CITATION["references"]] == [
        "arXiv:2403.19508",
        "arXiv:2511.12301",
        "arXiv:2603.24764",
    ]


def test_this_version_has_left_its_formats_to_be_read_by_the_next() -> None:
    assert (Path(__file__).parent / f"written_by_{__version__.replace('.', '_')}" / "cohort").is_dir()


@pytest.mark.parametrize(("name", "floor"), [("torch", "2.6"), ("zarr", "3.1.3")])
def test_versions_that_are_not_safe_are_not_allowed(name: str, floor: str) -> None:
    """Loading weights alone could run code before torch 2.6; zarr wrote a chunk in parts before 3.1.3."""
    wanted = [Requirement(one) for one in PROJECT["dependencies"]]
    (allowed,) = [one.specifier for one in wanted if one.name == name]
    assert Version(floor) in allowed
    assert not [v for v in ("1.0", "2.5.1", "2.18", "3.0", "3.1.2") if Version(v) < Version(floor) and v in allowed]
