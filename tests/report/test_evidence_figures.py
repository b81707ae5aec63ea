"""Figures of the evidence and study pages show the numbers of their tables."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from rin.curation.taxonomy import load_taxonomy
from rin.evidence.audit import audit_tasks
from rin.evidence.replications import like_for_like, other_groups
from rin.report import evidence_figures, style
from rin.report.evidence_figures import QUESTIONS
from rin.report.widths import figure_of, narrow_of

INITS = ("radiologic", "photographic")
TITLES = {"breast": "Breast lesions, US", "thyroid": "Thyroid nodules, US"}


@pytest.fixture(autouse=True, scope="module")
def look():
    style.use_style()


@pytest.fixture
def drawn(monkeypatch):
    """Keep the texts of each figure that is drawn."""
    kept = []

    def keep(axes, alt):
        axes = np.atleast_1d(axes).flat[0]
        axes.figure.canvas.draw()
        parts = [part for ax in axes.figure.axes for part in (ax, *ax.child_axes)]
        texts = [text.get_text() for ax in parts for text in ax.texts]
        texts += [text.get_text() for ax in parts for text in (ax.title, *ax.get_yticklabels())]
        texts += [text.get_text() for ax in parts for text in ax.get_xticklabels()]
        kept.append(texts)
        return alt

    monkeypatch.setattr(evidence_figures, "picture", keep)
    return kept


def test_published_intervals_have_their_half_widths_printed_and_implied(drawn):
    evidence_figures.published_forest(audit_tasks())
    notes = [text for text in drawn[0] if text.startswith("±")]
    assert len(notes) == 8
    assert "±4.65   ±4.59" in notes  # breast: (8.7 + 0.6) / 2, and from the SDs


def analyses():
    names = ["One", "Two"]
    pairs = [*zip(names, (0.02, -0.03), strict=True)]
    rows = [(task, *pair) for task in TITLES for pair in pairs]
    table = pd.DataFrame(rows, columns=["task", "name", "estimate"])
    adjusted = pd.DataFrame([[0.01, 0.5], [0.5, 0.5]], index=names, columns=[*TITLES])
    return table, adjusted


@pytest.mark.parametrize(("tested", "starred"), [(True, ["+2.0*"]), (False, [])])
def test_analyses_have_a_star_where_adjusted_p_is_small_and_none_of_stand_ins(
    drawn, tested, starred
):
    table, adjusted = analyses()
    evidence_figures.analyses_heat(table, adjusted, INITS, TITLES, tested=tested)
    assert [text for text in drawn[0] if text.endswith("*")] == starred
    assert "Breast lesions" in " ".join(drawn[0]).replace("\n", " ")


def test_levels_are_named_as_the_book_names_them_in_the_order_given(drawn):
    levels = pd.DataFrame(
        {
            "task": ["breast", "breast"],
            "level": ["unfreeze_all", "ResNet50"],
            "other": ["freeze_all", "InceptionV3"],
            "estimate": [0.01, -0.02],
            "p_holm": [0.01, 0.9],
        }
    )
    evidence_figures.levels_heat(levels, TITLES)
    named = [text for text in drawn[0] if " − " in text]
    assert named == ["all layers − frozen", "ResNet50 − InceptionV3"]
    assert "+1.0*" in drawn[0]
    assert "−2.0" in drawn[0]


def test_levels_of_a_run_of_one_network_are_said_to_be_none(drawn):
    said = evidence_figures.levels_heat(pd.DataFrame(), TITLES)
    assert "none to compare" in said.data
    assert not drawn


def test_questions_have_the_paper_first_and_marks_of_what_is_missing(drawn):
    evidence_figures.questions_forest(like_for_like())
    texts = drawn[0]
    assert {*QUESTIONS.values()} <= {*texts}
    assert texts.count("The paper") == 3
    assert "The paper, ACL" in texts
    assert "The paper, meniscus" in texts
    assert any(text.endswith(" †") for text in texts)


def test_other_groups_and_further_questions_share_no_study(drawn):
    alike, others = like_for_like(), other_groups()
    evidence_figures.other_groups_forest(others)
    evidence_figures.further_questions_forest(alike, others)
    studies = {*others["study"]}
    assert studies <= {*drawn[0]}
    assert not studies & {*drawn[1]}


def test_divergence_is_the_median_over_files_beside_the_limit(monkeypatch):
    measured = pd.DataFrame(
        {
            "candidate": ["caffe", "caffe", "caffe"],
            "trained_with": ["symmetric"] * 3,
            "divergence": [1.0, 10.0, 1000.0],
            "seen": [True] * 3,
        }
    )
    rows = []

    def keep(table, **_):
        rows.append(table)
        return plt.figure().add_subplot()

    monkeypatch.setattr(evidence_figures, "forest", keep)
    monkeypatch.setattr(evidence_figures, "picture", lambda axes, alt: alt)
    evidence_figures.divergence_forest(measured)
    (row,) = rows[0].to_dict("records")
    assert (row["ci_low"], row["estimate"], row["ci_high"]) == (0.0, 1.0, 3.0)
    assert row["group"] == "Trained with symmetric"


def test_regions_have_their_number_of_classes(drawn):
    taxonomy = load_taxonomy()
    evidence_figures.regions_bars(taxonomy)
    numbers = [int(text) for text in drawn[0] if re.fullmatch(r"\d+", text)]
    assert sum(numbers) == len(taxonomy) == 165


@pytest.mark.parametrize("draw", ["regions"])
def test_narrow_version_has_the_labels_of_the_wide_one(monkeypatch, draw):
    figures = []
    monkeypatch.setattr(evidence_figures, "picture", lambda axes, alt: figures.append(axes))
    if draw == "divergence":
        measured = pd.DataFrame({"candidate": ["caffe"], "trained_with": ["symmetric"]})
        evidence_figures.divergence_forest(measured.assign(divergence=3.0, seen=True))
    else:
        evidence_figures.regions_bars(load_taxonomy())
    wide = figure_of(figures[0])
    narrow = narrow_of(wide)
    assert narrow.get_figwidth() < wide.get_figwidth()
    wide_texts, narrow_texts = (
        {text.get_text() for ax in figure.axes for text in (*ax.get_xticklabels(), *ax.texts)}
        for figure in (wide, narrow)
    )
    shown = {"1", "100"} if draw == "divergence" else {"28", "162,517"}
    assert shown <= wide_texts & narrow_texts
