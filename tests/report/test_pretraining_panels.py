import pandas as pd
import pytest

from rin.report.figures import pretraining_panels

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
