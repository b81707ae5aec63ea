"""What pages are made with: claims, pictures."""

import base64
import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import seaborn as sns
from IPython.core.formatters import DisplayFormatter
from matplotlib.colors import to_rgb

from rin.errors import InputError
from rin.report.page import claim, picture
from rin.report.style import INIT_STYLE, use_style


@pytest.mark.parametrize("holds", [False, np.False_, None, 1, "yes"])
def test_claim_that_does_not_hold_stops_the_build_with_its_sentence(holds):
    claim("two is more than one", np.bool_(True))
    with pytest.raises(InputError, match="radiologic behind on breast"):
        claim("radiologic behind on breast", holds)


@pytest.mark.parametrize(("pixels", "kind"), [(False, "svg+xml"), (True, "png")])
def test_picture_is_html_and_an_image_in_one_output_for_tools_that_take_no_html(pixels, kind):
    axes = plt.subplots(figsize=(2, 2))[1]
    if pixels:
        axes.imshow(np.zeros((4, 4)))
    shown, _ = DisplayFormatter().format(picture(axes, 'AUC of "all" tasks'))
    assert not plt.fignum_exists(axes.figure.number)
    assert shown.keys() == {"text/html", "text/plain", f"image/{kind}"}
    image = shown[f"image/{kind}"]
    encoded = image if pixels else base64.b64encode(image.encode()).decode()
    for text in (f"{kind};base64,{encoded}", 'alt="AUC of &quot;all&quot; tasks"', "width:220px"):
        assert text in shown["text/html"]
    assert shown["text/plain"] == 'AUC of "all" tasks'


def drawing(html):
    """The SVG in a picture."""
    return base64.b64decode(re.search(r"base64,([\w+/=]+)", html)[1]).decode()


def test_drawing_has_light_ink_on_dark_paper_where_the_scheme_is_dark():
    axes = plt.subplots()[1]
    axes.plot([0, 1], color="#222222")
    axes.figure.set_facecolor("white")
    svg = drawing(picture(axes, "one line").data)
    assert "stroke: var(--c222222, #222222)" in svg
    (rule,) = re.findall(r"<style>@media \(prefers-color-scheme: dark\) \{svg \{(.*?)\}\}", svg)
    dark = dict(pair.split(":") for pair in rule.strip(";").split(";"))
    ink, paper = (np.mean(to_rgb(dark[name])) for name in ("--c222222", "--cffffff"))
    assert ink > 0.7
    assert paper < 0.15


def test_heat_map_keeps_cells_and_their_numbers_in_the_dark_and_has_light_labels():
    """The middle cell of the map and the ink of its number have colours of nothing else."""
    axes = plt.subplots()[1]
    sns.heatmap(np.eye(2), annot=True, cmap=["#123456", "#ABCDEF"], cbar=False, ax=axes)
    for text, color in zip(axes.texts, ("#222222", "#654321") * 2, strict=True):
        text.set_color(color)
    axes.add_patch(plt.Rectangle((0, 0), 1, 1, fill=False, edgecolor="#765432"))
    axes.set_xlabel("label", color="#222222")
    html = picture(axes, "a heat map").data
    svg = drawing(html)
    assert "rin-ink" in html
    assert svg.count("fill: #123456") == svg.count("fill: #abcdef") == 2
    assert "fill: #654321" in svg
    assert "fill: #222222" in svg
    assert "fill: var(--c222222, #222222)" in svg
    kept = ("--c123456", "--cabcdef", "--c654321", "--c765432")
    assert not any(name in svg for name in kept)


def test_grids_of_seaborn_say_nothing_of_their_layout_beside_the_figure(recwarn):
    use_style()
    table = pd.DataFrame({"x": [0, 1, 0, 1], "y": [0, 1, 2, 3], "task": ["a", "a", "b", "b"]})
    sns.relplot(table, x="x", y="y", col="task", height=1)
    assert [str(warning.message) for warning in recwarn] == []


def test_default_colours_are_those_of_no_initialisation():
    use_style()
    given_out = {color.upper() for color in plt.rcParams["axes.prop_cycle"].by_key()["color"]}
    assert given_out.isdisjoint(style.color.upper() for style in INIT_STYLE.values())
