"""The page on random weights: areas against scikit-learn, differences against their parts."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from fake_tasks import inputs, scored
from sklearn.metrics import roc_auc_score

from rin.errors import InputError
from rin.report.format import format_estimate, format_p
from rin.report.from_random import (
    areas_over_folds,
    from_random_panels,
    gains_over_random,
    gains_reading,
    gains_table,
)

INITS = ("random", "radiologic", "photographic")


@pytest.fixture(scope="module")
def predictions():
    table = scored("breast", inits=INITS)
    kept = table["scenario"].isin(table["scenario"].unique()[:2])
    return table[kept].assign(patient_id=lambda rows: rows["case_id"].str[:3])


@pytest.fixture(scope="module")
def tasks():
    return {"breast": inputs("breast", title="Breast lesions")}


def test_areas_are_those_of_all_test_cases_together(predictions):
    for one in areas_over_folds(predictions).itertuples():
        own = predictions.query("scenario == @one.scenario and init == @one.init")
        assert one.auc == pytest.approx(roc_auc_score(own["label"], own["score"]))
        assert one.n_patients == own["patient_id"].nunique()
        folds = [roc_auc_score(f["label"], f["score"]) for _, f in own.groupby("fold")]
        assert one.folds == pytest.approx(folds)


def test_gains_are_differences_of_areas_from_random(predictions):
    areas = areas_over_folds(predictions).set_index(["scenario", "init"])["auc"]
    gains = gains_over_random(predictions)
    assert set(gains["init"]) == {"radiologic", "photographic"}
    for one in gains.itertuples():
        expected = areas[one.scenario, one.init] - areas[one.scenario, "random"]
        assert one.difference == pytest.approx(expected)


def test_p_values_are_adjusted_over_all_rows(predictions):
    gains = gains_over_random(predictions).sort_values("p_value")
    steps = gains["p_value"].to_numpy() * np.arange(len(gains), 0, -1)
    assert gains["p_holm"].to_numpy() == pytest.approx(np.minimum(np.maximum.accumulate(steps), 1))


def test_table_has_a_row_for_each_comparison(predictions, tasks):
    gains, areas = gains_over_random(predictions), areas_over_folds(predictions)
    table = gains_table(gains, areas, tasks)
    assert len(table) == len(gains)
    assert table["Patients"].iloc[0] == str(areas["n_patients"].iloc[0])
    first, shown = gains.iloc[0], table.iloc[0]
    told = 100 * first[["difference", "ci_low", "ci_high"]].astype(float)
    assert shown["Difference, points (95% CI)"] == format_estimate(*told, 1)
    assert shown[["P, Holm", "P"]].tolist() == [
        format_p(first["p_holm"]),
        format_p(first["p_value"]),
    ]
    areas_told = [f"{first[name]:.2f}" for name in ("auc_a", "auc_b")]
    assert shown[["AUC", "AUC, random"]].tolist() == areas_told


def test_panels_draw_one_dot_a_fold(predictions, tasks):
    axes = from_random_panels(areas_over_folds(predictions), tasks)
    assert len(axes) == 2
    dots = [line for line in axes[0].lines if line.get_marker() == "o"]
    assert [len(line.get_xdata()) for line in dots] == [2, 2, 2]
    plt.close("all")


@pytest.mark.parametrize(("kind", "said"), [("stand-in", True), ("real", False)])
def test_reading_says_that_stand_ins_are_no_findings(predictions, kind, said):
    tasks = {"breast": inputs("breast", provenance=kind)}
    text = gains_reading(gains_over_random(predictions), tasks).data
    assert text.count("- ") >= 4
    assert ("no findings" in text) == said


def test_gains_without_another_init_than_random_raise(predictions):
    with pytest.raises(InputError, match="nothing to compare"):
        gains_over_random(predictions[predictions["init"] == "random"])
