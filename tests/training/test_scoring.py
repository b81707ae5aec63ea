import numpy as np
import pytest
from sklearn.metrics import top_k_accuracy_score

from rin.training.scoring import read_probabilities


def test_read_probabilities_of_a_literal_table():
    probabilities = np.array([[0.5, 0.3, 0.2], [0.1, 0.7, 0.2], [0.1, 0.3, 0.6]])
    table = read_probabilities(probabilities, np.array([0, 2, 0]))
    assert table["predicted"].tolist() == [0, 1, 2]
    assert table["in_top5"].tolist() == [True, True, False]  # of three classes, the first two
    assert table["confidence"].tolist() == [0.5, 0.7, 0.6]
    assert table["truth_probability"].tolist() == [0.5, 0.2, 0.1]


@pytest.mark.parametrize("classes", [4, 6, 20])
def test_read_probabilities_agree_with_scikit_learn(classes):
    draws = np.random.default_rng(classes)
    probabilities = draws.dirichlet(np.ones(classes), 300)
    truth = draws.integers(0, classes, 300)
    table = read_probabilities(probabilities, truth)
    for k, found in (
        (1, table["truth"] == table["predicted"]),
        (min(5, classes - 1), table["in_top5"]),
    ):
        expected = top_k_accuracy_score(truth, probabilities, k=k, labels=np.arange(classes))
        assert found.mean() == expected
