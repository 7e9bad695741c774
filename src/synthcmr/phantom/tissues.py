"""What a point of the phantom can be made of."""

from enum import IntEnum


class Tissue(IntEnum):
    """Tissue of one point in space. Heart tissues come first; NONE means "the heart is not here"."""

    NONE = 0
    LV_BLOOD = 1
    MYOCARDIUM = 2
    RV_BLOOD = 3
    PAPILLARY = 4  # papillary muscles and LV trabeculae: muscle that masks count as LV cavity
    RV_WALL = 5
    RV_TRABECULA = 6  # muscle that masks count as RV cavity
    SCAR = 7  # infarcted myocardium, part of the myocardium in every mask
    ATRIAL_BLOOD = 8  # left and right atrium beyond the base plane
    ATRIAL_WALL = 9
    OUTFLOW_BLOOD = 10  # aortic root, pulmonary trunk
    EPICARDIAL_FAT = 11
    PERICARDIUM = 12
    # the torso
    LUNG = 20
    LUNG_VESSEL = 21
    LIVER = 22
    LIVER_VESSEL = 23
    SPLEEN = 24
    STOMACH_WALL = 25
    STOMACH_FLUID = 26
    GAS = 27
    BOWEL = 28
    KIDNEY = 29
    MUSCLE = 30
    SUBCUTANEOUS_FAT = 31
    VISCERAL_FAT = 32
    BONE_MARROW = 33
    CORTICAL_BONE = 34
    AORTA = 35
    VEIN = 36
    SKIN = 37
    AIR = 38
    CARTILAGE = 39
    GLAND = 40  # of the breast
    OESOPHAGUS = 41
    STOMACH_FOOD = 42
