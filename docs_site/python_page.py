"""The reference page of the Python interface, made from signatures, docstrings and the fields of options."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from typing import Any

import synthcmr
from synthcmr.config import Settings

SECTIONS = re.compile(r"^(Args|Returns|Raises|Attributes|Example):\n", re.MULTILINE)
LEAD = """# Python

Every command is a function, with the same options. Made from the code by `make docs`; every example here runs in the tests.

A verb takes its inputs (a cohort, its folder, or the result of an earlier step) and its options: fields as keywords, or an
options object. It continues what an interrupted call began, takes what is finished, and returns a result:

| of a result | what it is |
| --- | --- |
| `summary()` | the lines that the command prints |
| `table` | the main table, as a pandas DataFrame; further tables are named below |
| `to_html(folder)` | writes the page that opens offline, where there is one; without a folder into that of the result |
| in a notebook | the summary and the beginning of the table |
"""


def python_page() -> str:
    """Every public name: its signature, what it does, its options, its result and an example."""
    lines = [LEAD]
    for name in synthcmr.VERBS:
        public = getattr(synthcmr, name)
        if not _is_options(public):
            lines += [f"## {name}", "", *_described(name, public), ""]
    return "\n".join(lines)


def _described(name: str, public: Any) -> list[str]:
    lines = ["```text", f"{name}{_signature(public)}", "```", "", *_documented(public)]
    module = import_module(synthcmr.VERBS[name])
    if options := _options_of(public):
        lines += ["", f"### {options.__name__}", "", *_documented(options), "", *_fields(options)]
    if result := _result_of(public, module):
        lines += ["", f"### {result.__name__}", "", *_documented(result), "", *_members(result)]
    elif inspect.isclass(public):
        lines += ["", *_members(public)]
    return lines


def _signature(public: Any) -> str:
    """Names and defaults; types are in the text, where they help."""
    signature = inspect.signature(public)
    plain = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
    return str(inspect.Signature(plain))


def _documented(public: Any) -> list[str]:
    """A docstring as Markdown: sections as lists, the example as a block."""
    head, *rest = SECTIONS.split(inspect.getdoc(public) or "")
    lines = [_markdown(head.strip())]
    for title, text in zip(rest[::2], rest[1::2], strict=True):
        text = inspect.cleandoc(text)
        if title == "Example":
            lines += ["", "```pycon", text.replace("  # doctest: +SKIP", ""), "```"]
        elif title == "Returns":
            lines += ["", f"Returns: {_markdown(text)}"]
        else:
            lines += ["", f"{title}:", "", *(f"- {_item(one)}" for one in _items(text))]
    return lines


def _items(text: str) -> list[str]:
    """Entries NAME: meaning, whose further lines are indented."""
    return [" ".join(one.split()) for one in re.split(r"\n(?=\S)", text.strip())]


def _item(text: str) -> str:
    name, colon, meaning = text.partition(": ")
    return f"`{name}`: {_markdown(meaning)}" if colon else _markdown(text)


def _markdown(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _is_options(public: Any) -> bool:
    return inspect.isclass(public) and issubclass(public, Settings)


def _options_of(public: Any) -> type[Settings] | None:
    """The options class that a verb names in its signature."""
    text = str(inspect.signature(public).parameters.get("options", ""))
    match = re.search(r"(\w+Options)", text)
    return getattr(synthcmr, match[1]) if match else None


def _result_of(public: Any, module: Any) -> type | None:
    """The class of what a verb returns, where the verb's own module defines or imports it."""
    if inspect.isclass(public):
        return None
    name = str(inspect.signature(public).return_annotation)
    if name == "LabelledCohort":
        module = import_module("synthcmr.verbs.labelled_cohort")
    found = getattr(module, name, None)
    return found if inspect.isclass(found) and found is not synthcmr.Cohort else None


def _fields(options: type[Settings]) -> list[str]:
    rows = [
        f"| `{name}` | {'needed' if field.is_required() else f'`{field.default!r}`'} | {_markdown(field.description or '')} |"
        for name, field in options.model_fields.items()
    ]
    return ["| field | default | meaning |", "| --- | --- | --- |", *rows]


def _members(kind: type) -> list[str]:
    """Public methods and properties with the first line of what they say."""
    lines = []
    for name in dir(kind):
        member = inspect.getattr_static(kind, name)
        if (
            name.startswith("_")
            or name == "page_folder"
            or not (doc := inspect.getdoc(member))
            or not _is_member(member)
        ):
            continue
        shown = f"{name}{'()' if inspect.isfunction(member) else ''}"
        lines.append(f"- `{shown}`: {_markdown(' '.join(doc.split(chr(10) * 2)[0].split()))}")
    return lines


def _is_member(member: Any) -> bool:
    return inspect.isfunction(member) or isinstance(member, property) or hasattr(member, "attrname")
