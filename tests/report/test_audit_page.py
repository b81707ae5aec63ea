import re
from dataclasses import replace
from pathlib import Path

import jupytext
import pytest

from rin import paper
from rin.discrepancies import DISCREPANCIES, KINDS, Says
from rin.errors import InputError
from rin.report import audit_cards, audit_claims, audit_readings, audit_tables, audit_words
from rin.report.figures_audit import audit_intervals
from rin.stats.audit_rounding import Bounds
from rin.stats.audit_tasks import audit_tasks

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
AUDITS = audit_tasks()
CLAIMS = {one.claim.name: one for one in audit_claims.judged_claims(AUDITS)}


def audited(task, **changed):
    """Audit the paper with some numbers of one task changed."""
    return audit_tasks(paper.COMPARISONS | {task: replace(paper.COMPARISONS[task], **changed)})


def judged(name, audits):
    return next(one for one in audit_claims.judged_claims(audits) if one.claim.name == name)


@pytest.mark.parametrize(
    ("bounds", "digits", "expected"),
    [((4.75, 4.85), 2, "4.75 to 4.85"), ((1.04, 1.01), 1, None), ((-0.51, 0.5), 1, "−0.5 to 0.5"),
     ((1.01, 1.04), 1, "1.0")],
)  # fmt: skip
def test_range_in_words(bounds, digits, expected):
    if expected is None:
        with pytest.raises(InputError):
            Bounds(*bounds)
    else:
        assert audit_words.range_words(Bounds(*bounds), digits) == expected


def test_p_values_and_lists_in_words():
    assert audit_words.p_range_words(Bounds(0.0003, 0.012)) == "< .001 to .01"
    assert audit_words.names(["acl", "covid19", "own"]) == "ACL, COVID-19 and own"
    assert audit_words.names([]) == "none"


def test_every_task_of_the_paper_has_a_short_name():
    assert list(audit_words.SHORT) == list(paper.COMPARISONS)


def test_width_reading_counts_the_tasks_that_agree():
    text = audit_readings.width_reading(AUDITS)
    assert text.startswith("In 8 of 8 tasks")
    assert "4 of 4 formulas" in text and "cannot tell these apart" in text
    other = audit_readings.width_reading(audited("acl", sd_imagenet=0.14))
    assert other.startswith("In 7 of 8 tasks") and "(not in ACL)" in other
    assert "0 of 4 formulas" in other and "apart." in other.split(";")[1]
    assert "cannot tell these apart" not in other


def test_zero_reading_names_the_intervals_that_hold_zero():
    text = audit_readings.zero_reading(AUDITS)
    assert text.startswith("4 of 8 published intervals hold zero")
    assert "breast, pneumonia, SARS-CoV-2 and hemorrhage" in text
    assert "Beside 4 of them stands P < .001" in text
    other = audit_readings.zero_reading(audited("breast", ci_low=0.6, ci_high=7.4))
    assert other.startswith("3 of 8") and "breast" not in other
    unsure = audit_readings.zero_reading(audited("breast", ci_low=0.0, ci_high=8.0))
    assert "Of breast rounding leaves it open." in unsure


def test_zero_reading_says_nothing_of_p_values_that_are_not_small():
    stated = {task: replace(one, p_text="P < .5") for task, one in paper.COMPARISONS.items()}
    assert "cannot both come" not in audit_readings.zero_reading(audit_tasks(stated))


def test_p_reading_counts_the_tasks_whose_numbers_allow_the_stated_value():
    text = audit_readings.p_reading(AUDITS)
    assert text.count("1 of 8") == 2 and text.count("(meniscus)") == 2
    assert "In 7 tasks neither does" in text
    assert "breast, SARS-CoV-2 and hemorrhage both stay above .05" in text
    other = audit_readings.p_reading(audited("thyroid", sd_radimagenet=0.02, sd_imagenet=0.03))
    assert "2 of 8 tasks (thyroid and meniscus)" in other


def test_holm_reading_sorts_the_tasks_into_three():
    text = audit_readings.holm_reading(AUDITS)
    assert "leaves meniscus and COVID-19 below .05" in text
    assert "of thyroid and ACL rounding leaves it open" in text
    other = audit_readings.holm_reading(audited("thyroid", difference=14.0))
    assert "leaves thyroid, meniscus and COVID-19 below" in other


def test_centre_reading_explains_the_difference_that_is_off():
    text = audit_readings.centre_reading(AUDITS)
    assert "in 7 of 8 tasks" in text
    assert "For ACL it is 4.8, the middle 5.20 to 5.30" in text
    assert "compatible with the means, and the stated difference is not." in text
    other = audit_readings.centre_reading(audited("acl", difference=5.2))
    assert "in 8 of 8 tasks" in other and "ACL" not in other


def test_pairing_reading_names_the_task_that_no_correlation_serves():
    text = audit_readings.pairing_reading(AUDITS)
    assert "stated P value in SARS-CoV-2; in breast, pneumonia and hemorrhage" in text
    assert "−0.51 to 0.54" in text and "in 8 of 8 tasks" in text
    other = audit_readings.pairing_reading(audited("sarscov2", difference=5.0))
    assert "stated P value in none;" in other


def test_delong_readings_state_the_limit_and_what_stays_open():
    text = audit_readings.delong_limit_reading(AUDITS)
    assert text.startswith("With 15% of the stated images")
    assert "2 of 8 tasks (SARS-CoV-2 and hemorrhage), and in hemorrhage wider" in text
    other = audit_readings.delong_limit_reading(audited("sarscov2", ci_low=1.0, ci_high=2.4))
    assert "1 of 8 tasks (hemorrhage)" in other
    assert "24 pairs of curves" in audit_readings.delong_reading()


def test_percent_reading_counts_gains_that_are_points():
    text = audit_readings.percent_reading(AUDITS)
    assert "thyroid would be 12.2 to 12.5, not 9.4; in 6 of 8 tasks" in text


def test_dice_reading_compares_the_stated_gain_with_both_places():
    assert audit_readings.dice_reading(paper.DICE).count("(compatible)") == 4
    other = {"thyroid": replace(paper.DICE["thyroid"], gain_percent=67.0)}
    text = audit_readings.dice_reading(other)
    assert text.count("(compatible)") == 1 and text.count("(not compatible)") == 1


def test_conclusions_stand_under_three_headings_and_move_with_the_numbers():
    found = audit_readings.conclusions(AUDITS)
    assert [heading.split()[1] for heading in found] == ["follows", "does", "cannot"]
    first = found["What follows from the published numbers"]
    assert "in 8 of 8 tasks, by 0.9 to 9.4 points" in first[0]
    assert "P from < .001 to .01" in first[1]
    other = audit_readings.conclusions(audited("thyroid", difference=-2.0))
    assert "in 7 of 8 tasks, by −2.0 to 6.1 points" in next(iter(other.values()))[0]


def test_no_reading_imputes_a_motive_or_speaks_of_what_was_done():
    texts = [text for group in audit_readings.conclusions(AUDITS).values() for text in group]
    texts += [one.reason for one in CLAIMS.values()]
    texts += [one.finding + one.consequence for one in map(audit_cards.write, DISCREPANCIES)]
    words = r"\b(authors used|authors chose|wrong(ly)? claim|mislead|hide|hid|fraud|manipulat)"
    assert [text for text in texts if re.search(words, text)] == []


def test_claims_have_places_of_the_paper_and_tasks_that_it_has():
    assert {one.claim.place for one in CLAIMS.values()} <= set(paper.PLACES)
    assert all(set(one.claim.tasks) <= set(paper.COMPARISONS) for one in CLAIMS.values())
    assert len(CLAIMS) == len(audit_claims.CLAIMS)


def test_numbers_inside_quotations_are_those_of_the_paper():
    stated = {f"{one.difference}%" for one in paper.COMPARISONS.values()}
    stated |= {f"{one.gain_percent}%" for one in paper.DICE.values()}
    found = {number for one in CLAIMS.values()
             for number in re.findall(r"[\d.]+%", one.claim.text)}  # fmt: skip
    assert found and found <= stated


@pytest.mark.parametrize(
    ("name", "verdict", "words"),
    [
        ("small_significant", "does not follow", "in 1 of 4 (meniscus)"),
        ("large_significant", "does not follow", "in 0 of 4 (none)"),
        ("superior", "does not follow", "excludes zero in 4 (thyroid, ACL, meniscus"),
        ("range", "holds", "from 0.9 to 9.4 points"),
        ("gain", "does not follow", "12.2 to 12.5"),
        ("outperforming", "does not follow", "those of hemorrhage are printed alike"),
        ("narrowed", "holds", "4 of the 70 ways"),
        ("smaller_sds", "holds", "in 8 of 8 tasks"),
        ("comparable", "does not follow", "in 0 of 3 tasks"),
        ("dice", "cannot be told", "No SD of a Dice score"),
        ("interpretability", "cannot be told", "for none of the larger ones"),
        ("unfreezing", "cannot be told", "number of trained layers"),
        ("backbones", "cannot be told", "by network"),
    ],
)
def test_every_claim_has_its_verdict_and_reason(name, verdict, words):
    assert CLAIMS[name].verdict == verdict
    assert words in CLAIMS[name].reason


def test_verdicts_turn_with_the_numbers():
    clear = {
        task: replace(one, difference=20.0, ci_low=19.0, ci_high=21.0)
        for task, one in paper.COMPARISONS.items()
    }
    audits = audit_tasks(clear)
    holds = [judged(name, audits).verdict for name in
             ("small_significant", "large_significant", "superior", "outperforming")]  # fmt: skip
    assert holds == ["holds"] * 4
    assert judged("range", audits).verdict == "does not follow"
    assert judged("narrowed", audits).verdict == "does not follow"
    alike = {
        task: replace(one, difference=0.1, ci_low=-0.5, ci_high=0.7)
        for task, one in paper.COMPARISONS.items()
    }
    assert judged("comparable", audit_tasks(alike)).verdict == "holds"


@pytest.mark.parametrize(
    ("table", "column", "acl"),
    [
        (audit_tables.width_table, "Unpaired t", "3.51"),
        (audit_tables.width_table, "Its range", "3.50 to 3.60"),
        (audit_tables.p_table, "P by SDs", ".004 to .01"),
        (audit_tables.p_table, "Stated P", "< .001"),
        (audit_tables.centre_table, "Stated = middle", "no"),
        (audit_tables.centre_table, "Middle = of the means", "yes"),
        (audit_tables.centre_table, "Interval", "(1.7, 8.8)"),
        (audit_tables.pairing_table, "Needed for the stated P", "0.55 to 0.95"),
        (audit_tables.delong_table, "Wider than possible", "no"),
    ],
)
def test_tables_have_a_row_a_task_and_the_ranges_as_text(table, column, acl):
    found = table(AUDITS)
    assert list(found.index) == [one.title for one in paper.COMPARISONS.values()]
    assert found.loc[paper.COMPARISONS["acl"].title, column] == acl


def test_needed_correlation_says_where_none_is_enough():
    found = audit_tables.pairing_table(AUDITS)["Needed for the stated P"]
    assert found[paper.COMPARISONS["sarscov2"].title] == "none is enough"
    assert found[paper.COMPARISONS["breast"].title] == "0.89 to none is enough"


def test_formula_table_counts_the_tasks_that_fit():
    assert set(audit_tables.formula_table(AUDITS)["Fits"]) == {"8 of 8"}
    other = audit_tables.formula_table(audited("acl", sd_imagenet=0.14))
    assert set(other["Fits"]) == {"7 of 8"}


def test_figure_draws_each_published_interval_with_the_implied_one_below():
    rows = audit_tables.interval_rows(AUDITS)
    ax = audit_intervals(rows)
    lines = [(line.get_color(), *line.get_xdata()) for line in ax.lines
             if line.get_linewidth() == 3]  # fmt: skip
    colors = list(dict.fromkeys(color for color, *_ in lines))
    published, implied = ([line[1:] for line in lines if line[0] == color] for color in colors)
    assert published == list(rows[["low", "high"]].itertuples(index=False, name=None))
    halves = [(high - low) / 2 for low, high in implied]
    assert halves == pytest.approx(rows["implied"].tolist())
    assert [(low + high) / 2 for low, high in implied] == pytest.approx(rows["difference"].tolist())
    assert [text.get_text() for text in ax.texts] == rows["name"].tolist()
    assert sum(text.get_fontweight() == "bold" for text in ax.texts) == 4
    assert ax.get_figure().get_figwidth() <= 5


def test_figure_of_the_wrong_table_is_refused():
    rows = audit_tables.interval_rows(AUDITS)
    with pytest.raises(InputError, match="implied"):
        audit_intervals(rows.drop(columns="implied"))
    with pytest.raises(InputError, match="no row"):
        audit_intervals(rows.iloc[:0])


def test_claim_cards_show_verdict_words_place_and_reason():
    html = audit_cards.claim_cards(list(CLAIMS.values())).data
    assert html.count("<article") == len(CLAIMS)
    assert "does not follow" in html and "P &lt; .001" in html
    assert "<table" not in html


def test_ledger_cards_escape_and_show_every_part():
    entry = replace(DISCREPANCIES[0], title="<b>x</b>", says=(Says("Abstract", "a & b"),))
    html = audit_cards.ledger_cards([entry]).data
    assert "&lt;b&gt;x" in html and "a &amp; b" in html
    assert "2026-11-20" in html and "What it changes." in html and "This book." in html
    assert "Computed.</em> The classes add up to 1,022." in html


def test_ledger_table_counts_every_entry_once():
    table = audit_cards.ledger_table()
    assert list(table.index) == [*KINDS.values(), "All"]
    assert table["Entries"].drop("All").sum() == table.loc["All", "Entries"] == len(DISCREPANCIES)
    assert (table["Open"] + table["Explained"] == table["Entries"]).all()
    text = audit_cards.ledger_reading()
    assert f"holds {len(DISCREPANCIES)} entries, found on 2026-11-20;" in text
    assert f"{table.loc['All', 'Open']} are open" in text


def test_ledger_page_shows_every_kind():
    text = (NOTEBOOKS / "discrepancies.py").read_text(encoding="utf-8")
    assert re.findall(r'entries_of\("(\w+)"\)', text) == list(KINDS)
    for title in KINDS.values():
        assert f"## {title}" in text
    shown = [one.id for kind in KINDS for one in audit_cards.entries_of(kind)]
    assert sorted(shown) == sorted(one.id for one in DISCREPANCIES)


@pytest.mark.parametrize("name", ["audit", "discrepancies"])
def test_pages_take_no_parameters_and_type_no_number_in_their_prose(name):
    notebook = jupytext.read(NOTEBOOKS / f"{name}.py")
    assert all("parameters" not in c.metadata.get("tags", []) for c in notebook.cells)
    prose = [c.source for c in notebook.cells if c.cell_type == "markdown"][1:]
    plain = re.sub(
        r"\{[^}]*\}`[^`]*`|\$[^$]*\$|`[^`]*`|lie between 0 and 1|## ", "", " ".join(prose)
    )
    assert re.findall(r"\d[\d.,%]*", plain) == []
