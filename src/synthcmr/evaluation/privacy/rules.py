"""When privacy is good, acceptable or bad."""

from synthcmr.evaluation.rules import PartRules, Rule

PRIVACY_RULES: PartRules = {
    "copies": Rule(
        score="training subjects copied",
        says="No image of a training subject is repeated",
        good=0,
        acceptable=0,
    ),
    "near-copies": Rule(
        score="near-copies",
        says="Images are no more like those of training subjects than held-out ones are",
        good=0.02,
        acceptable=0.05,
        beside="floor",
    ),
    "membership": Rule(
        score="membership AUC (images)",
        says="The images do not tell who was learned from",
        good=0.1,
        acceptable=0.15,
        beside="floor",
    ),
    "membership, asked": Rule(
        score="membership AUC (asking)",
        says="The generator, asked for images, does not tell who was learned from",
        good=0.1,
        acceptable=0.15,
        beside="floor",
        optional=True,
    ),
    "membership, weights": Rule(
        score="membership AUC (weights)",
        says="The generator's weights do not tell who was learned from",
        good=0.1,
        acceptable=0.15,
        beside="floor",
        optional=True,
    ),
    "promise": Rule(
        score="epsilon proven, of the claim",
        says="Training keeps its promise of differential privacy",
        good=1,
        acceptable=1,
        optional=True,
    ),
}
