"""Why nothing can be promised of something: what it took from patients that no noise covers, and how to do without."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """One way to look at patients without a mechanism."""

    sentence: str  # what was taken
    mend: str  # what to do instead


PATIENTS = "patients"
NOT_KEPT, BORROWED = "not-kept", "borrowed"
UNKNOWN = (NOT_KEPT, BORROWED)  # nobody knows whom it was made from
REASONS: dict[str, Reason] = {
    PATIENTS: Reason(
        "it holds images of patients",
        "leave these images out, and release what a private run generated: 'synthcmr train FAMILY COHORT RUN --init-from "
        "phantom --dp epsilon=8', then 'synthcmr generate OUT --run RUN'",
    ),
    "weights": Reason(
        "its weights were learned from patients without differential privacy",
        "train again with --dp epsilon=8, beginning from nothing, from 'phantom' or from a private run",
    ),
    "anatomy": Reason(
        "its anatomies were learned from patients without differential privacy",
        "fit them with 'synthcmr train anatomy COHORT OUT --dp epsilon=1', or leave --anatomy out: the generator of anatomies that ships "
        "has learned from phantoms",
    ),
    "judge": Reason(
        "a judge that was trained on patients without differential privacy looked at the images",
        "leave --judges (or --judge) out: the judges that ship have learned from phantoms; or generate with --no-screen",
    ),
    "near-copies": Reason(
        "images were screened against fingerprints of the training images",
        "generate from a private run, which keeps no fingerprints",
    ),
    "recalibration": Reason(
        "frequencies of patients' images were measured without differential privacy",
        "fit the recalibration with 'synthcmr recalibrate fit REAL MODEL --dp epsilon=1'",
    ),
    "plan": Reason(
        "its plan counts patients and follows their attributes",
        "count them with 'synthcmr plan COHORT OUT --target TARGET --dp epsilon=1'; or say in words whom to make: 'synthcmr generate OUT "
        "--prompt TEXT --subjects N'; or plan for phantoms, whom nobody needs to protect",
    ),
    "followed": Reason(
        "its subjects have the attributes of patients",
        "leave --follow out, and say in words whom to make (--prompt)",
    ),
    "masks": Reason(
        "its masks are those of patients",
        "leave --masks and --follow out: new anatomies are drawn",
    ),
    "deformed": Reason(
        "its masks are those of patients, deformed",
        "leave --masks and --follow out: new anatomies are drawn",
    ),
    "redrawn": Reason(
        "its images are those of patients, redrawn as another scanner shows them",
        "generate new subjects for that scanner: --prompt 'Philips' without --follow and --to-scanner",
    ),
    BORROWED: Reason(
        "it stands on weights from a folder, and nobody knows whom they learned from",
        "name a published model as the hub does, such as --set model.base=stabilityai/stable-diffusion-2-1-base; it may lie in the "
        "hub's cache",
    ),
    NOT_KEPT: Reason(
        "nobody knows whom it was made from: no ledger is in it, as it was made before ledgers were kept or by another program",
        "make it again with this version",
    ),
}


def reason_of(key: str) -> Reason:
    """A reason by its key; one that a newer version wrote still counts as one."""
    return REASONS.get(key, Reason(f"a newer version of synthcmr says '{key}'", "update synthcmr"))
