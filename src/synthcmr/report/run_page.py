"""The page of a training run: curves, sheets of samples, settings. One file that opens offline."""

from __future__ import annotations

import base64
import html
import io
import json
from pathlib import Path
from typing import Any

from synthcmr.training.run_folder import SHEETS, RunFolder

PAGE = "curves.html"
SHOWN_SHEETS = 6
STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:1100px;margin:2rem auto;padding:0 1rem;color:#1b2733}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}img{max-width:100%}figure{margin:1rem 0}figcaption{color:#5a6b7b}
table{border-collapse:collapse}td{padding:.15rem .8rem .15rem 0;vertical-align:top}code{font-size:.85rem}"""


def write_run_page(run: Path) -> Path:
    """Write RUN/curves.html from the metrics and sheets that are there."""
    folder = RunFolder(run)
    record, metrics = folder.record(), folder.metrics()
    parts = [f"<h1>Training of {html.escape(str(record['family']))}</h1>", f"<p>{_state(record, metrics)}</p>"]
    if metrics:
        parts.append(f"<h2>Loss</h2>{_curves(metrics)}")
    if shown := _chosen(sorted((run / SHEETS).glob("*.png"))):
        parts.append(
            "<h2>Samples</h2><p>Above: held-out real images. Below: samples for the same mask and patient.</p>"
        )
        parts += [_figure(sheet) for sheet in shown]
    parts.append(f"<h2>Settings</h2>{_settings(record)}")
    page = f"<!doctype html><meta charset='utf-8'><title>{html.escape(run.name)}</title><style>{STYLE}</style>{''.join(parts)}"
    file = run / PAGE
    file.write_text(page)
    return file


def _state(record: dict[str, Any], metrics: list[dict[str, Any]]) -> str:
    if not metrics:
        return "Not a step was taken yet."
    last, steps = metrics[-1], record["loop"]["steps"]
    held_out = [m["held_out"] for m in metrics if m.get("held_out") is not None]
    best = f" Held-out loss {held_out[-1]:.4f}, lowest {min(held_out):.4f}." if held_out else ""
    return f"Step {last['step']} of {steps}{' (finished)' if record.get('finished') else ''}.{best}"


def _curves(metrics: list[dict[str, Any]]) -> str:
    import matplotlib

    matplotlib.use("svg")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    axes = figure.subplots()
    for name in sorted({k for m in metrics for k in m if k.startswith("loss_")}):
        axes.plot(
            [m["step"] for m in metrics if name in m], [m[name] for m in metrics if name in m], lw=0.8, label=name[5:]
        )
    looked = [m for m in metrics if m.get("held_out") is not None]
    axes.plot(
        [m["step"] for m in looked], [m["held_out"] for m in looked], "o-", ms=3, label="held out (averaged weights)"
    )
    axes.set(xlabel="step", ylabel="loss", yscale="log")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg")
    return drawn.getvalue()[drawn.getvalue().index("<svg") :]


def _chosen(sheets: list[Path]) -> list[Path]:
    """The first, the last, and some between."""
    if len(sheets) <= SHOWN_SHEETS:
        return sheets
    step = (len(sheets) - 1) / (SHOWN_SHEETS - 1)
    return [sheets[round(i * step)] for i in range(SHOWN_SHEETS)]


def _figure(sheet: Path) -> str:
    data = base64.b64encode(sheet.read_bytes()).decode()
    return f"<figure><img src='data:image/png;base64,{data}' alt=''><figcaption>{sheet.stem.replace('_', ' ')}</figcaption></figure>"


def _settings(record: dict[str, Any]) -> str:
    rows = [(f"{part}.{k}", v) for part in ("model", "loop") for k, v in record.get(part, {}).items()]
    cells = "".join(
        f"<tr><td>{html.escape(k)}</td><td><code>{html.escape(json.dumps(v))}</code></td></tr>" for k, v in rows
    )
    return f"<table>{cells}</table>"
