import pytest

from rin.models.probe import Score, judge
from rin.study.probe import verdict_sentence


@pytest.mark.parametrize(
    ("divergences", "correlation", "said"),
    [
        ((0.1, 0.4), 0.98, "Verdict: caffe; raw, the next, diverges 4.0 times as far."),
        ((0.1, 0.11), 0.98, "Verdict: too close to call; caffe and raw diverge by 0.100 and"),
        ((2.0, 9.0), 0.98, "Verdict: none fits; the nearest candidate, caffe, still diverges"),
        ((0.1, 0.4), 0.05, "Verdict: none fits; the stored variances do not follow"),
    ],
)
def test_the_verdict_is_one_sentence(divergences, correlation, said):
    scores = [
        Score(name, divergence, correlation, 1.0, 64)
        for name, divergence in zip(("caffe", "raw"), divergences, strict=True)
    ]
    assert verdict_sentence(judge(scores)).startswith(said)
