"""The cover's texts and tables, of the committed run and of the numbers beside it."""

import re

import pytest

from rin.evidence.paper import COMPARISONS
from rin.evidence.replications import pooled_fine_tuned
from rin.report import cover, fed, headline
from rin.report.format import format_number
from rin.study import open_reference, open_runs


@pytest.fixture(scope="module")
def runs():
    return open_reference()


@pytest.fixture(scope="module")
def verdict():
    return cover.verdict(open_runs("demo"))


def test_three_answers_follow_the_question_each_with_its_numbers(runs, verdict):
    question, *answers = [line for line in verdict.splitlines() if line]
    assert question.startswith("**Does pretraining on radiologic images beat")
    assert "radiologic pretraining is ahead on one of six tasks, by 2.7 points" in question
    assert "A difference of 5 points or more is excluded on five of six tasks" in question
    names = [re.match(r"- \*\*(.+?):\*\*", answer)[1] for answer in answers]
    assert names == ["The paper", "Others", "This book"]
    sizes = [row.estimate for row in COMPARISONS.values()]
    assert f"by {min(sizes)} to {max(sizes)} points" in answers[0]
    assert "−0.2 (−2.2, 1.8) points" in answers[1]
    rows = headline.differences(runs)[0]
    not_clear, zero_inside = rows["p_holm"] >= 0.05, (rows["ci_low"] <= 0) & (rows["ci_high"] >= 0)
    # Where none is clear, intervals that exclude zero are told apart from the others.
    unclear = 100 * rows["estimate"][zero_inside if not_clear.all() else not_clear]
    ends = [format_number(unclear.agg(end), 1, signed=True) for end in ("min", "max")]
    assert f"(estimates {ends[0]} to {ends[1]}" in answers[2]
    assert "the released weights were not tested" in answers[2]


def test_finding_counts_the_tasks_whose_published_differences_are_listed_below_it(runs):
    counted, listed = headline.finding(runs), headline.papers_difference(runs)
    assert listed.startswith("The paper's own difference, taken as exact, lies outside the 95% ")
    head, _, tail = listed.partition(". The paper's interval")[0].partition(" (")
    assert f"{head}, with {tail.partition('), with ')[2]}" in counted


def test_own_tasks_are_set_aside_only_where_there_are_any(runs):
    assert cover.own_tasks_aside(open_runs("demo")) == ""


def test_sizes_have_a_dagger_where_no_patients_are_named(runs):
    html = cover.sizes_table(runs, headline.differences(runs)[1]).to_html()
    assert "Breast lesions †" in html
    assert "Pneumonia</td>" in html
    assert "† The files name no patients" in cover.sizes_in_words(runs)


def test_limits_name_weights_inputs_learning_and_images(runs):
    openings = re.findall(r"(?m)^- ([^:]+):", cover.limits(runs))
    assert openings == [
        "Other weights", "Inputs", "Unequal learning", "Short pretraining", "Fine-tuning", "Images"
    ]  # fmt: skip


def test_column_without_rows_is_left_out(runs):
    units, networks = headline.differences(runs)
    html = cover.differences_table(runs, units, networks.iloc[:0]).to_html()
    assert "Pretraining as the unit" in html
    assert "These networks, new patients" not in html


def test_others_are_counted_with_what_the_rest_of_their_comparisons_concern():
    pooled = pooled_fine_tuned()
    text = cover.others(pooled.loc["the paper's questions"], pooled.loc["all"])
    assert text.startswith("**Others.** All 7 pooled comparisons come from one group.")
    assert "the other 3 concern skin photographs" in text


def test_reference_run_is_said_beside_the_paper_and_on_another_hospitals_images(runs):
    text = cover.of_run(runs)
    assert text.startswith("**This book.** The paper's own difference")
    assert "On images of another hospital" in text


def test_reservations_that_answers_point_to_are_below_them(runs, verdict):
    assert "with the reservations below" in verdict
    assert "with the reservations below" in cover.advice(runs)
    against = cover.reservations(runs)
    assert against.startswith("**Reservations.** The files of COVID-19 name no patients")
    doubts = headline.doubts(runs)
    assert len(doubts) == 4
    assert against.endswith(" ".join(doubts))
    assert cover.advice(runs).endswith(f"\n\n{against}")


def test_advice_on_the_size_of_images_rests_on_a_change_of_the_difference():
    full = open_reference("fine_tuned_224")
    change = fed.effects_of_size(full).query("quantity == 'interaction'").set_index("task")
    clear = (change["ci_low"] > 0) | (change["ci_high"] < 0)
    assert {*change.index[clear]} == {"breast", "covid19"}
