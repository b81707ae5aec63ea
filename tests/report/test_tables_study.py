from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rin import paper
from rin.data.manifest import find_task, load_manifest
from rin.report import tables_study
from rin.stats import pooled_comparison

INITS = ("radiologic", "photographic")


@pytest.fixture
def weights():
    """Two backbones from two inits, as `rin.study.pretrained` returns them."""
    columns = ["init", "backbone", "images", "classes", "epochs", "top1", "top5", "seconds"]
    rows = [
        ("radiologic", "ResNet50", 80, 4, 3, 0.714, 0.95, 59.6),
        ("photographic", "ResNet50", 80, 4, 3, 0.502, 0.91, 60.2),
        ("radiologic", "DenseNet121", 80, 4, 3, 0.806, 1.0, 61.0),
        ("photographic", "DenseNet121", 80, 4, 3, 0.666, 0.97, 59.2),
    ]
    return pd.DataFrame(rows, columns=columns).assign(steps=12)


@pytest.fixture(scope="module")
def pooled():
    rng = np.random.default_rng(11)
    rows = [
        ("breast", 0, scenario, init, 0, f"c{case}", "test", case % 2, rng.normal(case % 2))
        for scenario in ("s1", "s2", "s3", "s4")
        for init in INITS
        for case in range(30)
    ]
    columns = ["task", "fold", "scenario", "init", "seed", "case_id", "part", "label", "score"]
    return pooled_comparison(pd.DataFrame(rows, columns=columns), *INITS)


def test_pretraining_table_puts_each_run_in_its_row_and_column(weights):
    table = tables_study.pretraining_table(weights)
    assert table.index.tolist() == ["DenseNet121", "ResNet50"]
    assert table.loc["ResNet50", ("Top-1", "Radiologic")] == "0.71"
    assert table.loc["DenseNet121", ("Top-1", "Photographic")] == "0.67"
    assert table.loc["DenseNet121", ("Top-5", "Radiologic")] == "1.00"
    assert table.loc["ResNet50", ("Seconds", "Photographic")] == "60"


def test_pretraining_table_without_runs_is_empty():
    table = tables_study.pretraining_table(pd.DataFrame())
    assert table.empty
    assert table.columns.tolist() == ["Top-1", "Top-5", "Seconds"]


def test_pretraining_reading_states_budget_range_chance_and_minutes(weights):
    text = tables_study.pretraining_reading(weights).data
    for part in ("80 images of 4 classes", "3 times", "between 0.50 and 0.81", "gives 0.25"):
        assert part in text
    assert "took 4.0 minutes" in text


def test_pretraining_reading_without_runs_says_that_weights_are_released():
    assert "released" in tables_study.pretraining_reading(pd.DataFrame()).data


def test_class_count_table_sets_stated_counts_beside_counted_ones():
    classes = ["benign"] * 3 + ["normal"] * 2 + ["malignant"]
    labels = ["benign"] * 5 + ["malignant"]
    cases = pd.DataFrame({"label": labels, "source_class": classes})
    published = paper.CLASS_COUNTS["breast"]
    table = tables_study.class_count_table(load_manifest("busi"), cases, published)
    assert table.index.tolist() == [
        "benign (label)",
        "benign (as published)",
        "normal (as published)",
        "malignant (label)",
        "malignant (as published)",
        "all",
    ]
    assert table.loc["benign (label)"].tolist() == ["570", "–", "5"]
    assert table.loc["normal (as published)"].tolist() == ["–", "133", "2"]
    assert table.loc["all"].tolist() == ["780", "–", "6"]


def test_split_table_counts_cases_and_positive_ones_of_each_part():
    parts = ["train"] * 3 + ["validation"] + ["test"] * 2
    folds = pd.DataFrame({"case_id": list("abcdef"), "fold": 0, "part": parts})
    other = folds.assign(fold=1, part=parts[::-1])
    # The order of the labels is another than that of the split.
    labels = pd.Series({"f": 1, "e": 0, "d": 1, "c": 0, "b": 1, "a": 1})
    table = tables_study.split_table(pd.concat([folds, other]), labels)
    assert table.columns.tolist() == ["train", "validation", "test"]
    assert table.loc[0].tolist() == ["3 (2)", "1 (1)", "2 (1)"]
    assert table.loc[1].tolist() == ["3 (2)", "1 (0)", "2 (2)"]


def test_block_table_gives_mean_seconds_and_largest_memory_of_each_block():
    columns = ["backbone", "unfreezing", "seconds", "peak_memory_gb"]
    rows = [
        ("ResNet50", "unfreeze_all", 10.0, 1.0),
        ("ResNet50", "unfreeze_all", 20.04, 1.8),
        ("ResNet50", "freeze_all", 3.0, 1.2),
        ("DenseNet121", "unfreeze_all", 7.0, 1.1),
    ]
    table = tables_study.block_table(pd.DataFrame(rows, columns=columns))
    assert len(table) == 3
    assert table.loc[("ResNet50", "all layers")].tolist() == ["15.0", "1.8"]
    assert table.loc[("ResNet50", "frozen")].tolist() == ["3.0", "1.2"]
    assert table.loc[("DenseNet121", "all layers")].tolist() == ["7.0", "1.1"]


def test_pooled_rows_hold_the_three_differences_and_their_intervals(pooled):
    rows = tables_study.pooled_rows(pooled)
    assert rows["name"].tolist() == [
        "Mean of scenarios, unpaired t",
        "Mean of scenarios, paired t",
        "Mean scores, DeLong",
    ]
    d = pooled.delong
    assert rows["difference"].tolist()[:2] == pytest.approx([pooled.difference] * 2)
    assert rows.iloc[2].tolist()[1:] == [d.difference, d.ci_low, d.ci_high]
    low, high = stats.t.interval(0.95, 3, pooled.difference, pooled.difference / pooled.paired.t)
    assert rows.iloc[1][["ci_low", "ci_high"]].tolist() == pytest.approx(sorted([low, high]))


def test_pooled_table_shows_points_with_sign_and_interval_in_points(pooled):
    table = tables_study.pooled_table(pooled)
    low, high = 100 * pooled.unpaired.ci_low, 100 * pooled.unpaired.ci_high
    shown = f"({low:.1f}, {high:.1f})".replace("-", "−")
    assert table.loc["Mean of scenarios, unpaired t", "95% CI"] == shown
    difference = table.loc["Mean scores, DeLong", "Difference, points"]
    assert difference == f"{100 * pooled.delong.difference:+.1f}".replace("-", "−")
    assert table["P"].str.match(r"P [=<>] \.\d+").all()
    assert table["Unit"].tolist()[-1] == "test cases"


def test_published_sentence_of_a_task_of_the_paper_states_its_numbers():
    said = tables_study.published_sentence("breast").data
    assert "0.94 ± 0.05 for RadImageNet and 0.90 ± 0.10 for ImageNet" in said
    assert "4.0 points (−0.6, 8.7)" in said


def test_published_sentence_of_another_task_says_that_there_is_none():
    assert "nothing published" in tables_study.published_sentence(None).data


@pytest.mark.parametrize("what", ["images", "classes", "steps"])
def test_pretraining_reading_when_budgets_differ_says_so_and_compares_nothing(weights, what):
    weights.loc[weights["init"] == "radiologic", what] += 1
    text = tables_study.pretraining_reading(weights).data
    assert "budgets differ" in text
    assert "accuracy" not in text


def test_database_sentence_states_the_papers_numbers():
    said = tables_study.database_sentence().data
    assert "1,350,000 images" in said and "131,872 patients" in said and "165 labels" in said


def test_task_table_gives_images_provenance_runs_and_time_of_each_task():
    def inputs_of(task, substitute=None):
        manifest, named = find_task(task)
        cases = pd.DataFrame({"case_id": range(1200)})
        return SimpleNamespace(
            task=named,
            manifest=manifest,
            store=SimpleNamespace(cases=cases),
            folds=pd.DataFrame({"fold": [0, 1, 1]}),
            provenance="real",
            substitute_for=substitute,
        )

    inputs = {"breast": inputs_of("breast"), "covid19": inputs_of("covid19", "the other")}
    records = pd.DataFrame({"task": ["breast", "breast", "covid19"], "seconds": [30.0, 60.0, 6.0]})
    table = tables_study.task_table(inputs, records)
    assert table.loc["Breast lesions, US"].tolist() == ["1,200", "real", 2, 2, "1.5"]
    assert table.loc["COVID-19, chest CT"].tolist() == ["1,200", "open substitute", 2, 1, "0.1"]
