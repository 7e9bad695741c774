"""The page of a generated cohort: what was asked, what came out, what screening said. One file that opens offline."""

from __future__ import annotations

import html
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from synthcmr.cohort import Cohort
from synthcmr.report.pictures import heart_picture

PAGE = "generated.html"
SHOWN_SUBJECTS = 24
WHO = ("sex", "age", "bmi", "diagnosis", "vendor", "field_strength_t")
STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:1180px;margin:2rem auto;padding:0 1rem;color:#1b2733}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}figure{display:inline-block;margin:.4rem;vertical-align:top;width:264px}
figure img{width:130px;image-rendering:auto}figcaption{font-size:.8rem;color:#5a6b7b}"""


def write_generated_page(cohort: Cohort) -> Path:
    """Write COHORT/generated.html."""
    rejects = cohort.rejects[cohort.rejects["level"] == "reject"] if len(cohort.rejects) else cohort.rejects
    parts = [
        "<h1>Generated images</h1>",
        f"<p>{len(cohort.subjects)} synthetic subjects, {len(cohort)} images. {_whose(cohort)} Left: end-diastole, right: "
        "end-systole; outlines: the masks that were asked for (LV yellow, epicardium red, RV blue).</p>",
        _rejected(rejects["reason"].tolist()),
    ]
    parts += [_figure(cohort, i) for i in _shown(cohort)]
    page = f"<!doctype html><meta charset='utf-8'><title>Generated images</title><style>{STYLE}</style>{''.join(parts)}"
    file = cohort.path / PAGE
    file.write_text(page)
    return file


def _whose(cohort: Cohort) -> str:
    """Whether somebody's heart is shown."""
    settings = cohort.info["settings"]["generate"]
    if settings["redraw"]:
        return "These are real subjects as another scanner would show them: keep them as you keep the originals."
    if settings["masks"] == "generated":
        return "Nobody shown here exists."
    bent = ", bent" if settings["masks"] == "deformed" else ""
    return f"The images are new; the masks are those of real subjects{bent}."


def _shown(cohort: Cohort) -> list[int]:
    """The middle slice of each of the first subjects."""
    found = []
    for name in list(dict.fromkeys(cohort.images["subject_id"]))[:SHOWN_SUBJECTS]:
        rows = np.flatnonzero(cohort.images["subject_id"].to_numpy() == name)
        found.append(int(rows[len(rows) // 2]))
    return found


def _figure(cohort: Cohort, index: int) -> str:
    row: dict[str, Any] = cohort.table.iloc[index].to_dict()
    image, mask = cohort.image(index), cohort.mask(index)
    pictures = "".join(f"<img src='{heart_picture(image[f], mask[f])}' alt=''>" for f in (0, len(image) - 1))
    who = ", ".join(_said(name, row[name]) for name in WHO if row.get(name) is not None and row[name] == row[name])
    asked = {k.removeprefix("asked_"): v for k, v in row.items() if k.startswith("asked_") and v == v}
    heart = ", ".join(
        f"{label} {asked[k]:.0f} {unit}"
        for k, label, unit in (("lv_edv_ml", "EDV", "ml"), ("lv_ef_percent", "EF", "%"), ("lv_mass_g", "mass", "g"))
        if k in asked
    )
    agreement = (
        f"; re-segmentation Dice {row['screen_dice']:.2f}"
        if row.get("screen_dice") == row.get("screen_dice", 0)
        else ""
    )
    return f"<figure>{pictures}<figcaption>{html.escape(who)}<br>{html.escape(heart + agreement)}</figcaption></figure>"


def _said(name: str, value: Any) -> str:
    written = f"{value:g}" if isinstance(value, float) else str(value)
    return {"age": f"{written} years", "bmi": f"BMI {written}", "field_strength_t": f"{written} T"}.get(name, written)


def _rejected(reasons: list[str]) -> str:
    if not reasons:
        return "<p>Screening gave up on nobody.</p>"
    counted = Counter(reasons).most_common(5)
    items = "".join(f"<li>{n} ×: {html.escape(reason)}</li>" for reason, n in counted)
    return f"<p>Screening gave up on {len(reasons)}:</p><ul>{items}</ul>"
