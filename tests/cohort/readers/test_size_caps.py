"""What unpacks to more than any cine is refused by what its header says, before memory of that size is taken."""

import gzip
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from synthcmr.cohort.readers.archive import file_entry
from synthcmr.cohort.readers.dicom.files import decode
from synthcmr.cohort.readers.image_files import load_image
from synthcmr.cohort.readers.nifti_file import SPARE_BYTES, read_nifti
from synthcmr.errors import ReadError

MOST = 1 << 16  # pixels that these tests allow
BOMB = 1 << 24  # pixels of each bomb, 256 times as many


def packed(content: bytes) -> bytes:
    return gzip.compress(content, 9)


def nifti_of(shape: tuple[int, ...]) -> bytes:
    header = nib.Nifti1Header()
    header.set_data_dtype(np.int16)
    header.set_data_shape(shape)
    header["vox_offset"] = 352
    header["magic"] = b"n+1"
    return bytes(header.binaryblock) + bytes(4)


def nifti_bomb(folder: Path) -> Path:
    path = folder / "a.nii.gz"
    path.write_bytes(packed(nifti_of((4096, 4096)) + bytes(2 * BOMB)))
    return path


def lying_nifti(folder: Path) -> Path:
    """A header that promises little, before much."""
    path = folder / "a.nii.gz"
    path.write_bytes(packed(nifti_of((8, 8)) + bytes(2 * BOMB)))
    return path


def png_bomb(folder: Path) -> Path:
    Image.fromarray(np.zeros((4096, 4096), np.uint8)).save(folder / "a.png")
    return folder / "a.png"


def tiff_bomb(folder: Path) -> Path:
    pages = [Image.fromarray(np.zeros((256, 256), np.uint8))] * 20
    pages[0].save(folder / "a.tif", save_all=True, append_images=pages[1:], compression="tiff_deflate")
    return folder / "a.tif"


def npz_bomb(folder: Path) -> Path:
    np.savez_compressed(folder / "a.npz", image=np.zeros((4096, 4096), np.int16))
    return folder / "a.npz"


def npy_bomb(folder: Path) -> Path:
    np.save(folder / "a.npy", np.zeros((4096, 4096), np.int16))
    return folder / "a.npy"


@pytest.mark.parametrize("make", [nifti_bomb, lying_nifti, png_bomb, tiff_bomb, npz_bomb, npy_bomb])
def test_a_bomb_is_refused_before_it_is_unpacked(make: Callable[[Path], Path], tmp_path: Path) -> None:
    path = make(tmp_path)
    with pytest.raises(ReadError):
        load_image(path, most=MOST)  # imports what it needs
    tracemalloc.start()
    with pytest.raises(ReadError, match=r"expected at most|far more"):
        load_image(path, most=MOST)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < SPARE_BYTES / 2, f"{peak} bytes"


def test_a_dicom_that_promises_too_much_is_refused(tmp_path: Path) -> None:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import JPEG2000Lossless, MRImageStorage

    bomb = Dataset()
    bomb.file_meta = FileMetaDataset()
    bomb.file_meta.TransferSyntaxUID, bomb.file_meta.MediaStorageSOPClassUID = JPEG2000Lossless, MRImageStorage
    bomb.file_meta.MediaStorageSOPInstanceUID = bomb.SOPInstanceUID = "1.2.3"
    bomb.SOPClassUID = MRImageStorage
    bomb.Rows = bomb.Columns = 65535
    bomb.NumberOfFrames = "1000"
    bomb.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    with pytest.raises(ReadError, match=r"a\.dcm: expected at most"):
        decode(file_entry(tmp_path / "a.dcm", "a.dcm"))


def test_a_deflated_dicom_is_not_unpacked_to_any_size(tmp_path: Path) -> None:
    from synthcmr.cohort.readers.dicom.files import LARGEST_PACKED, read_header

    squeezed = zlib.compress(np.random.default_rng(0).bytes(LARGEST_PACKED), 0)
    (tmp_path / "a.dcm").write_bytes(bytes(128) + b"DICM" + b"\x02\0\x10\0UI\x16\x001.2.840.10008.1.2.1.99" + squeezed)
    with pytest.raises(ReadError, match=r"a\.dcm: expected at most .* of deflated DICOM"):
        read_header(file_entry(tmp_path / "a.dcm", "a.dcm"))


@pytest.mark.parametrize("zeros", [0, 100])
def test_several_members_and_what_lies_behind_are_read_as_before(tmp_path: Path, zeros: int) -> None:
    values = np.random.default_rng(0).integers(0, 999, (24, 20, 3, 2)).astype(np.int16)
    content = nifti_of(values.shape) + values.tobytes(order="F")
    (tmp_path / "a.nii.gz").write_bytes(packed(content[:500]) + packed(content[500:]) + bytes(zeros))
    np.testing.assert_array_equal(read_nifti(tmp_path / "a.nii.gz")[0], values)


@pytest.mark.parametrize("cut", [1, 10, 400, 700])
def test_a_file_that_is_cut_short_is_named(tmp_path: Path, cut: int) -> None:
    values = np.random.default_rng(0).integers(0, 999, (24, 20)).astype(np.int16)
    content = nifti_of(values.shape) + values.tobytes()
    for name, whole in (("a.nii.gz", packed(content)), ("a.nii", content)):
        (tmp_path / name).write_bytes(whole[:-cut])
        with pytest.raises(ReadError, match=f"{name}: "):
            read_nifti(tmp_path / name)


def test_a_changed_byte_in_a_packed_file_is_named(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 999, (24, 20)).astype(np.int16)
    whole = bytearray(packed(nifti_of(values.shape) + values.tobytes()))
    whole[-6] ^= 1  # of the checksum
    (tmp_path / "a.nii.gz").write_bytes(bytes(whole))
    with pytest.raises(ReadError, match="damaged"):
        read_nifti(tmp_path / "a.nii.gz")
