import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import nbformat
import pytest

from rin.errors import InputError
from rin.report.execution import (
    Progress,
    error_line,
    fitting_parameters,
    notebook_parameters,
)


def test_parameters_of_a_notebook_are_those_of_its_cell_with_their_defaults(notebook):
    assert notebook_parameters(notebook) == {"count": 3, "title": None, "scale": 1.0}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"cuont": 2}, r"cuont.*did you mean count.*Known: count, title, scale"),
        ({"count": "two"}, "count: Input should be a valid integer"),
    ],
)
def test_parameters_of_unknown_name_or_other_type_are_refused(notebook, given, said):
    with pytest.raises(InputError, match=said):
        fitting_parameters(notebook, given)


def test_parameters_given_as_text_become_values_of_the_type_of_the_default(notebook):
    given = {"scale": "2", "title": "3", "count": 4}
    assert fitting_parameters(notebook, given) == {"scale": 2.0, "title": "3", "count": 4}


# ---- in a kernel


@pytest.mark.skipif(sys.platform == "win32", reason="sockets in the file system are of Unix")
def test_kernel_is_this_interpreter_reached_without_ports_and_leaves_the_notebook_alone(
    job, tmp_path, monkeypatch, tmp_path_factory, capfd
):
    other = tmp_path_factory.mktemp("jupyter")
    (other / "kernels/python3").mkdir(parents=True)
    spec = {"argv": ["no-such-python"], "display_name": "other", "language": "python"}
    (other / "kernels/python3/kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(other))
    monkeypatch.chdir(tmp_path)
    page = job(
        "import os, sys, rin\n"
        "from ipykernel.kernelapp import IPKernelApp\n"
        "os.write(2, b'remark of a library')\n"
        "print(sys.executable, IPKernelApp.instance().transport, n)",
        parameters={"n": 7},
    )
    assert page.run() > 0
    printed = nbformat.read(page.output, 4).cells[-1].outputs[0].text
    assert printed.split() == [sys.executable, "ipc", "7"]
    assert capfd.readouterr() == ("", "")
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(left) == [page.output, page.source]


@pytest.mark.parametrize(
    ("end", "said", "line"),
    [
        ("1 / 0", "ZeroDivisionError", "ZeroDivisionError: division by zero"),
        ("import os\nos._exit(1)", "[Kk]ernel died", "its process was ended from outside"),
    ],
)
def test_notebook_with_a_failing_cell_or_a_kernel_that_dies_is_kept_apart(job, end, said, line):
    page = job(f"print(6 * 7)\n\n# %%\n{end}")
    expected = rf"(?s)probe\.py: the notebook did not finish.*{said}.*failed\.ipynb"
    with pytest.raises(InputError, match=expected) as caught:
        page.run()
    assert error_line(caught.value).startswith(line)
    assert not page.output.exists()
    assert '"42\\n"' in page.output.with_name("probe.failed.ipynb").read_text()


def test_notebook_whose_kernel_does_not_come_up_is_named(job, monkeypatch):
    start = Mock(side_effect=RuntimeError("Kernel didn't respond in 300 seconds"))
    monkeypatch.setattr("papermill.execute_notebook", start)
    page = job("print(1)")
    with pytest.raises(InputError, match=r"probe\.py.* did not finish\nKernel didn't respond"):
        page.run()


# ---- whether to run again


@pytest.mark.usefixtures("in_this_process")
def test_notebook_runs_again_with_other_parameters(job):
    page = job("n", parameters={"n": 1})
    failed = page.output.with_name("probe.failed.ipynb")
    failed.parent.mkdir()
    failed.touch()
    assert page.run() > 0
    assert not failed.exists()
    assert page.current()
    assert not replace(page, parameters={"n": 2}).current()


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("damage", [lambda text: "{", lambda text: text.replace("0.873", "0.9")])
def test_computed_notebook_that_is_damaged_or_changed_counts_as_not_computed(job, damage):
    page = job("print(0.873)")
    page.run()
    page.output.write_text(damage(page.output.read_text()))
    assert page.record() == {}
    assert not page.current()


# ---- what the console is told


BARS = [
    f"Training: {done} [00:30<01:00, 1.5s/run, epoch 2]"
    for done in (" 17%|█▌        | 7/40", "100%|██████████| 40/40")
]


def test_progress_of_training_is_told_without_remarks_of_the_framework(capsys):
    progress = Progress()
    progress.write("WARNING: All log messages before absl::InitializeLog()\n100%| no bar\n")
    progress.write("\r".join(["", *BARS]))
    assert [line.strip() for line in capsys.readouterr().err.splitlines()] == BARS


# ---- when the book is killed


#: Notes its process in a file, and goes on.
ENDLESS = """import os, pathlib, time
pathlib.Path("{}", str(os.getpid())).touch()
time.sleep(300)
"""
#: A book that computes a page and builds its HTML, of which neither ends.
BOOK = """from pathlib import Path
from threading import Thread
from rin.report import build
from rin.report.execution import Job
build._BUILDER = build._BUILDER.partition("import rin.report")[0] + "\\n" + {!r}
Thread(target=Job(Path({!r}), Path("probe.ipynb")).run).start()
build.build_html(*map(Path, ("b", "c", "t", "h")))
"""


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    return condition()


def is_running(process):
    stat = Path(f"/proc/{process}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_kernel_and_builder_end_when_the_book_is_killed(job, tmp_path):
    begun = tmp_path / "begun"
    begun.mkdir()
    endless = ENDLESS.format(begun)
    code = BOOK.format(endless, str(job(endless).source))
    book = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path)
    try:
        assert until(lambda: len([*begun.iterdir()]) == 2)
    finally:
        book.kill()
        book.wait()
    assert until(lambda: not any(is_running(file.name) for file in begun.iterdir()), 10)
