"""Small samples of cases with whole weights, also written out as often as each counts."""

import numpy as np
from hypothesis import strategies as st

#: Scores of a coarse grid, so that ties and the ends 0 and 1 occur.
case = st.tuples(st.integers(0, 1), st.integers(0, 8).map(lambda k: k / 8), st.integers(0, 3))


def _both_classes_count(cases):
    return {label for label, _, weight in cases if weight} == {0, 1}


samples = (
    st.lists(case, min_size=2, max_size=14)
    .filter(_both_classes_count)
    .map(lambda cases: tuple(np.array(column) for column in zip(*cases, strict=True)))
)


def written_out(labels, scores, weights):
    return np.repeat(labels, weights), np.repeat(scores, weights)


def sample(n, seed=0, *, levels=None):
    """Labels and probabilities that are informative but not calibrated."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3 == 0
    scores = 1 / (1 + np.exp(-rng.normal(1.5 * labels - 0.3, 1.2)))
    if levels:
        scores = np.round(scores * levels) / levels
    return labels.astype(int), scores


def replicates(n, r=7, seed=1):
    """Rows of whole weights under which both classes of `sample` count."""
    weights = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=r)
    weights[:, :2] += 1
    return weights
