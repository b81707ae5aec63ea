import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from rin.errors import InputError
from rin.stats import compare_inits, delong_test, pooled_comparison, scenario_aucs

INITS = ("radimagenet", "imagenet")


def auc_by(predictions, keys):
    """Oracle: scikit-learn's AUC of every group of test rows."""
    test = predictions[predictions["part"] == "test"]
    return {key: roc_auc_score(group["label"], group["score"]) for key, group in test.groupby(keys)}


def test_scenario_aucs_gives_one_row_per_run_equal_to_scikit_learn(predictions):
    table = scenario_aucs(predictions)
    keys = ["task", "fold", "scenario", "init", "seed"]
    assert table.columns.tolist() == [
        *keys, "auc", "variance", "ci_low", "ci_high", "n", "n_positive"
    ]  # fmt: skip
    ours = dict(zip(table[keys].itertuples(index=False, name=None), table["auc"], strict=True))
    assert ours == pytest.approx(auc_by(predictions, keys))
    assert len(table) == 12
    assert (table["n"] == 24).all() and (table["n_positive"] == 8).all()


def test_scenario_aucs_of_one_class_names_the_run(predictions):
    predictions.loc[predictions["fold"] == 1, "label"] = 0
    with pytest.raises(
        InputError, match=r"fold 1, scenario ResNet50-unfreeze_all-0, init imagenet"
    ):
        scenario_aucs(predictions)


def test_compare_inits_concatenates_folds_and_pairs_cases(predictions):
    shuffled = predictions.sample(frac=1, random_state=0)
    table = compare_inits(shuffled, *INITS).set_index("scenario")
    test = predictions[predictions["part"] == "test"]
    for scenario, rows in test.groupby("scenario"):
        wide = rows.pivot(index="case_id", columns="init", values="score")
        labels = rows.drop_duplicates("case_id").set_index("case_id")["label"].loc[wide.index]
        expected = delong_test(labels, wide["radimagenet"], wide["imagenet"])
        assert table.loc[scenario, "n"] == 48
        assert table.loc[scenario, "difference"] == expected.difference
        assert table.loc[scenario, "p_value"] == pytest.approx(expected.p_value, rel=1e-12)


def test_compare_inits_adjusts_p_within_each_task(predictions):
    both = pd.concat([predictions, predictions.assign(task="thyroid")])
    one, two = compare_inits(predictions, *INITS), compare_inits(both, *INITS)
    assert two["p_holm"].tolist() == one["p_holm"].tolist() * 2
    assert one["p_holm"].min() == pytest.approx(3 * one["p_value"].min())


def test_compare_inits_swapped_negates_difference(predictions):
    forth, back = compare_inits(predictions, *INITS), compare_inits(predictions, *INITS[::-1])
    assert forth["difference"].tolist() == (-back["difference"]).tolist()
    assert forth["difference"].mean() > 0


def test_pooled_comparison_summarises_fold_means_of_scenarios(predictions):
    aucs = pd.Series(auc_by(predictions, ["init", "scenario", "fold"]))
    a, b = (aucs[init].groupby(level=0).mean() for init in INITS)
    pooled = pooled_comparison(predictions, *INITS)
    assert (pooled.n_scenarios, pooled.n_cases, pooled.task) == (3, 48, "breast")
    assert [pooled.mean_a, pooled.sd_a] == pytest.approx([a.mean(), a.std()])
    assert [pooled.mean_b, pooled.sd_b] == pytest.approx([b.mean(), b.std()])
    assert pooled.gain_points == pytest.approx(100 * (a.mean() - b.mean()))
    assert pooled.gain_percent == pytest.approx(100 * (a.mean() / b.mean() - 1))
    unpaired, paired = stats.ttest_ind(a, b), stats.ttest_rel(a, b)
    assert pooled.unpaired.p_value == pytest.approx(unpaired.pvalue)
    assert pooled.unpaired.ci_low == pytest.approx(unpaired.confidence_interval().low)
    assert (pooled.unpaired.df, pooled.paired.df) == (4, 2)
    assert pooled.paired.p_value == pytest.approx(paired.pvalue)


def test_pooled_comparison_delong_compares_scores_averaged_over_scenarios(predictions):
    test = predictions[predictions["part"] == "test"]
    wide = test.pivot_table(index="case_id", columns="init", values=["score", "label"])
    expected = delong_test(
        wide["label"]["imagenet"], wide["score"]["radimagenet"], wide["score"]["imagenet"]
    )
    assert pooled_comparison(predictions, *INITS).delong == expected


def drop_last(rows):
    return rows.drop(rows.index[rows["part"] == "test"][-1])


def relabel(rows):
    rows = rows.copy()
    rows.loc[rows["init"] == "imagenet", "label"] = 1 - rows["label"]
    return rows


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda rows: pd.concat([rows, rows[:1]]), "repeat"),
        (lambda rows: pd.concat([rows, rows.assign(seed=1)]), "select one seed"),
        (lambda rows: rows.assign(case_id=rows["case_id"].str[7:]), "disjoint test sets"),
        (drop_last, "1 cases have a score of only one"),
        (relabel, "144 cases have another label"),
        (lambda rows: rows.drop(columns="score"), "score"),
        (lambda rows: rows[rows["part"] == "validation"], "no row of part 'test'"),
        (lambda rows: rows[rows["init"] == "imagenet"], "unknown init 'radimagenet'"),
        (lambda rows: rows.assign(score=np.nan), "NaN"),
        (lambda rows: rows.assign(seed=rows["seed"].where(rows["fold"] == 0)), "lacks one of"),
    ],
)
@pytest.mark.parametrize("compare", [compare_inits, pooled_comparison])
def test_comparison_of_unfit_predictions_raises_input_error(predictions, compare, spoil, message):
    with pytest.raises(InputError, match=message):
        compare(spoil(predictions), *INITS)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda rows: pd.concat([rows, rows.assign(task="thyroid")]),
        lambda rows: rows[rows["scenario"] == "ResNet50-unfreeze_all-0"],
    ],
)
def test_pooled_comparison_of_two_tasks_or_one_scenario_raises_input_error(predictions, spoil):
    with pytest.raises(InputError, match="one task with at least two scenarios"):
        pooled_comparison(spoil(predictions), *INITS)
