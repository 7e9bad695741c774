"""Which frames of a stack become one image row."""

from synthcmr.cohort.raw import Stack
from synthcmr.config import FrameMode
from synthcmr.errors import ReadError


def frame_groups(stack: Stack, mode: FrameMode) -> list[tuple[int, ...]]:
    """Group a stack's frames into image rows.

    Returns:
        One tuple of frame positions per row: `single` gives each known phase (all frames where none is known), `pair`
        gives (ED, ES), `cine` gives all in order; `auto` takes the pair, else the cine, else single frames.

    Raises:
        ReadError: a pair was asked of a stack that lacks ED or ES.
    """
    ed, es = _first(stack, "ED"), _first(stack, "ES")
    if mode == "auto":
        mode = "pair" if ed is not None and es is not None else "cine" if stack.frame_count > 2 else "single"
    if mode == "cine":
        return [tuple(range(stack.frame_count))]
    if mode == "pair":
        if ed is None or es is None:
            raise ReadError(_missing_pair(stack))
        return [(ed, es)]
    known = [i for i in range(stack.frame_count) if stack.phases[i]]
    return [(i,) for i in (known or range(stack.frame_count))]


def _first(stack: Stack, phase: str) -> int | None:
    return stack.phases.index(phase) if phase in stack.phases else None


def _missing_pair(stack: Stack) -> str:
    have = ", ".join(sorted({p or "unknown" for p in stack.phases}))
    return f"expected an ED and an ES frame for --frames pair, got {stack.frame_count} frame(s) of phase: {have}; use --frames single"
