"""Pages for people: one file each, which opens without a network and with nothing beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from synthcmr.cohort.output_place import known_as
from synthcmr.errors import counted


def write_page(path: Path, template: str, **values: Any) -> Path:
    """Fill a template of this package and write it.

    Args:
        path: the page.
        template: its name without ending; `style.css`, which all share, is put into it.
        **values: what the template speaks of.
    """
    from jinja2 import Environment, PackageLoader, select_autoescape

    environment = Environment(
        loader=PackageLoader("synthcmr.report"), autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["of"] = counted
    beside = path.with_suffix(path.suffix + ".part")  # the page that was there is whole until the new one is
    beside.write_text(known_as(environment.get_template(f"{template}.html").render(**values)), encoding="utf-8")
    beside.replace(path)
    return path
