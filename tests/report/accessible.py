"""Whether a page can be read by everyone: our own checks, which always run, and axe-core in a browser where both are there.

    SYNTHCMR_AXE=axe.min.js python -m tests.report.accessible PAGE.html...

axe-core is not part of the project: `npm pack axe-core` brings it, the file is package/axe.min.js. Chromium or Chrome is looked
for on the path.
"""

import html
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from html.parser import HTMLParser
from pathlib import Path

POLICY = (
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'\">"
)
AXE, WIDTHS = "SYNTHCMR_AXE", (1280, 390)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
VOID = {"img", "meta", "br", "link", "input", "hr", "col", "source"}
OUTSIDE = re.compile(r"""(?:src|href|action|data)\s*=\s*["']?\s*(?:https?:)?//|url\(\s*["']?(?:https?:)?//|@import""")
AA_TEXT, AA_LARGE = 4.5, 3.0


class Outline(HTMLParser):
    """What of a page matters to those who do not see it."""

    def __init__(self) -> None:
        super().__init__()
        self.problems: list[str] = []
        self.lang = self.title = ""
        self.ids: list[str] = []
        self.wanted: list[str] = []  # ids that something speaks of
        self.headings: list[int] = []
        self.landmarks: list[str] = []
        self.viewport = False
        self._open: list[str] = []
        self._head: list[bool] = []  # of each open table, whether a header was seen

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {k: v or "" for k, v in attrs}
        where = f"<{tag}> in line {self.getpos()[0]}"
        if tag == "script" or any(name.startswith("on") for name in told):
            self.problems.append(f"{where}: code, which the page's own policy blocks")
        if tag not in VOID:
            self._open.append(tag)
        if tag == "html":
            self.lang = told.get("lang", "")
        if tag == "meta" and told.get("name") == "viewport":
            self.viewport = "user-scalable=no" not in told.get("content", "")
        if tag == "img" and not told.get("alt"):
            self.problems.append(f"{where}: no alternative text")
        if tag == "svg" and told.get("aria-hidden") != "true" and not (told.get("role") and told.get("aria-label")):
            self.problems.append(f"{where}: neither a label nor hidden")
        if tag in ("input", "select", "textarea") and not (told.get("aria-label") or told.get("id")):
            self.problems.append(f"{where}: no label")
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag in ("main", "header", "footer", "nav"):
            self.landmarks.append(tag)
        if tag == "table":
            self._head.append(False)
        if tag == "th":
            self._head[-1:] = [True]
            if told.get("scope") not in ("col", "row", "colgroup", "rowgroup"):
                self.problems.append(f"{where}: a header without scope")
        if "scroll" in told.get("class", "").split() and not (told.get("tabindex") == "0" and told.get("aria-label")):
            self.problems.append(f"{where}: scrolls, but not by keyboard, or has no name")
        if int(told.get("tabindex") or 0) > 0:
            self.problems.append(f"{where}: breaks the order of focus")
        self.ids += [told["id"]] if "id" in told else []
        self.wanted += told.get("aria-labelledby", "").split()
        self.wanted += [told["href"][1:]] if told.get("href", "").startswith("#") else []

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass
        if tag == "table" and not self._head.pop():
            self.problems.append(f"a table that ends in line {self.getpos()[0]}: no header")

    def handle_data(self, data: str) -> None:
        if self._open[-1:] == ["title"]:
            self.title += data


def problems(page: str) -> list[str]:
    """What is wrong with a page, in words; nothing where all is well."""
    seen = Outline()
    seen.feed(page)
    found = list(seen.problems)
    found += [] if seen.lang else ["<html>: no language"]
    found += [] if seen.title.strip() else ["no title"]
    found += [] if seen.viewport else ["no viewport for phones, or one that forbids to zoom"]
    found += [] if seen.landmarks.count("main") == 1 else ["expected one <main>"]
    found += [] if seen.headings[:1] == [1] and seen.headings.count(1) == 1 else ["expected one <h1>, and it first"]
    for before, after in zip(seen.headings, seen.headings[1:], strict=False):
        found += [f"a heading of level {after} follows one of level {before}"] if after > before + 1 else []
    found += [f"id '{i}' is there twice" for i in {i for i in seen.ids if seen.ids.count(i) > 1}]
    found += [f"nothing has the id '{i}'" for i in seen.wanted if i not in seen.ids]
    found += [f"asks for something outside: {m}" for m in OUTSIDE.findall(page)]
    return found


def contrast(a: str, b: str) -> float:
    """WCAG's contrast ratio of two colours, #rgb or #rrggbb."""
    high, low = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    text = colour.lstrip("#")
    text = "".join(c * 2 for c in text) if len(text) == 3 else text
    parts = [int(text[k : k + 2], 16) / 255 for k in (0, 2, 4)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def browser() -> str | None:
    """A browser that runs without a window."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def missing() -> str | None:
    """Why axe-core cannot be asked; None where it can."""
    if not Path(os.environ.get(AXE, "")).is_file():
        return f"set {AXE} to axe-core's axe.min.js (npm pack axe-core) to run its checks"
    return None if browser() else f"none of {', '.join(BROWSERS)} is on the path"


def axe_problems(page: str, width: int) -> list[str]:
    """What axe-core says of a page in a frame of some width, and whether the page is wider than that."""
    open_page = page.replace(POLICY, "")  # which would block axe-core too
    checked = open_page.replace("</body>", f"<script>{Path(os.environ[AXE]).read_text()}</script></body>")
    host = (
        "<!doctype html><html lang='en'><title>t</title><body><pre id='said'>nothing</pre>"
        f"<iframe id='f' style='width:{width}px;height:900px;border:0' srcdoc=\"{html.escape(checked)}\"></iframe>"
        "<script>document.getElementById('f').onload = async e => { const w = e.target.contentWindow;"
        "const r = await w.axe.run(w.document, {resultTypes: ['violations']}); const d = w.document.documentElement;"
        "document.getElementById('said').textContent = JSON.stringify({wide: d.scrollWidth - d.clientWidth,"
        "found: r.violations.map(v => [v.id, v.impact, v.help, v.nodes.slice(0, 3).map(n => n.html.slice(0, 160))])});"
        "e.target.remove(); document.title = 'done'; }</script></body></html>"
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "host.html"
        file.write_text(host, encoding="utf-8")
        told = [str(browser()), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/profile"]
        told += ["--virtual-time-budget=60000", "--window-size=1400,1000", "--dump-dom", file.as_uri()]
        dom = subprocess.run(told, capture_output=True, text=True, timeout=300, check=True).stdout
    said = re.search(r"<pre id=.said.>(.*?)</pre>", dom, re.S)
    assert said is not None, "the browser did not show the page"
    result = json.loads(html.unescape(said[1]))
    found = [f"{impact} {rule}: {what} {' '.join(nodes)}" for rule, impact, what, nodes in result["found"]]
    return found + ([f"{result['wide']} px wider than {width} px"] if result["wide"] > 0 else [])


def check(page: Path) -> None:
    """Fail where a page cannot be read by everyone; with axe-core too where that is at hand."""
    text = page.read_text(encoding="utf-8")
    assert problems(text) == []
    assert POLICY in text, "nothing keeps a page from asking for something outside"
    if missing() is None:
        for width in WIDTHS:
            assert axe_problems(text, width) == []


if __name__ == "__main__":
    for name in sys.argv[1:]:
        text = Path(name).read_text(encoding="utf-8")
        print(name)
        for problem in dict.fromkeys(problems(text)):
            print(f"  own: {problem}")
        if (why := missing()) is not None:
            print(f"  axe-core: not asked, {why}")
            continue
        for width in WIDTHS:
            for problem in axe_problems(text, width):
                print(f"  axe-core at {width} px: {problem}")
