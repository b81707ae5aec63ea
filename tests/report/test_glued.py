import numpy as np
import pytest

from rin.report.glued import glue_values


@pytest.fixture
def glued(monkeypatch):
    calls = {}

    def record(name, value, display):
        calls[name] = (value, display)

    monkeypatch.setattr("myst_nb.glue", record)
    return calls


@pytest.mark.parametrize(
    ("value", "text"),
    [(np.float64(0.25), "0.25"), (np.int64(7), "7"), (np.bool_(True), "True"), (0.5, "0.5")],
)
def test_glue_values_of_numpy_scalar_glues_a_plain_number(glued, value, text):
    glue_values(area=value)
    assert repr(glued["area"][0]) == text


def test_glue_values_glues_every_name_and_displays_nothing(glued):
    glue_values(first="radiologic", n=3)
    assert glued == {"first": ("radiologic", False), "n": (3, False)}
