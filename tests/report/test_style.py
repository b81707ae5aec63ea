import matplotlib as mpl
import pandas as pd
import pytest

from rin.errors import InputError
from rin.report import style


def test_init_style_of_unknown_source_lists_known_ones():
    with pytest.raises(InputError, match="photographic"):
        style.init_style("jigsaw")


def test_init_styles_have_distinct_colours_and_labels():
    assert len({one.color for one in style.INIT_STYLE.values()}) == len(style.INIT_STYLE)
    assert len({one.short for one in style.INIT_STYLE.values()}) == len(style.INIT_STYLE)


def test_use_style_makes_figures_800_px_wide_and_svg_text_selectable():
    with mpl.rc_context():
        style.use_style()
        assert style.WIDTH * mpl.rcParams["savefig.dpi"] == 800
        assert mpl.rcParams["svg.fonttype"] == "none"


@pytest.mark.parametrize(
    ("unfreezing", "rate", "label"),
    [("freeze_all", 1e-2, "frozen, 1e-2"), ("unfreeze_all", 2.5e-4, "all layers, 2.5e-4")],
)
def test_condition_label_is_short(unfreezing, rate, label):
    assert style.condition_label(unfreezing, rate) == label


def test_condition_label_of_unknown_unfreezing_raises():
    with pytest.raises(InputError, match="unfreeze_top10"):
        style.condition_label("half", 1e-3)


def test_kind_style_knows_inits_and_lists_what_it_knows():
    assert style.kind_style("radiologic").color == style.INIT_STYLE["radiologic"].color
    with pytest.raises(InputError, match="pooled"):
        style.kind_style("guess")


def test_check_one_each_names_a_row_that_repeats_and_several_tasks():
    table = pd.DataFrame({"task": "breast", "scenario": ["a", "a"]})
    with pytest.raises(InputError, match="repeat a scenario"):
        style.check_one_each(table, ["scenario"])
    with pytest.raises(InputError, match="several tasks"):
        style.check_one_each(table.assign(task=["breast", "acl"]), ["scenario"])
    with pytest.raises(InputError, match="task, scenario"):
        style.check_one_each(table, ["fold"])
