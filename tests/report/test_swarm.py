import itertools

import numpy as np
import pandas as pd
import pytest
from overlaps import overlapping_texts

from rin.errors import InputError
from rin.report.style import BACKBONE_MARKER, UNFREEZING_LABEL, use_style
from rin.report.swarm import auc_swarm, scenario_heatmap

INITS = ("radiologic", "photographic")
CONDITIONS = list(itertools.product(BACKBONE_MARKER, UNFREEZING_LABEL, [1e-3, 1e-4]))


@pytest.fixture
def aucs():
    rng = np.random.default_rng(1)
    rows = [
        (f"{backbone}-{unfreezing}-{rate}", backbone, unfreezing, init)
        for init in INITS
        for backbone, unfreezing, rate in CONDITIONS
    ]
    table = pd.DataFrame(rows, columns=["scenario", "backbone", "unfreezing", "init"])
    return table.assign(auc=rng.uniform(0.6, 0.95, len(table)))


@pytest.fixture
def compared():
    rng = np.random.default_rng(2)
    table = pd.DataFrame(CONDITIONS, columns=["backbone", "unfreezing", "learning_rate"])
    auc_a, auc_b = rng.uniform(0.5, 1, (2, len(table)))
    table = table.assign(auc_a=auc_a, auc_b=auc_b, difference=auc_a - auc_b, p_holm=1.0)
    return table.assign(ci_low=table["difference"] - 0.1, ci_high=table["difference"] + 0.1)


def test_swarm_draws_every_auc_once(aucs):
    ax = auc_swarm(aucs, INITS)
    marks = [one for one in ax.get_lines() if one.get_gid() == "scenario"]
    assert sorted(one.get_ydata()[0] for one in marks) == sorted(aucs["auc"])


def test_swarm_names_mean_and_sd_of_scenarios_and_of_the_paper(aucs):
    published = pd.DataFrame({"init": ["radiologic"], "mean": [0.94], "sd": [0.05]})
    ax = auc_swarm(aucs, INITS, published)
    first, second = (one.get_text() for one in ax.get_xticklabels())
    own = aucs.loc[aucs["init"] == "radiologic", "auc"]
    assert first == f"Radiologic\n{own.mean():.2f} ± {own.std():.2f}\npaper 0.94 ± 0.05"
    assert "paper" not in second


@pytest.mark.parametrize("compact", [False, True])
def test_swarm_texts_keep_apart(aucs, compact):
    use_style()
    published = pd.DataFrame({"init": INITS, "mean": [0.94, 0.9], "sd": [0.05, 0.1]})
    assert overlapping_texts(auc_swarm(aucs, INITS, published, compact=compact).figure) == []


def test_swarm_of_folds_not_yet_averaged_raises(aucs):
    with pytest.raises(InputError, match="Average folds"):
        auc_swarm(pd.concat([aucs, aucs]), INITS)


def test_swarm_of_init_without_rows_names_those_with_rows(aucs):
    with pytest.raises(InputError, match="photographic"):
        auc_swarm(aucs, ["random"])


def cells(ax):
    return [one.get_text() for one in ax.texts if one.get_gid() == "cell"]


def test_heatmap_shows_differences_in_auc_points_with_intervals(compared):
    use_style()
    axes = scenario_heatmap(compared, INITS)
    assert [len(cells(ax)) for ax in axes] == [24, 24, 24]
    row = compared.iloc[0]
    assert cells(axes[0])[0] == f"{row['auc_a']:.2f}"
    assert f"{100 * row['difference']:+.1f}".replace("-", "−") in cells(axes[2])[0]
    assert overlapping_texts(axes[0].figure) == []


@pytest.mark.parametrize(("low", "high"), [(-1.2, 0.4), (0.3, 0.3), (np.nan, np.nan)])
def test_heatmap_prints_no_impossible_interval(compared, low, high):
    axes = scenario_heatmap(compared.assign(ci_low=low, ci_high=high), INITS)
    assert not any("(" in text for text in cells(axes[2]))


def test_heatmap_stars_follow_the_adjusted_p_value(compared):
    compared["p_holm"] = [0.01, *[0.2] * 23]
    assert [text.count("*") for text in cells(scenario_heatmap(compared, INITS)[2])].count(1) == 1
