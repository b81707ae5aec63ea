import numpy as np
import pandas as pd
import pytest

from rin import paper
from rin.report.scoreboard import scoreboard
from rin.stats import pooled_comparison

INITS = ("radiologic", "photographic")


@pytest.fixture(scope="module")
def comparison():
    rng = np.random.default_rng(12)
    rows = [
        ("breast", 0, scenario, init, 0, f"c{case}", "test", case % 2, rng.normal(case % 2))
        for scenario in ("s1", "s2", "s3")
        for init in INITS
        for case in range(30)
    ]
    columns = ["task", "fold", "scenario", "init", "seed", "case_id", "part", "label", "score"]
    return pooled_comparison(pd.DataFrame(rows, columns=columns), *INITS)


def test_scoreboard_has_every_task_of_the_paper_with_its_numbers(comparison):
    table = scoreboard({"breast": comparison}, INITS)
    assert table.index.tolist() == [row.title for row in paper.COMPARISONS.values()]
    row = table.loc["Breast lesions, US"]
    assert row["Published: RadImageNet / ImageNet"] == "0.94 ± 0.05 / 0.90 ± 0.10"
    assert row["Difference"] == "+4.0 (−0.6, 8.7)"


def test_scoreboard_shows_recomputed_areas_and_the_paired_interval(comparison):
    row = scoreboard({"breast": comparison}, INITS).loc["Breast lesions, US"]
    c = comparison
    areas = f"{c.mean_a:.2f} ± {c.sd_a:.2f} / {c.mean_b:.2f} ± {c.sd_b:.2f}"
    assert row["Here: Radiologic / Photographic"] == areas
    low, high = 100 * c.paired.ci_low, 100 * c.paired.ci_high
    shown = f"{100 * (c.mean_a - c.mean_b):+.1f} ({low:.1f}, {high:.1f})"
    assert row["Difference here"] == shown.replace("-", "−")


def test_scoreboard_of_tasks_not_run_here_shows_dashes(comparison):
    table = scoreboard({"breast": comparison}, INITS).drop(index="Breast lesions, US")
    assert set(table.iloc[:, 2:].to_numpy().ravel()) == {"–"}


def test_scoreboard_of_a_task_that_the_paper_does_not_have_shows_it_below_with_dashes(
    comparison,
):
    table = scoreboard({"Axillary nodes": comparison}, INITS)
    assert table.index[-1] == "Axillary nodes"
    own = table.loc["Axillary nodes"]
    assert own[["Published: RadImageNet / ImageNet", "Difference"]].tolist() == ["–", "–"]
    assert "±" in own["Here: Radiologic / Photographic"]
