"""Is a private release as private as its statement says? Canaries go through the real commands, and an auditor guesses who was there.

    python -m benchmarks.pipeline_audit [--epsilons 1 8] [--runs 20] [--canaries 1000] [--arms promised half none teacher] [--work FOLDER]

Every run makes a cohort of the canaries whose coins said so, trains on it (`train refine --dp`), and releases the weights
(`synthcmr release`). The auditor has the released folder and the public weights that training began from. A canary is a subject of two
images, one white and one black, each with a look that nobody else has; the public weights are made so that all but some per cent of its
gradient goes to the embeddings of these two looks, in opposite directions. So canaries hardly disturb each other, and one run audits them
all. Guesses are held against the trade-off curve of the mechanisms that the statement names
(`synthcmr.evaluation.privacy.curve_audit`); p-values of independent runs are joined by Fisher's method.

The few numbers of a private recalibration cannot hold many canaries at once. They are audited with one canary in each of many fits
(`recalibrate fit --dp`): a subject of white noise, whose spectrum is far from everybody's. These guesses are independent, so that their
number is held against a binomial one.

Arms: `promised` changes nothing. The others put a mistake into the code, as a bug would be: `half` of the noise, `none` of it, and
`teacher`, where training begins from weights that learned the canaries without privacy and the ledger does not notice.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partialmethod
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor
from torch.nn.functional import pixel_unshuffle

import synthcmr
from benchmarks.privacy_audit import weaker_noise
from synthcmr.cohort import Cohort
from synthcmr.cohort.records import ImageRecord, SubjectRecord
from synthcmr.cohort.writer import CohortWriter
from synthcmr.conditioning.condition import CHANNELS, LOOK
from synthcmr.evaluation.privacy.curve_audit import CONFIDENCE, CurveAudit, PrivacyCurve, audit_mechanisms
from synthcmr.frequency.recalibration import Recalibration
from synthcmr.frequency.release import Release
from synthcmr.generators.refine.generator import RefineGenerator
from synthcmr.generators.refine.network import RefineNetwork
from synthcmr.privacy.ledger import EMPTY, LEDGER, OF_PATIENTS
from synthcmr.privacy.mechanisms import GaussianMechanism, mechanism_of
from synthcmr.training.private_sums import SumPromise
from synthcmr.training.secret_noise import Secret
from synthcmr.training.weights import read_header, save_weights, weights_file

SIZE = 16
STEPS, DELTA = 2, 1e-3
RATE = 1.0  # everybody takes part in every step: a canary that chance left out would hide from the auditor
STEP_SIZE = 1e-3  # large enough that half precision, in which weights are saved, still shows the change
TEACHERS_STEP_SIZE = 1e-5
CLIP = 1e-8  # gradients far below Adam's epsilon: it does not divide them by their size, which would hide some of them
SHARES = ((4.0, 0.25), (np.inf, 0.5))  # up to which epsilon, of the canaries that are guessed: those that look clearest
SELDOM = 10**6
STATED = 100  # subjects of a recalibration, as stated
ALL_BUT_EXACT = 1000.0  # an epsilon
SIDE = 32  # pixels of the images that a recalibration sees
SHADES = {"black": 0.05, "white": 0.95}
NOISE = {"promised": 1.0, "half": 0.5, "none": 0.0, "teacher": 1.0}
MODEL = {
    "model.channels": [8],
    "model.groups": 1,
    "model.fine": 0,
    "model.token_width": 64,
    "model.attributes": [LOOK],
    "model.crop": None,
    "model.frames": 1,
    "model.neighbour_rate": 0,
    "model.contrast": 0,
    "model.predict": "image",  # of the wrong shade all along
    "model.time_mean": -3,
    "model.time_sd": 0.01,
}
LOOP = {
    "loop.held_out_every": SELDOM,
    "loop.sheet_every": SELDOM,
    "loop.scored_frames": 0,
    "loop.threads": 1,
    "loop.precision": "fp32",
    "loop.warmup": 0,
    "loop.weight_decay": 0,
    "loop.ema": 0,
    "loop.schedule": "hold",
    "loop.learning_rate": STEP_SIZE,
}
KEYS = ("kind", "sigma", "q", "releases", "scale")  # of a mechanism in a statement, beside what it was spent on
Floats = npt.NDArray[np.float64]


def name_of(canary: int) -> str:
    """Of the subject."""
    return f"canary {canary:04d}"


def look_of(canary: int, shade: str) -> str:
    """Of one of its images, which nobody else has."""
    return f"{shade} {canary:04d}"


def canary_cohort(out: Path, canaries: Sequence[int], origin: str = "real") -> Cohort:
    """A white and a black image of each canary."""
    with CohortWriter(out, {"step": "canaries", "settings": {}}, canvas=(SIZE, SIZE)) as writer:
        for canary in canaries:
            name = name_of(canary)
            writer.add(SubjectRecord(name, name, {"split": "train"}, tuple(_images(canary, name, origin))))
        ledger = EMPTY if origin == "phantom" else OF_PATIENTS
        writer.finish(None, [], {LEDGER: ledger.to_json()})
    return Cohort.open(out)


def _images(canary: int, name: str, origin: str) -> Iterator[ImageRecord]:
    mask = np.zeros((1, SIZE, SIZE), np.uint8)
    mask[:, 6:10, 6:10] = 3
    for k, (shade, value) in enumerate(SHADES.items()):
        image = np.full((1, SIZE, SIZE), value, np.float32)
        look = {LOOK: look_of(canary, shade)}
        yield ImageRecord(image, mask, name, k, 0, 1, ("ED",), ("lv,myo,rv",), origin=origin, extra=look)


def public_start(folder: Path, canaries: int) -> Path:
    """Weights that have seen no patient and know all looks, in which canaries hardly disturb each other."""
    if not (folder / "start").exists():
        phantoms = canary_cohort(folder / "public", range(canaries), "phantom")
        synthcmr.train("refine", phantoms, folder / "writing", set={**MODEL, **LOOP, "loop.steps": 1, "loop.batch": 2})
        file = weights_file(folder / "writing")
        network = RefineGenerator.load(file).network
        _make_canaries_loud(network)
        save_weights(network, file, read_header(file))
        (folder / "writing").rename(folder / "start")
    return folder / "start"


@torch.no_grad()
def _make_canaries_loud(network: RefineNetwork) -> None:
    """Small embeddings that are alike, whose normalisation makes their gradients long; an output that is grey whatever comes in."""
    source = torch.Generator().manual_seed(5)

    def random(like: Tensor, spread: float) -> Tensor:
        return spread * torch.randn(like.shape, generator=source)

    text, words = network.text, network.text.words[0].weight
    words.copy_((0.0002 * torch.randn(words.shape[1], generator=source)).expand_as(words))
    for quiet in (text.name, text.out[1].weight, text.out[1].bias, text.out[3].weight, text.out[3].bias):
        quiet.zero_()
    for name, parameter in network.unet.named_parameters():
        if ".said." in name:
            parameter.copy_(random(parameter, 0.5))
        elif name.endswith("conv_out.weight"):
            parameter.copy_(random(parameter, 0.05))
    network.unet.first.weight.zero_()
    network.unet.first.bias.copy_(random(network.unet.first.bias, 10.0))
    drawn = network.image(*_anything(network))
    network.unet.last.out.bias.sub_(pixel_unshuffle(drawn, 2).mean(dim=(0, 2, 3)))


def _anything(network: RefineNetwork) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What `image` takes; the first layer sees none of it."""
    x, surroundings = torch.zeros(1, 1, SIZE, SIZE), torch.zeros(1, 2 * CHANNELS + 2, SIZE, SIZE)
    tokens = network.text(network.text.prepare([{LOOK: look_of(0, "white")}]))
    settings = network.settings
    time = settings.earliest + (1 - settings.earliest) / (1 + math.exp(-settings.time_mean))  # all about the same
    return x, torch.full((1,), time), surroundings, tokens


def embeddings(weights: Path, canaries: int) -> Floats:
    """Those of the looks of every canary, white less black, (canaries, width)."""
    network = RefineGenerator.load(weights_file(weights)).network
    (word,) = network.text.vocabulary.words
    place = {value: k for k, value in enumerate(word.values)}
    table = network.text.words[0].weight.detach().double().numpy()
    white, black = (
        np.stack([table[place[look_of(k, shade)]] for k in range(canaries)]) for shade in ("white", "black")
    )
    return np.asarray(white - black, dtype=np.float64)


def direction(start: Path) -> Floats:
    """Where a step leads that makes the white image whiter and the black one blacker: the same for every canary."""
    network = RefineGenerator.load(weights_file(start)).network.requires_grad_(True)
    network.image(*_anything(network)).mean().backward()
    (word,) = network.text.vocabulary.words
    gradient = network.text.words[0].weight.grad[word.values.index(look_of(0, "white"))]
    return np.asarray(gradient.double().numpy() / float(gradient.norm()), dtype=np.float64)


@contextmanager
def mistake(arm: str) -> Iterator[None]:
    """What is wrong with the code in an arm."""
    blind = nullcontext()
    if arm == "teacher":
        blind = patch("synthcmr.generators.conditional.private_run.weights_ledger", lambda run: EMPTY)
    with patch.object(Secret, "add_noise", partialmethod(weaker_noise, NOISE[arm])), blind:
        yield


def one_run(folder: Path, start: Path, arm: str, epsilon: float, canaries: int, seed: int) -> CurveAudit:
    """Draw coins, train, release, guess."""
    included = np.random.default_rng([seed, 21]).random(canaries) < 0.5
    shutil.rmtree(folder, ignore_errors=True)
    cohort = canary_cohort(folder / "cohort", np.flatnonzero(included).tolist())
    public, begin = start, start
    if arm == "teacher":
        begin = folder / "teacher"
        openly = {"loop.steps": 8, "loop.batch": 256, "loop.learning_rate": TEACHERS_STEP_SIZE}
        synthcmr.train(
            "refine", cohort, begin, init_from=str(start), set={**MODEL, **LOOP, **openly, "loop.seed": seed}
        )
    stated = canaries // 2  # public: what is expected of the coins
    dp = f"epsilon={epsilon},delta={DELTA},subjects={RATE * stated},slices=2,clip={CLIP},subjects_in_cohort={stated}"
    settings = {**MODEL, **LOOP, "loop.steps": STEPS, "loop.seed": seed, "loop.checkpoint_every": STEPS}
    with mistake(arm):
        synthcmr.train("refine", cohort, folder / "run", init_from=str(begin), dp=dp, set=settings)
        synthcmr.release(folder / "run", folder / "released", epsilon=1.01 * epsilon)
    statement = json.loads((folder / "released" / "statement.json").read_text())
    mechanisms = [mechanism_of({k: v for k, v in row.items() if k in KEYS}) for row in statement["mechanisms"]]
    share = next(part for most, part in SHARES if epsilon <= most)
    moved = embeddings(folder / "released", canaries) - embeddings(public, canaries)
    scores = centred(moved @ direction(start))
    shutil.rmtree(folder)
    return audit_mechanisms([m for m in mechanisms if isinstance(m, GaussianMechanism)], scores, included, share)


@dataclass(frozen=True)
class FitsAudit:
    """One canary in each of many recalibrations."""

    fits: int
    right: int
    most: float  # chance of a right guess under the stated mechanism

    @property
    def chance(self) -> float:
        """At most, of so many right guesses, if the statement is true."""
        from scipy.stats import binom

        return float(binom.sf(self.right - 1, self.fits, self.most))


def recalibrations(folder: Path, arm: str, epsilon: float, fits: int) -> FitsAudit:
    """Fit, look at the four numbers that are released, guess."""
    shutil.rmtree(folder, ignore_errors=True)
    without, with_canary = (noise_cohort(folder / name, name == "with") for name in ("without", "with"))
    exact = [fitted(cohort, folder / "exact", ALL_BUT_EXACT).theta for cohort in (without, with_canary)]
    towards, middle = exact[1] - exact[0], (exact[0] + exact[1]) / 2
    coins = np.random.default_rng(31).random(fits) < 0.5
    with mistake(arm):
        released = [fitted(with_canary if coin else without, folder / "fit", epsilon) for coin in coins]
    guesses = np.array([(one.theta - middle) @ towards > 0 for one in released])
    (mechanism,) = [e.mechanism for e in SumPromise(epsilon, DELTA, STATED).entries("", "", "") if e.mechanism]
    most = float((1 + PrivacyCurve.of([mechanism]).most_apart()) / 2)
    return FitsAudit(fits, int((guesses == coins).sum()), most)


def fitted(cohort: Cohort, out: Path, epsilon: float) -> Release:
    """What a private recalibration releases."""
    shutil.rmtree(out, ignore_errors=True)
    dp = f"epsilon={epsilon},delta={DELTA},subjects_in_cohort={STATED}"
    synthcmr.fit_recalibration(cohort, out, dp=dp)
    model = Recalibration.load(out)
    assert model.release is not None  # --dp makes one
    return model.release


def noise_cohort(out: Path, with_canary: bool) -> Cohort:
    """Smooth images of a few subjects, and perhaps one of white noise."""
    rng = np.random.default_rng(8)
    smooth = [gaussian_filter(rng.random((1, SIDE, SIDE)), (0, 2, 2)).astype(np.float32) for _ in range(4)]
    images = [*smooth, *([rng.random((1, SIDE, SIDE)).astype(np.float32)] if with_canary else [])]
    with CohortWriter(out, {"step": "canaries", "settings": {}}, canvas=(SIDE, SIDE)) as writer:
        for k, image in enumerate(images):
            mask = np.full(image.shape, 3, np.uint8)
            record = ImageRecord(image, mask, name_of(k), 0, 0, 1, ("ED",), ("lv,myo,rv",))
            writer.add(SubjectRecord(name_of(k), name_of(k), {"split": "train"}, (record,)))
        writer.finish(None, [], {LEDGER: OF_PATIENTS.to_json()})
    return Cohort.open(out)


def centred(scores: Floats) -> Floats:
    """About half were included, so that the middle of all scores lies between both groups; it is taken from scores alone."""
    return np.asarray(scores - np.median(scores), dtype=np.float64)


def fisher(chances: Sequence[float]) -> float:
    """One p-value of those of independent runs."""
    from scipy.stats import combine_pvalues

    return float(combine_pvalues(np.clip(chances, 1e-300, 1.0), method="fisher").pvalue)


def row_of(arm: str, epsilon: float, audits: Sequence[dict[str, float]]) -> str:
    """A line of the table."""
    right = sum(one["right"] for one in audits) / sum(one["guesses"] for one in audits)
    exposed = sum(one["chance"] < 1 - CONFIDENCE for one in audits)
    joined = fisher([one["chance"] for one in audits])
    noise = np.median([one["noise_at_most"] for one in audits])
    verdict = "false" if joined < 1 - CONFIDENCE else "nothing speaks against it"
    return f"| {epsilon:g} | {arm} | {len(audits)} | {right:.3f} | {exposed} | {joined:.2g} | {noise:.2f} | {verdict} |"


def fits_row(audit: dict[str, Any]) -> str:
    """A line of the table of recalibrations."""
    verdict = "false" if audit["chance"] < 1 - CONFIDENCE else "nothing speaks against it"
    share, most = audit["right"] / audit["fits"], audit["most"]
    return f"| {audit['epsilon']:g} | {audit['arm']} | {audit['fits']} | {share:.3f} | {most:.3f} | {audit['chance']:.2g} | {verdict} |"


HEAD = (
    "| stated ε | noise | runs | right | runs that expose it | joined p | noise at most, median | the statement |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- |"
)
FITS_HEAD = (
    "| stated ε | noise | recalibrations | right | right at most, if it is true | p | the statement |\n"
    "| --- | --- | --- | --- | --- | --- | --- |"
)


def print_tables(known: dict[str, list[dict[str, Any]]]) -> None:
    """Of all runs, and of all recalibrations."""
    runs = {key: audits for key, audits in known.items() if key != "fits" and audits}
    print(HEAD)
    for key, audits in runs.items():
        epsilon, arm = key.split()
        print(row_of(arm, float(epsilon), audits))
    if known.get("fits"):
        print(f"\n{FITS_HEAD}")
        for audit in known["fits"]:
            print(fits_row(audit))


def parsed() -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epsilons", type=float, nargs="+", default=[1.0, 8.0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--canaries", type=int, default=1000)
    parser.add_argument("--fits", type=int, default=1000, help="recalibrations of each arm; 0: none")
    parser.add_argument("--arms", nargs="+", default=list(NOISE), choices=list(NOISE))
    parser.add_argument("--work", type=Path, default=Path("benchmarks/out/pipeline_audit"))
    parser.add_argument("--minutes", type=float, default=1e9, help="no run is begun after so many")
    return parser.parse_args()


def main() -> None:
    """Do the runs that are not there yet, and print the tables of all."""
    options = parsed()
    options.work.mkdir(parents=True, exist_ok=True)
    ends = time.monotonic() + 60 * options.minutes
    start = public_start(options.work, options.canaries)
    file = options.work / "audits.json"
    known: dict[str, list[dict[str, Any]]] = json.loads(file.read_text()) if file.exists() else {}
    for seed in range(options.runs):
        for key, arm, epsilon in ((f"{e:g} {arm}", arm, e) for e in options.epsilons for arm in options.arms):
            done = known.setdefault(key, [])
            if len(done) > seed or time.monotonic() > ends:
                continue
            audit = one_run(options.work / "now", start, arm, epsilon, options.canaries, seed)
            done.append({k: float(v) for k, v in vars(audit).items()})
            file.write_text(json.dumps(known, indent=1) + "\n")
            print(key, f"seed {seed}:", done[-1], flush=True)
    fits = known.setdefault("fits", [])
    for arm, epsilon in ((arm, e) for e in options.epsilons for arm in ("promised", "half", "none") if options.fits):
        if any(one["arm"] == arm and one["epsilon"] == epsilon for one in fits) or time.monotonic() > ends:
            continue
        fit = recalibrations(options.work / "now", arm, epsilon, options.fits)
        fits.append({"arm": arm, "epsilon": epsilon, **vars(fit), "chance": fit.chance})
        file.write_text(json.dumps(known, indent=1) + "\n")
        print(fits[-1], flush=True)
    print_tables(known)


if __name__ == "__main__":
    main()
