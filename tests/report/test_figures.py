import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba
from matplotlib.contour import ContourSet

from rin.errors import InputError
from rin.report import figures, tidy
from rin.report.style import INIT_STYLE

INITS = ("radiologic", "photographic")


@pytest.fixture
def means(run_aucs):
    return tidy.scenario_means(run_aucs)


@pytest.fixture
def summary(means):
    return tidy.init_summary(means)


def _errorbars(ax):
    return [c for c in ax.containers if type(c).__name__ == "ErrorbarContainer"]


def test_auc_swarm_plots_each_scenario_and_the_means_of_the_table(means, summary):
    ax = figures.auc_swarm(means, summary, INITS)
    points = np.concatenate([c.get_offsets() for c in ax.collections if len(c.get_offsets())])
    markers = points[points[:, 1] > 0]
    assert sorted(markers[:, 1]) == pytest.approx(sorted(means["auc"]))
    drawn = {bar.get_label(): bar[0].get_ydata()[0] for bar in _errorbars(ax)}
    assert drawn == pytest.approx(summary.set_index("init")["mean"].to_dict())
    assert [t.get_text() for t in ax.get_xticklabels()] == [INIT_STYLE[i].label for i in INITS]


def test_auc_swarm_error_bars_span_the_sd(means, summary):
    bars = {b.get_label(): b for b in _errorbars(figures.auc_swarm(means, summary, INITS))}
    (segment,) = bars["photographic"][2][0].get_segments()
    sd = summary.set_index("init").loc["photographic", "sd"]
    assert np.ptp(segment[:, 1]) == pytest.approx(2 * sd)


def test_auc_swarm_of_runs_instead_of_means_raises(run_aucs, summary):
    with pytest.raises(InputError, match="scenario_means"):
        figures.auc_swarm(tidy.with_conditions(run_aucs), summary, INITS)


def test_auc_swarm_given_axes_draws_there(means, summary):
    ax = plt.figure().subplots()
    assert figures.auc_swarm(means, summary, INITS, ax=ax) is ax


@pytest.fixture
def curves():
    position = np.array([0.0, 0.5, 1.0])
    parts = []
    for init, height in zip(INITS, (0.9, 0.7), strict=True):
        for method, shift in (("vertical", 0.0), ("threshold", 0.05)):
            columns = {"task": "breast", "init": init, "method": method, "position": position}
            columns |= {"fpr": position, "tpr": [0, height + shift, 1], "tpr_sd": [0, 0.2, 0.1]}
            parts.append(pd.DataFrame(columns))
    return pd.concat(parts)


@pytest.mark.parametrize(("method", "middle"), [("vertical", 0.7), ("threshold", 0.75)])
def test_mean_roc_draws_the_chosen_averaging_in_the_colour_of_the_init(
    curves, summary, method, middle
):
    ax = figures.mean_roc(curves, summary, INITS, method=method)
    line = ax.get_lines()[2]
    assert line.get_ydata().tolist() == pytest.approx([0, middle, 1])
    assert line.get_color() == INIT_STYLE["photographic"].color


def test_mean_roc_band_spans_the_sd_within_rates(curves, summary):
    ax = figures.mean_roc(curves, summary, ["photographic"])
    band = ax.collections[0].get_paths()[0].vertices
    assert sorted(set(band[band[:, 0] == 0.5][:, 1])) == pytest.approx([0.5, 0.9])
    assert band[:, 1].max() == 1


def test_mean_roc_legend_states_the_auc_of_the_summary(curves, summary):
    ax = figures.mean_roc(curves, summary.assign(mean=0.876, sd=0.054), INITS)
    texts = [t.get_text() for t in ax.get_legend().get_texts()]
    assert texts[0] == "Radiologic: AUC 0.88 ± 0.05"


def test_mean_roc_of_unknown_method_lists_methods(curves, summary):
    with pytest.raises(InputError, match="threshold"):
        figures.mean_roc(curves, summary, INITS, method="median")


def test_scenario_heatmap_shows_every_cell_with_stars_and_interval(differences):
    differences["p_value"] = 0.2
    differences.loc[0, ["difference", "ci_low", "ci_high", "p_value"]] = [0.04, -0.01, 0.09, 0.004]
    axes = figures.scenario_heatmap(tidy.with_conditions(differences), INITS)
    assert [len(ax.texts) for ax in axes] == [24, 24, 24]
    texts = [t.get_text() for t in axes[2].texts]
    assert "+0.040**\n(−.01, .09)" in texts
    assert sum("*" in t for t in texts) == 1


def test_scenario_heatmap_puts_scenarios_in_their_row_and_column(differences):
    differences["auc_b"] = 0.5
    where = differences["scenario"] == "ResNet50-unfreeze_top10-1e-03"
    differences.loc[where, "auc_b"] = 0.91
    ax = figures.scenario_heatmap(tidy.with_conditions(differences), INITS)[1]
    grid = np.asarray(ax.collections[0].get_array()).reshape(4, 6)
    rows = [t.get_text() for t in ax.get_yticklabels()]
    assert np.argwhere(grid > 0.9).tolist() == [[rows.index("ResNet50"), 3]]
    assert rows == ["InceptionResNetV2", "ResNet50", "DenseNet121", "InceptionV3"]


@pytest.fixture
def pictures():
    images = np.full((3, 8, 8), 90, np.uint8)
    masks = np.zeros((3, 8, 8), bool)
    masks[:2, 2:5, 2:5] = True
    return images, masks


def _contours(ax):
    return [c for c in ax.collections if isinstance(c, ContourSet)]


def test_sample_sheet_outlines_lesions_only_and_hides_empty_places(pictures):
    cases = pd.DataFrame(
        {"case_id": ["b1", "b2", "n1"], "source_class": ["benign"] * 2 + ["normal"]}
    )
    axes = figures.sample_sheet(*pictures, cases)
    assert axes.shape == (2, 2)
    assert [len(_contours(ax)) for ax in axes.flat] == [1, 1, 0, 0]
    assert [len(ax.images) for ax in axes.flat] == [1, 1, 1, 0]
    assert [ax.texts[0].get_text() for ax in axes[:, 0]] == ["benign", "normal"]


def test_cam_panel_titles_give_label_and_score_and_contours_the_threshold(pictures):
    images, masks = (array[:1] for array in pictures)
    hot = np.zeros((1, 8, 8), np.uint8)
    hot[0, :3, :3] = 200
    cases = pd.DataFrame(
        {"case_id": ["b1"], "label": ["benign"], "score_radiologic": [0.123], "score_random": [0.5]}
    )
    cams = {"radiologic": hot, "random": np.zeros_like(hot)}
    axes = figures.cam_panel(images, masks, cams, cases, positive_class="malignant", threshold=180)
    assert axes[0, 0].get_title(loc="left") + axes[0, 0].get_title() == "b1\nbenign"
    title = axes[0, 1].get_title(loc="left") + axes[0, 1].get_title()
    assert title == "Radiologic\nmalignant: 0.12"
    assert [len(_contours(ax)) for ax in axes[0]] == [1, 2, 1]
    assert axes[0, 1].images[1].get_clim() == (0, 255)


def test_dice_bars_have_the_heights_spans_and_baselines_of_the_tables():
    summary = pd.DataFrame({"init": INITS, "mean": [0.29, 0.18], "sd": [0.05, 0.04]})
    baselines = pd.DataFrame({"baseline": ["whole image"], "dice": [0.22]})
    ax = figures.dice_bars(summary, baselines, INITS)
    assert [bar.get_height() for bar in ax.patches] == pytest.approx([0.29, 0.18])
    assert ax.patches[1].get_facecolor() == to_rgba(INIT_STYLE["photographic"].color)
    segments = next(b for b in _errorbars(ax))[2][0].get_segments()
    assert [np.ptp(s[:, 1]) for s in segments] == pytest.approx([0.10, 0.08])
    assert any(np.allclose(line.get_ydata(), 0.22) for line in ax.get_lines())
    assert "whole image\n0.22" in [t.get_text() for t in ax.texts]


def test_dice_bars_without_baselines_draws_no_line():
    summary = pd.DataFrame({"init": ["random"], "mean": [0.2], "sd": [np.nan]})
    ax = figures.dice_bars(summary, pd.DataFrame({"baseline": [], "dice": []}), ["random"])
    assert [t.get_text() for t in ax.texts] == ["0.20"]


def test_learning_curves_draw_training_and_validation_per_init():
    history = pd.DataFrame(
        {"init": "radiologic", "epoch": [1, 2], "loss": [2.0, 1.0], "val_loss": [3.0, 2.5]}
    )
    ax = figures.learning_curves(history, ["radiologic"], metric="loss")
    drawn = {line.get_label(): line.get_ydata().tolist() for line in ax.get_lines()}
    assert drawn == {"Radiologic, training": [2, 1], "Radiologic, validation": [3, 2.5]}
    assert ax.get_ylabel() == "Cross-entropy (nats)"


def test_learning_curves_of_unknown_metric_lists_those_with_validation():
    history = pd.DataFrame({"init": ["random"], "epoch": [1], "loss": [1.0], "val_loss": [1.0]})
    with pytest.raises(InputError, match="Known: loss"):
        figures.learning_curves(history, ["random"], metric="auc")


def test_published_beside_draws_both_sources_of_each_name():
    table = pd.DataFrame(
        {
            "name": ["Breast", "Breast"],
            "source": ["published", "recomputed"],
            "estimate": [4.0, 3.0],
            "low": [-0.6, -2.0],
            "high": [8.7, 8.0],
        }
    )
    ax = figures.published_beside(table, xlabel="Points", reference=0)
    drawn = {line.get_label(): line.get_xdata().tolist() for line in ax.get_lines()[:2]}
    assert drawn == {"published": [4.0], "recomputed": [3.0]}
    spans = [segment[:, 0].tolist() for c in ax.collections for segment in c.get_segments()]
    assert spans == [[-0.6, 8.7], [-2.0, 8.0]]
    with pytest.raises(InputError, match="recomputed"):
        figures.published_beside(table.assign(source="guessed"), xlabel="")
