"""Figures of the page on the study show the numbers of their tables."""

import re

import numpy as np
import pytest

from rin.curation.taxonomy import load_taxonomy
from rin.report import evidence_figures, style


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


def test_regions_have_their_number_of_classes(drawn):
    taxonomy = load_taxonomy()
    evidence_figures.regions_bars(taxonomy)
    numbers = [int(text) for text in drawn[0] if re.fullmatch(r"\d+", text)]
    assert sum(numbers) == len(taxonomy) == 165
