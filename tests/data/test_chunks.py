import os
import threading

import pytest

from rin.data.chunks import map_chunks
from rin.errors import InputError


def square(number):
    return os.getpid(), threading.current_thread() is threading.main_thread(), number**2


def die(_):
    os._exit(1)


def mapped(function, items, chunk):
    return [*map_chunks(function, items, chunk, title="Trying")]


def test_single_chunk_is_worked_on_by_threads_of_this_process(capfd):
    ((one, two),) = mapped(square, [1, 2], 2)
    assert (one[0], one[2], two[2]) == (os.getpid(), 1, 4)
    assert mapped(square, [], 2) == []
    assert capfd.readouterr().err == ""


def test_several_chunks_are_worked_on_by_other_processes_in_order_under_one_bar(
    capfd, monkeypatch
):
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "2")
    chunks = mapped(square, range(5), 2)
    assert [[number for *_, number in chunk] for chunk in chunks] == [[0, 1], [4, 9], [16]]
    assert os.getpid() not in {process for chunk in chunks for process, *_ in chunk}
    assert "Trying: 100%" in capfd.readouterr().err


def test_one_core_works_on_all_chunks_in_this_process(monkeypatch):
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    chunks = mapped(square, [1, 2, 3], 1)
    assert chunks == [[(os.getpid(), True, number**2)] for number in (1, 2, 3)]


def test_worker_that_dies_says_how_to_go_on(monkeypatch):
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "2")
    with pytest.raises(InputError, match=r"Trying: a worker process died.*LOKY_MAX_CPU_COUNT"):
        mapped(die, [1, 2], 1)
