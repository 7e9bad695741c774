"""Damaged, hostile and absurd input: every reader, what steps leave behind, settings and prompts under many mutations.

    python -m benchmarks.fuzz --mutations 100000 --state fuzz.json       # of each; the same command goes on where it was stopped
    python -m benchmarks.fuzz --only acdc,settings --mutations 2000

A phantom is written in every format that can be read back. Each round changes one file (bits, cuts, spans, numbers, names, header
fields), reads as the commands do, and puts the file back. An error that names what is wrong is right; a traceback, more than 10 s or
more than 2 GB is not, and is printed with its seed, so that `--seed N --mutations 1` shows it again.

Rounds run in one process that has parsed everything once. A second one watches it: what hangs inside a library, or dies, is killed,
counted under its seed, and the rounds go on behind it.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing as mp
import os
import resource
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fuzz_files import ARTEFACTS, FORMATS, Round, rounds
from benchmarks.fuzz_mutations import prompt, settings, where
from synthcmr.errors import SynthcmrError

SECONDS, BYTES = 10, 2 << 30
TEXTS: dict[str, Round] = {"settings": settings, "prompts": prompt, "where": where}
TARGETS = (*FORMATS, *ARTEFACTS, *TEXTS)
SAVE_EVERY_S = 10
LOOK_EVERY_S, STOOD_STILL_S = (
    0.02,
    1.0,
)  # the watcher looks so often; a longer gap means that the machine or the campaign was stopped
LONGEST_ERROR = 3000


@dataclass
class Campaign:
    """What came of the rounds of one target."""

    next: int = 0  # seed
    seconds: float = 0.0
    slowest_s: float = 0.0  # of the processor
    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: dict[str, int] = field(default_factory=dict)  # what -> a seed that shows it

    def add(self, seed: int, outcome: str, wrong: str, seconds: float) -> None:
        """One round."""
        self.next = seed + 1
        self.outcomes[outcome] += 1
        self.slowest_s = max(self.slowest_s, seconds)
        if wrong:
            self.wrong.setdefault(wrong, seed)

    def told(self, name: str) -> str:
        """Counts, and what went wrong."""
        counts = ", ".join(f"{n} {what}" for what, n in sorted(self.outcomes.items()))
        total = sum(self.outcomes.values())
        speed = f"{60 * total / max(self.seconds, 1e-9):.0f} a minute, slowest {self.slowest_s:.1f} s"
        return "\n".join(
            [f"{name}: {total} mutations: {counts}; {speed}", *(f"   seed {s}: {w}" for w, s in self.wrong.items())]
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--mutations", type=int, default=100_000, help="of each target, with those of earlier calls")
    parser.add_argument("--seed", type=int, default=0, help="of the first round")
    parser.add_argument("--only", default=",".join(TARGETS), help=f"some of {', '.join(TARGETS)}")
    parser.add_argument("--minutes", type=float, default=1e9, help="for each target")
    parser.add_argument("--state", type=Path, help="file of counts, to go on from")
    parser.add_argument("--table", action="store_true", help="print the counts of --state as a table, and stop")
    args = parser.parse_args()
    names, state = args.only.split(","), _state(args.state)
    if args.table:
        print(table(state))
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        made = rounds(Path(folder), names) | {n: TEXTS[n] for n in names if n in TEXTS}
        for name in names:
            campaign = state.setdefault(name, Campaign(next=args.seed))
            _run(
                name,
                made[name],
                campaign,
                args.seed + args.mutations,
                60 * args.minutes,
                lambda: _save(args.state, state),
            )
            print(campaign.told(name), flush=True)
    sys.exit(any(state[name].wrong for name in names))


def table(state: dict[str, Campaign]) -> str:
    """The counts as the docs show them."""
    head = ("target", "mutations", "taken", "refused", "wrong", "slowest, s", "a minute")
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    for name in (one for one in TARGETS if one in state):
        counts = state[name].outcomes
        taken, refused = (
            sum(counts[one] for one in kind) for kind in (("read", "taken", "understood"), ("refused", "rejects"))
        )
        speed = round(60 * counts.total() / max(state[name].seconds, 1e-9))
        cells = (name, counts.total(), taken, refused, counts["WRONG"], f"{state[name].slowest_s:.1f}", speed)
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def _state(file: Path | None) -> dict[str, Campaign]:
    if file is None or not file.exists():
        return {}
    told: dict[str, Any] = json.loads(file.read_text())
    return {n: Campaign(**{**c, "outcomes": Counter(c["outcomes"])}) for n, c in told.items()}


def _save(file: Path | None, state: dict[str, Campaign]) -> None:
    if file is not None:
        partial = file.with_suffix(".part")
        partial.write_text(json.dumps({n: vars(c) for n, c in state.items()}))
        partial.replace(file)


def _run(name: str, once: Round, campaign: Campaign, end: int, seconds: float, save: Any) -> None:
    """Run the rounds of one target in a process that is watched, and started again behind whatever kills it."""
    context, started = mp.get_context("fork"), time.monotonic()
    while campaign.next < end and time.monotonic() - started < seconds:
        before, told = campaign.seconds, context.SimpleQueue()
        now = context.Array("d", [campaign.next, float("inf")])  # seed of the round that runs, and when it began
        worker = context.Process(target=_work, args=(once, campaign.next, end, now, told), daemon=True)
        begun = saved = looked = time.monotonic()
        worker.start()
        while worker.is_alive() or not told.empty():
            while not told.empty():
                campaign.add(*told.get())
            if (gap := time.monotonic() - looked) > STOOD_STILL_S:  # no round is to blame
                now[1], begun, started = now[1] + gap, begun + gap, started + gap
            looked = time.monotonic()
            campaign.seconds = before + looked - begun
            if time.monotonic() - saved > SAVE_EVERY_S:
                save()
                saved = time.monotonic()
            if time.monotonic() - now[1] > SECONDS + 1 or time.monotonic() - started > seconds:
                break
            time.sleep(LOOK_EVERY_S)
        hung = worker.is_alive() and time.monotonic() - now[1] > SECONDS
        worker.kill()
        worker.join()
        if hung or (worker.exitcode not in (0, -9) and campaign.next < end):
            why = f"hangs for more than {SECONDS} s" if hung else f"the process died ({worker.exitcode})"
            campaign.add(int(now[0]), "WRONG", why, SECONDS if hung else 0.0)
    save()


def _work(once: Round, start: int, end: int, now: Any, told: Any) -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    _attempt(once, start)  # imports are no part of what a mutation costs
    resource.setrlimit(resource.RLIMIT_AS, (BYTES + _virtual_now(), resource.RLIM_INFINITY))
    for seed in range(start, end):
        now[0], now[1] = seed, time.monotonic()
        begun = time.process_time()
        outcome, wrong = _attempt(once, seed)
        told.put((seed, outcome, wrong, time.process_time() - begun))


def _attempt(once: Round, seed: int) -> tuple[str, str]:
    """What comes of a round, and what is wrong with that."""
    try:
        return once(np.random.default_rng([seed, 7])), ""
    except SynthcmrError as error:
        length = len(str(error))
        return ("WRONG", "an error text as long as a file") if length > LONGEST_ERROR else ("refused", "")
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        where = traceback.extract_tb(error.__traceback__)[-1]
        return "WRONG", f"{type(error).__name__}: {str(error)[:100]} at {Path(where.filename).name}:{where.lineno}"


def _virtual_now() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
