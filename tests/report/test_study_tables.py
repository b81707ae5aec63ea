"""Tables of the study's page: classes of the datasets, images, and what was seen before."""

import re
from html import unescape
from types import SimpleNamespace

import pandas as pd
import pytest

from rin.evidence.paper import CLASS_COUNTS, COMPARISONS
from rin.report import study_tables
from rin.study import open_reference


@pytest.fixture(scope="module")
def facts():
    runs = open_reference()
    return {task: runs.facts(task) for task in runs.tasks}


def rows_of(styler):
    """Rows of a table as read."""
    html = re.sub(r"(?s)<style.*?</style>", "", styler.to_html())
    rows = re.findall(r"(?s)<tr>(.*?)</tr>", html)
    return [[unescape(cell) for cell in re.findall(r"<td[^>]*>([^<]*)<", row)] for row in rows]


def test_classes_of_a_dataset_are_those_of_paper_authors_files_and_run(facts):
    rows = rows_of(study_tables.distribution_table(["breast"], facts, "Table E3"))
    assert [row for row in rows if row] == [
        ["Breast lesions", "malignant", "210", "210", "210", "210"],
        ["Breast lesions", "benign", "570", "570", "570", "570"],
    ]


def test_a_dataset_that_was_not_counted_has_dashes_and_one_of_exams_says_so(facts):
    rows = rows_of(study_tables.distribution_table(["covid19", "acl"], facts, "Table E4"))
    covid, _, tear, _ = (row for row in rows if row)
    assert covid[2:5] == ["4,190", "–", "–"]
    assert covid[5] != "–"
    assert tear[2:] == ["570", "–", "262 exams", "–"]


def test_both_tables_have_every_class_of_the_eight_datasets(facts):
    rows = rows_of(study_tables.distribution_table(COMPARISONS, facts, "Table E3"))
    stated = [count for counts in CLASS_COUNTS.values() for count in counts]
    classes = [count for count in stated if count.group != "all"]
    assert len([row for row in rows if row]) == len(classes) == 16


def test_task_without_images_has_dashes(facts):
    table = study_tables.images_table({"breast": facts["breast"]})
    rows = {row[0]: row[1:] for row in rows_of(table) if row}
    assert rows["Meniscal tear, MRI"] == ["4,201", "–", "–", "–", "–"]
    assert rows["Breast lesions, US"][:2] == ["780", "780"]


def test_images_found_in_a_corpus_are_added_over_both():
    overlap = pd.DataFrame(
        {
            "task": ["breast", "breast"],
            "in_corpus": [True, False],
            "images": [780, 780],
            "near": [1, 2],
            "equal": [0, 4],
            "nearest": [12, 9],
            "copies_found": [198, 200],
            "copies": [200, 200],
        }
    )
    (row,) = (row for row in rows_of(study_tables.corpus_overlap_table(overlap)) if row)
    assert row == ["Breast lesions, US", "yes", "780", "7", "9", "198 of 200"]


def test_computers_are_named_once():
    first, second = SimpleNamespace(text="AMD"), SimpleNamespace(text="Intel")
    added = [SimpleNamespace(hardware=computer) for computer in (first, second)]
    assert study_tables.computers(SimpleNamespace(hardware=first, added=added)) == "AMD; Intel"


def test_study_says_what_was_asked_done_otherwise_and_pretrained_on():
    runs = open_reference()
    records = pd.concat(runs.records(task) for task in runs.tasks)
    assert "1.35 million images of 131,872 patients" in study_tables.what_was_asked(runs)
    assert "cannot be repeated without the archive" in study_tables.phases_differ(runs, records)
    assert "(11,780 images) or on" in study_tables.two_corpora(runs.reference.facts)
