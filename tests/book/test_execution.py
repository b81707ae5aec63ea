import io
import json
import sys

import pytest

from rin.errors import InputError
from rin.report import execution
from rin.report.execution import Progress, check_parameters, notebook_parameters, recorded


def execute_notebook(source, output, parameters, *, fingerprint, **given):
    """As the function of that name, with a fingerprint that does not change while it runs."""
    return execution.execute_notebook(
        source, output, parameters, fingerprint=lambda: fingerprint, **given
    )


def run_log(output):
    """What the notebook's cells printed, as one text."""
    cells = json.loads(output.read_text())["cells"]
    return "".join(
        "".join(o.get("text", [])) for c in cells if c["cell_type"] == "code" for o in c["outputs"]
    )


def write(folder, *, body, parameters="n = 1"):
    source = folder / "probe.py"
    source.write_text(f'# %% tags=["parameters"]\n{parameters}\n\n# %%\n{body}\n')
    return source


def test_notebook_parameters_with_union_annotation_keeps_it(notebook):
    assert notebook_parameters(notebook) == {"count": int, "title": str | None, "scale": float}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("cuont", 2, r"'cuont'.*Known: count, title, scale"),
        *(("count", value, "parameter count is") for value in ("2", True, 2.0)),
        ("title", 1, "parameter title is"),
    ],
)
def test_check_parameters_with_unknown_name_or_other_type_says_which(notebook, name, value, said):
    with pytest.raises(InputError, match=said):
        check_parameters(notebook, {name: value})


def test_check_parameters_with_fitting_values_passes(notebook):
    check_parameters(notebook, {"scale": 2, "title": None})
    check_parameters(notebook, {"title": "x"})


def test_execute_notebook_when_nothing_changed_runs_once(tmp_path):
    source = write(tmp_path, body="print('n is', n)")
    output = tmp_path / "made" / "probe.ipynb"
    assert execute_notebook(source, output, {"n": 7}, fingerprint="a")
    assert "n is 7" in run_log(output)
    before = output.stat().st_mtime_ns
    assert not execute_notebook(source, output, {"n": 7}, fingerprint="a")
    assert output.stat().st_mtime_ns == before
    assert [p.name for p in output.parent.iterdir()] == ["probe.ipynb"]


@pytest.mark.parametrize("changed", ["parameters", "fingerprint", "source"])
def test_execute_notebook_when_something_changed_runs_again(tmp_path, changed):
    source, output = write(tmp_path, body="print(n)"), tmp_path / "probe.ipynb"
    execute_notebook(source, output, {"n": 1}, fingerprint="a")
    if changed == "source":
        write(tmp_path, body="print(n + 1)")
    assert execute_notebook(
        source,
        output,
        {"n": 2 if changed == "parameters" else 1},
        fingerprint="b" if changed == "fingerprint" else "a",
    )


def test_execute_notebook_kernel_is_running_interpreter_with_this_package(tmp_path, monkeypatch):
    other = tmp_path / "jupyter" / "kernels" / "python3"
    other.mkdir(parents=True)
    spec = {"argv": ["no-such-python"], "display_name": "other", "language": "python"}
    (other / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    source = write(tmp_path, body="import sys, rin\nprint(sys.executable)")
    output = tmp_path / "probe.ipynb"
    monkeypatch.chdir(tmp_path)
    execute_notebook(source, output, {}, fingerprint="a")
    assert sys.executable in run_log(output)


def test_execute_notebook_with_failing_cell_keeps_it_apart_and_is_not_finished(tmp_path):
    source, output = write(tmp_path, body="print('begun')\n1 / 0"), tmp_path / "probe.ipynb"
    with pytest.raises(InputError, match=r"(?s)probe\.py.*ZeroDivisionError.*failed\.ipynb"):
        execute_notebook(source, output, {}, fingerprint="a")
    assert not output.exists()
    assert "begun" in run_log(tmp_path / "probe.failed.ipynb")
    write(tmp_path, body="print('mended')")
    assert execute_notebook(source, output, {}, fingerprint="a")
    assert not (tmp_path / "probe.failed.ipynb").exists()


def test_execute_notebook_when_kernel_dies_names_notebook(tmp_path):
    source, output = write(tmp_path, body="import os\nos._exit(1)"), tmp_path / "probe.ipynb"
    with pytest.raises(InputError, match=r"probe\.py: the notebook did not finish"):
        execute_notebook(source, output, {}, fingerprint="a")
    assert not output.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="sockets in the file system are of Unix")
def test_kernel_is_reached_without_ports_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    body = "from ipykernel.kernelapp import IPKernelApp\nprint(IPKernelApp.instance().transport)"
    source, output = write(tmp_path, body=body), tmp_path / "probe.ipynb"
    execute_notebook(source, output, {}, fingerprint="a")
    assert run_log(output).strip() == "ipc"
    assert {path.name for path in tmp_path.iterdir()} == {"probe.py", "probe.ipynb"}


def test_execute_notebook_when_kernel_does_not_come_up_names_notebook(tmp_path, monkeypatch):
    def start(*given, **named):
        raise RuntimeError("Kernel didn't respond in 300 seconds")

    monkeypatch.setattr("papermill.execute_notebook", start)
    source, output = write(tmp_path, body="print(1)"), tmp_path / "probe.ipynb"
    with pytest.raises(InputError, match="did not finish\nKernel didn't respond") as caught:
        execute_notebook(source, output, {}, fingerprint="a")
    assert caught.value.where == str(source)
    assert not output.exists()


def test_execute_notebook_keeps_the_fingerprint_of_what_it_left_and_its_time(tmp_path):
    left = tmp_path / "left.txt"
    source = write(tmp_path, body=f"open({str(left)!r}, 'w').write('run')")
    output = tmp_path / "probe.ipynb"
    given = {"fingerprint": lambda: str(left.exists())}
    assert execution.execute_notebook(source, output, {}, **given) > 0
    assert recorded(output)["fingerprint"] == "True"
    assert recorded(output)["seconds"] > 0
    assert execution.execute_notebook(source, output, {}, **given) is None


def bar(done, total=40, left="01:00"):
    share = 100 * done // total
    return f"\rTraining: {share:3d}%|████▌     | {done}/{total} [00:30<{left}, 1.5s/run, epoch 2]"


def test_progress_of_training_is_told_in_few_lines(monkeypatch):
    clock = iter(range(0, 10_000, 6))
    monkeypatch.setattr(execution.time, "monotonic", lambda: next(clock))
    out = io.StringIO()
    progress = Progress(out)
    for done in range(41):
        progress.write(bar(done))
    lines = out.getvalue().splitlines()
    assert [line.strip() for line in lines] == [
        *(f"Training: {n} of 40, 01:00 left" for n in (8, 16, 24, 32)),
        "Training: 40 of 40",
    ]


def test_progress_passes_on_no_remark_of_the_framework(monkeypatch):
    out = io.StringIO()
    Progress(out).write("WARNING: All log messages before absl::InitializeLog()\n100%| no bar\n")
    assert out.getvalue() == ""


def test_kernels_own_remarks_do_not_reach_the_console(tmp_path, capfd):
    body = "import os\nos.write(2, b'remark of a library')"
    execute_notebook(write(tmp_path, body=body), tmp_path / "probe.ipynb", {}, fingerprint="a")
    assert capfd.readouterr() == ("", "")
