import itertools

import numpy as np
import pandas as pd
import pytest
from fake_tasks import inputs as fake_inputs
from scipy.stats import bootstrap

from rin.errors import InputError
from rin.explain.sanity import MEASURES
from rin.report.across import images_of
from rin.report.sanity_tables import (
    last_step,
    similarity_summary,
    survival_reading,
    survival_table,
)

INITS = ("radiologic", "photographic")
GROUPS = ("head", "stage 2", "stage 1")


def table(cases=4, per_patient=1, backbones=("ResNet50",), value=None):
    """Rows as `sanity_table` returns them; `value` maps (init, depth, case) to a similarity."""
    draws, rows = np.random.default_rng(0), []
    cells = itertools.product(INITS, backbones, enumerate(GROUPS), range(cases))
    for init, backbone, (depth, group), case in cells:
        one = draws.uniform(-1, 1) if value is None else value(init, depth, case)
        named = {"task": "breast", "init": init, "backbone": backbone}
        placed = {"case_id": f"c{case}", "patient_id": f"p{case // per_patient}"}
        found = dict.fromkeys(MEASURES, one) | {f"{m}_other": 0.1 for m in MEASURES}
        rows.append(named | placed | {"depth": depth, "group": group} | found)
    return pd.DataFrame(rows)


def cell(summary, init="radiologic", depth=0, measure="ssim"):
    chosen = (summary["init"] == init) & (summary["depth"] == depth)
    return summary[chosen & (summary["measure"] == measure)].squeeze()


def test_summary_has_one_row_a_step_and_measure_with_the_mean_over_cases():
    whole = table()
    summary = similarity_summary(whole, replicates=50)
    assert len(summary) == 2 * 3 * len(MEASURES)
    expected = whole.groupby(["init", "depth"])["ssim"].mean()
    for init, depth in expected.index:
        assert cell(summary, init, depth)["mean"] == pytest.approx(expected[init, depth])
    assert (summary["n"] == 4).all()
    assert summary["other"].to_numpy() == pytest.approx(0.1)


def test_summary_interval_with_one_case_a_patient_is_that_of_the_plain_bootstrap():
    whole = table(cases=40)
    found = cell(similarity_summary(whole, replicates=4000))
    values = whole.loc[(whole["init"] == "radiologic") & (whole["depth"] == 0), "ssim"]
    expected = bootstrap(
        (values,), np.mean, n_resamples=4000, method="percentile", rng=1
    ).confidence_interval
    assert (found["low"], found["high"]) == pytest.approx(tuple(expected), abs=0.02)


def test_summary_excess_is_that_of_each_case_over_another_image():
    whole = table(40)
    whole["ssim_other"] = np.random.default_rng(5).uniform(-1, 1, len(whole))
    whole.loc[0, "ssim_other"] = np.nan
    found = cell(similarity_summary(whole, replicates=4000))
    cases = whole[(whole["init"] == "radiologic") & (whole["depth"] == 0)]
    differences = (cases["ssim"] - cases["ssim_other"]).dropna()
    assert len(differences) == 39
    assert found["excess"] == pytest.approx(differences.mean())
    expected = bootstrap(
        (differences,), np.mean, n_resamples=4000, method="percentile", rng=1
    ).confidence_interval
    ends = found["excess_low"], found["excess_high"]
    assert ends == pytest.approx(tuple(expected), abs=0.03)


def test_summary_resamples_patients_whole():
    def value(_, __, case):
        return float(case // 2)  # both cases of a patient agree, so they count once

    twice = similarity_summary(table(8, 2, value=value), replicates=500)
    once = similarity_summary(table(4, 1, value=lambda *key: float(key[2])), replicates=500)
    assert cell(twice)["low"] == pytest.approx(cell(once)["low"])
    assert cell(twice)["high"] == pytest.approx(cell(once)["high"])


def test_summary_weighs_replicates_by_their_cases():
    whole = table(3, 2, value=lambda _, __, case: 1.0)  # two cases of one patient, one of another
    assert cell(similarity_summary(whole, replicates=20))[["low", "high"]].tolist() == [1, 1]


def test_summary_leaves_out_undefined_cases_and_counts_them():
    whole = table(4, value=lambda _, __, case: np.nan if case == 0 else 0.5)
    found = cell(similarity_summary(whole, replicates=20))
    assert (found["n"], found["n_cases"], found["mean"]) == (3, 4, 0.5)


@pytest.mark.parametrize("cases", [1, 2])
def test_summary_with_one_patient_has_no_interval(cases):
    found = cell(similarity_summary(table(cases, per_patient=2), replicates=20))
    assert np.isnan([found["low"], found["high"]]).all()


def test_summary_without_rows_raises():
    with pytest.raises(InputError, match="no row"):
        similarity_summary(table().iloc[:0])


def test_last_step_is_that_of_each_backbone():
    whole = table(backbones=("ResNet50", "DenseNet121"))
    short = whole[(whole["backbone"] == "ResNet50") | (whole["depth"] < 2)]
    found = last_step(similarity_summary(short, replicates=20))
    steps = found.groupby("backbone")["group"].unique().map(list)
    assert steps.to_dict() == {"ResNet50": ["stage 1"], "DenseNet121": ["stage 2"]}


def test_survival_table_shows_mean_interval_other_image_and_count():
    whole = table(value=lambda init, depth, _: 0.25 if depth == 2 else 1.0)
    found = survival_table(similarity_summary(whole, replicates=20))
    assert found["Init"].tolist() == ["Radiologic", "Photographic"]
    assert found.loc[0, "Structural similarity"] == (
        "0.25 (0.25, 0.25); excess +0.15 (0.15, 0.15); 4 of 4"
    )


def test_survival_table_says_where_a_measure_is_defined_for_no_image():
    whole = table(value=lambda *_: np.nan)
    found = survival_table(similarity_summary(whole, replicates=20))
    assert found.loc[0, "Dice score"] == "– (0 of 4)"


def reading(value, **settings):
    summary = similarity_summary(table(value=value), replicates=20)
    return survival_reading(
        summary, "spearman", INITS, images_of(fake_inputs("breast", **settings))
    )


def test_reading_gives_first_and_last_step_and_counts_networks_beyond_other_images():
    text = reading(
        lambda init, depth, _: {0: 0.8, 1: 0.5, 2: 0.4 if init == INITS[0] else 0.0}[depth]
    )
    first, second = text.split("Photographic: ")
    assert "0.80 once the head is random and 0.40 once every layer is" in first
    assert "and 0.10 with another image's" in first
    assert "in 1 of 1 networks" in first
    assert "0.00 once every layer is" in second
    assert "in 0 of 1 networks" in second


def test_reading_of_stand_ins_opens_with_a_caution_and_that_of_real_images_does_not():
    assert reading(lambda *_: 0.5).startswith("Stand-ins, not a finding. Radiologic")
    assert reading(lambda *_: 0.5, provenance="real").startswith("Radiologic")


def test_reading_when_no_map_is_defined_says_so():
    assert "no map of random weights has a rank correlation" in reading(lambda *_: np.nan)
