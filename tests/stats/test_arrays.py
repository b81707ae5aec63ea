"""Every public function that takes arrays refuses those whose cases could be mistaken.

A masked array would lose its mask, pandas objects with different indexes would be paired by
position, and a missing value would be counted as something.
"""

import inspect
import itertools
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from numpy.typing import ArrayLike

import rin.stats
from rin.errors import InputError
from rin.stats import (
    auc_ci,
    auc_contrasts,
    bootstrap_interval,
    delong_covariance,
    delong_test,
    holm,
    operating_point,
    paired_t,
    random_effects,
    roc_coordinates,
    share_interval,
)

LABELS, CLUSTERS = [0.0, 0, 0, 0, 1, 1, 1, 1], [1.0, 2, 3, 4, 5, 6, 7, 8]
SCORES, OTHER = [1.0, 2, 4, 6, 8, 3, 5, 7], [2.0, 5, 1, 4, 8, 3, 7, 6]
ONE = {"labels": LABELS, "scores": SCORES, "clusters": CLUSTERS}
SEVERAL = {"labels": LABELS, "scores_matrix": [SCORES, OTHER], "clusters": CLUSTERS}
TABLE = pd.DataFrame({"score": SCORES})

#: Arguments that every function accepts: its arrays, and the rest.
GOOD = {
    auc_ci: (ONE, {}),
    auc_contrasts: (SEVERAL | {"weights": [[1.0, -1.0]]}, {}),
    bootstrap_interval: (
        {"patients": CLUSTERS},
        {"rows": TABLE, "statistic": lambda rows: rows["score"].mean(), "replicates": 20},
    ),
    delong_covariance: (SEVERAL, {}),
    delong_test: (
        {"labels": LABELS, "scores_a": SCORES, "scores_b": OTHER, "clusters": CLUSTERS},
        {},
    ),
    holm: ({"p_values": [0.01, 0.04, 0.03]}, {}),
    operating_point: (ONE, {"threshold": 4}),
    paired_t: ({"a": SCORES, "b": OTHER}, {}),
    random_effects: ({"estimates": SCORES, "variances": OTHER}, {}),
    roc_coordinates: (ONE | {"fpr": [0.1, 0.2]}, {"replicates": 20}),
    share_interval: ({"hits": LABELS, "patients": CLUSTERS}, {}),
}
#: What a function need not refuse, and why.
EXCEPTIONS = {
    (auc_contrasts, "weights", "misaligned"): "has a weight for each predictor, not for each case",
    (holm, "p_values", "missing"): "is NaN where no test was possible",
    (holm, "p_values", "misaligned"): "is the only array",
    (roc_coordinates, "fpr", "misaligned"): "has no row for each case",
}


def masked(values):
    return np.ma.masked_array(values, np.arange(np.size(values)).reshape(np.shape(values)) == 1)


def misaligned(values):
    """The same values, as a pandas object whose rows have other names; predictors one by one."""
    if np.ndim(values) == 2:
        return [misaligned(row) for row in values]
    return pd.Series(values, index=range(len(values))[::-1])


def missing(values):
    changed = np.array(values)
    changed.flat[1] = np.nan
    return changed


def as_pandas(values):
    return [pd.Series(row) for row in values] if np.ndim(values) == 2 else pd.Series(values)


SPOIL = {"masked": masked, "misaligned": misaligned, "missing": missing}
SAID = {
    "masked": "a masked array",
    "misaligned": "the index of ",
    "missing": r"NaN|nan|finite|no identifier|without a label",
}
CASES = [
    (function, name, fault)
    for function, (arrays, _) in GOOD.items()
    for name, fault in itertools.product(arrays, SPOIL)
]


def arrays_of(function):
    """Parameters whose annotation has all that `ArrayLike` has, and perhaps None.

    `ArrayLike` is a union, or, in NumPy's newer versions, the name of one.
    """
    wanted = get_args(ArrayLike) or (ArrayLike,)
    return {
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if all(one in (parameter.annotation, *get_args(parameter.annotation)) for one in wanted)
    }


def test_every_function_that_takes_arrays_is_in_the_table_with_all_of_them():
    public = [getattr(rin.stats, name) for name in rin.stats.__all__]
    taking = {one: arrays_of(one) for one in public if inspect.isfunction(one) and arrays_of(one)}
    assert {one: {*arrays} for one, (arrays, _) in GOOD.items()} == taking
    assert EXCEPTIONS.keys() <= {*CASES}


@pytest.mark.parametrize("function", GOOD, ids=lambda function: function.__name__)
def test_good_arrays_are_accepted_as_lists_and_as_pandas_objects_of_one_index(function):
    arrays, more = GOOD[function]
    first = function(**arrays, **more)
    again = function(**{name: as_pandas(values) for name, values in arrays.items()}, **more)
    assert str(first) == str(again)


WORDS = np.where(LABELS, "cancer", "benign")


@pytest.mark.parametrize(
    "function", [one for one, (arrays, _) in GOOD.items() if "labels" in arrays]
)
@pytest.mark.parametrize(
    ("labels", "positive"),
    [
        *((words, "cancer") for words in (WORDS, [*WORDS], WORDS.astype(object))),
        *((words, "cancer") for words in (pd.Series(WORDS), pd.Categorical(WORDS))),
        (WORDS == "cancer", None),
        (WORDS != "cancer", False),
        (np.add(LABELS, 1), 2),
    ],
)
def test_words_or_categories_and_the_positive_one_are_as_labels_of_0_and_1(
    function, labels, positive
):
    arrays, more = GOOD[function]
    found = function(**arrays | {"labels": labels}, **more, positive=positive)
    assert str(found) == str(function(**arrays, **more))


@pytest.mark.parametrize(
    ("function", "name", "fault"),
    [case for case in CASES if case not in EXCEPTIONS],
    ids=lambda part: getattr(part, "__name__", part),
)
def test_masked_misaligned_and_missing_values_are_one_error_that_names_them(function, name, fault):
    arrays, more = GOOD[function]
    if fault == "misaligned":
        arrays = {other: as_pandas(values) for other, values in arrays.items()}
    spoilt = arrays | {name: SPOIL[fault](GOOD[function][0][name])}
    with pytest.raises(InputError, match=SAID[fault]):
        function(**spoilt, **more)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"labels": [], "scores": []}, "labels: shape"),
        ({"labels": [[0, 1], [1, 0]]}, "labels: shape"),
        ({"labels": [0] * 8}, "labels: one class only"),
        ({"labels": ["cancer"] * 8, "positive": "cancer"}, "labels: one class only .8 positive"),
        ({"labels": WORDS}, "labels: values other than 0 and 1: .*'benign'.*positive="),
        ({"labels": WORDS, "positive": "cancr"}, "label: unknown .*'cancr'.*did you mean cancer"),
        ({"labels": [*WORDS[1:], "?"], "positive": "cancer"}, "labels: 3 classes: .*two classes"),
        ({"labels": [*WORDS[1:], None], "positive": "cancer"}, "labels: 1 case without a label"),
        ({"scores": [1, 2]}, "scores: shape"),
        ({"scores": [*"abcdefgh"]}, "scores: not numeric"),
        ({"scores": [10**400]}, "scores: not numeric"),
        ({"clusters": ["a"] * 8}, "clusters: all 8 cases belong to one cluster"),
        ({"clusters": [None, *"abcdefg"]}, "clusters: 1 of 8 cases have no identifier"),
        ({"clusters": ["a", "b"]}, r"clusters: shape \(2,\) beside 8"),
    ],
    ids=str,
)
def test_arrays_that_cannot_be_compared_are_an_error_that_names_them(bad, said):
    with pytest.raises(InputError, match=f"^{said}"):
        auc_ci(**ONE | bad)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: paired_t(["a", "b"], [1, 2]), "^a: not numeric"),
        (lambda: share_interval([0.5, 1], [1, 2]), r"^hits: .*0\.5"),
        (lambda: share_interval([], []), "^hits: shape"),
        (lambda: share_interval([1, 0], [1, 2, 3]), r"^clusters: shape \(3,\) beside 2 cases"),
        (lambda: holm([[0.1], [0.2]]), r"^p_values: shape \(2, 1\)"),
        (lambda: bootstrap_interval(TABLE, len, misaligned(CLUSTERS)), r"patients\.loc\[rows"),
        (lambda: delong_covariance(pd.Series(LABELS, [*"abcdefgh"]), TABLE.T), "of scores_matrix"),
        *(
            (lambda at=at: operating_point(LABELS, SCORES, at), "^threshold: ")
            for at in (np.nan, None, "high", [1, 2])
        ),
    ],
)
def test_values_of_another_kind_are_one_error_that_names_them(call, said):
    with pytest.raises(InputError, match=said):
        call()
