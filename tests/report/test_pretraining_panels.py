import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pretraining_records as records
import pytest
from matplotlib.colors import to_hex

from rin.report import pretraining_figures as figures
from rin.report.figures import pretraining_panels
from rin.report.pretraining_scores import Confusion, class_scores, confusion
from rin.report.style import INIT_STYLE

PARTS = ("training", "validation")
INITS = ("radiologic", "photographic")


def history(*trained):
    """Two epochs of each (backbone, init, validation accuracy)."""
    parts = [
        pd.DataFrame({"epoch": [1, 2], "accuracy": [0.3, 0.6], "val_accuracy": [0.2, last]}).assign(
            backbone=backbone, init=init
        )
        for backbone, init, last in trained
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture
def three():
    return history(
        ("ResNet50", "radiologic", 0.51),
        ("ResNet50", "photographic", 0.52),
        ("DenseNet121", "radiologic", 0.53),
        ("InceptionV3", "photographic", 0.54),
    )


def validation(ax):
    """Last validation accuracy by label of the line."""
    lines = {line.get_label(): line.get_ydata()[-1] for line in ax.get_lines()}
    return {label: y for label, y in lines.items() if "validation" in label}


def test_pretraining_panels_draw_each_backbone_in_its_panel(three):
    axes = pretraining_panels(three, INITS)
    assert axes.shape == (2, 2)
    titles = [ax.get_title(loc="left") or ax.get_title() for ax in axes.flat[:3]]
    assert titles == ["ResNet50", "DenseNet121", "InceptionV3"]
    drawn = {"Radiologic, validation": 0.51, "Photographic, validation": 0.52}
    assert validation(axes[0, 0]) == drawn


def test_pretraining_panels_leave_out_inits_without_rows(three):
    axes = pretraining_panels(three, (*INITS, "random"))
    assert validation(axes[0, 1]) == {"Radiologic, validation": 0.53}
    assert validation(axes[1, 0]) == {"Photographic, validation": 0.54}


def test_pretraining_panels_hide_the_place_left_over_and_show_one_legend(three):
    axes = pretraining_panels(three, INITS)
    assert [ax.axison for ax in axes.flat] == [True, True, True, False]
    assert all(ax.get_legend() is None for ax in axes.flat)
    (legend,) = axes[0, 0].figure.legends
    kinds = [f"{init}, {part}" for init in ("Radiologic", "Photographic") for part in PARTS]
    assert sorted(text.get_text() for text in legend.get_texts()) == sorted(kinds)


def test_pretraining_panels_share_the_scale_of_accuracy(three):
    axes = pretraining_panels(three, INITS)
    assert axes[0, 0].get_ylim() == axes[0, 1].get_ylim() == axes[1, 0].get_ylim()


def test_pretraining_panels_of_empty_history_draw_nothing():
    assert pretraining_panels(pd.DataFrame(), INITS) is None


def test_pretraining_panels_of_the_loss_draw_the_loss(three):
    losses = three.assign(loss=[2.0, 1.0] * 4, val_loss=[2.5, 1.5] * 4)
    axes = pretraining_panels(losses, INITS, metric="loss")
    assert axes[0, 0].get_ylabel().startswith("Cross-entropy")
    assert set(validation(axes[0, 0]).values()) == {1.5}


def test_rate_panels_draw_learning_rate_and_speed_of_every_run():
    both = pd.concat([records.history(), records.history("photographic", "VGG19")])
    rate, speed = figures.rate_panels(both, INITS)
    names = [line.get_label() for line in speed.get_lines()]
    assert names == ["Radiologic, ResNet50", "Photographic, VGG19"]
    assert [list(line.get_ydata()) for line in rate.get_lines()] == [[1e-3, 5e-4, 0.0]] * 2
    assert list(speed.get_lines()[0].get_ydata()) == [10.0, 50.0, 40.0]
    assert [line.get_color() for line in rate.get_lines()] == [INIT_STYLE[i].color for i in INITS]
    assert rate.get_ylim()[0] == speed.get_ylim()[0] == 0


def test_rate_panels_of_empty_history_draw_nothing():
    assert figures.rate_panels(pd.DataFrame(), INITS) is None


def names_of(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def test_class_sizes_draw_every_part_on_a_logarithmic_scale_largest_class_first():
    ax = figures.class_sizes(records.classes(), "radiologic")
    assert (ax.get_xscale(), names_of(ax.yaxis)) == ("log", ["a", "b", "c"])
    drawn = {line.get_label(): list(line.get_xdata()) for line in ax.get_lines()}
    assert drawn["training"] == [400, 100, 40]
    assert drawn["validation"][:2] == [50, 12]
    assert np.isnan(drawn["validation"][2])  # zero has no place on this scale
    assert len({line.get_marker() for line in ax.get_lines()}) == 3
    ax.figure.draw_without_rendering()
    assert {"1", "10", "50", "200"} <= set(names_of(ax.xaxis))
    assert ax.get_ylim()[0] > ax.get_ylim()[1]


def test_class_sizes_of_many_classes_are_by_rank_without_names():
    ax = figures.class_sizes(records.classes(), "radiologic", most=2)
    assert ax.get_yscale() == "log"
    assert list(ax.get_lines()[0].get_xdata()) == [1, 2, 3]
    assert list(ax.get_lines()[0].get_ydata()) == [400, 100, 40]


@pytest.fixture
def recalls():
    both = [records.predictions(), records.predictions("aaabbc", backbone="DenseNet121")]
    return class_scores(pd.concat(both))


def test_recall_dots_draw_a_marker_a_backbone_with_the_support_in_the_name(recalls):
    ax = figures.recall_dots(recalls, "radiologic")
    assert names_of(ax.yaxis) == ["c (n = 1)", "a (n = 3)", "b (n = 2)"]
    drawn = {line.get_label(): line for line in ax.get_lines()}
    assert list(drawn["ResNet50"].get_xdata()) == pytest.approx([200 / 3, 50, 100])
    assert list(drawn["ResNet50"].get_ydata()) == [2, 3, 1]
    assert drawn["ResNet50"].get_marker() != drawn["DenseNet121"].get_marker()
    (means,) = ax.collections
    ends = [segment[0, 0] for segment in means.get_segments()]
    assert ends == pytest.approx([100, 250 / 3, 75])


def test_recall_dots_of_many_classes_stand_over_their_size(recalls):
    ax = figures.recall_dots(recalls, "radiologic", most=2)
    (line,) = ax.get_lines()
    assert dict(zip(line.get_xdata(), line.get_ydata(), strict=True)) == pytest.approx(
        {1: 100, 3: 250 / 3, 2: 75}
    )


def test_confusion_matrix_shows_percent_of_each_true_class():
    ax = figures.confusion_matrix(confusion(records.predictions()), "radiologic")
    written = {text.get_position(): text.get_text() for text in ax.texts}
    assert written == {(0, 0): "67", (1, 0): "33", (1, 1): "50", (2, 1): "50", (2, 2): "100"}
    (picture,) = ax.images
    assert picture.get_clim() == (0, 100)
    assert to_hex(picture.cmap(1.0)).upper() == INIT_STYLE["radiologic"].color.upper()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Predicted class", "True class")


def matrix(n, unit="class"):
    names = [f"region {k}" for k in range(n)]
    shares = pd.DataFrame(np.eye(n), names, names)
    return Confusion(shares, unit, 4, pd.Series(0.25, names))


def test_confusion_matrix_of_regions_also_tells_the_share_of_the_right_class():
    ax = figures.confusion_matrix(matrix(3, "region"), "photographic")
    assert names_of(ax.yaxis)[0] == "region 0\n25% right class"
    assert names_of(ax.xaxis) == ["region 0", "region 1", "region 2"]


@pytest.mark.parametrize(("n", "names", "numbers"), [(16, 16, 16), (40, 40, 0), (41, 0, 0)])
def test_confusion_matrix_shows_names_and_numbers_only_where_they_can_be_read(n, names, numbers):
    ax = figures.confusion_matrix(matrix(n), "radiologic")
    assert (len(names_of(ax.yaxis)), len(ax.texts)) == (names, numbers)


def test_confusion_matrix_of_a_class_with_formula_signs_draws_it_as_text():
    shares = pd.DataFrame([[1.0]], ["$x^2$"], ["$x^2$"])
    one = Confusion(shares, "class", 1, pd.Series([1.0], ["$x^2$"]))
    ax = figures.confusion_matrix(one, "radiologic")
    ax.figure.draw_without_rendering()
    assert names_of(ax.yaxis) == [r"\$x^2\$"]


def test_shown_gives_the_picture_its_alternative_text_and_closes_it():
    with mpl.rc_context():
        html = figures.shown(figures.class_sizes(records.classes(), "radiologic"), "Sizes & parts")
    assert 'alt="Sizes &amp; parts"' in html.data
    assert plt.get_fignums() == []


def test_shown_of_no_figure_is_nothing():
    assert figures.shown(None, "Nothing") is None
