"""What pages are made with: claims, verdicts, pictures."""

import base64
import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import seaborn as sns

from rin.errors import InputError
from rin.report.page import claim, picture, verdict
from rin.report.style import INIT_STYLE, use_style

INITS = ("radiologic", "photographic")


@pytest.mark.parametrize("holds", [False, np.False_, None, 1, "yes"])
def test_claim_that_does_not_hold_stops_the_build_with_its_sentence(holds):
    claim("two is more than one", np.bool_(True))
    with pytest.raises(InputError, match="radiologic behind on breast"):
        claim("radiologic behind on breast", holds)


@pytest.mark.parametrize(
    ("difference", "p_holm", "words"),
    [
        (0.1, 0.049, "radiologic ahead"),
        (-0.1, 0.001, "photographic ahead"),
        (0.1, 0.05, "no clear difference"),
        (0.1, float("nan"), "no clear difference"),
        (0.0, 0.0, "no clear difference"),
    ],
)
def test_verdict_follows_the_adjusted_value(difference, p_holm, words):
    assert verdict(difference, p_holm, INITS) == words


def test_verdict_writes_proper_names_with_their_capitals():
    assert verdict(0.1, 0.01, ("radimagenet", "imagenet")) == "RadImageNet ahead"


@pytest.mark.parametrize(("pixels", "kind"), [(False, "svg+xml"), (True, "png")])
def test_picture_has_its_words_and_is_closed(pixels, kind):
    axes = plt.subplots()[1]
    if pixels:
        axes.imshow(np.zeros((4, 4)))
    html = picture(axes, 'AUC by init, "all" scenarios').data
    assert 'alt="AUC by init, &quot;all&quot; scenarios"' in html
    assert f"data:image/{kind}" in html
    assert not plt.fignum_exists(axes.figure.number)


def drawing(html):
    """The SVG in a picture."""
    return base64.b64decode(re.search(r"base64,([\w+/=]+)", html)[1]).decode()


def test_drawing_is_turned_to_light_on_dark_where_the_scheme_is_dark():
    axes = plt.subplots()[1]
    axes.plot([0, 1], color="#222222")
    html = picture(axes, "one line").data
    svg = drawing(html)
    (rule,) = re.findall(r"<style>@media \(prefers-color-scheme: dark\) \{svg \{(.*?)\}\}", svg)
    assert rule.startswith("filter: invert") and "stroke: #222222" in svg
    assert "rin-ink" in html


@pytest.mark.parametrize(("inches", "widest"), [(2, "220px"), (6.5, "715px")])
def test_small_figure_is_not_blown_up(inches, widest):
    _, axes = plt.subplots(figsize=(inches, 2))
    assert f"--largest:min(48rem,{widest})" in picture(axes, "a line").data


def test_grids_of_seaborn_say_nothing_of_their_layout_beside_the_figure(recwarn):
    use_style()
    table = pd.DataFrame({"x": [0, 1, 0, 1], "y": [0, 1, 2, 3], "task": ["a", "a", "b", "b"]})
    sns.relplot(table, x="x", y="y", col="task", height=1)
    assert [str(warning.message) for warning in recwarn] == []


def test_default_colours_are_those_of_no_initialisation():
    use_style()
    given_out = {color.upper() for color in plt.rcParams["axes.prop_cycle"].by_key()["color"]}
    assert given_out.isdisjoint(style.color.upper() for style in INIT_STYLE.values())
