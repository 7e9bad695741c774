"""The anatomy generator: who the patient is, or what the heart shall measure -> masks of a whole stack at ED and ES."""

from synthcmr.generators.anatomy.anatomy import Anatomy
from synthcmr.generators.anatomy.deform import deform, real_anatomies
from synthcmr.generators.anatomy.generator import AnatomyGenerator
from synthcmr.generators.anatomy.settings import AnatomySettings

__all__ = ["Anatomy", "AnatomyGenerator", "AnatomySettings", "deform", "real_anatomies"]
