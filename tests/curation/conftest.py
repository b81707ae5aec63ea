import pytest


@pytest.fixture(scope="module", autouse=True)
def one_process():
    """The archives of tests are so small that starting other processes takes longest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOKY_MAX_CPU_COUNT", "1")
        yield
