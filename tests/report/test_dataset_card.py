from types import SimpleNamespace

import pandas as pd
import pytest

from rin.data.findings import Finding
from rin.data.manifest import find_task, load_manifest
from rin.report import dataset_card as card


def inputs_of(task, *, manifest=None, used=4, found=None, findings=(), substitute_for=None):
    own, named = find_task(task)
    manifest = manifest or own.for_task(named)
    names = [f"c{i}" for i in range(used)]
    cases = pd.DataFrame({"case_id": names, "patient_id": ["p1", *names[1:]], "image": names})
    return SimpleNamespace(
        manifest=manifest,
        task=named,
        store=SimpleNamespace(cases=cases, size=112, color=False),
        found=SimpleNamespace(cases=cases, findings=findings),
        available=found or used,
        substitute_for=substitute_for,
    )


def test_card_names_dataset_terms_and_patients():
    shown = card.card_table(inputs_of("thyroid"))[""]
    manifest = load_manifest("ddti")
    assert shown["Dataset"] == manifest.title
    assert shown["Licence"] == manifest.licence
    assert shown["Unit of independence"].startswith("patient (4 ")
    assert "In place of" not in shown


def test_card_of_a_substitute_names_what_it_replaces():
    one = inputs_of("covid19", manifest=load_manifest("sarscov2_ct"), substitute_for="another set")
    assert card.card_table(one)[""]["In place of"] == "another set"


@pytest.mark.parametrize(
    ("task", "word"), [("breast", "outline of the lesion"), ("pneumonia", "box that a reader drew")]
)
def test_sentence_tells_how_lesions_are_marked(task, word):
    assert word in card.shown_sentence(inputs_of(task)).data


def test_sentence_tells_of_images_without_marks_and_of_a_draw():
    text = card.shown_sentence(inputs_of("covid19", used=4, found=2481)).data
    assert "line" not in text
    assert "draws 4 of 2,481 images" in text
    assert "draws" not in card.shown_sentence(inputs_of("covid19")).data


def test_sentence_on_repeats_follows_the_manifest():
    assert "at most 40 of 256 bits" in card.repeats_sentence(inputs_of("breast")).data
    assert "Patients are known" in card.repeats_sentence(inputs_of("sarscov2")).data


def test_findings_of_the_manifest_stand_in_a_table_of_their_own():
    known = load_manifest("busi").findings[0]
    findings = (
        Finding("exact duplicates", "the same pixels", ("a", "b")),
        Finding(f"known {known.kind}", known.text, known.case_ids),
    )
    one = inputs_of("breast", findings=findings)
    assert card.findings_table(one)["What"].tolist() == ["the same pixels"]
    assert known.text in card.known_table(one)["What"].tolist()


def test_exam_table_sets_published_images_beside_exams():
    table = card.exam_table(inputs_of("acl"))
    assert table.loc["tear"].tolist() == ["570", "262", "2.18"]
    assert table.loc["no tear", "Images, paper"] == "452"


@pytest.mark.parametrize("task", ["breast", "thyroid", "hemorrhage"])
def test_exam_table_of_single_images_is_empty(task):
    assert card.exam_table(inputs_of(task)).empty


def test_readings_table_counts_patients_by_each_reading():
    manifest = load_manifest("kermany_cxr")
    one = inputs_of("pneumonia", manifest=manifest)
    names = ["person1_virus_6.jpeg", "person1_bacteria_2.jpeg", "person1_virus_7.jpeg"]
    folders = ["train", "test", "train"]
    one.found.cases = pd.DataFrame(
        {
            "case_id": [f"PNEUMONIA/{name}" for name in names],
            "image": [f"r/{f}/PNEUMONIA/{n}" for f, n in zip(folders, names, strict=True)],
        }
    )
    table = card.readings_table(one)
    assert table["Patients"].tolist()[:2] == ["2", "1"]
    assert table["Across the split"].tolist()[:2] == ["0", "1"]


def test_readings_table_without_readings_is_empty():
    assert card.readings_table(inputs_of("breast")).empty
