"""Release a cohort or a run: check what it took from patients, strip what tells where it came from, and state what is promised."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from synthcmr.errors import PrivacyError
from synthcmr.verbs.folders import CohortLike, cohort_of, folder_of
from synthcmr.verbs.options import Options
from synthcmr.verbs.public import public
from synthcmr.verbs.result import PageResult

if TYPE_CHECKING:
    import pandas as pd

    from synthcmr.cohort import Cohort
    from synthcmr.privacy.ledger import Ledger
    from synthcmr.privacy.statement import PrivacyStatement

STATEMENT_FILE = "statement.json"


class ReleaseOptions(Options):
    """What may be stated of a release.

    Example:
        >>> import synthcmr
        >>> synthcmr.ReleaseOptions(epsilon=3).epsilon
        3.0
    """

    epsilon: float | None = Field(None, gt=0, description="Refuse when more than this was spent, all together.")
    delta: float | None = Field(
        None,
        gt=0,
        lt=0.1,
        description="Chance that more is lost, for which epsilon is stated. [default: the smallest that anything was made for]",
    )
    overwrite: bool = Field(False, description="Replace an existing release.")


@dataclass(frozen=True)
class Released(PageResult):
    """A folder that may be given away.

    Attributes:
        folder: the cohort, or the weights, with statement.json and cards.
        statement: what is promised of all of it together.
    """

    folder: Path
    statement: PrivacyStatement = field(repr=False)

    @property
    def cohort(self) -> Cohort:
        """The released images.

        Raises:
            CohortError: weights were released.
        """
        return cohort_of(self.folder)

    def summary(self) -> str:
        """What is promised, and by whose accounts."""
        from synthcmr.report.release_cards import promise_lines

        lines = [f"{self.folder}: released", *(f"  {line}" for line in promise_lines(self.statement))]
        lines += [f"  {e.artefact}: {e.mechanism.words}" for e in self.statement.entries if e.mechanism is not None]
        if self.statement.entries:
            accounts = ", ".join(f"{name} {epsilon:.4g}" for name, epsilon in self.statement.accountants.items())
            lines.append(f"  epsilon by accountant: {accounts}; the larger one is stated")
        return "\n".join([*lines, f"Page: {self.folder / 'release.html'}"])

    @property
    def table(self) -> pd.DataFrame:
        """The mechanisms: of, kind, sigma, q, releases, scale."""
        import pandas as pd

        from synthcmr.privacy.mechanisms import mechanism_row

        rows = [
            {"of": e.artefact, **mechanism_row(e.mechanism)} for e in self.statement.entries if e.mechanism is not None
        ]
        return pd.DataFrame(rows, columns=["of", "kind", "sigma", "q", "releases", "scale"])

    @property
    def page_folder(self) -> Path:
        """The released folder."""
        return self.folder

    def _write_page(self, folder: Path) -> Path:
        """release.html, as it was released."""
        page = self.folder / "release.html"
        return page if folder == self.folder else Path(shutil.copy(page, folder / page.name))


@public
def release(source: CohortLike, out: Path | str, options: ReleaseOptions | None = None, **changes: Any) -> Released:
    """Make a folder that may be given away, with a statement of differential privacy; or refuse, with every reason.

    The ledgers of all that the source was made from are composed: generator, anatomies, judges, recalibration, plan and
    cohorts that were followed or joined. Names, paths, hashes and counts of what it was made from stay behind.

    Args:
        source: a generated cohort, its folder, a run folder, or a weights file.
        out: folder to make; nothing is left there when anything goes wrong.
        options: what may be stated.
        changes: fields of `ReleaseOptions`, in place of `options` or over them.

    Returns:
        The released folder and its statement.

    Raises:
        PrivacyError: something took from patients what no mechanism covers, or more than `epsilon` was spent.
        CohortError: the source is neither a cohort nor a run, or `out` holds files.
        SettingsError: a library for the accounts is missing.

    Example:
        >>> import synthcmr
        >>> released = synthcmr.release("synthetic", "released")
        >>> print(released.summary())
        >>> spent = released.statement.epsilon
    """
    chosen, out = ReleaseOptions.of(options, changes), Path(out)
    from synthcmr.cohort.output_lock import expect_apart
    from synthcmr.cohort.output_place import build
    from synthcmr.privacy.statement import statement_of
    from synthcmr.verbs.outputs import RELEASE

    folder = folder_of(source)
    expect_apart(out, {folder: "what is released"})
    weights = _weights_in(folder) if isinstance(source, (str, Path)) else None
    cohort = cohort_of(source) if weights is None else None
    try:
        statement = statement_of(_ledger(cohort, weights), chosen.delta, chosen.epsilon)
    except PrivacyError as error:
        raise PrivacyError(f"{folder}: {error}") from error
    build(out, RELEASE, chosen.overwrite, lambda place: _write(place, statement, cohort, weights))
    return Released(out, statement)


def _weights_in(folder: Path) -> Path | None:
    """The weights that are to be released; None where the folder is no run."""
    from synthcmr.training.run_folder import RUN_FILE, WEIGHTS
    from synthcmr.training.weights import weights_file

    is_run = folder.is_file() or any((folder / name).exists() for name in (RUN_FILE, WEIGHTS))
    return weights_file(folder) if is_run else None


def _ledger(cohort: Cohort | None, weights: Path | None) -> Ledger:
    from synthcmr.cohort.cohort_ledger import cohort_ledger
    from synthcmr.privacy.ledger import EMPTY
    from synthcmr.training.weights_ledger import weights_ledger

    of_images = EMPTY if cohort is None else cohort_ledger(cohort)
    return of_images | (EMPTY if weights is None else weights_ledger(weights))


def _write(out: Path, statement: PrivacyStatement, cohort: Cohort | None, weights: Path | None) -> None:
    """Everything of a release, below a folder that is not there yet for others."""
    from synthcmr import __version__
    from synthcmr.cohort.provenance import write_json
    from synthcmr.cohort.released_cohort import write_released
    from synthcmr.formats import STATEMENT
    from synthcmr.report.release_cards import write_release_cards
    from synthcmr.training.released_weights import write_released_weights
    from synthcmr.training.run_folder import WEIGHTS
    from synthcmr.training.weights import read_header

    released, header = None, {}
    out.mkdir(parents=True, exist_ok=True)
    if cohort is not None:
        header = {name: value for name, value in cohort.info.get("generated", {}).items() if name == "family"}
        released = write_released(cohort, out, statement.columns())
    if weights is not None:
        write_released_weights(weights, out / WEIGHTS, statement.to_json())
        header = read_header(out / WEIGHTS)
    write_release_cards(out, statement, released, header)
    what = {"released": "weights" if cohort is None else "cohort", "made_by": f"synthcmr {__version__}"}
    write_json(out / STATEMENT_FILE, {**STATEMENT.stamp, **what, **statement.to_json()})
