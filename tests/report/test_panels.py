import re
from base64 import b64decode
from html import unescape

import matplotlib.pyplot as plt
import numpy as np
import pytest

from rin.report.panels import Panel, panel_row, picture

HOSTILE = '<script>alert("x")</script>" onload="y'


def figure(*, pixels=False):
    made, ax = plt.subplots(figsize=(3, 2))
    if pixels:
        ax.imshow(np.zeros((4, 4)))
    else:
        ax.plot([0, 1], label=HOSTILE)
    return made


def row(panels, **texts):
    defaults = {"title": "A  Breast", "origin": "real", "word": "real: 9", "detail": "BUSI"}
    return panel_row(panels, **(defaults | {"reading": "It reads."} | texts)).data


def test_panel_row_holds_each_panel_as_a_picture_with_its_alternative_text():
    html = row([Panel(figure(), "first"), Panel(figure(pixels=True), "second")])
    assert re.findall(r'alt="(.*?)"', html) == ["first", "second"]
    kinds = re.findall(r"data:image/([a-z+]+);base64", html)
    assert kinds == ["svg+xml", "png"]
    assert html.index("A  Breast") < html.index("real: 9") < html.index("BUSI")
    assert html.index("second") < html.index("It reads.")


def test_panel_row_wraps_on_narrow_screens():
    assert "flex-wrap:wrap" in row([Panel(figure(), "one")])


def test_panels_of_a_row_keep_the_size_of_their_figures():
    html = row([Panel(figure(), "one")])
    svg = b64decode(re.search(r"base64,([^\"]+)", html)[1]).decode()
    assert re.search(r'width="216pt" height="144pt"', svg)


def test_panel_row_closes_its_figures():
    row([Panel(figure(), "one"), Panel(figure(), "two")])
    assert plt.get_fignums() == []


def test_equal_figures_give_equal_pictures():
    with plt.rc_context({"svg.hashsalt": "rin"}):
        assert picture(figure(), "x").data == picture(figure(), "x").data


@pytest.mark.parametrize("place", ["title", "word", "detail", "reading"])
def test_panel_row_escapes_every_text(place):
    html = row([Panel(figure(), HOSTILE)], **{place: HOSTILE})
    assert "<script" not in html
    assert '" onload="' not in html
    assert HOSTILE in unescape(html)


def test_panel_row_marks_a_stand_in_in_another_colour_than_real_images():
    colours = {
        origin: re.search(r'rin-origin" style="background:(#\w+)', row([], origin=origin))[1]
        for origin in ("real", "substitute", "stand-in")
    }
    assert len(set(colours.values())) == 3
