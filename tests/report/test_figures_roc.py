import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from rin.errors import InputError
from rin.report import figures_roc
from rin.report.style import INIT_STYLE

INITS = ["radiologic", "photographic"]
METHODS = ["vertical", "threshold", "rank"]


@pytest.fixture
def curves():
    position = np.array([0.0, 0.5, 1.0])
    parts = []
    for place, init in enumerate(INITS):
        for shift, method in enumerate(METHODS):
            columns = {"task": "breast", "init": init, "method": method, "position": position}
            columns |= {"fpr": [0, 0.4, 1], "tpr": [0, 0.9 - 0.2 * place - 0.1 * shift, 1]}
            columns |= {"fpr_sd": [0, 0.1, 0], "tpr_sd": [0, 0.15, 0]}
            parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture
def areas():
    keys = [(init, method) for init in INITS for method in METHODS]
    table = pd.DataFrame(keys, columns=["init", "method"])
    return table.assign(area=[0.811, 0.822, 0.833, 0.611, 0.622, 0.633], mean_auc=0.844)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_method_draws_its_curves_in_the_colours_of_the_inits(curves, areas):
    ax = figures_roc.mean_roc_method(curves, areas, INITS, "rank")
    lines = {line.get_label(): line for line in ax.get_lines()}
    line = lines["Photographic: area 0.633"]
    assert line.get_ydata().tolist() == pytest.approx([0, 0.5, 1])
    assert line.get_color() == INIT_STYLE["photographic"].color
    assert "Radiologic: area 0.833" in lines


def test_band_joins_the_outer_corners_of_both_sds_within_zero_and_one(curves, areas):
    curves.loc[curves["tpr"] == 1, "tpr_sd"] = 0.3
    ax = figures_roc.mean_roc_method(curves, areas, ["radiologic"], "vertical")
    corners = ax.patches[0].get_xy()
    assert [0.3, 1.0] in corners.round(9).tolist()  # 0.4 − 0.1, 0.9 + 0.15 cut
    assert [0.5, 0.75] in corners.round(9).tolist()
    assert corners.max() == 1 and corners.min() == 0


def test_crosses_span_one_sd_to_each_side_in_both_directions(curves, areas):
    ax = figures_roc.mean_roc_method(curves, areas, ["radiologic"], "vertical")
    across, up = (bars.get_segments()[0] for bars in ax.collections)
    assert across[:, 0].tolist() == pytest.approx([0.3, 0.5])
    assert up[:, 1].tolist() == pytest.approx([0.75, 1.05])


def test_curve_without_sds_has_no_band(curves, areas):
    curves[["fpr_sd", "tpr_sd"]] = np.nan
    ax = figures_roc.mean_roc_method(curves, areas, INITS, "vertical")
    assert not ax.patches and not ax.collections


def test_unknown_method_lists_the_known_ones(curves, areas):
    with pytest.raises(InputError, match="vertical"):
        figures_roc.mean_roc_method(curves, areas, INITS, "median")


def test_two_tasks_in_one_table_raise_input_error(curves, areas):
    with pytest.raises(InputError):
        both = pd.concat([curves, curves.assign(task="thyroid")])
        figures_roc.mean_roc_method(both, areas, INITS, "rank")
