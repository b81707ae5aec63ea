from types import SimpleNamespace

import pandas as pd

from rin import paper
from rin.data.manifest import find_task, load_manifest
from rin.report import tables_study


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


def test_published_sentence_of_a_task_of_the_paper_states_its_numbers():
    said = tables_study.published_sentence("breast").data
    assert "0.94 ± 0.05 for RadImageNet and 0.90 ± 0.10 for ImageNet" in said
    assert "4.0 points (−0.6, 8.7)" in said


def test_published_sentence_of_another_task_says_that_there_is_none():
    assert "nothing published" in tables_study.published_sentence(None).data


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
