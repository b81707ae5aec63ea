import math

import pytest
from fake_analyses import ENDS, INITS, NAN, analyses
from statsmodels.stats.multitest import multipletests

from rin.report import analyses_tables as tables
from rin.report.tables import book_table

NAMES = ("radiologic", "photographic")
BREAST = "Breast lesions, US"


def with_p(one, p_value):
    """The same task with another P value of its recommended analysis."""
    one.table.loc[one.table["recommended"], "p_value"] = p_value
    return one


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("a", "radiologic ahead"),
        ("b", "photographic ahead"),
        ("comparable", "comparable within ±2 points"),
        ("unclear", "no clear difference"),
        ("none", "cannot be computed here"),
    ],
)
def test_conclusion_words_say_which_start_is_ahead(key, words):
    assert tables.conclusion_words(key, NAMES, 0.02) == words


def test_margin_words_keep_parts_of_a_point():
    assert tables.margin_words(0.015) == "±1.5 points"


def test_analysis_rows_are_in_points_in_the_order_of_the_analyses():
    rows = tables.analysis_rows(analyses())
    assert len(rows) == len(ENDS)
    first = rows.iloc[0]
    assert (first["estimate"], first["low"], first["high"]) == pytest.approx((3, -1, 7))
    assert rows["published"].tolist() == [True] + [False] * 8
    assert rows.index[rows["recommended"]].tolist() == [5]
    assert rows["conclusion"].tolist()[:3] == ["unclear", "a", "a"]


def test_analysis_table_shows_unit_difference_p_and_conclusion():
    table = tables.analysis_table(analyses())
    row = table.loc["Clustered contrast (recommended)"]
    assert row.tolist() == [
        "24 scenarios",
        "+3.0 (−2.0, 8.0)",
        "P = .03",
        "no clear difference",
    ]
    assert table.index[0] == "Unpaired t (published way)"


def test_analysis_table_shows_dashes_for_what_cannot_be_computed():
    row = tables.analysis_table(analyses()).loc["Nadeau bengio"]
    assert row["Difference, points (95% CI)"] == row["P"] == "–"
    assert row["Supports"] == "cannot be computed here"


def test_beside_rows_hold_published_recomputed_and_recommended_differences():
    rows = tables.beside_rows([analyses("breast")])
    assert rows["source"].tolist() == ["published", "recomputed", "recommended"]
    ends = rows[["estimate", "low", "high"]].to_numpy()
    assert ends[0].tolist() == [4.0, -0.6, 8.7]
    assert ends[1] == pytest.approx((3, -1, 7))
    assert ends[2] == pytest.approx((3, -2, 8))
    assert rows["p"].tolist() == ["P < .001", "P = .03", "P = .03"]
    assert rows["supports"].tolist()[0] == "no clear difference"


def test_beside_rows_name_the_published_weights_where_they_are_ahead():
    rows = tables.beside_rows([analyses("thyroid", {"clustered_contrast": (0.03, 0.01, 0.05)})])
    assert rows["supports"].tolist() == [
        "RadImageNet ahead", "no clear difference", "radiologic ahead",
    ]  # fmt: skip


def test_beside_rows_adjust_the_recommended_p_values_over_tasks_by_holm():
    raw = [0.01, 0.04, 0.03]
    found = [with_p(analyses(t), p) for t, p in zip(["breast", "acl", "knees"], raw, strict=True)]
    rows = tables.beside_rows(found)
    adjusted = rows.loc[rows["source"] == "recommended", "p_holm"]
    assert adjusted.tolist() == pytest.approx(multipletests(raw, method="holm")[1])
    assert rows.loc[rows["source"] != "recommended", "p_holm"].isna().all()


def test_beside_rows_of_a_task_that_the_paper_does_not_have_hold_no_published_row():
    assert tables.beside_rows([analyses("knees")])["source"].tolist() == [
        "recomputed", "recommended",
    ]  # fmt: skip


def test_beside_table_shows_each_task_under_its_analyses():
    table = tables.beside_table([analyses("breast"), analyses("knees")])
    assert table.loc[(BREAST, "Published")].tolist() == [
        "+4.0 (−0.6, 8.7)", "P < .001", "–", "no clear difference",
    ]  # fmt: skip
    assert table.loc[("knees", "Here, recommended"), "P, Holm"] == "P = .06"
    assert ("knees", "Published") not in table.index


def test_matrix_rows_hold_published_and_every_analysis_of_each_task():
    rows = tables.matrix_rows([analyses("acl"), analyses("knees")])
    assert rows["name"].tolist().count("Published") == 1
    assert len(rows) == 1 + 2 * len(ENDS)
    published = rows.iloc[0]
    assert (published["estimate"], published["conclusion"]) == (4.8, "a")
    assert rows.groupby("title")["recommended"].sum().tolist() == [1, 1]
    own = rows[(rows["title"] == "knees") & (rows["name"] == "Paired t")].iloc[0]
    assert own["estimate"] == pytest.approx(3)


def test_conclusion_counts_count_tasks_under_every_conclusion():
    found = [analyses("acl"), analyses("breast", {"paired_t": (-0.03, -0.05, -0.01)})]
    counts = tables.conclusion_counts(found)
    assert counts.index.tolist() == list(ENDS)
    assert counts.loc["paired_t"].tolist() == [1, 1, 0, 0, 0]
    assert counts.loc["nadeau_bengio"].tolist() == [0, 0, 0, 0, 2]
    assert (counts.sum(axis=1) == 2).all()


def test_effects_table_shows_sizes_with_sign():
    row = tables.effects_table([analyses()]).loc[BREAST]
    assert row.tolist() == ["24", "+0.50", "+0.48", "+0.90 (0.40, 1.40)", "0.64", "0.75"]


def test_equivalence_table_shows_the_narrower_interval_and_the_smallest_margin():
    # 3 points, standard error 2: 90% CI 3 ± 1.645 × 2.
    row = tables.equivalence_table([analyses()]).loc[BREAST]
    assert row.tolist() == ["(−0.3, 6.3)", "P = .69", "±6.3", "not shown"]
    assert "Within ±2 points" in row.index


def test_equivalence_table_says_where_the_starts_are_comparable():
    row = tables.equivalence_table([analyses(error=0.001, margin=0.05)]).loc[BREAST]
    assert row["Within ±5 points"] == "comparable"


def test_equivalence_table_without_a_test_shows_dashes():
    ends = {"clustered_contrast": (NAN, NAN, NAN)}
    row = tables.equivalence_table([analyses(ends=ends)]).loc[BREAST]
    assert row.tolist() == ["–", "–", "–", "cannot be computed here"]


def test_tables_of_no_task_can_be_shown():
    for table in (tables.equivalence_table([]), tables.beside_rows([])):
        assert "none" in book_table(table, "Nothing").to_html()


def test_width_ratio_is_width_over_that_of_the_recommended_interval():
    assert tables.width_ratio(analyses(), "delong_stacked") == pytest.approx(0.01 / 0.10)
    assert tables.width_ratio(analyses(), "clustered_contrast") == 1


@pytest.mark.parametrize("ends", [(NAN, NAN, NAN), (0.03, 0.03, 0.03)])
def test_width_ratio_to_an_interval_without_width_is_not_a_number(ends):
    one = analyses(ends={"clustered_contrast": ends})
    assert math.isnan(tables.width_ratio(one, "delong_stacked"))


def test_width_table_shows_the_recommended_width_and_the_others_in_units_of_it():
    row = tables.width_table([analyses()]).loc[BREAST]
    assert row["Recommended, points"] == "10.0"
    assert row["Delong stacked"] == "× 0.10"
    assert row["Unpaired t"] == "× 0.80"


def test_width_table_without_recommended_interval_shows_dashes():
    one = analyses(ends={"clustered_contrast": (NAN, NAN, NAN)})
    assert set(tables.width_table([one]).loc[BREAST]) == {"–"}


def test_names_in_tables_are_those_of_the_inits():
    one = analyses(ends={"paired_t": (-0.03, -0.05, -0.01)}, inits=INITS[::-1])
    assert tables.analysis_table(one).loc["Paired t", "Supports"] == "radiologic ahead"
