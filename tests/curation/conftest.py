import pytest

from rin.curation import burned_in


@pytest.fixture(scope="module", autouse=True)
def one_process():
    """The archives of tests are so small that starting other processes takes longest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOKY_MAX_CPU_COUNT", "1")
        yield


@pytest.fixture(scope="module", autouse=True)
def read_once():
    """A picture of which a test of this module knows the lines of text is not read again."""
    known, read_lines = {}, burned_in.read_lines

    def read(pixels):
        key = pixels.shape, pixels.dtype.str, pixels.tobytes()
        if key not in known:
            known[key] = read_lines(pixels)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(burned_in, "read_lines", read)
        yield
