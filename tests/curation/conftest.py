import pytest

from rin.curation import burned_in


@pytest.fixture(scope="module", autouse=True)
def one_process():
    """The archives of tests are so small that starting other processes takes longest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOKY_MAX_CPU_COUNT", "1")
        yield


@pytest.fixture(scope="module", autouse=True)
def unread():
    """No picture is read for text, save in the tests of that: only headers hold one back."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(burned_in, "read_lines", lambda pixels: [])
        yield
