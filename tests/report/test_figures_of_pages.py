"""The figures of the pages of results, as they are saved: no text lies over another."""

import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure
from notebook_cells import NOTEBOOKS, name, sources
from test_figures import overlapping_texts

PAGES = [page for page in NOTEBOOKS if page.parent.name not in ("pipeline", "use")]


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=name)
def test_no_text_of_a_figure_lies_over_another_at_either_width(page, monkeypatch, capsys):
    over, save = [], Figure.savefig

    def looked_at(figure, *given, **named):
        # The boxes of tilted texts share corners in which there are no letters.
        upright = {
            text.get_text() for text in figure.findobj(plt.Text) if not text.get_rotation() % 90
        }
        over.extend(pair for pair in overlapping_texts(figure) if upright.issuperset(pair))
        save(figure, *given, **named)

    monkeypatch.setattr(Figure, "savefig", looked_at)
    names = {}
    for source in sources(page, "code"):
        exec(source, names)
    assert over == []
