import pandas as pd
import pytest

from rin.errors import InputError
from rin.report import tidy


def test_with_conditions_reads_ids_and_orders_the_study():
    ids = [
        "ResNet50-freeze_all-1e-02",
        "ResNet50-unfreeze_all-1e-04",
        "ResNet50-unfreeze_all-1e-03",
    ]
    ids = [*ids, "InceptionResNetV2-unfreeze_top10-1e-02"]
    table = tidy.with_conditions(pd.DataFrame({"scenario": ids, "auc": [1, 2, 3, 4]}))
    assert table["auc"].tolist() == [4, 3, 2, 1]
    assert table["backbone"].tolist() == ["InceptionResNetV2"] + ["ResNet50"] * 3
    assert table["unfreezing"].iloc[0] == "unfreeze_top10"
    assert table["learning_rate"].tolist() == [1e-2, 1e-3, 1e-4, 1e-2]


@pytest.mark.parametrize("scenario", ["ResNet50", "VGG16-freeze_all-1e-02", "ResNet50-half-1e-02"])
def test_with_conditions_of_malformed_id_raises(scenario):
    with pytest.raises(InputError, match="backbone-unfreezing-rate"):
        tidy.with_conditions(pd.DataFrame({"scenario": [scenario]}))


def test_scenario_means_average_folds_and_seeds():
    rows = {"task": "breast", "scenario": "ResNet50-freeze_all-1e-02", "init": "random"}
    means = tidy.scenario_means(pd.DataFrame([rows | {"auc": a} for a in (0.5, 0.6, 1.0)]))
    assert means["auc"].tolist() == pytest.approx([0.7])
    assert means["n_runs"].tolist() == [3]


def test_init_summary_gives_mean_and_sample_sd():
    table = pd.DataFrame({"task": "breast", "init": "random", "auc": [0.5, 0.7]})
    summary = tidy.init_summary(table).iloc[0]
    assert summary["mean"] == pytest.approx(0.6)
    assert summary["sd"] == pytest.approx(0.02**0.5)


def test_check_one_each_of_two_tasks_or_repeated_keys_raises():
    table = pd.DataFrame({"task": ["breast", "acl"], "scenario": ["x", "x"]})
    with pytest.raises(InputError, match="several tasks"):
        tidy.check_one_each(table, ["scenario"])
    with pytest.raises(InputError, match="repeat"):
        tidy.check_one_each(table.assign(task="breast"), ["scenario"])
