import matplotlib.pyplot as plt
import pytest

from rin.study import open_reference

plt.switch_backend("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def runs():
    return open_reference("open")
