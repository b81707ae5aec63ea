import hashlib
import os
import shutil
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from rin.errors import InputError
from rin.files import read_yaml
from rin.report import build as module
from rin.report.build import make_book, plan_jobs, run_jobs
from rin.report.execution import Job, single_job, write_placeholder
from rin.report.pages import NOTEBOOKS, PARTS, Notebook, files_of, pages
from rin.study import open_workspace

ROOT = Path(__file__).resolve().parents[2]
VALUES = {"profile": "smoke", "data_root": "", "results": "results"}


def write(root, **files):
    for name, text in files.items():
        path = root / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


# ---- the fingerprint of a page


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A checkout in miniature: two notebooks, the manifests, one profile; nothing is executed."""
    root = tmp_path / "checkout"
    header = (
        '# %% tags=["parameters"]\nprofile: str = ""\ndata_root: str = ""\nresults: str = ""\n'
    )
    write(
        root, rin__one="x = 1\n", notebooks__study=header, notebooks__use__reference="print(1)\n"
    )
    (root / "notebooks" / "profiles").mkdir()
    shutil.copy(ROOT / "notebooks" / "profiles" / "smoke.yaml", root / "notebooks" / "profiles")
    shutil.copytree(ROOT / "data_manifests", root / "data_manifests")
    table = [one for one in NOTEBOOKS if one.source in ("study", "use/reference")]
    monkeypatch.setattr("rin.report.pages.NOTEBOOKS", tuple(table))
    monkeypatch.setenv("RIN_PROFILES", str(root / "notebooks" / "profiles"))
    monkeypatch.setenv("RIN_MANIFESTS", str(root / "data_manifests"))
    return root


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_fingerprint_of_a_page_changes_with_what_it_reads_and_with_nothing_else(tree):
    images, smoke = tree / "images", tree / "notebooks" / "profiles" / "smoke.yaml"
    (images / "Dataset_BUSI_with_GT" / "benign").mkdir(parents=True)
    archive, notes = images / "pretrain_radiologic.zip", images / "notes.txt"
    archive.write_bytes(b"pictures")

    def fingerprints():
        workspace = open_workspace("smoke", data_root=images, results=tree / "results")
        jobs = plan_jobs(workspace, pages(workspace), VALUES, tree)
        return {job.name: job.fingerprint() for job in jobs}

    picture = images / "Dataset_BUSI_with_GT" / "benign" / "benign (1).png"
    manifest = tree / "data_manifests" / "busi.yaml"
    before = fingerprints()
    both = {"study", "use/reference"}
    for change, concerned in (
        (lambda: (tree / "rin" / "one.py").write_text("x = 2\n"), both),
        (lambda: (tree / "rin" / "words.yaml").write_text("word: 1\n"), both),
        (lambda: edit(manifest, "modality: US", "modality: ultrasound"), both),
        (lambda: smoke.write_text(smoke.read_text() + "\nseed: 1\n"), {"study"}),
        (lambda: archive.write_bytes(b"other pictures"), {"study"}),
        (lambda: os.utime(archive, ns=(1, 1)), {"study"}),
        (lambda: (images / "busi.zip").write_bytes(b"pictures"), {"study"}),
        (lambda: picture.write_bytes(b"one picture"), {"study"}),
        (lambda: notes.write_text("of no dataset"), set()),
    ):
        change()
        now = fingerprints()
        assert {name for name in before if before[name] != now[name]} == concerned
        before = now


def test_pages_read_the_ledgers_of_what_comes_before_them():
    workspace = open_workspace("smoke")
    jobs = {job.name: job for job in plan_jobs(workspace, pages(workspace), VALUES, ROOT)}
    assert [path.name for path in jobs["pipeline/gradcam"].ledgers] == ["runs", "weights"]
    assert [path.name for path in jobs["pipeline/pretraining"].ledgers] == ["weights"]
    assert jobs["evidence/replications"].ledgers == ()
    trains = {name for name, job in jobs.items() if job.trains}
    assert trains == {"pipeline/pretraining", "pipeline/fine_tuning"}


# ---- running pages


@pytest.fixture
def job(tmp_path):
    """Makes a page whose notebook has one cell."""

    def make(name, body="print(1)", **given):
        source = tmp_path / f"{name}.py"
        source.write_text(f"# %%\n{body}\n")
        output = tmp_path / "book" / f"{name}.ipynb"
        given["after"] = frozenset(given.get("after", ()))
        return Job(source, output, inputs="inputs", name=name, **given)

    return make


@pytest.fixture
def run(in_this_process, capsys):
    """Runs pages without kernels; returns the names of those that were run, and what was told."""

    def run(jobs):
        run_jobs(jobs)
        told = capsys.readouterr().out
        return [
            line.split("] ")[1].split(",")[0] for line in told.splitlines() if "] " in line
        ], told

    return run


def test_pages_wait_for_those_that_they_read_and_run_again_when_something_changed(
    job, run, tmp_path
):
    ledger = tmp_path / "runs"
    body = f"""import pathlib, time
run = pathlib.Path({str(ledger)!r}) / "run"
run.mkdir(parents=True, exist_ok=True)
(run / "done.json").write_text(str(time.time()))
"""
    training = job("training", body, ledgers=(ledger,), trains=True)
    reading = job("reading", after=["training"], ledgers=(ledger,))
    jobs = [reading, training, job("free")]
    order, told = run(jobs)
    assert "3 notebooks, 3 to run\n" in told
    assert set(order) == {"training", "reading", "free"}
    assert order.index("training") < order.index("reading")
    assert run(jobs)[0] == []
    order, _ = run([*jobs[:2], replace(jobs[2], inputs="others")])
    assert order == ["free"]
    training.source.write_text(training.source.read_text() + "# more\n")
    assert run(jobs[:2])[0] == ["training", "reading"]


def test_page_that_fails_says_in_a_box_what_failed_and_runs_again(job, run, tmp_path):
    page = job("bad", "ok = False\nif not ok:\n    raise KeyError('*no* {doc}`column`')")
    page.source.write_text(f"# %% [markdown]\n# # Title\n\n{page.source.read_text()}")
    failed = module.run_jobs([page, job("later", after=["bad"])])
    assert failed == {"bad": """KeyError: '*no* {doc}`column`'"""}
    head, box = nbformat.read(page.output, 4).cells
    assert head.source == "# Title"
    assert box.source.startswith("```{error}\n**This page could not be computed.** ")
    assert "text\nKeyError: '*no* {doc}`column`'" in box.source
    assert not page.current()
    assert (tmp_path / "book" / "later.ipynb").is_file()


# ---- the whole


@pytest.fixture
def calls(tree, monkeypatch):
    """What make_book asks for beyond the pages: one entry an HTML build."""
    made = []

    def build(book, config, listed, built, strict):
        made.append(listed)
        names = [f"{name}.html" for name in files_of(read_yaml(listed))]
        for name in ["index.html", "_images/figure.svg", *names]:
            path = built / "html" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("<p>text</p>")

    monkeypatch.setattr(module, "REPOSITORY", tree)
    monkeypatch.setattr(module, "run_jobs", lambda *given, **named: {})
    monkeypatch.setattr(module, "build_html", build)
    (tree / "book").mkdir()
    (tree / "_config.yml").write_text("title: Book\n")
    shutil.copy(ROOT / "CITATION.cff", tree)
    return made


def test_make_book_builds_html_only_when_something_on_a_page_changed(tree, calls, capsys):
    index = make_book("smoke", "", "results")
    assert index == tree / "_build" / "smoke" / "html" / "index.html"
    assert calls == [tree / "book" / "notebooks" / "_toc.yml"]
    for change, builds in (
        (lambda: None, 0),
        (lambda: (tree / "book" / "methods.md").write_text("# About\n"), 1),
        (lambda: (tree / "book" / "notebooks" / "study.ipynb").write_text("{}"), 1),
        (index.unlink, 1),
    ):
        calls.clear()
        change()
        make_book("smoke", "", "results")
        assert len(calls) == builds
    said = capsys.readouterr().out
    assert "1 file of the HTML is missing or changed (html/index.html)" in said
    assert said.count("HTML unchanged") == 1


@pytest.fixture
def other_profile(tree):
    """A second profile, as of a task of one's own."""
    folder = tree / "notebooks" / "profiles"
    edited = (folder / "smoke.yaml").read_text().replace("name: smoke", "name: lesions")
    (folder / "lesions.yaml").write_text(edited)
    return "lesions"


def test_book_of_another_profile_or_other_results_replaces_none_and_the_last_is_linked(
    tree, calls, other_profile
):
    books, link = tree / "_build", tree / "_build" / "html"
    for profile, results, name in (
        ("smoke", "results", "smoke"),
        (other_profile, "results", "lesions"),
        ("smoke", "elsewhere", "smoke-elsewhere"),
    ):
        index = make_book(profile, "", results)
        assert index == books / name / "html" / "index.html"
        assert link.is_symlink()
        assert (link / "index.html").samefile(index)
    assert len(calls) == 3
    assert all((books / name / "html/index.html").is_file() for name in ("smoke", "lesions"))


def test_book_of_a_profile_that_is_called_as_the_link_is_refused(tree, calls):
    folder = tree / "notebooks" / "profiles"
    edited = (folder / "smoke.yaml").read_text().replace("name: smoke", "name: html")
    (folder / "html.yaml").write_text(edited)
    with pytest.raises(InputError, match="Give the profile another name"):
        make_book("html", "", "results")


def test_make_book_when_the_builder_leaves_a_page_out_raises(tree, calls, monkeypatch):
    build = module.build_html

    def forgets(*given, **named):
        build(*given, **named)
        (tree / "_build" / "smoke" / "html" / "notebooks" / "study.html").write_text("")

    monkeypatch.setattr(module, "build_html", forgets)
    with pytest.raises(InputError, match=r"study\.html: the book was built without this page"):
        make_book("smoke", "", "results")


def test_make_book_with_a_page_that_fails_builds_the_others_and_then_raises_naming_it(
    tree, calls, monkeypatch
):
    monkeypatch.setattr(module, "run_jobs", lambda *given, **named: {"study": "no such column"})
    expected = r"index\.html: the book is built, but 1 page could not .*\(study: no such column\)"
    with pytest.raises(InputError, match=expected):
        make_book("smoke", "", "results")
    assert len(calls) == 1


def test_make_book_of_missing_data_root_raises_before_anything_runs(calls, tmp_path):
    with pytest.raises(InputError, match="no such data root"):
        make_book("smoke", str(tmp_path / "absent"), "results")
    assert calls == []


# ---- results first


def test_results_are_built_first_and_stay_when_the_live_part_is_cut_off(
    tree, monkeypatch, calls, capsys
):
    """The page on the study stands for the live part: it trains, and is cut off the first time."""
    notebooks = [replace(one, part=PARTS[0]) for one in NOTEBOOKS if one.source == "study"]
    live = [replace(notebooks[0], live=True, leaves="runs")]
    first = [replace(notebooks[0], source="use/reference")]
    monkeypatch.setattr("rin.report.pages.NOTEBOOKS", (*first, *live))
    ran = []

    def run(jobs):
        ran.append([job.name for job in jobs])
        if len(jobs) > 1:
            assert len(calls) == 1  # the results can be read by now
            raise KeyboardInterrupt
        for job in jobs:
            job.output.parent.mkdir(parents=True, exist_ok=True)
            job.output.write_text('{"metadata": {}}')
        return {}

    monkeypatch.setattr(module, "run_jobs", run)
    with pytest.raises(KeyboardInterrupt):
        make_book("smoke", "", "results")
    assert ran == [["use/reference"], ["use/reference", "study"]]
    assert len(calls) == 1  # the first book is whole
    waiting = (tree / "book" / "notebooks" / "study.ipynb").read_text("utf-8")
    assert "This page is being computed" in waiting
    assert "index.html; the live part is being computed" in capsys.readouterr().out


def test_book_for_reading_is_made_in_one_go_without_a_framework(tree, monkeypatch, calls):
    statistics = Notebook("study", PARTS[0], live=True)
    fitting = Notebook("use/reference", PARTS[0], live=True, extras=("cpu",))
    monkeypatch.setattr("rin.report.pages.NOTEBOOKS", (statistics, fitting))
    ran = []
    monkeypatch.setattr(
        module, "run_jobs", lambda jobs: ran.append([job.name for job in jobs]) or {}
    )
    make_book("smoke", "", "results", reading=True)
    assert ran == [["study"]]
    assert len(calls) == 1


def test_results_of_which_a_file_is_gone_are_gathered_again(tree, monkeypatch, calls, capsys):
    trains = Notebook("study", PARTS[0], live=True, leaves="runs")
    monkeypatch.setattr("rin.report.pages.NOTEBOOKS", (trains,))
    monkeypatch.setattr(Job, "current", lambda job: True)
    monkeypatch.setattr(module, "changed_files", lambda folder: ["runs.parquet"])
    gathered = []
    monkeypatch.setattr(module, "consolidate", gathered.append)
    make_book("smoke", "", "results")
    assert [workspace.profile.name for workspace in gathered] == ["smoke"]
    assert "tables were gone or changed (runs.parquet)" in capsys.readouterr().out


@pytest.mark.parametrize(("text", "stays"), [("# # Title", True), ("# # Earlier title", False)])
def test_computed_page_waits_for_the_live_part_only_if_its_text_is_todays(tmp_path, text, stays):
    job = Job(tmp_path / "page.py", tmp_path / "page.ipynb")
    job.source.write_text("# %% [markdown]\n# # Title\n", encoding="utf-8")
    made_from = {"source": hashlib.sha256(f"# %% [markdown]\n{text}\n".encode()).hexdigest()}
    made_from["cells"] = hashlib.sha256(b"[]").hexdigest()  # it has none
    computed = nbformat.v4.new_notebook(metadata={"rin": made_from})
    nbformat.write(computed, job.output)
    before = job.output.read_text(encoding="utf-8")
    write_placeholder(job)
    after = job.output.read_text(encoding="utf-8")
    assert (after == before) == stays
    assert ("This page is being computed" in after) != stays


@pytest.mark.parametrize(
    ("source", "name"), [("results/your_run", "results/your_run"), ("", "mine")]
)
def test_files_of_a_notebook_that_runs_alone_are_named_as_those_of_the_book_and_lie_beside_it(
    tmp_path, source, name
):
    path = ROOT / "notebooks" / f"{source}.py" if source else tmp_path / "mine.py"
    job = single_job(path, tmp_path / "computed" / "x.ipynb", {})
    assert (job.name, job.shown, job.address) == (name, tmp_path / "computed", ".")
