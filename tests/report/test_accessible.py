"""The checker finds what is wrong, our colours can be read, and axe-core agrees where it is at hand."""

import re
from pathlib import Path

import pytest

from synthcmr.evaluation.score import Distribution, Line, Plot
from synthcmr.report import single_file_page
from synthcmr.report.plots import COLOURS, distribution_svg, plot_svg, roc_plot, ticks
from tests.report.accessible import AA_LARGE, AA_TEXT, axe_problems, contrast, missing, problems

TEMPLATES = Path(single_file_page.__file__).parent / "templates"
WELL = (
    '<!doctype html><html lang="en"><head><meta name="viewport" content="width=device-width"><title>t</title></head>'
    "<body><main><h1>One</h1>{}</main></body></html>"
)


def test_a_page_that_is_well_has_no_problem() -> None:
    assert problems(WELL.format('<h2>Two</h2><p><a href="#x">to</a></p><p id="x">there</p>')) == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("<img src='data:x'>", "no alternative text"),
        ("<svg></svg>", "neither a label nor hidden"),
        ("<h3>Three</h3>", "level 3 follows one of level 1"),
        ("<h1>Two</h1>", "expected one <h1>"),
        ("<table><tr><td>1</td></tr></table>", "no header"),
        ("<table><tr><th>1</th></tr></table>", "without scope"),
        ("<div class='card scroll'></div>", "not by keyboard"),
        ("<p tabindex='3'></p>", "order of focus"),
        ("<p id='a'></p><p id='a'></p>", "there twice"),
        ("<a href='#b'>b</a>", "nothing has the id 'b'"),
        ("<script src='https://x.org/a.js'></script>", "outside"),
        ("<script>1</script>", "code, which"),
        ("<p onclick='1'></p>", "code, which"),
        ("<style>p{background:url(//x.org/a)}</style>", "outside"),
    ],
)
def test_what_is_wrong_is_found(body: str, said: str) -> None:
    assert said in " ".join(problems(WELL.format(body)))


def test_contrast_is_that_of_the_guideline() -> None:
    assert contrast("#000", "#fff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.478, abs=1e-3)


def test_every_colour_of_text_can_be_read_on_its_ground() -> None:
    named = dict(re.findall(r"--(\w+): (#\w+);", (TEMPLATES / "style.css").read_text()))
    for text in ("ink", "soft", "accent", "warn", "synth"):
        for ground in ("paper", "ground"):
            assert contrast(named[text], named[ground]) >= AA_TEXT, (text, ground)
    card = (TEMPLATES / "score_card.css").read_text()
    words = re.findall(r"\.word[^{]*\{[^}]*background: (#\w+)", card)
    assert len(words) == 4
    assert all(contrast("#fff", ground) >= AA_TEXT for ground in words)
    assert all(contrast(line, "#fff") >= AA_LARGE for line in COLOURS)


def test_curves_go_where_they_should_and_say_what_they_are() -> None:
    drawn = str(
        plot_svg(roc_plot("Members", {"black box, AUC 0.75": [(0, 0), (0.5, 1), (1, 1)], "<b>": [(0, 0), (1, 1)]}))
    )
    assert problems(WELL.format(drawn)) == []
    first = re.search(r'<polyline points="([^"]*)"', drawn)
    assert first is not None
    points = [tuple(map(float, p.split(","))) for p in first[1].split()]
    (left, bottom), (middle, top), (right, upper) = points
    assert left < middle < right
    assert middle - left == pytest.approx(right - middle, abs=0.11)
    assert top == upper < bottom
    assert right - left == pytest.approx(bottom - top)  # a square
    assert "black box, AUC 0.75" in drawn
    assert "<b>" not in drawn
    assert "chance" in drawn


def test_bands_and_small_frames_are_drawn_and_a_line_must_be_whole() -> None:
    line = Line(name="real", x=(0, 1), y=(2, 3), low=(1, 2), high=(3, 4))
    assert "<polygon" in plot_svg(Plot(title="t", x="x", y="y", lines=(line,)))
    drawn = str(distribution_svg(Distribution(name="EDV", unit="ml", real=(1, 2, 3), synthetic=(1, 1, 1))))
    assert drawn.count("<polyline") == 2
    with pytest.raises(ValueError, match="as many y, low and high as x"):
        Line(name="short", x=(0, 1), y=(1,))


def test_ticks_are_round_and_few() -> None:
    assert ticks(0, 1, 6) == [0, 0.2, 0.4, 0.6, 0.8, 1]
    for low, high in ((0.013, 0.47), (-12.1, 2.9), (55, 370), (5e-5, 9e-5)):
        found = ticks(low, high, 5)
        assert 2 <= len(found) <= 5
        assert low <= found[0] < found[-1] <= high


def test_axe_core_finds_what_is_wrong_too() -> None:
    why = missing()
    if why is not None:
        pytest.skip(why)
    assert axe_problems(WELL.format("<p>fine</p>"), 390) == []
    assert "image-alt" in " ".join(axe_problems(WELL.format("<img src='data:x'>"), 390))
    assert "px wider than 390" in " ".join(axe_problems(WELL.format("<p style='width:900px'>x</p>"), 390))
