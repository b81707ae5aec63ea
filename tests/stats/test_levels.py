"""Levels of unfreezing and networks are compared with all else averaged."""

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from rin.errors import InputError
from rin.stats import init_differences, simulation
from rin.stats.levels import (
    compare_levels,
    contrasts_of_levels,
    level_differences,
    shared_pretraining,
)


@pytest.fixture(scope="module")
def predictions():
    return simulation.simulate_predictions()


def mean_aucs(rows, column):
    """Mean over a level's networks of scikit-learn's AUC of each fold, by task."""
    network = ["task", column, "scenario", "init", "pretraining", "fold"]
    aucs = rows.groupby(network, observed=True).apply(
        lambda run: roc_auc_score(run["label"], run["score"])
    )
    return aucs.groupby(["task", column], observed=True).mean()


@pytest.mark.parametrize("column", ["unfreezing", "backbone"])
def test_difference_of_two_levels_is_that_of_their_mean_aucs(predictions, column):
    first, second, *_ = sorted(predictions[column].unique())
    table = level_differences(predictions, [(column, first, second)]).set_index("task")
    means = mean_aucs(predictions[predictions["part"] == "test"], column)
    for task, row in table.iterrows():
        assert row["estimate"] == pytest.approx(means[task, first] - means[task, second])
    assert (table["level"] == first).all()
    assert (table["other"] == second).all()


def test_levels_of_another_column_are_refused(predictions):
    with pytest.raises(InputError, match="column of levels"):
        level_differences(predictions, [("init", "a", "b")])


def test_first_pretraining_that_all_backbones_have_is_kept():
    rows = pd.DataFrame(
        {
            "task": ["x"] * 5 + ["y"] * 2,
            "backbone": ["A", "A", "B", "A", "B", "A", "A"],
            "pretraining": [1, 2, 2, 3, 3, 1, 2],
        }
    )
    kept = shared_pretraining(rows)
    assert [*zip(kept["task"], kept["pretraining"], strict=True)] == [("x", 2), ("x", 2), ("y", 1)]


def test_inits_are_still_those_of_the_table_given(predictions):
    before = init_differences(predictions, "a", "b")
    level_differences(
        predictions, [("unfreezing", *sorted(predictions["unfreezing"].unique())[:2])]
    )
    pd.testing.assert_frame_equal(init_differences(predictions, "a", "b"), before)


@pytest.mark.parametrize(
    ("ways", "backbones", "expected"),
    [
        (
            ["freeze_all", "unfreeze_top10", "unfreeze_all"],
            ["ResNet50", "DenseNet121", "InceptionV3"],
            [
                ("unfreezing", "unfreeze_all", "unfreeze_top10"),
                ("unfreezing", "unfreeze_all", "freeze_all"),
                ("backbone", "DenseNet121", "InceptionV3"),
                ("backbone", "ResNet50", "InceptionV3"),
            ],
        ),
        (
            ["freeze_all", "unfreeze_top10"],
            ["ResNet50", "DenseNet121"],
            [
                ("unfreezing", "unfreeze_top10", "freeze_all"),
                ("backbone", "DenseNet121", "ResNet50"),
            ],
        ),
        (["unfreeze_all"], ["ResNet50"], []),
    ],
)
def test_levels_that_a_run_has_are_compared(ways, backbones, expected):
    rows = pd.MultiIndex.from_product([ways, backbones], names=["unfreezing", "backbone"])
    found = contrasts_of_levels(rows.to_frame(index=False), reference_backbone="InceptionV3")
    assert found == expected


def test_a_run_of_one_network_has_no_differences_of_levels(predictions):
    assert level_differences(predictions, []).empty


def test_levels_are_compared_in_the_pretraining_that_all_backbones_share(predictions):
    shared = shared_pretraining(predictions)
    table = level_differences(shared, contrasts_of_levels(shared, "ResNet50"))
    pd.testing.assert_frame_equal(compare_levels(predictions, "ResNet50"), table)
