import re
from html import unescape

import pytest
from fake_analyses import ENDS, NAN, analyses

from rin.report import analyses_readings as readings
from rin.report.analyses_words import PLAIN
from rin.stats.analyses import KEYS

CAUTION = "Stand-ins, not a finding."
NO_INTERVAL = dict.fromkeys(ENDS, (NAN, NAN, NAN))


def text(html):
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.data))).strip()


def test_every_analysis_is_told_in_plain_words():
    assert list(PLAIN) == list(KEYS)
    for plain in PLAIN.values():
        assert plain.asks.endswith((".", "?"))
        assert plain.wrong.endswith(".")


def test_analysis_sentences_say_one_conclusion_per_analysis_with_its_numbers():
    said = readings.analysis_sentences(analyses())
    assert said.data.count("<li>") == len(ENDS)
    assert (
        "Paired t : radiologic ahead (+3.0 points, 95% CI (1.0, 5.0); P = .03). "
        "It speaks about others of paired_t." in text(said)
    )
    assert "Unpaired t (published way) : no clear difference" in text(said)
    assert "Clustered contrast (recommended) : no clear difference" in text(said)


def test_analysis_sentences_say_why_an_analysis_cannot_be_computed():
    said = text(readings.analysis_sentences(analyses()))
    assert "Nadeau bengio : cannot be computed here: there is one fold." in said
    assert "nan" not in said


def test_analysis_sentences_of_an_interval_below_zero_put_the_other_start_ahead():
    said = text(readings.analysis_sentences(analyses(ends={"paired_t": (-0.03, -0.05, -0.01)})))
    assert "Paired t : photographic ahead (−3.0 points, 95% CI (−5.0, −1.0)" in said


@pytest.mark.parametrize("reading", [readings.analysis_sentences, readings.agreement_sentence])
def test_readings_of_a_task_warn_of_stand_ins_only_where_there_are_any(reading):
    assert CAUTION in text(reading(analyses(origin="stand-in")))
    assert CAUTION not in text(reading(analyses(origin="real")))


@pytest.mark.parametrize(
    "reading",
    [
        readings.plain_words,
        readings.beside_reading,
        readings.equivalence_reading,
        readings.effects_reading,
        readings.width_reading,
        readings.matrix_reading,
    ],
)
def test_readings_over_tasks_warn_of_stand_ins_only_where_there_are_any(reading):
    assert "All tasks counted here rest on stand-ins" in text(
        reading([analyses(origin="stand-in")])
    )
    assert "stand-in" not in text(reading([analyses(origin="real")]))


def test_agreement_sentence_counts_analyses_by_conclusion():
    said = text(readings.agreement_sentence(analyses()))
    assert said == (
        "Of 8 analyses that can be computed, 3 “radiologic ahead” and 5 “no clear difference”. "
        "The recommended one supports “no clear difference”."
    )


def test_agreement_sentence_doubts_an_interval_from_few_patients():
    doubt = "with 29 patients of the rarer class, fewer than 30, its interval is itself uncertain."
    assert doubt in text(readings.agreement_sentence(analyses(patients=29)))
    assert "uncertain" not in text(readings.agreement_sentence(analyses(patients=30)))


def test_beside_reading_counts_tasks_with_few_patients():
    said = text(readings.beside_reading([analyses("acl", patients=29), analyses(patients=30)]))
    assert "In 1 task a class has fewer than 30 test patients" in said
    assert "test patients" not in text(readings.beside_reading([analyses(patients=30)]))


def test_agreement_sentence_says_when_all_agree():
    one = analyses(ends=dict.fromkeys(ENDS, (0.03, 0.01, 0.05)))
    said = text(readings.agreement_sentence(one))
    assert "All 9 analyses that can be computed support the same." in said
    assert "supports “radiologic ahead”" in said


def test_plain_words_hold_a_section_per_analysis_with_its_counts():
    found = [analyses("breast"), analyses("acl", {"paired_t": (-0.03, -0.05, -0.01)})]
    said = readings.plain_words(found)
    assert said.data.count("<h3>") == len(ENDS)
    assert "Radiologic ahead in 1, photographic ahead in 1 of 2 tasks." in text(said)
    assert "Assumes. Assumption of paired_t." in text(said)
    assert "Cannot be computed here in 2 of 2 tasks." in text(said)


def test_beside_reading_counts_tasks_in_which_both_ways_agree():
    ahead = {"clustered_contrast": (0.03, 0.01, 0.05)}
    found = [analyses("breast"), analyses("acl", ahead), analyses("thyroid")]
    said = text(readings.beside_reading(found))
    assert "support the same conclusion in 2 of 3 tasks" in said
    assert "finds a clear difference in 1 of 3 tasks" in said
    assert "In 1 task the paper prints an interval that holds zero, and P < .001." in said


def test_beside_reading_counts_adjusted_p_values_below_the_level():
    found = [analyses("breast"), analyses("acl"), analyses("thyroid")]
    for one, p in zip(found, (0.001, 0.002, 0.2), strict=True):
        one.table.loc[one.table["recommended"], "p_value"] = p
    assert "P is below .05 in 2." in text(readings.beside_reading(found))


def test_beside_reading_leaves_out_tasks_that_cannot_be_computed():
    said = text(readings.beside_reading([analyses("knees", NO_INTERVAL), analyses("other")]))
    assert "in 1 of 1 task in which both" in said
    assert "the paper prints" not in said


def test_equivalence_reading_counts_only_tasks_that_the_paper_calls_comparable():
    found = [analyses("breast", error=0.001, margin=0.05), analyses("acl")]
    said = text(readings.equivalence_reading(found))
    assert "Of 1 task that the paper calls comparable" in said
    assert "within ±5 points in 1." in said
    assert "±3.2 points" in said


def test_equivalence_reading_without_such_a_task_says_so():
    said = text(readings.equivalence_reading([analyses("acl"), analyses("breast", NO_INTERVAL)]))
    assert said.startswith("No task that the paper calls comparable was run here")


def test_effects_reading_gives_the_range_over_tasks():
    said = text(readings.effects_reading([analyses()]))
    assert "runs at +0.50" in said
    assert "runs at +0.90" in said


def test_width_reading_gives_ratios_of_stacked_to_recommended_widths():
    narrow = analyses("acl", {"delong_stacked": (0.02, 0.0, 0.04)})
    said = text(readings.width_reading([analyses(), narrow]))
    assert "0.10 to 0.40 times as wide" in said
    assert "over 2 tasks" in said


def test_width_reading_without_intervals_says_that_none_can_be_compared():
    assert "cannot be compared" in text(readings.width_reading([analyses(ends=NO_INTERVAL)]))


def test_matrix_reading_counts_agreement_and_opposition():
    same = analyses("acl", dict.fromkeys(ENDS, (0.03, 0.01, 0.05)))
    opposed = [analyses(name, {"paired_t": (-0.03, -0.05, -0.01)}) for name in ("knees", "hips")]
    said = text(readings.matrix_reading([same, analyses("breast"), *opposed]))
    assert "support one conclusion in 1 of 4 tasks" in said
    assert "In 2, two of them name opposite starts" in said


def test_matrix_alt_tells_the_counts_of_every_analysis():
    said = readings.matrix_alt([analyses()])
    assert "Paired t: radiologic ahead in 1 of 1 task." in said
    assert said.count("of 1 task.") == len(ENDS)


def test_text_from_files_is_escaped():
    one = analyses()
    one.table.loc[0, "generalises_to"] = "<b>cases</b>"
    assert "<b>" not in readings.analysis_sentences(one).data
    assert "<b>" not in readings.plain_words([one]).data
