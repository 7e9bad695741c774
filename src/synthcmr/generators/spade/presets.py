"""Sizes of decoders, and runs, for the machine at hand; the runs are those of the flow, but for more and smaller steps on a CPU."""

from synthcmr.generators.flow.presets import PRESETS

WIDTHS = (256, 256, 192, 128)
WIDER = (384, 384, 256, 160)
WIDEST = (512, 512, 384, 256)
LOOPS = {name: loop for name, (_, loop) in PRESETS.items()}
LOOPS["cpu"] = LOOPS["cpu"].model_copy(update={"steps": 3000, "batch": 8})
