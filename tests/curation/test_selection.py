"""One label an image, and one reason for every image that is not taken."""

import pandas as pd

from rin.curation.build import _one_each, _reasons

COLUMNS = ["sop_uid", "label", "kind", "document"]


def rows(*found):
    """Rows of images and labels, with the columns that do not matter here filled in."""
    table = pd.DataFrame(found, columns=COLUMNS)
    for name in ("study_uid", "patient_id", "path", "modality", "region", "name", "roi"):
        table[name] = name
    return table


def test_image_of_two_findings_is_kept_under_the_rarer():
    found = rows(
        ("1", "lung-common", "key", "a"),
        ("1", "lung-rare", "key", "b"),
        ("2", "lung-common", "key", "a"),
        ("3", "lung-common", "key", "a"),
    )
    kept = _one_each(found)
    assert dict(zip(kept["sop_uid"], kept["label"], strict=True)) == {
        "1": "lung-rare",
        "2": "lung-common",
        "3": "lung-common",
    }


def test_every_image_that_is_not_taken_has_one_reason_and_rules_come_first():
    left = pd.DataFrame(
        [("1", "marked"), ("2", "marked"), ("3", "normal"), ("4", "other"), ("5", "other")],
        columns=["sop_uid", "study_uid"],
    )
    rules = pd.Series({"1": "localizer", "5": "document"})
    reasons = _reasons(left, rules, pd.Series(["marked"]), pd.Series(["normal"]))
    assert reasons == {
        "document": 1,
        "localizer": 1,
        "no key image": 1,
        "normal study without a class": 1,
        "study neither normal nor marked": 1,
    }
