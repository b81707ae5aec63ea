import numpy as np
import pandas as pd
import pytest
from overlaps import overlapping_texts

from rin.errors import InputError
from rin.report.bars import bars, counts
from rin.report.style import init_style, use_style


@pytest.fixture
def rows():
    values = [
        ("Thyroid", "radiologic", 0.29, 0.05),
        ("Thyroid", "photographic", 0.18, 0.1),
        ("Breast", "radiologic", 0.16, 0.02),
        ("Breast", "photographic", 0.14, np.nan),
    ]
    return pd.DataFrame(values, columns=["group", "init", "value", "sd"])


def test_bars_have_the_values_in_the_colour_of_their_init(rows):
    ax = bars(rows, ylabel="Dice score")
    heights = {(bar.get_facecolor()[:3], round(bar.get_height(), 2)) for bar in ax.patches}
    assert len(ax.patches) == 4
    assert {height for _, height in heights} == {0.29, 0.18, 0.16, 0.14}
    assert len({color for color, _ in heights}) == 2


def test_bars_of_a_group_stand_around_its_name_where_inits_are_missing(rows):
    ax = bars(rows.iloc[[0, 2, 3]], ylabel="Dice score")
    middles = [bar.get_x() + bar.get_width() / 2 for bar in ax.patches]
    assert middles == pytest.approx([0, 0.8, 1.2])


def test_dots_stand_at_the_values_with_their_intervals(rows):
    table = rows.assign(low=rows["value"] - 0.1, high=rows["value"] + 0.1)
    ax = bars(table, ylabel="Sensitivity", marks="dots")
    marks = [line for line in ax.get_lines() if line.get_color() == init_style("radiologic").color]
    assert list(marks[0].get_ydata()) == [0.29, 0.16]
    assert ax.collections[0].get_segments()[0][:, 1] == pytest.approx([0.19, 0.39])


def test_bars_keep_texts_apart_and_show_baselines(rows):
    use_style()
    baselines = pd.DataFrame({"group": ["Thyroid", "Breast"], "baseline": "centred ellipse",
                              "value": [0.2, 0.4]})  # fmt: skip
    ax = bars(rows, ylabel="Dice score", baselines=baselines)
    lines = [line for line in ax.collections if line.get_gid() == "baseline"]
    assert [line.get_segments()[0][0, 1] for line in lines] == [0.2, 0.4]
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["Radiologic", "Photographic", "centred ellipse"]
    assert overlapping_texts(ax.figure) == []
    assert ax.get_ylim()[1] > 0.4


@pytest.mark.parametrize(
    ("inits", "named"),
    [
        (["jigsaw", "photographic"] * 2, "radiologic"),
        (["radiologic"] * 4, "Average folds"),
    ],
)
def test_bars_of_unusable_rows_name_what_is_known(rows, inits, named):
    with pytest.raises(InputError, match=named):
        bars(rows.assign(init=inits), ylabel="Dice score")


def test_bars_of_unknown_marks_or_group_raise(rows):
    with pytest.raises(InputError, match="dots"):
        bars(rows, ylabel="Dice score", marks="pies")
    lines = pd.DataFrame({"group": ["Knee"], "baseline": "x", "value": 0.1})
    with pytest.raises(InputError, match="Thyroid"):
        bars(rows, ylabel="Dice score", baselines=lines)


def test_counts_are_bars_with_their_numbers_and_read_no_label_as_a_formula():
    use_style()
    table = pd.DataFrame({"label": ["a", "b $x$"], "count": [1200, 30]})
    ax = counts(table, xlabel="Images")
    assert [bar.get_width() for bar in ax.patches] == [1200, 30]
    assert [text.get_text() for text in ax.texts] == ["1,200", "30"]
    assert not any(text.get_parse_math() for text in ax.get_yticklabels())
    assert overlapping_texts(ax.figure) == []
    with pytest.raises(InputError, match="label"):
        counts(table.rename(columns={"count": "n"}), xlabel="Images")
