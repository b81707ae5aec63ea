"""The page on probing weights: counts, intervals and sentences follow the measurements."""

import re
from datetime import date

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from rin.models.distributions import Distribution, Probed
from rin.models.fingerprint_verdict import CANDIDATES, NONE_FITS, Score, judge
from rin.models.preprocessing import PREPROCESSING
from rin.report.figures_probe import LEAST, divergence_dots, marker_legend
from rin.report.probe import (
    candidate_table,
    contrast_reading,
    factor_table,
    hit_rates,
    hit_reading,
    hit_table,
    measurements_provenance,
    own_table,
    random_table,
    trained_table,
    true_rows,
)
from rin.report.probe_distributions import disagreement_reading, distribution_table
from rin.report.probe_file import verdict_sentence
from rin.report.probe_panels import divergence_panels
from rin.study.probe import probe_verdicts

NAMES = [candidate.name for candidate in CANDIDATES]
OWN, UNSEEN, COLOR = "corpus_radiologic", "busi", "corpus_photographic"


def probed(kind, backbone, trained_with, source, best=None, *, margin=4.0, **changes):
    """Rows of one file on one dataset: `best` diverges by 0.1, others by `margin` times that."""
    best = best or trained_with
    named = {
        "kind": kind,
        "backbone": backbone,
        "init": "random" if kind == "random" else "radiologic",
        "trained_with": trained_with,
        "corpus": "" if kind == "random" else OWN,
        "weights_provenance": "" if kind == "random" else "real",
        "epochs": 4,
        "top1": 0.6,
        "chance": 0.05,
        "source": source,
        "seen": source == OWN and kind != "random",
        "source_provenance": "real",
        "images": 64,
        "color": source == COLOR,
        "correlation": 0.1 if kind == "random" else 0.98,
        "contrast": 1.0 if source == OWN else 1.25,
        "channels": 64,
    } | changes
    names = NAMES + (["caffe_rgb"] if source == COLOR else [])
    return [
        named | {"candidate": name, "divergence": 0.1 if name == best else 0.1 * margin}
        for name in names
    ]


@pytest.fixture
def measured():
    """Two files right on their corpus; unseen, one is right, one wrong, one too close, one none."""
    rows = []
    for name in ("caffe", "symmetric"):
        rows += probed("probe", "ResNet50", name, OWN)
    rows += probed("probe", "ResNet50", "caffe", UNSEEN)
    rows += probed("probe", "ResNet50", "symmetric", UNSEEN, "caffe_unit")
    rows += probed("probe", "ResNet50", "caffe", COLOR, margin=1.3)
    rows += probed("probe", "ResNet50", "symmetric", COLOR, correlation=0.2)
    for source in (OWN, UNSEEN):
        rows += probed("random", "ResNet50", "random", source, "standardised")
    rows += probed("study", "DenseNet121", "caffe_unit", OWN)
    rows += probed("study", "DenseNet121", "caffe_unit", UNSEEN, "raw")
    return pd.DataFrame(rows)


def test_hit_rates_count_each_dataset_and_all_unseen_with_wilsons_interval(measured):
    rates = hit_rates(probe_verdicts(measured)).set_index("source")
    counts = ["n", "hits", "nearest", "wrong", "too_close", "none_fits"]
    assert rates[counts].to_numpy().tolist() == [
        [2, 2, 2, 0, 0, 0],
        [2, 1, 1, 1, 0, 0],
        [2, 0, 2, 0, 1, 1],
        [4, 1, 3, 1, 1, 1],
    ]
    assert rates.index.tolist() == [OWN, UNSEEN, COLOR, "all"]
    assert rates["seen"].tolist() == [True, False, False, False]
    assert tuple(rates.loc["all", ["low", "high"]]) == proportion_confint(1, 4, method="wilson")


def test_the_hit_table_says_which_images_were_seen(measured):
    table = hit_table(hit_rates(probe_verdicts(measured)))
    assert table["Images"].str.endswith(", seen in training").tolist() == [True, *[False] * 3]
    assert table["Named right"].tolist() == ["2 of 2", "1 of 2", "0 of 2", "1 of 4"]
    assert table["Images"].iloc[-1] == "All datasets never seen"


def test_the_reading_states_hits_mistakes_and_that_cases_are_not_independent(measured):
    verdicts = probe_verdicts(measured)
    text = hit_reading(hit_rates(verdicts), verdicts).data
    assert "in 2 of 2 cases" in text
    assert "in 1 of 4 cases" in text
    assert text.count("and a wrong one in 1") == 1
    assert "not independent" in text
    assert "stand-ins" not in text


@pytest.mark.parametrize("column", ["source_provenance", "weights_provenance"])
def test_stand_ins_are_marked_wherever_they_are(measured, column):
    made_up = measured.assign(**{column: "stand-in"})
    assert measurements_provenance(measured) == "real"
    assert measurements_provenance(made_up) == "stand-in"
    verdicts = probe_verdicts(made_up)
    assert "nothing about real images" in hit_reading(hit_rates(verdicts), verdicts).data
    assert ">stand-in</span>" in divergence_panels(made_up, "Title").data


def test_random_weights_and_the_studys_own_have_tables_of_their_own(measured):
    verdicts = probe_verdicts(measured)
    (random,) = random_table(verdicts).to_dict("records")
    assert (random["None fits"], random["Correlation, largest"]) == ("2 of 2 datasets", "0.10")
    (own,) = own_table(verdicts).to_dict("records")
    assert own["Verdict, own corpus"] == "caffe_unit"
    assert (own["Right on other datasets"], own["Wrong"]) == ("0 of 1", 1)
    assert own_table(verdicts[verdicts["kind"] == "probe"]).empty


def test_a_larger_factor_leaves_more_unnamed(measured):
    table = factor_table(measured, (1.2, 1.5, 5.0))
    assert table["Factor"].tolist() == ["1.2", "1.5 (used)", "5"]
    assert table["Named right"].tolist() == [2, 1, 0]
    assert table["Named wrong"].tolist() == [1, 1, 0]
    assert table["Not named"].tolist() == [1, 2, 4]
    assert factor_table(measured[measured["seen"]]).empty


def test_trained_files_show_accuracy_beside_the_largest_class(measured):
    table = trained_table(measured)
    assert table[["Trained with", "Accuracy", "Largest class"]].to_numpy().tolist() == [
        ["caffe", "0.60", "0.05"],
        ["symmetric", "0.60", "0.05"],
    ]


def test_candidates_are_shown_by_what_black_and_white_become():
    table = candidate_table(CANDIDATES).set_index("Candidate")
    ends = table[["Black becomes", "White becomes"]]
    assert ends.loc["symmetric"].tolist() == ["−1.00", "1.00"]
    assert ends.loc["unit"].tolist() == ["0.00", "1.00"]
    assert ends.loc["caffe_unit"].tolist() == ["−0.45", "0.55"]
    assert table.loc["caffe", "Order"] == "BGR"


def test_true_rows_take_the_nearer_order_of_channels(measured):
    truth = true_rows(measured)
    caffe = truth[(truth["source"] == COLOR) & (truth["trained_with"] == "caffe")]
    assert caffe["candidate"].tolist() == ["caffe"]
    assert len(truth) == len(measured[measured["kind"] != "random"].groupby(
        ["kind", "trained_with", "source"]))  # fmt: skip


def test_the_limit_of_contrast_is_computed(measured):
    text = contrast_reading(measured).data
    ratio = PREPROCESSING["symmetric"].scale[0] / PREPROCESSING["caffe_unit"].scale[0]
    assert f"{ratio:g} times as far" in text
    assert "at 1.25 to 1.25 times the contrast" in text
    assert "1.25" not in contrast_reading(measured[measured["seen"]]).data


def test_dots_lie_at_the_divergences_and_the_right_row_is_shaded(measured):
    rows = measured[measured["trained_with"] == "caffe"]
    ax = divergence_dots(rows)
    drawn = np.concatenate([c.get_offsets()[:, 0] for c in ax.collections])
    np.testing.assert_allclose(np.sort(drawn), np.sort(rows["divergence"]))
    assert ax.get_xscale() == "log"
    assert [tick.get_text() for tick in ax.get_yticklabels()] == NAMES
    (band,) = ax.patches
    middle = band.get_y() + band.get_height() / 2
    assert round(middle) == NAMES.index("caffe")
    np.testing.assert_allclose(
        divergence_dots(rows.assign(divergence=0.0)).collections[0].get_offsets()[:, 0], LEAST
    )


def test_the_legend_names_backbones_and_both_kinds_of_images(measured):
    labels = [text.get_text() for text in marker_legend(measured).get_legend().get_texts()]
    assert labels == ["ResNet50", "DenseNet121", "corpus of the training", "other datasets"]


def test_panels_have_alt_texts_and_leave_the_studys_own_out(measured):
    shown = divergence_panels(measured, "Title").data
    assert re.findall(r'alt="Divergence of each candidate for ([^,]*),', shown) == [
        "files trained with caffe",
        "files trained with symmetric",
        "random weights",
    ]
    assert "On their own corpus the right candidate diverges by 0.100 to 0.100." in shown


def distribution(name, stated, sha256="ab" * 32, **changes):
    return Distribution(
        **{
            "distributor": name,
            "release": "R",
            "backbone": "ResNet50",
            "file": None,
            "sha256": sha256,
            "format": "pt",
            "licence": "L",
            "home": "H",
            "stated_preprocessing": stated,
            "statement": "on the card",
            "probed": None,
        }
        | changes
    )


def test_distributions_are_listed_with_what_is_stated_and_probed():
    found = Probed(contract="caffe_unit", date=date(2026, 1, 2), images="x", divergence=0.1)
    table = distribution_table(
        [
            distribution("A", "symmetric"),
            distribution("A", "symmetric", None, backbone="DenseNet121"),
            distribution("B", None, format="h5", probed=found),
        ]
    )
    assert table["Files"].tolist() == ["ResNet50 (abababab…); DenseNet121", "ResNet50 (abababab…)"]
    assert table["Format"].tolist() == ["pt, not read here", "h5"]
    assert table["Preprocessing stated"].tolist() == ["symmetric", "none"]
    assert table["Probe says"].tolist() == [
        "not probed yet",
        "ResNet50: caffe_unit (2026-01-02, x)",
    ]


def test_one_file_with_two_statements_is_pointed_out():
    text = disagreement_reading(
        [distribution("A", "symmetric"), distribution("B", "standardised"),
         distribution("C", None, "cd" * 32), distribution("D", None, None)]
    ).data  # fmt: skip
    assert "state 2 different preprocessings (`standardised`, `symmetric`); 2 state none" in text
    assert "has several: A: symmetric, B: standardised." in text
    assert "cdcdcdcd" not in text
    assert "probed: 0 of 4" in text


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
    assert (NONE_FITS in said) == (judge(scores).word == NONE_FITS)
