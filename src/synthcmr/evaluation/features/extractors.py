"""The table of extractors that distances may be taken in."""

from __future__ import annotations

from synthcmr.errors import SettingsError
from synthcmr.evaluation.features.stream import Extractor
from synthcmr.evaluation.settings import EvaluateSettings

# name -> what its features are
EXTRACTORS: dict[str, str] = {
    "cmr": "an attribute reader, before its answers; the one that ships learned from phantoms alone",
    "radiomics": "intensity, texture and shape of each region, in units of the real images' spread",
    "radimagenet": "a ResNet50 that learned from radiological images, of one frame",
    "cinema": "CineMA, which learned from UK Biobank: of the first frame of whole stacks",
    "inception": "ImageNet's Inception as torch-fidelity computes it, of one frame: for comparing with published FIDs",
}


def extractor(name: str, settings: EvaluateSettings) -> Extractor:
    """Build an extractor.

    Raises:
        SettingsError: there is none of that name, or it lacks what it needs.
    """
    if name == "cmr":
        from synthcmr.evaluation.features.cmr import CmrExtractor

        return CmrExtractor(settings.encoder)
    if name == "radiomics":
        from synthcmr.evaluation.features.radiomics import RadiomicsExtractor

        return RadiomicsExtractor()
    if name == "inception":
        from synthcmr.evaluation.features.published_networks import InceptionExtractor

        return InceptionExtractor.load(settings.inception)
    if name == "radimagenet":
        from synthcmr.evaluation.features.published_networks import RadImageNetExtractor

        return RadImageNetExtractor(settings.radimagenet)
    if name == "cinema":
        from synthcmr.evaluation.features.published_networks import CinemaExtractor

        return CinemaExtractor.load(settings.cinema)
    raise SettingsError(f"fidelity.extractors: expected any of {', '.join(EXTRACTORS)}, got '{name}'")
