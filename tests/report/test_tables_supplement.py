from types import SimpleNamespace

import pandas as pd
import pytest

from rin.curation.taxonomy import load_taxonomy
from rin.data.manifest import find_task, load_manifest
from rin.report import tables_supplement as tables


def stand_in(task, cases, folds=None, **changed):
    """What a table reads of `TaskInputs`."""
    manifest, task_manifest = find_task(task)
    values = {
        "manifest": manifest.for_task(task_manifest),
        "task": task_manifest,
        "store": SimpleNamespace(cases=cases),
        "found": SimpleNamespace(cases=cases),
        "folds": folds,
        "labels": (cases.set_index("case_id")["label"] == task_manifest.positive_class).astype(int),
        "provenance": "stand-in",
        "substitute_for": None,
        "available": len(cases),
    }
    return SimpleNamespace(**(values | changed))


@pytest.fixture
def breast():
    """Six images of five patients; two folds whose parts differ."""
    cases = pd.DataFrame(
        {
            "case_id": list("abcdef"),
            "patient_id": ["p1", "p1", "p2", "p3", "p4", "p5"],
            "label": ["benign"] * 4 + ["malignant"] * 2,
            "source_class": ["benign", "benign", "normal", "benign", "malignant", "malignant"],
        }
    )
    parts = ["train", "train", "validation", "test", "train", "test"]
    one = pd.DataFrame({"case_id": list("abcdef"), "fold": 0, "part": parts})
    other = one.assign(fold=1, part=["test", "test", "train", "train", "validation", "train"])
    return stand_in("breast", cases, pd.concat([one, other], ignore_index=True))


@pytest.fixture(scope="module")
def taxonomy():
    return load_taxonomy()


def test_region_table_sums_classes_and_keeps_the_kinds_apart(taxonomy):
    table = tables.region_table(taxonomy)
    assert table.loc[("all", "")].tolist() == ["165", "2", "76", "604,775"]
    assert table.loc[("MRI", "Knee")].tolist() == ["18", "0", "11", "161,744"]
    assert table.loc[("CT", "Chest")].tolist() == ["6", "0", "0", "–"]
    assert len(table) == 12


def test_label_table_lists_every_class_with_its_size_and_where_it_was_counted(taxonomy):
    table = tables.label_table(taxonomy)
    assert len(table) == 165
    normal = table[(table["Class"] == "normal") & (table["Images"] != "–")]
    assert normal.values.tolist() == [
        ["CT", "Abdomen and pelvis", "normal", "69,238", "full set"],
        ["MRI", "Abdomen and pelvis", "normal", "72,054", "full set"],
        ["MRI", "Spine", "normal", "10,662", "subset"],
    ]
    assert (table["Images"] == "–").equals(table["Counted in"] == "–")


def record(task, inputs=None):
    manifest, task_manifest = find_task(task)
    read = inputs.manifest if inputs else manifest.for_task(task_manifest)
    return tables.TaskRecord(read, task_manifest, inputs)


def test_class_table_sets_paper_authors_and_count_side_by_side(breast):
    table = tables.class_table([record("breast", breast)]).loc["Breast lesions, US"]
    assert table.index.tolist() == ["malignant", "benign", "all"]
    assert table.loc["malignant"].tolist() == ["210", "210", "2", "2", "stand-in"]
    # The authors' benign and normal images are benign here.
    assert table.loc["benign"].tolist() == ["570", "570", "4", "3", "stand-in"]
    assert table.loc["all"].tolist() == ["780", "780", "6", "5", "stand-in"]


def test_class_table_of_a_task_that_is_not_run_has_dashes_for_what_is_counted():
    table = tables.class_table([record("breast")]).loc["Breast lesions, US"]
    assert table.loc["malignant"].tolist() == ["210", "210", "–", "–", "–"]


def test_class_table_names_a_substitute(breast):
    breast.substitute_for, breast.provenance = "Another set", "real"
    table = tables.class_table([record("breast", breast)])
    assert set(table["Images are"]) == {"open substitute"}


def test_numbers_that_the_paper_states_twice_both_stand():
    manifest, task = find_task("breast")
    pneumonia = task.model_copy(update={"name": "pneumonia", "paper_task": "pneumonia"})
    table = tables.class_table([tables.TaskRecord(manifest, pneumonia)])
    assert table.loc[("Pneumonia, chest radiography", "all"), "Paper"] == "26,685 or 26,684"


def test_authors_counts_are_left_out_where_a_class_lacks_one():
    manifest = load_manifest("busi")
    counts = manifest.counts.model_copy(update={"authors": {"benign": 437, "malignant": 210}})
    partly = manifest.model_copy(update={"counts": counts})
    assert tables._authors(partly, "malignant") == "210"
    assert tables._authors(partly, "benign") == "–"
    assert tables._authors(partly, "all") == "–"


def test_authors_counts_of_exams_say_so():
    manifest = load_manifest("busi")
    counts = manifest.counts.model_copy(update={"unit": "exam"})
    assert tables._authors(manifest.model_copy(update={"counts": counts}), "all") == "780 exams"


def test_authors_counts_leave_out_classes_that_the_task_does_not_use():
    manifest = load_manifest("busi")
    without = manifest.model_copy(update={"label_map": manifest.label_map | {"normal": None}})
    assert tables._authors(without, "benign") == "437"
    assert tables._authors(without, "all") == "647"


def test_parts_table_counts_images_positive_ones_and_patients(breast):
    table = tables.parts_table([record("breast", breast)]).loc["Breast lesions, US"]
    assert table.index.tolist() == ["1", "2"]
    assert table.loc["1"].tolist() == ["3 / 1 / 2", "1 / 0 / 1", "2 / 1 / 2", "stand-in"]
    assert table.loc["2", "Test"] == "2 / 0 / 1"


def test_parts_table_leaves_out_tasks_that_are_not_run():
    assert tables.parts_table([record("breast")]).empty


def test_task_records_follow_the_paper_and_know_the_small_ones(breast):
    records = tables.task_records({"breast": breast})
    by_name = {one.task.name: one for one in records}
    assert by_name["breast"].inputs is breast
    assert by_name["breast"].small
    assert all(one.inputs is None for name, one in by_name.items() if name != "breast")
    assert all(one.small == (one.task.n_folds > 1) for one in records)


def test_counts_reading_says_how_many_tasks_meet_the_paper(breast):
    text = tables.counts_reading([record("breast", breast), record("breast")]).data
    assert text.startswith(
        "Run here: 1 of 2 tasks, 0 of them on images of the paper's own dataset. "
    )
    breast.provenance = "real"
    text = tables.counts_reading([record("breast", breast)]).data
    assert "1 of them on images of the paper's own dataset, of which 0 with the" in text
    many = pd.DataFrame({"label": ["benign"] * 570 + ["malignant"] * 210})
    breast.found = SimpleNamespace(cases=many)
    assert "of which 1 with" in tables.counts_reading([record("breast", breast)]).data


def test_counts_reading_names_tasks_whose_numbers_do_not_add_up():
    manifest, task = find_task("breast")
    acl = tables.TaskRecord(manifest, task.model_copy(update={"paper_task": "acl"}))
    text = tables.counts_reading([record("breast"), acl]).data
    assert "do not add up" in text and "Anterior cruciate ligament tear" in text
    assert "add up" not in tables.counts_reading([record("breast")]).data
