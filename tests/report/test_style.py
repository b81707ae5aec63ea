import pandas as pd
import pytest

from rin.errors import InputError
from rin.report import style


@pytest.mark.parametrize(
    ("look_up", "known"),
    [
        (lambda: style.init_style("jigsaw"), "photographic"),
        (lambda: style.kind_style("guess"), "independent.*photographic"),
        (lambda: style.condition_label("half", 1e-3), "unfreeze_top10"),
    ],
)
def test_unknown_name_lists_the_known_ones(look_up, known):
    with pytest.raises(InputError, match=known):
        look_up()


def test_inits_have_distinct_colours():
    assert len({one.color for one in style.INIT_STYLE.values()}) == len(style.INIT_STYLE)
    assert style.kind_style("radiologic").color == style.INIT_STYLE["radiologic"].color


@pytest.mark.parametrize(
    ("unfreezing", "rate", "label"),
    [("freeze_all", 1e-2, "frozen, 1e-2"), ("unfreeze_all", 2.5e-4, "all layers, 2.5e-4")],
)
def test_condition_label_is_short(unfreezing, rate, label):
    assert style.condition_label(unfreezing, rate) == label


def test_check_one_each_names_a_row_that_repeats_and_several_tasks():
    table = pd.DataFrame({"task": "breast", "scenario": ["a", "a"]})
    with pytest.raises(InputError, match="repeat a scenario"):
        style.check_one_each(table, ["scenario"])
    with pytest.raises(InputError, match="several tasks"):
        style.check_one_each(table.assign(task=["breast", "acl"]), ["scenario"])
    with pytest.raises(InputError, match="task, scenario"):
        style.check_one_each(table, ["fold"])
