import fcntl
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from rin.files import (
    FrozenModel,
    kept_folder,
    replace_folder,
    settings_of,
    write_atomically,
)


def test_write_atomically_when_the_block_fails_keeps_the_earlier_file(tmp_path):
    path = tmp_path / "saved.weights.h5"
    path.write_text("earlier")
    with suppress(KeyError), write_atomically(path) as draft:
        draft.write_text("half")
        raise KeyError
    assert path.read_text() == "earlier"
    with write_atomically(path) as draft:
        assert draft.name.endswith(".weights.h5")
        draft.write_text("whole")
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


def write_folder(target, text, *, until=None):
    with replace_folder(target) as draft:
        (draft / text).write_text(text)
        if until:
            raise until


def names_in(folder):
    return [path.name for path in folder.iterdir()]


def test_replace_folder_when_the_block_fails_keeps_the_earlier_folder(tmp_path):
    target = tmp_path / "runs/corpus"
    write_folder(target, "earlier")
    with pytest.raises(KeyboardInterrupt):
        write_folder(target, "half", until=KeyboardInterrupt)
    assert names_in(target) == ["earlier"]
    write_folder(target, "whole")
    assert names_in(target) == ["whole"]
    assert [*target.parent.iterdir()] == [target]


def test_replace_folder_takes_the_place_of_a_link_and_leaves_what_is_behind_it(tmp_path):
    target, behind = tmp_path / "runs/corpus", tmp_path / "behind"
    write_folder(behind, "own")
    target.parent.mkdir()
    for place in (behind, tmp_path / "nowhere", behind):
        shutil.rmtree(target, ignore_errors=True)
        target.symlink_to(place)
        write_folder(target, "whole")
        assert not target.is_symlink()
        assert names_in(target) == ["whole"]
        assert [*target.parent.iterdir()] == [target]
    assert names_in(behind) == ["own"]


def test_replace_folder_when_stopped_between_its_renames_leaves_the_earlier_folder(
    tmp_path, monkeypatch
):
    target, rename = tmp_path / "corpus", Path.rename
    write_folder(target, "earlier")

    def stopped_before_the_second(path, to):
        if to == target:
            raise KeyboardInterrupt
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", stopped_before_the_second)
    with pytest.raises(KeyboardInterrupt):
        write_folder(target, "new")
    monkeypatch.undo()
    assert not target.exists()
    assert names_in(kept_folder(target)) == ["earlier"]
    with pytest.raises(KeyboardInterrupt):
        write_folder(target, "half", until=KeyboardInterrupt)
    assert names_in(target) == ["earlier"]
    write_folder(target, "new")
    assert [*tmp_path.iterdir()] == [target]


def test_replace_folder_deletes_drafts_of_killed_processes_and_no_others(tmp_path):
    killed, writing = (tmp_path / f".corpus-draft-{name}" for name in ("killed", "writing"))
    for draft in (killed, writing):
        draft.mkdir()
        (draft / ".lock").touch()
    with (writing / ".lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        write_folder(tmp_path / "corpus", "new")
    assert sorted(tmp_path.iterdir()) == [writing, tmp_path / "corpus"]


class Inner(FrozenModel):
    name: str


class Outer(FrozenModel):
    kind: Literal["one", "several"] = "one"
    bits: int | None = 40
    place: Annotated[str, Field(description="a folder")] = "here"
    places: tuple[str, ...]
    parts: tuple[Inner, ...] = ()
    inner: Inner = Inner(name="a")


def test_settings_are_listed_with_the_types_of_json_schema():
    rows = {row.pop("Setting"): tuple(row.values()) for row in settings_of(Outer)}
    assert rows == {
        "kind": ("one / several", "one"),
        "bits": ("integer or null", "40"),
        "place": ("a folder", "here"),
        "places": ("array of string", "needed"),
        "parts": ("array of {name}", ""),
        "inner": ("{name}", ""),
    }
