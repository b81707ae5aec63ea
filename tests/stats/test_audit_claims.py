import re
from dataclasses import replace

import pytest

from rin import paper
from rin.stats.audit_claims import CLAIMS, VERDICTS, judged_claims, task_names
from rin.stats.audit_rounding import Bounds
from rin.stats.audit_tasks import audit_tasks

JUDGED = judged_claims(audit_tasks()).set_index("name")


def judged(**changes):
    """Judge the paper with some numbers of every task changed."""
    stated = {task: replace(one, **changes) for task, one in paper.COMPARISONS.items()}
    return judged_claims(audit_tasks(stated)).set_index("name")


@pytest.mark.parametrize(
    ("name", "verdict", "words"),
    [
        ("small_significant", "does not follow", "in 1 of 4 only (meniscus)"),
        ("large_significant", "does not follow", "in 0 of 4."),
        ("superior", "does not follow", "excludes zero in 4 (thyroid, ACL, meniscus"),
        ("range", "holds", "from 0.9 to 9.4 points"),
        ("gain", "does not follow", "12.2 to 12.5"),
        ("outperforming", "does not follow", "haemorrhage are printed alike"),
        ("narrowed", "holds", "4 of the 70 ways"),
        ("smaller_sds", "holds", "in 8 of 8 tasks"),
        ("comparable", "does not follow", "in 0 of 3 tasks"),
        ("dice", "cannot be told", "No SD of a Dice score"),
        ("interpretability", "cannot be told", "for none of the larger"),
        ("unfreezing", "cannot be told", "number of trained layers"),
        ("backbones", "cannot be told", "by network"),
    ],
)
def test_every_claim_has_its_verdict_and_reason(name, verdict, words):
    assert len(JUDGED) == 13
    assert JUDGED.loc[name, "verdict"] == verdict
    assert words in JUDGED.loc[name, "why"]


def test_verdicts_turn_with_the_numbers():
    clear = judged(difference=20.0, ci_low=19.0, ci_high=21.0)["verdict"]
    for name in ("small_significant", "large_significant", "superior", "outperforming"):
        assert clear[name] == "holds"
    assert clear["range"] == clear["narrowed"] == "does not follow"
    assert judged(difference=0.1, ci_low=-0.5, ci_high=0.7)["verdict"]["comparable"] == "holds"


def test_claims_have_places_and_tasks_of_the_paper():
    assert {one["place"] for one in CLAIMS} <= set(paper.PLACES)
    assert all(set(one["tasks"]) <= set(paper.COMPARISONS) for one in CLAIMS)
    assert set(JUDGED["verdict"]) == set(VERDICTS)


def test_numbers_inside_quotations_are_those_of_the_paper():
    stated = {f"{one.difference}%" for one in paper.COMPARISONS.values()}
    stated |= {f"{one.gain_percent}%" for one in paper.DICE.values()}
    found = {number for one in CLAIMS for number in re.findall(r"[\d.]+%", one["text"])}
    assert found and found <= stated


def test_reasons_impute_no_motive():
    words = r"\b(?:authors used|authors chose|wrong(?:ly)? claim|mislead|hide|hid|fraud|manipulat)"
    assert not JUDGED["why"].str.contains(words, regex=True).any()


def test_tasks_in_words():
    assert task_names(["acl", "covid19", "own"]) == "ACL, COVID-19 and own"
    assert task_names([]) == "none"


@pytest.mark.parametrize(
    ("ends", "spec", "words"),
    [((4.75, 4.85), ".2f", "4.75 to 4.85"), ((-0.51, 0.5), ".1f", "−0.5 to 0.5"),
     ((1.01, 1.04), ".1f", "1.0")],
)  # fmt: skip
def test_a_range_prints_both_ends_where_they_differ(ends, spec, words):
    assert format(Bounds(*ends), spec) == words
