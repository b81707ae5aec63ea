"""What pages are made with: claims, pictures."""

import base64
import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import seaborn as sns
from IPython.core.formatters import DisplayFormatter

from rin.errors import InputError
from rin.files import REPOSITORY
from rin.report.page import claim, picture
from rin.report.style import INIT_STYLE, use_style


@pytest.mark.parametrize(
    "holds",
    [False, np.False_, None, 1, "yes", pd.Series([True, False]), pd.Series([], dtype=bool)],
)
def test_claim_that_does_not_hold_stops_the_build_with_its_sentence(holds):
    claim("two is more than one", np.bool_(True))
    claim("both are", pd.Series([2, 3]) > 1)
    with pytest.raises(InputError, match="radiologic behind on breast"):
        claim("radiologic behind on breast", holds)


@pytest.mark.parametrize(
    ("pixels", "kind", "paper"), [(False, "svg+xml", "ink"), (True, "png", "paper")]
)
def test_picture_is_html_and_an_image_in_one_output_for_tools_that_take_no_html(
    pixels, kind, paper
):
    axes = plt.subplots(figsize=(2, 2))[1]
    if pixels:
        axes.imshow(np.zeros((4, 4)))
    shown, _ = DisplayFormatter().format(picture(axes, 'AUC of "all" tasks'))
    assert not plt.fignum_exists(axes.figure.number)
    assert shown.keys() == {"text/html", "text/plain", f"image/{kind}"}
    image = shown[f"image/{kind}"]
    encoded = image if pixels else base64.b64encode(image.encode()).decode()
    source = f'class="rin-figure rin-{paper}" src="data:image/{kind};base64,{encoded}"'
    for text in (source, 'alt="AUC of &quot;all&quot; tasks"', "width:220px"):
        assert text in shown["text/html"]
    assert shown["text/plain"] == 'AUC of "all" tasks'


def test_style_sheets_turn_ink_round_where_the_scheme_is_dark():
    for sheet in ("book/_static/custom.css", "rin/report/comparison.yaml"):
        text = (REPOSITORY / sheet).read_text("utf-8")
        assert re.search(r"dark[^{}]*\{?[^{}]*\.rin-ink \{\s*filter: invert\(0\.93\)", text)


def test_a_heat_map_keeps_its_colours_in_the_dark():
    html = picture(sns.heatmap(np.eye(2), annot=True, cbar=False), "a map").data
    assert 'class="rin-figure rin-paper" src="data:image/svg+xml' in html


def test_grids_of_seaborn_say_nothing_of_their_layout_beside_the_figure(recwarn):
    use_style()
    table = pd.DataFrame({"x": [0, 1, 0, 1], "y": [0, 1, 2, 3], "task": ["a", "a", "b", "b"]})
    sns.relplot(table, x="x", y="y", col="task", height=1)
    assert [str(warning.message) for warning in recwarn] == []


def test_default_colours_are_those_of_no_initialisation():
    use_style()
    given_out = {color.upper() for color in plt.rcParams["axes.prop_cycle"].by_key()["color"]}
    assert given_out.isdisjoint(style.color.upper() for style in INIT_STYLE.values())
