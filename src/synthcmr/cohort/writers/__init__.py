"""One writer per target. Each streams a cohort subject by subject into the layout that another tool expects."""

from __future__ import annotations

from dataclasses import fields
from importlib import import_module
from typing import TYPE_CHECKING

from synthcmr.errors import SettingsError

if TYPE_CHECKING:
    from synthcmr.cohort.writers.export import Writer

WRITERS: dict[str, str] = {
    "nnunet": "synthcmr.cohort.writers.nnunet:NnunetWriter",
    "nifti": "synthcmr.cohort.writers.nifti:NiftiWriter",
    "dicom": "synthcmr.cohort.writers.dicom:DicomWriter",
    "png": "synthcmr.cohort.writers.png:PngWriter",
    "gif": "synthcmr.cohort.writers.gif:GifWriter",
    "huggingface": "synthcmr.cohort.writers.huggingface:HuggingFaceWriter",
    "acdc": "synthcmr.cohort.writers.acdc:AcdcWriter",
}
ALIASES: dict[str, str] = {"hf": "huggingface"}


def get_writer(name: str, **options: object) -> Writer:
    """The writer of one format.

    Args:
        name: one of `WRITERS`, or "hf".
        **options: settings of that writer, e.g. `dataset_id=510` for nnunet.

    Raises:
        SettingsError: no writer has that name, or it has no such option.
    """
    key = ALIASES.get(name, name)
    if key not in WRITERS:
        raise SettingsError(f"--format: expected one of {', '.join(WRITERS)}; got '{name}'")
    module, attribute = WRITERS[key].split(":")
    kind = getattr(import_module(module), attribute)
    allowed = [f.name for f in fields(kind)]
    unknown = sorted(set(options) - set(allowed))
    if unknown:
        raise SettingsError(
            f"--format {key}: unknown option {', '.join(unknown)}; it has: {', '.join(allowed) or 'none'}"
        )
    writer: Writer = kind(**options)
    return writer
