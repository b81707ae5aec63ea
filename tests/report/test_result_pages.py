"""Figures and tables of the pages of results: what they draw and hold, of the committed run."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from rin.evidence.paper import COMPARISONS
from rin.report import figures, tables
from rin.report.headline import differences
from rin.stats import (
    clinical_curves,
    init_differences,
    paired_scores,
    pretraining_differences,
    scenario_aucs,
    without_diverged,
)
from rin.study import open_reference


@pytest.fixture(scope="module")
def runs():
    return open_reference("open")


@pytest.fixture(scope="module")
def breast(runs):
    return runs.predictions(task="breast")


def test_forest_of_a_task_holds_the_paper_and_both_intervals_by_unfreezing(runs, breast):
    rows = figures.task_differences(runs, "breast")
    assert rows["kind"].tolist() == ["published", "recomputed", *["networks", "pretrainings"] * 4]
    assert rows["label"].tolist()[2::2] == ["all scenarios", "all layers", "top 10", "frozen"]
    assert rows["estimate"][0] == COMPARISONS["breast"].estimate
    alone = init_differences(breast, *runs.inits).set_index("group").loc["all"]
    assert rows["ci_low"][2] == pytest.approx(100 * alone["ci_low"])
    unit = pretraining_differences(breast, *runs.inits).iloc[0]
    assert rows["ci_high"][3] == pytest.approx(100 * unit["ci_high"])


def test_forest_of_a_task_that_the_paper_lacks_has_only_this_run(runs):
    assert {*figures.task_differences(runs, "busbra")["kind"]} == {"networks", "pretrainings"}


def test_curves_leave_out_pairs_of_which_a_network_diverged_where_there_are_any(runs, breast):
    curves = figures.curves_of_networks(runs, breast)
    assert curves["networks"].unique().tolist() == ["All networks", "Converged networks"]
    converged = without_diverged(breast, runs.inits)
    alone = clinical_curves(converged, runs.inits, bins=figures.bins_of(breast))
    left = curves.query("networks == 'Converged networks'").drop(columns="networks")
    pd.testing.assert_frame_equal(left, alone)
    assert {*figures.curves_of_networks(runs, converged)["networks"]} == {"All networks"}


def cells(styler):
    """Texts of a table of the book as a reader sees them."""
    return pd.DataFrame(styler.data).astype(str).replace("\u00a0", " ", regex=True)


def test_every_published_number_stands_beside_the_recomputed_one(runs):
    table = cells(tables.beside_published(runs))
    paper, here = (
        table[table["From"] == name].reset_index(drop=True) for name in ("paper", "here")
    )
    assert paper["Task"].tolist() == [
        "Thyroid nodules", "Breast lesions", "Anterior cruciate ligament tear", "Meniscal tear",
        "COVID-19", "Pneumonia", "SARS-CoV-2", "Intracranial haemorrhage",
    ]  # fmt: skip
    assert paper.iloc[0, 2:].tolist() == ["0.85 ± 0.09, 0.76 ± 0.14", "+9.4 (2.6, 16.2)", "< .001"]
    assert here.iloc[2, 2:].tolist() == ["–", "no images", "–"]
    units, networks = (rows.set_index("task") for rows in differences(runs))
    covid = here.iloc[4]
    row = networks.loc["covid19"]
    assert covid.iloc[2].startswith(f"{row['auc_a']:.2f} ± {row['sd_a']:.2f}, ")
    assert covid.iloc[3].startswith(f"+{100 * units.loc['covid19', 'estimate']:.1f} (")
    assert len(here) == len(paper) + 1  # BUS-BRA is no task of the paper


def test_table_of_two_samples_has_a_row_for_each(runs, breast):
    unit = pretraining_differences(breast, *runs.inits)
    table = cells(tables.differences(runs, {"pretrainings": unit}))
    assert table["Sampled"].tolist() == ["pretrainings"]
    assert re.fullmatch(r"[−+][\d.]+ \(−[\d.]+, [\d.]+\)", table.iloc[0, 1])
    assert re.fullmatch(r"\.\d+", table["P"][0])


def test_table_by_unfreezing_has_all_layers_first_and_stars(runs, breast):
    rows = init_differences(breast, *runs.inits)
    rows["p_holm"] = np.where(rows["group"] == "freeze_all", 0.01, 0.9)
    table = cells(tables.by_unfreezing(runs, rows))
    assert list(table) == ["Task", "all layers", "top 10", "frozen"]
    assert [cell.endswith("*") for cell in table.iloc[0, 1:]] == [False, False, True]


def test_networks_that_rank_the_wrong_way_round_are_listed_with_their_spread(runs):
    aucs = scenario_aucs(runs.predictions())
    table = cells(tables.wrong_way_round(runs, aucs))
    assert len(table) == (aucs["ci_high"] < 0.5).sum()
    assert table["AUC"].astype(float).max() < 0.5
    assert table["Network"].str.fullmatch(r"\w+, (all layers|top 10|frozen)").all()


def test_patients_that_are_wanted_grow_with_the_scatter_of_the_difference():
    rows = pd.DataFrame({"task": ["a", "b"], "n_patients": 100, "standard_error": [0.01, 0.02]})
    wanted = tables.patients_wanted(rows)
    assert wanted["patients"].tolist() == [100, 100]
    assert wanted["needed"][1] == pytest.approx(4 * wanted["needed"][0], rel=0.02)


def test_patients_are_missing_where_a_difference_has_no_standard_error(runs):
    across = differences(runs)[0]
    rows = pd.DataFrame({"task": across["task"], "n_patients": 9, "standard_error": 0.0})
    rows.loc[0, "standard_error"] = 0.01
    table = cells(tables.what_would_settle(runs, across, tables.patients_wanted(rows)))
    assert (table["To rule out 2"] == "–").tolist() == [False] + [True] * (len(across) - 1)


def test_task_without_intervals_says_so_in_place_of_a_table(runs, breast):
    positive = breast["label"] == 1
    one = breast["case_id"] == breast.loc[positive, "case_id"].iloc[0]
    single = breast[~positive | one]
    assert "no table" in tables.clinical(_Runs(runs, single), "breast").data


def test_task_of_one_pair_of_networks_has_a_forest_without_intervals_over_pretrainings(
    runs, breast
):
    pair = breast.query("backbone == 'ResNet50' and pretraining == 1")
    rows = figures.task_differences(_Runs(runs, pair), "breast")
    assert rows["kind"].tolist() == ["published", "recomputed", *["networks"] * 4]
    assert rows["group"].iat[-1].startswith("Here (numbers: these networks")


class _Runs:
    """A run of one task with other predictions."""

    def __init__(self, runs, scores):
        self._runs, self._scores = runs, scores
        self.is_reference = ("other", id(scores))

    def __getattr__(self, name):
        return getattr(self._runs, name)

    def paired_scores(self, *tasks):
        return [*paired_scores(self._scores, *self._runs.inits)]

    def predictions(self, study="main", task=None, part="test"):
        return self._scores


def test_seeds_of_pairs_show_which_pairs_share_one(runs):
    html = tables.seeds_of_pairs(runs).to_html()
    cells = re.findall(r"<td[^>]*>([^<]+)</td>", html)
    table = pd.DataFrame(np.reshape(cells, (-1, 5))).set_index(0)
    assert table.loc[["DenseNet121", "ResNet50"], 1].tolist() == ["20220914", "20220914"]
    assert table.loc["Xception"].tolist() == ["237314128", "–", "–", "–"]
    assert (table != "–").to_numpy().sum() == differences(runs)[0]["pairs"].iloc[0]


def test_seeds_of_released_weights_are_not_known(runs):
    released = SimpleNamespace(pretraining=pd.DataFrame, inits=runs.inits)
    assert tables.seeds_of_pairs(released).data == "The seeds of released weights are not known."
