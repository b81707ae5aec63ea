from functools import cache

import numpy as np
import pytest
from fake_tasks import INITS, result, scored
from scipy import stats
from sklearn.metrics import roc_auc_score

from rin import paper
from rin.replications import REPLICATIONS
from rin.report import scoreboard as board

WEIGHTS = {"radiologic": "pretrained here, stand-in images", "photographic": "released"}
BREAST = "Breast lesions, US"


@pytest.fixture(scope="module")
def results():
    return [result("acl", 1), result("breast", 2, provenance="real"), result("covid19", 3)]


@cache
def fold_areas(task, seed):
    """Mean area of each scenario over its folds, by scikit-learn: rows inits a and b."""
    runs = scored(task, seed).groupby(["init", "scenario", "fold"])
    areas = runs.apply(lambda run: roc_auc_score(run["label"], run["score"]))
    means = areas.groupby(["init", "scenario"]).mean()
    return np.array([means.loc[init].to_numpy() for init in INITS])


def minus(text):
    return text.replace("-", "−")


def test_published_scoreboard_has_every_task_of_the_paper_with_its_numbers():
    table = board.published_scoreboard()
    assert table.index.tolist() == [row.title for row in paper.COMPARISONS.values()]
    row = table.loc[BREAST]
    assert row["Images"] == "780"
    assert row["RadImageNet"] == "0.94 ± 0.05"
    assert row["ImageNet"] == "0.90 ± 0.10"
    assert row["Difference (95% CI)"] == "+4.0 (−0.6, 8.7)"
    assert row["P"] == "< .001"


def test_published_scoreboard_counts_independent_comparisons_of_like_with_like():
    column = board.published_scoreboard()["Independent comparisons"]
    for task, one in paper.COMPARISONS.items():
        led = [r.direction for r in REPLICATIONS if task in r.tasks and r.like_for_like]
        cell = column[one.title].replace("\N{NO-BREAK SPACE}", " ")
        assert cell == "–" if not led else cell.startswith(f"{len(led)}: ")
        for name in ("RadImageNet", "ImageNet"):
            number = led.count(name)
            assert (f": {name} {number}" in cell or f", {name} {number}" in cell) is (number > 0)


def test_scoreboard_shows_areas_difference_and_paired_interval_as_computed_directly(results):
    row = board.scoreboard(results, INITS, WEIGHTS).loc[BREAST]
    a, b = fold_areas("breast", 2)
    assert row["Radiologic"] == f"{a.mean():.2f} ± {a.std(ddof=1):.2f}"
    assert row["Photographic"] == f"{b.mean():.2f} ± {b.std(ddof=1):.2f}"
    low, high = stats.ttest_rel(a, b).confidence_interval()
    shown = f"{100 * (a - b).mean():+.1f} ({100 * low:.1f}, {100 * high:.1f})"
    assert row["Difference (95% CI)"] == minus(shown)


def test_scoreboard_says_in_each_row_where_images_and_weights_came_from(results):
    table = board.scoreboard(results, INITS, WEIGHTS)
    assert table.loc[BREAST, "Images"] == "real: 60"
    assert table.loc["COVID-19, chest CT", "Images"] == "stand-in: 60"
    assert table.loc[BREAST, "Weights"] == "pretrained here, stand-in images / released"
    same = board.scoreboard(results, INITS, dict.fromkeys(INITS, "released"))
    assert same.loc[BREAST, "Weights"] == "released"


def test_scoreboard_of_tasks_not_run_here_shows_dashes(results):
    table = board.scoreboard(results, INITS, WEIGHTS)
    assert table.index.tolist() == [row.title for row in paper.COMPARISONS.values()]
    rest = table.drop(index=[one.title for one in results])
    assert len(rest) == 5
    assert set(rest.to_numpy().ravel()) == {"–"}


def test_scoreboard_sets_tasks_that_the_paper_lacks_below(results):
    own = [result("axilla", title="Axillary nodes"), result("mine", 2, paper_task="breast")]
    table = board.scoreboard([*results, *own], INITS, WEIGHTS)
    assert table.index[-2:].tolist() == ["Axillary nodes", "Breast lesions, US (mine)"]
    assert "±" in table.loc["Axillary nodes", "Radiologic"]
    assert table.loc[BREAST, "Images"] == "real: 60"


def test_scoreboard_keeps_tasks_of_equal_titles_apart(results):
    own = [result("one", title="Same"), result("two", title="Same")]
    assert (board.scoreboard([*results, *own], INITS, WEIGHTS).index == "Same").sum() == 2


def by_hand(p_values):
    """Holm's step-down adjustment, as its definition reads."""
    order, adjusted = np.argsort(p_values), np.empty(len(p_values))
    for rank in range(len(order)):
        steps = [(len(order) - k) * p_values[order[k]] for k in range(rank + 1)]
        adjusted[order[rank]] = min(1, max(steps))
    return adjusted


def read(cell):
    """Bounds of the P value that a cell shows: two digits, or below .001."""
    if cell[0] in "<>":
        return (0, 0.001) if cell[0] == "<" else (0.99, 1)
    half = 0.5 * 10 ** -(len(cell) - 1)
    return float(cell) - half, float(cell) + half


@pytest.mark.parametrize("family", ["Scenarios, paired t", "Mean scores, DeLong"])
def test_significance_table_adjusts_each_family_over_the_tasks(results, family):
    table = board.significance_table(results)
    if family == "Scenarios, paired t":
        areas = [fold_areas(one.task, seed) for one, seed in zip(results, (1, 2, 3), strict=True)]
        p_values = np.array([stats.ttest_rel(a, b).pvalue for a, b in areas])
    else:
        p_values = np.array([one.pooled.delong.p_value for one in results])
    for column, expected in (("P", p_values), ("Holm", by_hand(p_values))):
        for cell, p in zip(table[family, column], expected, strict=True):
            low, high = read(cell)
            assert low - 1e-12 <= p <= high + 1e-12


def test_significance_table_shows_delong_of_mean_scores_and_the_provenance(results):
    table = board.significance_table(results)
    assert table["", "Images"].tolist() == ["stand-in", "real", "stand-in"]
    means = scored("breast", 2).groupby(["init", "fold", "case_id"])[["label", "score"]].mean()
    areas = [roc_auc_score(means.loc[i, "label"], means.loc[i, "score"]) for i in INITS]
    shown = table.loc[BREAST, ("Mean scores, DeLong", "Difference (95% CI)")]
    assert shown.startswith(minus(f"{100 * (areas[0] - areas[1]):+.1f} ("))


def test_scoreboard_counts_agree_with_the_tables(results):
    counts = board.scoreboard_counts(results)
    published = list(paper.COMPARISONS.values())
    assert counts["n_published"] == counts["n_published_ahead"] == 8
    assert counts["n_published_zero"] == sum(one.ci_low <= 0 <= one.ci_high for one in published)
    assert counts["n_tasks"] == 3
    differences = [np.subtract(*fold_areas(one.task, k + 1)) for k, one in enumerate(results)]
    assert counts["n_ahead"] == sum(each.mean() > 0 for each in differences)
    paired = by_hand(np.array([one.pooled.paired.p_value for one in results]))
    assert counts["n_paired"] == (paired < 0.05).sum()
    delong = by_hand(np.array([one.pooled.delong.p_value for one in results]))
    assert counts["n_delong"] == (delong < 0.05).sum()
    assert (counts["n_real"], counts["n_substitute"], counts["n_stand_in"]) == (1, 0, 2)
    assert counts["n_independent_ahead"] <= counts["n_independent"]


@pytest.mark.parametrize(
    ("text", "cell"), [("P < .001", "< .001"), ("P = .03", ".03"), ("P > .99", "> .99"), ("–", "–")]
)
def test_under_p_repeats_neither_letter_nor_equals_sign(text, cell):
    assert board.under_p(text) == cell


def test_board_escapes_titles_and_keeps_them_in_sight(results):
    own = result("own", title="<script>x</script>")
    html = board.board(board.scoreboard([*results, own], INITS, WEIGHTS), "Here <b>").to_html()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "position: sticky" in html


def test_board_lets_the_named_columns_wrap_in_one_and_two_levels(results):
    one = board.board(board.scoreboard(results, INITS, WEIGHTS), "x", wrap=("Weights",)).to_html()
    assert "td.col4" in one and "td.col3" not in one
    two = board.board(board.significance_table(results), "x", wrap=("Images",)).to_html()
    assert "td.col0" in two and "th.col0.level1" in two
