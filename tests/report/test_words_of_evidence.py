"""Sentences of the pages on what is published, on made rows."""

from types import SimpleNamespace

import pandas as pd
import pytest

from rin.report import words_of_evidence as words


@pytest.mark.parametrize(("n", "times"), [(0, "in none"), (3, "in 3")])
def test_wrong_verdicts_of_the_probe_are_counted(n, times):
    assert words.wrong_names(n, 40) == f"A wrong one was named {times} of the 40 cases."


def test_files_named_have_the_interval_of_their_share_in_percent():
    text = words.files_named(9, 10, (0.596, 0.982))
    assert text.endswith("for 9 of 10 files (Wilson's 95% interval of the share: 60 to 98%)")


@pytest.mark.parametrize(
    ("remarks", "said"),
    [
        ([], "No file of weights is at hand here, so none was searched."),
        ([""], "1 file searched: no such layer."),
        (["", ""], "2 files searched: no such layer."),
        (["", "1 of 3 odd"], "2 files searched. file 1 has 1 of 3 odd."),
        (["not been read: a page", "odd"], "2 files searched. file 0 has not been read: a page. "),
    ],
)
def test_files_with_extreme_variances_are_named(remarks, said):
    rows = [(f"file {i}", remark) for i, remark in enumerate(remarks)]
    text = words.extreme_variances(pd.DataFrame(rows, columns=["file", "remark"]))
    assert "more than 1,000 times the median" in text
    assert text.partition(" alone. ")[2].startswith(said)


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ((11, 5, 3), "11 pairs of networks were compared, of 5 backbones with at most 3 pretr"),
        ((1, 1, 1), "1 pair of networks was compared, of 1 backbone with at most 1 pretraining "),
    ],
)
def test_networks_compared_are_counted_in_singular_and_plural(sizes, said):
    row = pd.Series(sizes, index=["pairs", "backbones", "pretrainings"])
    assert words.sizes_compared(row).startswith(f"On each task {said}")


@pytest.mark.parametrize(
    ("tasks", "said"),
    [
        (["breast", "thyroid", "acl"], "2 of its tasks are on ultrasound images."),
        (["breast"], "1 of its tasks is on ultrasound images."),
        (["acl"], "0 of its tasks are on ultrasound images."),
    ],
)
def test_tasks_on_ultrasound_are_counted(tasks, said):
    assert words.ultrasound_tasks([SimpleNamespace(name=task) for task in tasks]) == said


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            [197, 200],
            "Of 200 reduced copies of a task, 197 to 200 were found, so a few copies",
        ),
        ([200, 200], "Of 200 reduced copies of a task, 200 were found, so no copy may"),
    ],
)
def test_copies_that_were_missed_are_named(found, said):
    overlap = pd.DataFrame({"copies": [200, 200], "copies_found": found})
    assert words.copies_missed(overlap).startswith(said)
