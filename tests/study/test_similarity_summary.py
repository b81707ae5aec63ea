import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.stats import bootstrap

from rin.errors import InputError
from rin.explain.sanity import MEASURES
from rin.study import similarity_summary

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
