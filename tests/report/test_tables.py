import numpy as np
import pandas as pd
import pytest

from rin import paper
from rin.errors import InputError
from rin.report import tables, tidy
from rin.stats.paired import paired_t
from rin.stats.scenarios import pooled_comparison

INITS = ("radiologic", "photographic")


@pytest.fixture(scope="module")
def comparison():
    rng = np.random.default_rng(6)
    rows = [
        ("breast", 0, scenario, init, 0, f"c{case}", "test", case % 2, rng.normal(case % 2))
        for scenario in ("s1", "s2", "s3")
        for init in INITS
        for case in range(40)
    ]
    columns = ["task", "fold", "scenario", "init", "seed", "case_id", "part", "label", "score"]
    return pooled_comparison(pd.DataFrame(rows, columns=columns), *INITS)


def test_published_beside_table_shows_the_numbers_of_the_paper(comparison):
    table = tables.published_beside_table({"breast": comparison})
    row = table.loc["Breast lesions, US"]
    assert len(table) == len(paper.COMPARISONS)
    assert row["Published", "RadImageNet"] == "0.94 ± 0.05"
    assert row["Published", "ImageNet"] == "0.90 ± 0.10"
    assert row["Published", "Difference, points (95% CI)"] == "+4.0 (−0.6, 8.7)"
    assert row["Published", "P"] == "P < .001"


def test_published_beside_table_shows_recomputed_numbers_or_dashes(comparison):
    table = tables.published_beside_table({"breast": comparison})
    row = table.loc["Breast lesions, US"]
    assert row["Recomputed", "Radiologic"].startswith(f"{comparison.mean_a:.2f} ± ")
    low = 100 * comparison.delong.ci_low
    assert row["Recomputed", "95% CI, DeLong of mean scores"].startswith(
        f"({low:.1f}".replace("-", "−")
    )
    assert set(table.loc["Thyroid nodules, US", "Recomputed"]) == {"–"}


def test_published_beside_table_of_unknown_task_lists_tasks(comparison):
    with pytest.raises(InputError, match="meniscus"):
        tables.published_beside_table({"knee": comparison})


def test_published_beside_points_gives_unpaired_intervals_in_points(comparison):
    table = tables.published_beside_points({"breast": comparison})
    assert (table["source"] == "published").sum() == 8
    (row,) = table[table["source"] == "recomputed"].itertuples()
    assert row.estimate == pytest.approx(comparison.gain_points)
    assert row.low == pytest.approx(100 * comparison.unpaired.ci_low)
    published = table[table["name"] == "Thyroid nodules, US"].iloc[0]
    assert published[["estimate", "low", "high"]].tolist() == [9.4, 2.6, 16.2]


def test_scenario_table_has_one_row_of_text_per_scenario(differences):
    differences.loc[0, ["auc_a", "difference", "ci_low", "ci_high", "p_value"]] = [
        0.9, 0.04, -0.006, 0.087, 0.0002,
    ]  # fmt: skip
    table = tables.scenario_table(tidy.with_conditions(differences), INITS)
    assert len(table) == 24
    (row,) = table[table["P"] == "P < .001"].to_dict("records")
    assert row["Backbone"] == "DenseNet121"
    assert (row["Unfreezing"], row["Learning rate"]) == ("all layers", "1e-3")
    assert row["AUC, Radiologic"] == "0.900"
    assert row["Difference (95% CI)"] == "+0.040 (−0.006, 0.087)"


def test_dice_beside_table_shows_published_and_recomputed_dice():
    summary = pd.DataFrame(
        {"task": "breast", "init": INITS, "mean": [0.2, 0.1], "sd": [0.05, 0.02]}
    )
    test = paired_t([0.3, 0.2, 0.1, 0.25], [0.1, 0.15, 0.12, 0.2])
    table = tables.dice_beside_table(summary, {"breast": test}, INITS)
    row = table.loc["Breast lesions, US"]
    assert row["Published", "RadImageNet"] == "0.163"
    assert row["Published", "Gain, %"] == "+16.4"
    assert row["Recomputed", "Radiologic"] == "0.200 ± 0.050"
    assert set(table.loc["Thyroid nodules, US", "Recomputed"]) == {"–"}


def test_book_table_hides_running_index_and_escapes_cells():
    html = tables.book_table(pd.DataFrame({"A": ["<b>x</b>"]}), "Caption").to_html()
    assert "&lt;b&gt;x" in html
    assert "row_heading" not in html
    assert "Caption</caption>" in html


def test_book_table_keeps_the_ends_of_an_interval_on_one_line():
    table = pd.DataFrame({"a": ["+0.1 (−0.2, 0.4)"], "b": ["lung, left (two, or three)"]})
    html = tables.book_table(table, "c", prose=True).to_html()
    assert "+0.1 (−0.2,\u00a00.4)" in html
    assert "lung, left (two, or three)" in html
