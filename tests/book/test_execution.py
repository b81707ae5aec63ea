import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rin.errors import InputError
from rin.report import execution
from rin.report.execution import (
    Job,
    Progress,
    fitting_parameters,
    notebook_parameters,
)


def write(folder, *, body, parameters="n = 1"):
    source = folder / "probe.py"
    source.write_text(f'# %% tags=["parameters"]\n{parameters}\n\n# %%\n{body}\n')
    return source


def run_log(output):
    """What the notebook's cells printed, as one text."""
    cells = json.loads(output.read_text())["cells"]
    return "".join(
        "".join(o.get("text", [])) for c in cells if c["cell_type"] == "code" for o in c["outputs"]
    )


def test_parameters_of_a_notebook_are_those_of_its_cell_with_their_defaults(notebook):
    assert notebook_parameters(notebook) == {"count": 3, "title": None, "scale": 1.0}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("cuont", 2, r"cuont.*did you mean count.*Known: count, title, scale"),
        *(
            ("count", value, "count: Input should be a valid integer")
            for value in ("two", "2.5", None)
        ),
    ],
)
def test_parameters_of_unknown_name_or_other_type_are_refused(notebook, name, value, said):
    with pytest.raises(InputError, match=said):
        fitting_parameters(notebook, {name: value})


def test_parameters_given_as_text_become_values_of_the_type_of_the_default(notebook):
    given = {"scale": "2", "title": "3", "count": 4}
    assert fitting_parameters(notebook, given) == {"scale": 2.0, "title": "3", "count": 4}


# ---- in a kernel


@pytest.mark.skipif(sys.platform == "win32", reason="sockets in the file system are of Unix")
def test_kernel_is_this_interpreter_reached_without_ports_and_leaves_the_notebook_alone(
    tmp_path, monkeypatch, capfd
):
    other = tmp_path / "jupyter" / "kernels" / "python3"
    other.mkdir(parents=True)
    spec = {"argv": ["no-such-python"], "display_name": "other", "language": "python"}
    (other / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    source = write(
        here,
        body="import os, sys, rin\n"
        "from ipykernel.kernelapp import IPKernelApp\n"
        "os.write(2, b'remark of a library')\n"
        "print(sys.executable, IPKernelApp.instance().transport, n)",
    )
    assert Job(source, here / "made" / "probe.ipynb", {"n": 7}).run() > 0
    assert run_log(here / "made" / "probe.ipynb").split() == [sys.executable, "ipc", "7"]
    assert capfd.readouterr() == ("", "")
    left = [path.relative_to(here).as_posix() for path in here.rglob("*") if path.is_file()]
    assert sorted(left) == ["made/probe.ipynb", "probe.py"]


@pytest.mark.parametrize(
    ("end", "said"), [("1 / 0", "ZeroDivisionError"), ("import os\nos._exit(1)", "[Kk]ernel died")]
)
def test_notebook_with_a_failing_cell_or_a_kernel_that_dies_is_kept_apart(tmp_path, end, said):
    source, output = (
        write(tmp_path, body=f"print('begun')\n\n# %%\n{end}"),
        tmp_path / "probe.ipynb",
    )
    expected = rf"(?s)probe\.py: the notebook did not finish.*{said}.*failed\.ipynb"
    with pytest.raises(InputError, match=expected):
        Job(source, output).run()
    assert not output.exists()
    assert "begun" in run_log(tmp_path / "probe.failed.ipynb")


def test_notebook_whose_kernel_does_not_come_up_is_named(tmp_path, monkeypatch):
    def start(*given, **named):
        raise RuntimeError("Kernel didn't respond in 300 seconds")

    monkeypatch.setattr("papermill.execute_notebook", start)
    source, output = write(tmp_path, body="print(1)"), tmp_path / "probe.ipynb"
    with pytest.raises(InputError, match="did not finish\nKernel didn't respond") as caught:
        Job(source, output).run()
    assert caught.value.where == str(source)
    assert not output.exists()


# ---- whether to run again


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize(
    ("changed", "body"),
    [({}, None), ({"parameters": {"n": 2}}, None), ({"inputs": "b"}, None), ({}, "n + 1")],
    ids=["nothing", "parameters", "inputs", "source"],
)
def test_notebook_runs_again_when_something_changed(tmp_path, changed, body):
    given = {"parameters": {"n": 1}, "inputs": "a"}
    source, output = write(tmp_path, body="n"), tmp_path / "probe.ipynb"
    (tmp_path / "probe.failed.ipynb").touch()
    assert Job(source, output, **given).run() > 0
    assert [path.name for path in tmp_path.glob("*.ipynb")] == ["probe.ipynb"]
    if body:
        write(tmp_path, body=body)
    again = Job(source, output, **given | changed)
    same = not changed and not body
    assert again.current() == same


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("damage", [lambda text: "{", lambda text: text.replace("0.873", "0.9")])
def test_computed_notebook_that_is_damaged_or_changed_counts_as_not_computed(tmp_path, damage):
    job = Job(write(tmp_path, body="print(0.873)"), tmp_path / "probe.ipynb")
    job.run()
    assert job.current()
    job.output.write_text(damage(job.output.read_text()))
    assert job.recorded() == {}
    assert not job.current()


def test_notebook_is_up_to_date_with_the_runs_that_it_left_itself(tmp_path):
    done = tmp_path / "runs" / "one" / "done.json"
    body = (
        f"import pathlib\np = pathlib.Path({str(done)!r})\np.parent.mkdir(parents=True)\np.touch()"
    )
    job = Job(write(tmp_path, body=body), tmp_path / "probe.ipynb", ledgers=(tmp_path / "runs",))
    job.run()
    assert done.is_file()
    assert job.current()
    (tmp_path / "runs" / "two").mkdir()
    (tmp_path / "runs" / "two" / "done.json").touch()
    assert not job.current()


# ---- what the console is told


def bar(done, total=40, left="01:00"):
    share = 100 * done // total
    return f"\rTraining: {share:3d}%|████▌     | {done}/{total} [00:30<{left}, 1.5s/run, epoch 2]"


def test_progress_of_training_is_told_without_remarks_of_the_framework(capsys):
    progress = Progress()
    progress.write("WARNING: All log messages before absl::InitializeLog()\n100%| no bar\n")
    progress.write(bar(7) + bar(40))
    told = [line.strip() for line in capsys.readouterr().err.splitlines()]
    assert told == [bar(7).strip(), bar(40).strip()]


# ---- what a book promises as files


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("damage", [Path.unlink, lambda file: file.write_text("other")])
def test_files_of_a_page_that_are_gone_or_changed_are_written_again(tmp_path, monkeypatch, damage):
    files = {"csv/page-a.csv": b"a", "figures/page-b.svg": b"b"}
    monkeypatch.setattr(execution, "shown_files", lambda *given: files)
    job = Job(write(tmp_path, body="n"), tmp_path / "p.ipynb", name="page", shown=tmp_path / "r")
    job.run()
    assert job.write_missing_files() == []
    damage(tmp_path / "r/csv/page-a.csv")
    assert job.current()
    assert job.write_missing_files() == ["csv/page-a.csv"]
    assert (tmp_path / "r/csv/page-a.csv").read_bytes() == b"a"


# ---- when the book is killed


ENDLESS = """import os, pathlib, time
pathlib.Path({!r}).write_text(str(os.getpid()))
time.sleep(300)
"""


def is_running(process):
    stat = Path(f"/proc/{process}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    return condition()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("what", ["kernel", "builder"])
def test_kernel_and_builder_end_when_the_book_is_killed(tmp_path, what):
    noted = tmp_path / "noted"
    code = ENDLESS.format(str(noted))
    if what == "kernel":
        page = write(tmp_path, body=code)
        output = tmp_path / "page.ipynb"
        code = "from rin.report.execution import Job; from pathlib import Path\n"
        code += f"Job(Path({str(page)!r}), Path({str(output)!r})).run()"
    else:
        code = f"""import sys, types
from pathlib import Path
from rin.report import build
build._BUILDER = build._BUILDER.partition("import rin.report")[0] + "\\n" + {code!r}
build.build_html(*map(Path, {[str(tmp_path / n) for n in ("b", "c", "t", "h")]!r}))"""
    book = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path)
    try:
        assert until(lambda: noted.exists() and noted.read_text())
    finally:
        book.kill()
        book.wait()
    assert until(lambda: not is_running(noted.read_text()), 10)
