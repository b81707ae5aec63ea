import hashlib

import pytest

from rin.files import sha256_of, write_atomically


def test_sha256_of_a_file_is_that_of_its_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"content")
    assert sha256_of(tmp_path / "a") == hashlib.sha256(b"content").hexdigest()


def test_write_atomically_when_the_block_fails_keeps_the_earlier_file(tmp_path):
    path = tmp_path / "saved.weights.h5"
    path.write_text("earlier")
    with pytest.raises(ValueError), write_atomically(path) as draft:
        draft.write_text("half")
        raise ValueError
    assert path.read_text() == "earlier"
    with write_atomically(path) as draft:
        assert draft.name.endswith(".weights.h5")
        draft.write_text("whole")
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]
