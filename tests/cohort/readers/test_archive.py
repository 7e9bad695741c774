"""Zips from strangers: opened in memory, never unpacked to disk, refused with the reason when they are unsafe."""

import zipfile
from pathlib import Path

import pytest

from synthcmr.cohort.readers import archive
from synthcmr.cohort.readers.archive import open_entries
from synthcmr.errors import ReadError


def _zip(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def _names(path: Path) -> list[str]:
    with open_entries(path) as entries:
        return [entry.name for entry in entries]


def test_members_of_a_zip_and_files_of_a_folder_read_alike(tmp_path: Path) -> None:
    members = {"a/1.dcm": b"one", "a/2.dcm": b"two"}
    (tmp_path / "folder/a").mkdir(parents=True)
    for name, content in members.items():
        (tmp_path / "folder" / name).write_bytes(content)
    for source in (_zip(tmp_path / "z.zip", members), tmp_path / "folder"):
        with open_entries(source) as entries:
            assert {entry.name: entry.read() for entry in entries} == members


def test_an_empty_zip_file_is_said_to_be_empty(tmp_path: Path) -> None:
    (tmp_path / "z.zip").write_bytes(b"")
    with pytest.raises(ReadError, match=r"z\.zip.*0 bytes|z\.zip.*empty"):
        _names(tmp_path / "z.zip")


def test_a_zip_cut_short_is_refused(tmp_path: Path) -> None:
    whole = _zip(tmp_path / "z.zip", {"a.dcm": bytes(range(256)) * 50}).read_bytes()
    (tmp_path / "z.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ReadError, match="damaged or truncated"):
        _names(tmp_path / "z.zip")


@pytest.mark.parametrize("name", ["../evil.dcm", "a/../../evil.dcm", "/etc/evil.dcm", "C:\\evil.dcm", "..\\evil.dcm"])
def test_paths_that_climb_out_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ReadError):
        _names(_zip(tmp_path / "z.zip", {name: b"x", "fine.dcm": b"y"}))
    assert not list(tmp_path.parent.glob("evil*"))


def test_a_bomb_is_refused_by_its_ratio_and_by_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ReadError, match="zip bomb"):
        _names(_zip(tmp_path / "ratio.zip", {"a.dcm": bytes(30 * 2**20)}))
    monkeypatch.setattr(archive, "TOTAL_LIMIT_BYTES", 1000)
    with pytest.raises(ReadError, match="zip bomb"):
        _names(_zip(tmp_path / "total.zip", {f"{i}.dcm": bytes(300) for i in range(5)}, zipfile.ZIP_STORED))


def test_a_zip_that_lies_about_its_sizes_is_caught_while_reading(tmp_path: Path) -> None:
    path = _zip(tmp_path / "z.zip", {"a.dcm": bytes(2**20)})
    raw = bytearray(path.read_bytes())
    true, told = (2**20).to_bytes(4, "little"), (1000).to_bytes(4, "little")
    path.write_bytes(raw.replace(true, told))
    with pytest.raises(ReadError), open_entries(path) as entries:
        entries[0].read()


def test_encrypted_members_are_refused(tmp_path: Path) -> None:
    path = _zip(tmp_path / "z.zip", {"a.dcm": b"secret"})
    raw = bytearray(path.read_bytes())
    central = raw.index(b"PK\x01\x02")
    raw[6] |= 1
    raw[central + 8] |= 1
    path.write_bytes(raw)
    with pytest.raises(ReadError, match="encrypted"):
        _names(path)
