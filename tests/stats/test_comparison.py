"""Two models on any table, several AUCs at once, and a threshold."""

import math
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from scipy import stats
from scipy.special import expit, logit
from sklearn.metrics import recall_score, roc_auc_score

from rin.errors import InputError
from rin.stats import auc_ci, compare, delong_test, operating_point, share_interval
from rin.stats.simulation import simulate_predictions

NAMES = {"by": "reader", "case": "image", "patient": "who", "label": "truth", "score": "rating"}


def ratings(seed=0):
    """Ratings of images, two a patient, by a reader and a worse one; labels are words."""
    scores = simulate_predictions(seed=seed)
    rows = scores[(scores["task"] == "breast") & (scores["scenario"] == scores["scenario"][0])]
    table = pd.DataFrame(
        {
            "reader": rows["init"].map({"a": "new", "b": "old"}),
            "image": rows["case_id"] + f" of {seed}",
            "who": rows["patient_id"] + f" of {seed}",
            "truth": rows["label"].map({1: "cancer", 0: "benign"}),
            "number": rows["label"],
            "rating": rows["score"],
        }
    )
    return table.sample(frac=1, random_state=1)


def compared(table, **options):
    return compare(table, **{"a": "new", "b": "old", "positive": "cancer"} | NAMES | options)


def arrays(table, reader):
    """Labels, ratings and patients of a reader."""
    rows = table[table["reader"] == reader].sort_values("image")
    columns = rows["truth"] == "cancer", rows["rating"], rows["who"]
    return [column.to_numpy() for column in columns]


def test_paired_comparison_of_a_shuffled_table_is_delongs_test_over_patients():
    table = ratings()
    (labels, new, who), (_, old, _) = arrays(table, "new"), arrays(table, "old")
    expected = asdict(delong_test(labels, old, new, who, level=0.8))
    del expected["variance"]
    found = compared(table, a="old", b="new", level=0.8).iloc[0]
    assert found[[*expected]].to_dict() == pytest.approx(expected)
    assert (found["n_cases"], found["n_patients"]) == (120, 60)


def without(column, value=None, dtype="object"):
    """Ratings of which one row has another value, such as none, in a column."""
    table = ratings().reset_index(drop=True).astype({column: dtype})
    table.loc[5, column] = value
    return table


def test_rows_of_other_models_may_lack_anything():
    table = ratings().astype({"reader": "string"})
    nobody = pd.DataFrame({name: [pd.NA] for name in table}).astype({"reader": "string"})
    other = table.iloc[:1].assign(reader="third", who=None, image=7, truth=None)
    whole = pd.concat([nobody, table, other], ignore_index=True)
    assert_frame_equal(compared(whole), compared(table))


def test_levels_within_which_scores_have_a_scale_are_averaged():
    folds = [ratings(seed).assign(fold=seed) for seed in range(3)]
    table = pd.concat(folds)
    table["rating"] += 10 * table["fold"]  # other scales do no harm
    found = compared(table, within="fold").iloc[0]
    alone = pd.concat(map(compared, folds))
    assert found["estimate"] == pytest.approx(alone["estimate"].mean())
    error = math.sqrt((alone["standard_error"] ** 2).sum()) / 3
    assert found["standard_error"] == pytest.approx(error)
    assert found["n_patients"] == 180


@pytest.mark.parametrize(
    ("table", "options", "said"),
    [
        (ratings(), {"a": "new", "b": "odl"}, "odl"),
        (ratings(), {"b": "new"}, "'new' twice"),
        (ratings(), {"positive": "tumour"}, "tumour"),
        (ratings().drop(columns="who"), {}, "who"),
        (ratings().iloc[1:], {}, "119 cases|120 cases beside 119"),
        (pd.concat([ratings(), ratings()]), {}, "240 rows repeat a case"),
        (without("truth", "?"), {}, "labels or patients that differ"),
        (ratings(), {"positive": None}, "^scores, truth, labels: values other than 0 and 1"),
        (ratings().eval("half = image < 'breast3'"), {"within": "half"}, "levels of"),
        (without("number"), {"within": "number"}, "1 row without a level"),
        (without("truth"), {}, r"^scores, truth: 1 row without a label\. Name it"),
        (without("who", pd.NA, "string"), {}, r"^scores, who: 1 row without a patient\. Name it"),
        (
            without("truth").replace({"truth": {"cancer": True, "benign": False}}),
            {"positive": None},
            r"^scores, truth: 1 row without a label\. Name it",
        ),
    ],
)
def test_tables_that_do_not_fit_are_one_clear_error(table, options, said):
    with pytest.raises(InputError, match=said):
        compared(table, **options)


def test_operating_point_has_the_recalls_of_scikit_learn_and_clustered_intervals():
    labels, scores, who = arrays(ratings(), "new")
    threshold = np.sort(scores)[35]  # of a case, which is called positive
    called = scores >= threshold
    table = operating_point(labels, scores, threshold, who, level=0.9)
    sensitivity, specificity = table.to_dict("records")
    assert sensitivity["estimate"] == recall_score(labels, called)
    assert specificity["estimate"] == recall_score(~labels, ~called)
    ends = share_interval(called[labels], who[labels], level=0.9)
    assert (sensitivity["ci_low"], sensitivity["ci_high"]) == ends
    assert table["n_cases"].tolist() == [60, 60]
    alone = operating_point(labels, scores, threshold, level=0.9).iloc[0]
    exact = stats.binomtest(int(called[labels].sum()), 60).proportion_ci(0.9, "wilson")
    assert (alone["ci_low"], alone["ci_high"]) == pytest.approx(tuple(exact))


@pytest.mark.parametrize("level", [0.95, 0.999])
def test_logit_interval_is_normal_in_log_odds_and_stays_inside(level):
    labels, scores, who = arrays(ratings(), "new")
    found = auc_ci(labels, scores, who, level=level, interval="logit")
    auc = roc_auc_score(labels, scores)
    error = math.sqrt(found.variance) / (auc * (1 - auc))
    ends = stats.norm.interval(level, logit(auc), error)
    assert (found.ci_low, found.ci_high) == pytest.approx(tuple(expit(ends)))
    assert 0 < found.ci_low < auc < found.ci_high < 1


@pytest.mark.parametrize("turned", [1, -1])
def test_interval_of_a_perfect_auc_leaves_room_by_the_number_of_patients(turned):
    """Newcombe's method 5: the end's own variance puts it 1.96 standard errors from 1."""
    labels, scores = np.repeat([0, 1], [30, 20]), turned * np.arange(50.0)
    found = auc_ci(labels, scores, interval="logit")
    normal = auc_ci(labels, scores)
    assert normal.ci_low == normal.ci_high  # no room
    end = found.ci_low if turned > 0 else 1 - found.ci_high
    q = 24 * ((1 - end) / (2 - end) + end / (1 + end))
    error = math.sqrt(end * (1 - end) * (1 + q) / 600)
    assert 1 - end == pytest.approx(1.959964 * error, rel=1e-4)
    few = auc_ci(labels, scores, np.arange(50) // 5, interval="logit")
    assert few.ci_high - few.ci_low > found.ci_high - found.ci_low
    with pytest.raises(InputError, match="'wald' is no kind of interval"):
        auc_ci(labels, scores, interval="wald")
