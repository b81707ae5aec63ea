"""Sentences of the pages on what is published, on made rows."""

from types import SimpleNamespace

import pandas as pd
import pytest

from rin.report import words_of_evidence as words


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
