"""Networks that learn drawn hearts in a second or two."""

from dataclasses import replace

import numpy as np

from synthcmr.evaluation.settings import EvaluateSettings
from synthcmr.evaluation.utility.settings import (
    SEGMENTATION_LOOP,
    ClassificationSettings,
    FairnessSettings,
    SegmentationSettings,
    UtilitySettings,
)
from synthcmr.experiments.settings import CLASSIFIER_LOOP, ClassifierSettings
from tests.evaluation.making import Hearts, swapped

OUTLINER = SegmentationSettings(
    filters=(8, 16, 16),
    crop=40,
    loop=SEGMENTATION_LOOP.model_copy(update={"steps": 60, "ema": 0.9, "warmup": 5, "learning_rate": 1e-2}),
)
CLASSIFIER = ClassificationSettings(
    network=ClassifierSettings(filters=(4, 8, 8, 8)), loop=CLASSIFIER_LOOP.model_copy(update={"steps": 40})
)


def noise(hearts: Hearts) -> Hearts:
    """Where hearts were there is smooth noise, whoever the person."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(3)
    return [
        replace(h, image=(200 + 600 * gaussian_filter(rng.normal(0, 1, h.image.shape), (0, 0, 1.5, 1.5))).clip(0))
        for h in hearts
    ]


QUICK = {"tasks": ("segmentation",), "repeats": 1}  # faults show at once
FAULTS = {"none": lambda hearts: hearts, "swapped": swapped, "noise": noise}


def settings(**utility: object) -> EvaluateSettings:
    """Small networks, all parts of the grid that they can do in seconds."""
    own = {"segmentation": OUTLINER, "classification": CLASSIFIER, "fractions": (1.0,)} | utility
    return EvaluateSettings(
        draws=100,
        by=("sex",),
        crossing=(),
        utility=UtilitySettings.model_validate(own),
        fairness=FairnessSettings(sensitive=("sex",), min_group=2),
    )
