"""The version, its history and how to cite it say the same."""

import re
from pathlib import Path

import yaml

from synthcmr import __version__

ROOT = Path(__file__).parents[2]
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
