import os
import time

import pytest

from rin.data.chunks import map_threads, run_chunks
from rin.errors import InputError


def add_up(job, threads):
    return os.getpid(), threads, sum(job)


def die(job, threads):
    os._exit(1)


def slip(job, threads):
    raise ValueError(f"a slip of the program at {job[0]}")


def test_run_chunks_with_one_job_uses_threads_of_this_process(capfd):
    assert list(run_chunks(add_up, [[1, 2]], workers=3, title="Adding")) == [(os.getpid(), 3, 3)]
    assert capfd.readouterr().err == ""


def test_run_chunks_with_one_worker_stays_in_this_process_and_shows_one_bar(capfd):
    results = list(run_chunks(add_up, [[1], [2, 3]], workers=1, title="Adding"))
    assert results == [(os.getpid(), 1, 1), (os.getpid(), 1, 5)]
    assert "Adding: 100%" in capfd.readouterr().err


def test_run_chunks_with_several_jobs_and_workers_uses_other_processes():
    results = list(run_chunks(add_up, [[1], [2], [3]], workers=2, title="Adding"))
    assert sorted(total for _, _, total in results) == [1, 2, 3]
    assert os.getpid() not in {process for process, _, _ in results}
    assert {threads for _, threads, _ in results} == {1}


def test_run_chunks_where_a_worker_dies_says_how_to_go_on():
    with pytest.raises(InputError, match=r"Adding: a worker process died.*fewer workers"):
        list(run_chunks(die, [[1], [2]], workers=2, title="Adding"))


def test_run_chunks_passes_a_programming_error_on():
    with pytest.raises(ValueError, match="a slip of the program at 1"):
        list(run_chunks(slip, [[1], [2]], workers=1, title="Adding"))


@pytest.mark.parametrize("threads", [1, 3])
def test_map_threads_keeps_the_order(threads):
    def slow_first(item):
        time.sleep(0.02 if item == 0 else 0)
        return item * 2

    assert map_threads(slow_first, range(5), threads) == [0, 2, 4, 6, 8]
