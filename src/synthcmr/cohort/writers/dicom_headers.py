"""Headers of MR images: what the IOD requires, who the subject is, and that an image is derived or synthetic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from synthcmr import __version__
from synthcmr.cohort.attributes import DRAWN
from synthcmr.cohort.readers.dicom.files import SEXES
from synthcmr.cohort.readers.dicom.frames import CYCLE_WORDS as PHASE_OF_CYCLE_WORD

if TYPE_CHECKING:
    from pydicom import Dataset

    from synthcmr.cohort.subject_stack import SubjectStack
    from synthcmr.cohort.writers.pixels import Quantised, SlicePlane


SOFTWARE = "synthcmr"
CYCLE_WORDS = {phase: word for word, phase in PHASE_OF_CYCLE_WORD.items()}
SEX_CODES = {sex: code for code, sex in SEXES.items()}
HELD = (
    "sex",
    "age",
    "height_cm",
    "weight_kg",
    "vendor",
    "scanner",
    "field_strength_t",
    "heart_rate",
    "diagnosis",
    DRAWN,
)
MS_PER_MINUTE = 60_000
TWELVE_BITS = 1 << 12


def is_synthetic(origin: str) -> bool:
    """Whether no patient was scanned: phantoms are synthetic data too."""
    return origin != "real"


def subject_header(subject_id: str, attributes: Mapping[str, Any], study_uid: str, frame_uid: str) -> Dataset:
    """Patient, study, frame of reference and equipment."""
    from pydicom import Dataset

    header = Dataset()
    header.PatientName, header.PatientID = f"{subject_id}^", subject_id  # the caret: a name of a single part is meant
    header.PatientBirthDate = ""
    header.PatientSex = SEX_CODES.get(attributes.get("sex", ""), "")
    header.StudyInstanceUID, header.FrameOfReferenceUID = study_uid, frame_uid
    for empty in (
        "StudyDate",
        "StudyTime",
        "ReferringPhysicianName",
        "StudyID",
        "AccessionNumber",
        "PositionReferenceIndicator",
    ):
        setattr(header, empty, "")
    header.Manufacturer = attributes.get("vendor", "")
    if "scanner" in attributes:
        header.ManufacturerModelName = attributes["scanner"]
    if "diagnosis" in attributes:
        header.AdmittingDiagnosesDescription = str(attributes["diagnosis"])[:64]
    if drawn := attributes.get(DRAWN):
        header.PatientComments = f"drawn by the generator, not asked for: {drawn.replace(',', ', ')}"
    _add_body(header, attributes)
    return header


def _add_body(header: Dataset, attributes: Mapping[str, Any]) -> None:
    if "age" in attributes:
        header.PatientAge = f"{int(attributes['age']):03d}Y"
    if "height_cm" in attributes:
        header.PatientSize = decimal(attributes["height_cm"] / 100)
    if "weight_kg" in attributes:
        header.PatientWeight = decimal(attributes["weight_kg"])
    if "field_strength_t" in attributes:
        header.MagneticFieldStrength = decimal(attributes["field_strength_t"])
    if "heart_rate" in attributes:
        header.HeartRate = round(attributes["heart_rate"])
        header.NominalInterval = round(MS_PER_MINUTE / attributes["heart_rate"])


def mark_origin(header: Dataset, origin: str) -> None:
    """Say that synthcmr made or processed an object, and that no patient was scanned where that is so."""
    from pydicom import Dataset
    from pydicom.sr.codedict import codes

    equipment, purpose = Dataset(), Dataset()
    code = codes.DCM.ProcessingEquipment
    purpose.CodeValue, purpose.CodingSchemeDesignator, purpose.CodeMeaning = (
        code.value,
        code.scheme_designator,
        code.meaning,
    )
    equipment.PurposeOfReferenceCodeSequence = [purpose]
    equipment.Manufacturer = equipment.ManufacturerModelName = SOFTWARE
    equipment.SoftwareVersions = __version__
    if is_synthetic(origin):
        header.SyntheticData = "YES"
        equipment.ContributionDescription = "digital phantom" if origin == "phantom" else "synthetic image"
    else:
        header.PatientIdentityRemoved = "YES"
        header.DeidentificationMethod = "synthcmr cohort: no names, dates or identifiers are kept"
        equipment.ContributionDescription = "resampled, cropped and scaled"
    header.ContributingEquipmentSequence = [equipment]


def series_header(
    subject: Dataset, stack: SubjectStack, plane: SlicePlane, pixels: Quantised, series_uid: str
) -> Dataset:
    """What all images of a series share."""
    from pydicom import Dataset
    from pydicom.uid import MRImageStorage

    header = Dataset()
    header.update(subject)
    mark_origin(header, stack.origin)
    header.SOPClassUID, header.Modality = MRImageStorage, "MR"
    header.SeriesInstanceUID, header.SeriesNumber = series_uid, stack.stack + 1
    header.SeriesDescription, header.BodyPartExamined, header.PatientPosition = "SAX cine", "HEART", "HFS"
    # ORIGINAL would be untrue: even a lossless cohort went through another format.
    header.ImageType = ["DERIVED", "SECONDARY", "OTHER"]
    what = {"phantom": "image of a digital phantom", "real": "written from a cohort of preprocessed images"}
    header.DerivationDescription = f"{SOFTWARE}: {what.get(stack.origin, 'synthetic image')}"
    header.ContentDate = header.ContentTime = ""
    _add_sequence(header, stack)
    _add_plane(header, stack, plane)
    _add_pixel_format(header, stack, pixels)
    return header


def decimal(value: float) -> Any:
    """A decimal string; DICOM allows 16 characters."""
    from pydicom.valuerep import DSfloat

    return DSfloat(float(value), auto_format=True)


def _add_sequence(header: Dataset, stack: SubjectStack) -> None:
    """Balanced steady-state free precession, gated: what short-axis cines are measured with."""
    header.ScanningSequence, header.SequenceVariant, header.ScanOptions = "GR", "SS", "CG"
    header.MRAcquisitionType = "2D"
    header.RepetitionTime = header.EchoTime = header.EchoTrainLength = header.TriggerTime = None
    header.CardiacNumberOfImages = header.NumberOfTemporalPositions = stack.image.shape[0]


def _add_plane(header: Dataset, stack: SubjectStack, plane: SlicePlane) -> None:
    spacing = stack.spacing_mm or (1.0, 1.0)
    header.PixelSpacing = [decimal(v) for v in spacing]
    header.ImageOrientationPatient = [decimal(v) for v in plane.orientation]
    header.SpacingBetweenSlices = decimal(plane.step_mm)
    header.SliceThickness = None if stack.slice_thickness_mm is None else decimal(stack.slice_thickness_mm)


def _add_pixel_format(header: Dataset, stack: SubjectStack, pixels: Quantised) -> None:
    header.SamplesPerPixel, header.PhotometricInterpretation, header.PixelRepresentation = 1, "MONOCHROME2", 0
    header.Rows, header.Columns = stack.image.shape[2:]
    header.BitsAllocated = 16
    header.BitsStored = 12 if int(pixels.stored.max()) < TWELVE_BITS else 16
    header.HighBit = header.BitsStored - 1
    header.RescaleSlope, header.RescaleIntercept = decimal(pixels.slope), decimal(pixels.intercept)
    header.RescaleType = "US"


def uid(*key: str) -> str:
    """A UID that depends on the key alone."""
    from pydicom.uid import generate_uid

    return str(generate_uid(entropy_srcs=["synthcmr", *key]))
