"""Two models on any table, several AUCs at once, and a threshold."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import recall_score, roc_auc_score

from rin.errors import InputError
from rin.stats import (
    auc_ci,
    auc_contrasts,
    compare,
    delong_covariance,
    delong_test,
    operating_point,
    placements,
    roc_coordinates,
    share_interval,
)

NAMES = {"by": "reader", "case": "image", "patient": "who", "label": "truth", "score": "rating"}


def ratings(readers=("new", "old"), *, images=60, seed=0, prefix=""):
    """Ratings of images, two a patient, the first reader's best; labels are words."""
    rng, truth = np.random.default_rng(seed), np.arange(images) % 3 == 0
    shared, tables = rng.normal(size=images // 2), []
    for place, reader in enumerate(readers):
        rating = truth * (1.5 - 0.5 * place) + np.repeat(shared, 2) + rng.normal(size=images)
        rows = {"reader": reader, "image": [f"{prefix}i{k}" for k in range(images)]}
        rows |= {"who": [f"{prefix}p{k // 2}" for k in range(images)], "rating": rating}
        tables.append(pd.DataFrame(rows | {"truth": np.where(truth, "cancer", "benign")}))
    return pd.concat(tables).sample(frac=1, random_state=1)


def arrays(table, reader):
    rows = table[table["reader"] == reader].sort_values("image")
    return (
        (rows["truth"] == "cancer").to_numpy(),
        rows["rating"].to_numpy(),
        rows["who"].to_numpy(),
    )


@pytest.mark.parametrize("level", [0.95, 0.8])
def test_paired_comparison_of_a_shuffled_table_is_delongs_test_over_patients(level):
    table = ratings()
    (found,) = compare(
        table, a="new", b="old", positive="cancer", level=level, **NAMES
    ).itertuples()
    (labels, new, who), (_, old, _) = arrays(table, "new"), arrays(table, "old")
    expected = delong_test(labels.astype(int), new, old, who, level=level)
    for name in ("estimate", "ci_low", "ci_high", "statistic", "p_value", "auc_a", "auc_b"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name))
    low, high = stats.norm.interval(level, expected.estimate, expected.standard_error)
    assert (found.ci_low, found.ci_high) == pytest.approx((low, high))
    assert (found.n_cases, found.n_patients) == (60, 30)


def test_boolean_labels_need_no_name_of_the_positive_class():
    table = ratings()
    words = compare(table, a="new", b="old", positive="cancer", **NAMES)
    flags = compare(table.assign(truth=table["truth"] == "cancer"), a="new", b="old", **NAMES)
    other = compare(table, a="new", b="old", positive="benign", **NAMES)
    pd.testing.assert_frame_equal(words, flags)
    assert other["auc_a"].item() == pytest.approx(1 - words["auc_a"].item())


def without(column, value=None, dtype="object"):
    """Ratings of which one row has another value, such as none, in a column."""
    table = ratings().reset_index(drop=True).astype({column: dtype})
    table.loc[5, column] = value
    return table


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (without("truth"), r"^scores, truth: 1 row without a label\. Name it"),
        (without("image", np.nan), r"^scores, image: 1 row without a case\. Name it"),
        (without("who", pd.NA, "string"), r"^scores, who: 1 row without a patient\. Name it"),
        (without("image", 7), r"^scores, image: cases cannot be put in one order .*astype\(str\)"),
        (
            ratings()
            .assign(truth=lambda t: (t["truth"] == "cancer").astype("boolean"))
            .assign(truth=lambda t: t["truth"].where(t["image"] != "i3")),
            r"^scores, truth: 2 rows without a label\. Name it",
        ),
    ],
)
def test_row_that_lacks_a_name_or_value_is_one_error_that_names_the_column(table, said):
    positive = None if table["truth"].dtype == "boolean" else "cancer"
    with pytest.raises(InputError, match=said):
        compare(table, a="new", b="old", positive=positive, **NAMES)


def test_rows_of_other_models_may_lack_anything():
    table = ratings(("new", "old"))
    nobody = pd.DataFrame({name: [pd.NA] for name in table}).astype({"reader": "string"})
    other = ratings(["third"]).iloc[:1].assign(who=None, image=7, truth=None)
    whole = pd.concat([nobody, table.astype({"reader": "string"}), other], ignore_index=True)
    expected = compare(table, a="new", b="old", positive="cancer", **NAMES)
    found = compare(whole, a="new", b="old", positive="cancer", **NAMES)
    pd.testing.assert_frame_equal(found, expected)


@pytest.mark.parametrize(
    "call",
    [
        lambda labels, a, b, who, **of: auc_ci(labels, a, who, **of),
        lambda labels, a, b, who, **of: auc_ci(labels, a, who, interval="logit", **of),
        lambda labels, a, b, who, **of: delong_test(labels, a, b, who, **of),
        lambda labels, a, b, who, **of: delong_covariance(labels, [a, b], who, **of),
        lambda labels, a, b, who, **of: auc_contrasts(labels, [a, b], [[1, -1]], who, **of),
        lambda labels, a, b, who, **of: operating_point(labels, a, 1.0, who, **of),
        lambda labels, a, b, who, **of: roc_coordinates(labels, a, who, replicates=20, **of),
    ],
)
def test_words_or_categories_and_the_positive_one_are_as_labels_of_0_and_1(call):
    (labels, new, who), (_, old, _) = arrays(ratings(), "new"), arrays(ratings(), "old")
    words = np.where(labels, "cancer", "benign")
    expected = str(call(labels.astype(int), new, old, who))
    for same in (words, [*words], pd.Series(words), pd.Categorical(words), words.astype(object)):
        assert str(call(same, new, old, who, positive="cancer")) == expected
    assert str(call(labels, new, old, who)) == expected
    assert str(call(labels + 1, new, old, who, positive=2)) == expected
    assert str(call(~labels, new, old, who, positive=False)) == expected
    for wrong, positive, said in (
        (words, None, r"^labels: values other than 0 and 1: .*'benign'.*positive="),
        (words, "cancr", "^label: unknown label 'cancr'.*did you mean cancer"),
        (np.where(np.arange(60) == 7, "?", words), "cancer", "^labels: 3 classes: .*two classes"),
        ([*words[:-1], None], "cancer", "^labels: 1 case without a label"),
        (np.full(60, "cancer"), "cancer", r"^labels: one class only \(60 positive of 60\)"),
    ):
        with pytest.raises(InputError, match=said):
            call(wrong, new, old, who, positive=positive)


def test_levels_within_which_scores_have_a_scale_are_averaged():
    folds = [ratings(seed=seed, prefix=str(seed)).assign(fold=seed) for seed in range(3)]
    table = pd.concat(folds)
    table["rating"] += 10 * table["fold"]  # other scales do no harm
    found = compare(table, a="new", b="old", positive="cancer", within="fold", **NAMES)
    alone = pd.concat(
        compare(fold, a="new", b="old", positive="cancer", **NAMES) for fold in folds
    )
    assert found["estimate"].item() == pytest.approx(alone["estimate"].mean())
    error = math.sqrt((alone["standard_error"] ** 2).sum()) / 3
    assert found["standard_error"].item() == pytest.approx(error)
    assert found["n_patients"].item() == 90


@pytest.mark.parametrize(
    ("table", "options", "said"),
    [
        (ratings(), {"a": "new", "b": "odl"}, "odl"),
        (ratings(), {"b": "new"}, "'new' twice"),
        (ratings(), {"positive": "tumour"}, "tumour"),
        (ratings().drop(columns="who"), {}, "who"),
        (ratings().iloc[1:], {}, "59 cases|60 cases beside 59"),
        (pd.concat([ratings(), ratings()]), {}, "60 cases are repeated"),
        (
            ratings().assign(truth=lambda t: t["truth"].where(t["image"] != "i0", "?")),
            {},
            "labels",
        ),
        (ratings(), {"positive": None}, "0 and 1"),
        (ratings().assign(half=lambda t: t["image"] < "i3"), {"within": "half"}, "levels of"),
    ],
)
def test_tables_that_do_not_fit_are_one_clear_error(table, options, said):
    options = {"a": "new", "b": "old", "positive": "cancer"} | options
    with pytest.raises(InputError, match=said):
        compare(table, **options, **NAMES)


@pytest.mark.parametrize("level", [0.95, 0.9])
def test_operating_point_has_the_recalls_of_scikit_learn_and_clustered_intervals(level):
    labels, scores, who = arrays(ratings(), "new")
    threshold = float(np.sort(scores)[35])  # of a case, which is called positive
    table = operating_point(labels, scores, threshold, who, level=level).set_index("measure")
    called = scores >= threshold
    assert table.loc["sensitivity", "estimate"] == recall_score(labels, called)
    assert table.loc["specificity", "estimate"] == recall_score(~labels, ~called)
    low, high = share_interval(called[labels], who[labels], level=level)
    assert table.loc["sensitivity", ["ci_low", "ci_high"]].tolist() == [low, high]
    assert table["n_cases"].tolist() == [20, 40]
    alone = operating_point(labels, scores, threshold, level=level).set_index("measure")
    exact = stats.binomtest(int(called[labels].sum()), 20).proportion_ci(level, "wilson")
    assert alone.loc["sensitivity", ["ci_low", "ci_high"]].tolist() == pytest.approx([*exact])


def test_logit_interval_is_normal_in_log_odds_and_stays_inside():
    labels, scores, who = arrays(ratings(), "new")
    for level in (0.95, 0.999):
        found = auc_ci(labels, scores, who, level=level, interval="logit")
        auc = roc_auc_score(labels, scores)
        error = math.sqrt(found.variance) / (auc * (1 - auc))
        ends = stats.norm.interval(level, math.log(auc / (1 - auc)), error)
        assert (found.ci_low, found.ci_high) == pytest.approx(
            tuple(1 / (1 + math.exp(-end)) for end in ends)
        )
        assert 0 < found.ci_low < auc < found.ci_high < 1


@pytest.mark.parametrize("turned", [1, -1])
def test_interval_of_a_perfect_auc_leaves_room_by_the_number_of_patients(turned):
    """Newcombe's method 5: the end's own variance puts it 1.96 standard errors from 1."""
    labels, scores = np.repeat([0, 1], [30, 20]), turned * np.arange(50.0)
    found = auc_ci(labels, scores, interval="logit")
    assert auc_ci(labels, scores).ci_low == auc_ci(labels, scores).ci_high  # normal: no room
    end = found.ci_low if turned > 0 else 1 - found.ci_high
    q = 24 * ((1 - end) / (2 - end) + end / (1 + end))
    error = math.sqrt(end * (1 - end) * (1 + q) / 600)
    assert 1 - end == pytest.approx(1.959964 * error, rel=1e-4)
    assert 0.85 < end < 0.97
    few = auc_ci(labels, scores, np.arange(50) // 5, interval="logit")
    assert few.ci_high - few.ci_low > found.ci_high - found.ci_low
    with pytest.raises(InputError, match="'wald' is no kind of interval"):
        auc_ci(labels, scores, interval="wald")


def test_rows_counted_in_threads_are_as_counted_alone(monkeypatch):
    monkeypatch.setattr(placements, "_THREADED", 1000)
    rng = np.random.default_rng(2)
    labels, rows = rng.random(1000) < 0.3, rng.normal(size=(3, 1000)).round(2)
    aucs, covariance = delong_covariance(labels, rows)
    assert aucs.tolist() == [auc_ci(labels, row).auc for row in rows]
    assert np.diag(covariance) == pytest.approx([auc_ci(labels, row).variance for row in rows])
    assert aucs == pytest.approx([roc_auc_score(labels, row) for row in rows])


def test_rows_without_a_level_are_refused_and_not_left_out():
    folds = [ratings(seed=seed, prefix=str(seed)).assign(fold=float(seed)) for seed in range(2)]
    table = pd.concat(folds, ignore_index=True)
    table.loc[[0, 1], "fold"] = np.nan
    with pytest.raises(InputError, match="2 rows without a level"):
        compare(table, a="new", b="old", positive="cancer", within="fold", **NAMES)
