import numpy as np
import pandas as pd
import pytest
from overlaps import overlapping_texts

from rin.errors import InputError
from rin.report import roc
from rin.report.style import init_style, use_style

INITS = ["radiologic", "photographic"]


@pytest.fixture
def curves():
    grid = np.linspace(0, 1, 21)
    tables = [
        pd.DataFrame({"init": init, "method": method, "position": grid, "fpr": grid,
                      "tpr": grid**power, "tpr_sd": 0.1})
        for method in ("vertical", "threshold")
        for init, power in zip(INITS, (0.3, 0.5), strict=True)
    ]  # fmt: skip
    return pd.concat(tables, ignore_index=True)


@pytest.fixture
def beyond():
    x = np.linspace(0, 0.99, 12)
    table = [
        pd.DataFrame({"init": init, "curve": curve, "x": x, "y": 0.3 - 0.3 * x, "share": 0.1})
        for init in INITS
        for curve in ("reliability", "precision_recall", "decision", "treat_all")
    ]
    table = pd.concat(table, ignore_index=True)
    return table.assign(low=table["y"] - 0.1, high=table["y"] + 0.1)


def line_of(ax, init):
    (line,) = [one for one in ax.get_lines() if one.get_label().startswith(init_style(init).short)]
    return line


def test_mean_roc_draws_the_vertical_average(curves):
    line = line_of(roc.mean_roc(curves, INITS), "radiologic")
    assert line.get_color() == init_style("radiologic").color
    np.testing.assert_allclose(line.get_ydata(), np.linspace(0, 1, 21) ** 0.3)


def test_mean_roc_has_a_band_for_one_init_and_bars_for_several(curves):
    one, two = roc.mean_roc(curves, INITS[:1]), roc.mean_roc(curves, INITS)
    assert [len(ax.collections) for ax in (one, two)] == [1, 2]
    bars = two.collections[0].get_segments()
    assert len(bars) == 5
    assert all(0 <= end[1] <= 1 for bar in bars for end in bar)


def test_mean_roc_without_vertical_averages_names_what_there_is(curves):
    with pytest.raises(InputError, match="Known: threshold"):
        roc.mean_roc(curves[curves["method"] == "threshold"], INITS)


def test_reliability_draws_two_bins_as_two_marks_by_share():
    bins = pd.DataFrame({"init": "radiologic", "curve": "reliability", "x": [0.2, 0.8],
                         "y": [0.3, 0.7], "low": [0.1, np.nan], "high": [0.5, np.nan],
                         "share": [0.75, 0.25]})  # fmt: skip
    marks = roc.reliability(bins, ["radiologic"]).collections[-1]
    np.testing.assert_allclose(marks.get_offsets(), [[0.2, 0.3], [0.8, 0.7]])
    assert marks.get_sizes()[0] > marks.get_sizes()[1]


@pytest.mark.parametrize("mark", ["reliability", "precision_recall", "decision"])
def test_curve_of_both_inits_has_texts_apart(beyond, mark):
    use_style()
    ax = getattr(roc, mark)(beyond, INITS)
    assert overlapping_texts(ax.figure) == []
    with pytest.raises(InputError, match="photographic"):
        getattr(roc, mark)(beyond, ["random"])


def test_precision_recall_leaves_out_recall_zero(beyond):
    assert line_of(roc.precision_recall(beyond, INITS), "radiologic").get_xdata().min() > 0


def test_learning_curves_mark_a_far_epoch_and_keep_the_others_readable():
    use_style()
    loss = np.linspace(2, 1, 30)
    history = pd.DataFrame({"init": "radiologic", "epoch": range(1, 31), "loss": loss,
                            "val_loss": [90.0, *loss[1:]]})  # fmt: skip
    ax = roc.learning_curves(history, ["radiologic"])
    assert ax.get_ylim()[1] < 3
    assert len([one for one in ax.get_lines() if one.get_gid() == "cut"]) == 1
    assert "1 of 60 values above, up to 90" in ax.get_title(loc="right")
    assert overlapping_texts(ax.figure) == []


def test_learning_curves_without_far_epochs_show_all():
    history = pd.DataFrame({"init": "radiologic", "epoch": [1, 2], "loss": [2, 1.0],
                            "val_loss": [2.1, 1.5]})  # fmt: skip
    ax = roc.learning_curves(history, ["radiologic"])
    low, high = ax.get_ylim()
    assert low < 1 and high > 2.1
    with pytest.raises(InputError, match="loss"):
        roc.learning_curves(history, ["radiologic"], metric="accuracy")
