import hashlib
from typing import Annotated, Literal

import pytest
from pydantic import Field

from rin.files import FrozenModel, settings_of, sha256_of, write_atomically


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


class Inner(FrozenModel):
    name: str
    share: float = 0.5


class Outer(FrozenModel):
    kind: Literal["one", "several"] = "one"
    bits: Annotated[int, Field(ge=0, le=64)] | None = 40
    window: tuple[float, Annotated[float, Field(ge=1)]] | None = None
    places: Annotated[tuple[str, ...], Field(min_length=1)]
    labels: dict[str, str | None] = Field(default_factory=dict)
    parts: tuple[Inner, ...] = ()
    color: bool = False
    inner: Inner = Inner(name="a")


def test_settings_are_listed_as_one_writes_them_in_yaml():
    rows = {row.pop("Setting"): tuple(row.values()) for row in settings_of(Outer)}
    assert rows == {
        "kind": ("one / several", "one"),
        "bits": ("whole number or null", "40"),
        "window": ("list or null", ""),
        "places": ("list of text", "needed"),
        "labels": ("mapping", ""),
        "parts": ("list of {name, share}", ""),
        "color": ("true or false", "false"),
        "inner": ("{name, share}", ""),
    }
