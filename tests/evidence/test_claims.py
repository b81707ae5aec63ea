"""Claims of the paper, judged by its own numbers."""

import re
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_audit import ACL, replace

from rin.evidence import claims, paper
from rin.evidence.audit import TaskAudit, audit_tasks
from rin.evidence.claims import VERDICTS, dice_gains, judged_claims, splits_as_far_apart


@settings(max_examples=60, deadline=None)
@given(st.floats(0.02, 0.9), st.floats(0.02, 0.9))
def test_dice_gains_hold_the_gain_before_rounding(radimagenet, imagenet):
    gain = 100 * (radimagenet / imagenet - 1)
    scores = {"radimagenet": radimagenet, "imagenet": imagenet}
    dice = {f"text_{source}": round(score, 2) for source, score in scores.items()}
    dice |= {f"caption_{source}": round(score, 3) for source, score in scores.items()}
    printed = SimpleNamespace(**dice, gain_percent=round(gain, 1))
    assert all(found.holds(gain) for found in dice_gains(printed).values())


def test_splits_are_counted_by_hand_for_four_tasks():
    points = {"thyroid": 4.0, "breast": 1.0, "acl": 2.0, "meniscus": 1.0}
    audits = {task: TaskAudit(replace(ACL, estimate=d)) for task, d in points.items()}
    # Sums of pairs, by initials: tb 5, ta 6, tm 5, ba 3, bm 2, am 3.
    assert splits_as_far_apart(audits, {"thyroid", "breast"}) == (3, 6)


JUDGED = judged_claims(audit_tasks()).set_index("name")


def add_verdicts(**changes):
    """Judge the paper with some numbers of every task changed."""
    stated = paper.COMPARISONS.items()
    audits = {task: TaskAudit(replace(one, **changes)) for task, one in stated}
    return judged_claims(audits).set_index("name")


@pytest.mark.parametrize(
    ("name", "verdict", "words"),
    [
        ("small_significant", "does not follow", "in 1 of 4 only (meniscus)"),
        ("large_significant", "does not follow", "in 0 of 4."),
        ("superior", "does not follow", "excludes zero in 4 (thyroid, ACL, meniscus"),
        ("range", "holds", "from 0.9 to 9.4 points"),
        ("gain", "does not follow", "10.5 to 13.2"),
        ("outperforming", "does not follow", "haemorrhage are printed alike"),
        ("narrowed", "holds", "4 of the 70 ways"),
        ("smaller_sds", "holds", "in 8 of 8 tasks, by a factor of 1.2 to 3.0"),
        ("comparable", "does not follow", "in 0 of 3 tasks"),
        ("dice", "cannot be judged", "No SD of a Dice score"),
        ("interpretability", "cannot be judged", "for none of the larger"),
        ("unfreezing", "cannot be judged", "number of trained layers"),
        ("backbones", "cannot be judged", "by network"),
    ],
)
def test_every_claim_has_its_verdict_and_reason(name, verdict, words):
    assert len(JUDGED) == 13
    assert JUDGED.loc[name, "verdict"] == verdict
    assert words in JUDGED.loc[name, "why"]


def test_verdicts_turn_with_the_numbers():
    clear = add_verdicts(estimate=20.0, ci_low=19.0, ci_high=21.0)["verdict"]
    for name in ("small_significant", "large_significant", "superior", "outperforming"):
        assert clear[name] == "holds"
    assert clear["range"] == clear["narrowed"] == "does not follow"
    assert add_verdicts(estimate=0.1, ci_low=-0.5, ci_high=0.7)["verdict"]["comparable"] == "holds"


def test_claims_have_places_and_tasks_of_the_paper():
    assert {*JUDGED["place"]} <= {*paper.PLACES.values()}
    assert {*JUDGED["tasks"].explode()} <= paper.COMPARISONS.keys()
    assert set(JUDGED["verdict"]) == set(VERDICTS.values())


def test_numbers_inside_quotations_are_those_of_the_paper():
    stated = {f"{one.estimate}%" for one in paper.COMPARISONS.values()}
    stated |= {f"{one.gain_percent}%" for one in paper.DICE.values()}
    found = {number for text in JUDGED["text"] for number in re.findall(r"[\d.]+%", text)}
    assert found
    assert found <= stated


def test_checks_of_each_task_are_those_of_its_audit_and_of_holms_bounds():
    found = claims.checks(audit_tasks())
    expected = {
        "wide": ["sarscov2", "hemorrhage"],
        "follows": ["meniscus"],
        "above": ["breast", "sarscov2", "hemorrhage"],
        "below": ["meniscus", "covid19"],
    }
    assert {name: [*found.index[found[name]]] for name in expected} == expected
