"""Verbs that a page calls from Python get the options that the page's comments add to the same commands, to be quick."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import Any
from unittest.mock import patch

import synthcmr
from synthcmr.verbs.judge import Judge, JudgeOptions
from synthcmr.verbs.options import Options
from tests.docs.blocks import Block

# verb -> its command, and its options
COMMANDS = {
    "make_phantoms": ("phantom", "PhantomOptions"),
    "ingest": ("ingest", "IngestOptions"),
    "label": ("label", "LabelOptions"),
    "plan": ("plan", "PlanOptions"),
    "generate": ("generate", "GenerateOptions"),
    "train": ("train", "TrainOptions"),
    "evaluate": ("evaluate", "EvaluateOptions"),
    "compare_spectra": ("spectrum", "SpectrumOptions"),
    "debias": ("debias", "DebiasOptions"),
    "balance": ("balance", "BalanceOptions"),
}
SEVERAL = ("set", "also", "target", "reference")  # options that may be given several times


@contextmanager
def quicker_verbs(block: Block) -> Iterator[None]:
    """While a block runs."""
    with ExitStack() as stack:
        for verb, (command, kind) in COMMANDS.items():
            original = getattr(import_module(synthcmr.VERBS[verb]), verb)
            replaced = _quicker(original, [command], getattr(synthcmr, kind), block)
            stack.enter_context(patch.object(synthcmr, verb, replaced, create=True))
        original = Judge.fit

        def fit(judge: Judge, *inputs: Any, **options: Any) -> Judge:
            return _quicker(original, ["judge", "fit", judge.kind], JudgeOptions, block)(judge, *inputs, **options)

        stack.enter_context(patch.object(Judge, "fit", fit))
        yield


def _quicker(verb: Callable[..., Any], command: list[str], kind: type[Options], block: Block) -> Callable[..., Any]:
    def called(*inputs: Any, **options: Any) -> Any:
        more = _options(kind, block.added([*command, *map(str, inputs)]))
        for name in SEVERAL:
            if name in options and name in more:
                more[name] = (*getattr(kind.of(None, {name: options[name]}), name), *more[name])
        return verb(*inputs, **options | more)

    return called


def _options(kind: type[Options], words: list[str]) -> dict[str, Any]:
    """What flags of the command line are as options."""
    names = {kind.flag(name): name for name in kind.model_fields}
    options: dict[str, Any] = {}
    rest = iter(words)
    for flag in rest:
        if flag.startswith("--no-"):
            options[names["--" + flag.removeprefix("--no-")]] = False
        elif names[flag] in SEVERAL:
            options[names[flag]] = (*options.get(names[flag], ()), next(rest))
        else:
            options[names[flag]] = next(rest)
    return options
