import pandas as pd
import pytest
from overlaps import overlapping_texts

from rin.errors import InputError
from rin.paper import COMPARISONS
from rin.report.forest import forest
from rin.report.style import kind_style, use_style


@pytest.fixture
def rows():
    columns = ["group", "label", "kind", "estimate", "low", "high", "clear"]
    nan = float("nan")
    values = [
        ("Published", "Thyroid", "published", 9.4, 2.6, 16.2, True),
        ("Published", "Thyroid", "recomputed", 9.4, 2.9, 15.9, True),
        ("Published", "Breast", "published", 4.0, -0.6, 8.7, False),
        ("Others", "One study", "independent", -1.0, nan, nan, False),
        ("Others", "Another", "independent", 0.5, -0.5, 1.5, False),
    ]
    return pd.DataFrame(values, columns=columns)


def artists(ax, gid):
    return [one for one in ax.get_children() if one.get_gid() == gid]


def test_forest_draws_each_estimate_and_interval_at_its_values(rows):
    ax = forest(rows, xlabel="AUC points")
    assert [one.get_xdata()[0] for one in artists(ax, "estimate")] == [9.4, 9.4, 4.0, -1.0, 0.5]
    ends = [tuple(one.get_xdata()) for one in artists(ax, "interval")]
    assert ends == [(2.6, 16.2), (2.9, 15.9), (-0.6, 8.7), (-0.5, 1.5)]


def test_forest_rows_of_one_label_share_a_line_and_its_last_note(rows):
    ax = forest(rows, xlabel="AUC points")
    assert [one.get_text() for one in artists(ax, "label")] == [
        "Thyroid", "Breast", "One study", "Another",
    ]  # fmt: skip
    assert [one.get_text() for one in artists(ax, "heading")] == ["Published", "Others"]
    assert artists(ax, "note")[0].get_text() == "+9.4 (2.9, 15.9)"


def test_forest_mark_is_open_where_not_clear_or_without_interval(rows):
    ax = forest(rows, xlabel="AUC points")
    faces = [one.get_markerfacecolor() for one in artists(ax, "estimate")]
    assert faces == [kind_style("published").color, kind_style("recomputed").color, *["white"] * 3]


def test_forest_interval_beyond_limits_ends_in_an_arrow(rows):
    ax = forest(rows, xlabel="AUC points", limits=(-0.2, 12))
    arrows = [(one.get_marker(), one.get_xdata()[0]) for one in artists(ax, "cut")]
    assert arrows == [(">", 12), (">", 12), ("<", -0.2), ("<", -0.2), ("<", -0.2)]


def test_forest_height_follows_from_the_lines(rows):
    heights = [
        forest(pd.concat([rows.assign(label=rows["label"] + str(i)) for i in range(n)]),
               xlabel="AUC points").figure.get_figheight()
        for n in (1, 2, 3)
    ]  # fmt: skip
    assert heights[1] - heights[0] == pytest.approx(heights[2] - heights[1])


@pytest.mark.parametrize("width", [4.9, 7.6])
def test_forest_texts_keep_apart(rows, width):
    use_style()
    paper = pd.DataFrame(
        {"group": "Published", "label": one.title, "kind": "published", "clear": True,
         "estimate": one.difference, "low": one.ci_low, "high": one.ci_high}
        for one in COMPARISONS.values()
    )  # fmt: skip
    ends = ("ImageNet ahead", "RadImageNet ahead")
    table = pd.concat([paper, rows])
    table = table.assign(note="") if width < 5 else table
    ax = forest(table, xlabel="AUC points", ends=ends, width=width)
    assert overlapping_texts(ax.figure) == []
    inside = ax.figure.bbox.padded(1)
    for text in ax.texts:
        box = text.get_window_extent()
        assert inside.x0 <= box.x0 and box.x1 <= inside.x1, text.get_text()


def test_forest_reads_no_label_as_a_formula(rows):
    ax = forest(rows.assign(label="class $x$"), xlabel="AUC points")
    assert not any(one.get_parse_math() for one in artists(ax, "label"))


@pytest.mark.parametrize(
    ("broken", "named"),
    [
        (lambda rows: rows.drop(columns="low"), "estimate"),
        (lambda rows: rows.assign(kind="guess"), "independent"),
        (lambda rows: rows.iloc[:0], "at least one"),
    ],
)
def test_forest_of_unusable_rows_names_what_is_known(rows, broken, named):
    with pytest.raises(InputError, match=named):
        forest(broken(rows), xlabel="AUC points")


def test_forest_without_zero_has_limits_of_the_data_alone(rows):
    ax = forest(rows.assign(estimate=50, low=48, high=52), xlabel="%", zero=None)
    assert ax.get_xlim()[0] > 40
