import matplotlib.pyplot as plt
import pandas as pd
import pytest

from rin.errors import InputError
from rin.report.figures_pairs import pair_grid

PAIRS = pd.DataFrame({"case 4": [1, 0.5], "case 7": [0.0, 1.0]}, index=["case 1", "case 2"])


def test_pairs_are_written_where_their_cases_meet():
    ax = pair_grid(PAIRS, title="Model A")
    written = {text.get_position(): text.get_text() for text in ax.texts}
    assert written == {(0.5, 0.5): "1", (1.5, 0.5): "0", (0.5, 1.5): "½", (1.5, 1.5): "1"}
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["case 1", "case 2"]
    assert ax.yaxis_inverted()
    plt.close(ax.figure)


def test_value_that_is_no_outcome_of_a_pair_raises_input_error():
    with pytest.raises(InputError, match="neither won"):
        pair_grid(PAIRS.replace(1, 2))
