"""Figures draw the values of their tables, keep texts apart, refuse what they cannot draw."""

import itertools

import pandas as pd
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.text import Text

from rin.errors import InputError
from rin.evidence.paper import comparison_table
from rin.report import forest, style
from rin.report.style import init_style, kind_style

NAN = float("nan")


@pytest.fixture(autouse=True, scope="module")
def look():
    style.use_style()


def shown_texts(figure):
    """Texts that a reader sees: those that are drawn."""
    drawn = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Text, "draw", lambda text, renderer: drawn.append(text))
        figure.canvas.draw()
    return [text for text in drawn if text.get_visible() and text.get_text().strip()]


def overlapping_texts(figure):
    """Pairs of texts whose boxes share more than a pixel or two, as a reader would see them."""
    boxes = [(one.get_text(), one.get_window_extent().padded(-1)) for one in shown_texts(figure)]
    pairs = itertools.combinations(boxes, 2)
    return [(a, b) for (a, one), (b, other) in pairs if one.overlaps(other)]


# ---- forest plots

ROWS = pd.DataFrame(
    [
        ("Published", "Thyroid", "published", 9.4, 2.6, 16.2, 0.01),
        ("Published", "Thyroid", "recomputed", 9.4, 2.9, 15.9, 0.02),
        ("Published", "Breast", "published", 4.0, -0.6, 8.7, 0.2),
        ("Others", "One study", "independent", -1.0, NAN, NAN, 0.01),
        ("Others", "Another $x$", "independent", 0.5, -0.5, 1.5, NAN),
    ],
    columns=["group", "label", "kind", "estimate", "ci_low", "ci_high", "p_holm"],
)


def marks(ax):
    """Estimate and colour of every mark, from top to bottom."""
    dots = [one for one in ax.collections if isinstance(one, PathCollection)]
    found = [
        (height, estimate, to_hex(face).upper())
        for one in dots
        for (estimate, height), face in zip(one.get_offsets(), one.get_facecolors(), strict=True)
    ]
    return [(estimate, face) for _, estimate, face in sorted(found)]


def intervals(ax):
    """Ends of every interval, from top to bottom."""
    lines = [one for one in ax.collections if isinstance(one, LineCollection)]
    ends = [ends for one in lines for ends in one.get_segments() if len(ends)]
    return [tuple(one[:, 0]) for one in sorted(ends, key=lambda one: one[0, 1])]


def labels(axes):
    return [text.get_text() for text in axes.get_yticklabels()]


def written(ax, gid):
    return [text.get_text() for text in ax.texts if text.get_gid() == gid]


def test_forest_draws_estimates_with_intervals_where_rows_of_one_label_share_a_line():
    ax = forest.forest(ROWS)
    assert [estimate for estimate, _ in marks(ax)] == [9.4, 9.4, 4.0, -1.0, 0.5]
    assert intervals(ax) == [(2.6, 16.2), (2.9, 15.9), (-0.6, 8.7), (-0.5, 1.5)]
    assert labels(ax) == ["Thyroid", "Breast", "One study", "Another $x$"]
    assert not any(text.get_parse_math() for text in ax.get_yticklabels())
    assert written(ax, "heading") == ["Published", "Others"]
    assert labels(ax.child_axes[0])[0] == "+9.400 (2.900, 15.900)"
    # Open where the adjusted P value is not below .05, or without an interval.
    colors = [kind_style("published").color, kind_style("recomputed").color, *["#FFFFFF"] * 3]
    assert [face for _, face in marks(ax)] == colors


def test_forest_takes_a_table_of_differences_as_it_is():
    table = pd.DataFrame({"estimate": [0.02, -0.0512] * 2, "p_holm": [0.01, 0.2] * 2})
    table["ci_low"], table["ci_high"] = table["estimate"] - 0.03, table["estimate"] + 0.03
    table["task"], table["group"] = ["breast", "covid19"] * 2, ["all"] * 2 + ["freeze_all"] * 2
    ax = forest.forest(table, unit="points", names={"breast": "Breast", "all": "All scenarios"})
    assert written(ax, "heading") == ["All scenarios", "freeze_all"]
    assert labels(ax) == ["Breast", "covid19"] * 2
    assert labels(ax.child_axes[0])[:2] == ["+2.0 (−1.0, 5.0)", "−5.1 (−8.1, −2.1)"]
    drawn = [(estimate, face != "#FFFFFF") for estimate, face in marks(ax)]
    assert drawn == [(2.0, True), (-5.12, False)] * 2
    explained = [mark.get_markerfacecolor() for mark in ax.figure.legends[0].legend_handles]
    assert explained == [forest.INK, "white"]
    assert ax.get_xlabel() == "AUC points (95% CI)"
    assert table["estimate"].max() == 0.02  # the table itself stays as it was
    turned = forest.forest(table.rename(columns={"group": "label", "task": "group"}))
    assert written(turned, "heading") == ["breast", "covid19"]


def test_forest_interval_beyond_limits_ends_in_an_arrow():
    ax = forest.forest(ROWS, limits=(-0.2, 12))
    arrows = [one for one in ax.collections if one.get_gid() == "cut"]
    assert sorted(x for one in arrows for x, _ in one.get_offsets()) == [-0.2, -0.2, -0.2, 12, 12]


def test_forest_ends_say_what_lies_left_and_what_right_of_zero():
    ax = forest.forest(ROWS, ends=("B ahead", "A ahead"))
    ends = {text.get_text(): text.get_ha() for text in ax.texts if text.get_gid() == "end"}
    assert ends == {"← B ahead": "right", "A ahead →": "left"}


def test_forest_of_lines_with_two_kinds_says_whose_numbers_stand_beside_them():
    first = ROWS.assign(kind="networks")
    both = pd.concat([first, first.assign(kind="pretrainings")])
    both = both.sort_values("label", kind="stable")
    assert written(forest.forest(both), "note-title") == ["pretraining as the unit"]
    assert written(forest.forest(both.assign(note="")), "note-title") == []
    for other in (ROWS, both.iloc[1:]):  # the first line has one kind
        assert written(forest.forest(other), "note-title") == []


def test_forest_texts_keep_apart_and_inside():
    paper = comparison_table()
    paper = paper.assign(group="Published", label=paper["title"], kind="published")
    where = "Fractures of the {} on radiographs of adults and children, balanced accuracy"
    long = ROWS.assign(group="Elsewhere, in other hospitals and years")
    long["label"] = long["label"].map(where.format)
    ends = ("ImageNet ahead", "RadImageNet ahead")
    ax = forest.forest(pd.concat([paper, ROWS, long]), ends=ends)
    assert overlapping_texts(ax.figure) == []
    inside = ax.figure.bbox.padded(1)
    boxes = {text.get_text(): text.get_window_extent() for text in shown_texts(ax.figure)}
    outside = [name for name, box in boxes.items() if box.x0 < inside.x0 or inside.x1 < box.x1]
    assert outside == []


# ---- what cannot be drawn


@pytest.mark.parametrize(
    ("draw", "said"),
    [
        (lambda: forest.forest(ROWS.assign(kind="guess")), "'guess'.*independent"),
        (lambda: forest.forest(ROWS.iloc[:0]), "at least one"),
        (lambda: init_style("jigsaw"), "photographic"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused_with_what_is_known(draw, said):
    with pytest.raises(InputError, match=said):
        draw()
