"""What to do where nothing that was generated passed screening."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synthcmr.cohort import Cohort
    from synthcmr.conditioning.prompt import Understood
    from synthcmr.sampling.sources import Sources

NOT_SEEN = "diagnosis is not seen in the image"
ADVICE = (
    "Train longer, train judges on your own data (synthcmr judge fit) and name them with --judges, "
    "or keep everything with --no-screen."
)


def nothing_passed(cohort: "Cohort", understood: "Understood", sources: "Sources") -> str:
    """Why that may be, as far as it is known, and what to do."""
    said = ["Nothing passed screening."]
    diagnosis = str(understood.attributes.get("diagnosis", ""))
    if diagnosis and cohort.rejects["reason"].str.contains(NOT_SEEN, regex=False).any():
        from synthcmr.sampling.sources import load_anatomies

        far = load_anatomies(sources).unusual(understood.attributes, understood.numbers)
        if far:
            said.append(
                f"The diagnosis was not seen, and what was asked is far from {diagnosis} as it was learned: "
                f"{'; '.join(far)}. Ask for other numbers or another diagnosis first."
            )
    return " ".join([*said, ADVICE])
