import shutil
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from rin.errors import InputError
from rin.files import REPOSITORY, read_yaml
from rin.report import build as module
from rin.report.build import plan_jobs, run_jobs
from rin.report.execution import Job, single_job, write_placeholder
from rin.report.pages import NOTEBOOKS, PARTS, Notebook, files_of, pages
from rin.study import open_workspace

SMOKE = "notebooks/profiles/smoke.yaml"
VALUES = {"profile": "smoke", "data_root": "", "results": "results"}
PARAMETERS = '# %% tags=["parameters"]\n' + "\n".join(f'{name}: str = ""' for name in VALUES)


# ---- the fingerprint of a page


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A checkout in miniature: two notebooks, the manifests, one profile; nothing is executed."""
    root = tmp_path / "checkout"
    texts = {
        "rin/one.py": "x = 1\n",
        "notebooks/study.py": PARAMETERS,
        "notebooks/use/reference.py": "print(1)\n",
        SMOKE: (REPOSITORY / SMOKE).read_text(),
    }
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    shutil.copytree(REPOSITORY / "data_manifests", root / "data_manifests")
    table = [one for one in NOTEBOOKS if one.source in ("study", "use/reference")]
    monkeypatch.setattr("rin.report.pages.NOTEBOOKS", tuple(table))
    monkeypatch.setattr(module, "REPOSITORY", root)
    monkeypatch.setenv("RIN_PROFILES", str(root / "notebooks/profiles"))
    monkeypatch.setenv("RIN_MANIFESTS", str(root / "data_manifests"))
    monkeypatch.chdir(root)
    return root


def test_fingerprint_of_a_page_changes_with_what_it_reads_and_with_nothing_else(tree):
    profile = (tree / SMOKE).read_text()
    manifest = (tree / "data_manifests/busi.yaml").read_text()
    picture = "images/Dataset_BUSI_with_GT/benign/benign (1).png"
    (tree / picture).parent.mkdir(parents=True)

    def fingerprints():
        workspace = open_workspace("smoke", data_root=tree / "images", results=tree / "results")
        jobs = plan_jobs(workspace, pages(workspace), VALUES)
        return {job.name: job.fingerprint() for job in jobs}

    before = fingerprints()
    both = {"study", "use/reference"}
    for name, text, concerned in (
        ("rin/one.py", "x = 2\n", both),
        ("rin/words.yaml", "word: 1\n", both),
        ("data_manifests/busi.yaml", manifest.replace("modality: US", "modality: CT"), both),
        (SMOKE, f"{profile}\nseed: 1\n", {"study"}),
        ("images/pretrain_radiologic.zip", "pictures", {"study"}),
        ("images/pretrain_radiologic.zip", "pictures", {"study"}),  # at another time
        ("images/busi.zip", "pictures", {"study"}),
        (picture, "one picture", {"study"}),
        ("images/notes.txt", "of no dataset", set()),
    ):
        (tree / name).write_text(text)
        now = fingerprints()
        assert {name for name in before if before[name] != now[name]} == concerned
        before = now


def test_pages_read_the_ledgers_of_what_comes_before_them():
    workspace = open_workspace("smoke")
    jobs = {job.name: job for job in plan_jobs(workspace, pages(workspace), VALUES)}
    assert [path.name for path in jobs["pipeline/gradcam"].ledgers] == ["runs", "weights"]
    assert [path.name for path in jobs["pipeline/pretraining"].ledgers] == ["weights"]
    assert jobs["evidence/replications"].ledgers == ()
    trains = {name for name, job in jobs.items() if job.trains}
    assert trains == {"pipeline/pretraining", "pipeline/fine_tuning"}


# ---- running pages


@pytest.fixture
def run(in_this_process, capsys):
    """Runs pages without kernels; returns the names of those that were run, in their order."""

    def run(jobs, said=""):
        run_jobs(jobs)
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].endswith(said)
        return [line.split("] ")[1].split(",")[0] for line in lines if "] " in line]

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
    training = job(body, "training", ledgers=(ledger,), trains=True)
    reading = job("n", "reading", after=frozenset(["training"]), ledgers=(ledger,))
    jobs = [reading, training, job("n", "free")]
    order = run(jobs, "3 notebooks, 3 to run")
    assert sorted(order) == ["free", "reading", "training"]
    assert order.index("training") < order.index("reading")
    assert run(jobs) == []
    assert run([*jobs[:2], replace(jobs[2], inputs="others")]) == ["free"]
    training.source.write_text(training.source.read_text() + "# more\n")
    assert run(jobs[:2]) == ["training", "reading"]


@pytest.mark.usefixtures("in_this_process")
def test_page_that_fails_says_in_a_box_what_failed_and_runs_again(job):
    page = job("raise KeyError('*no* {doc}`column`')", "bad")
    later = job("n", "later", after=frozenset(["bad"]))
    assert run_jobs([page, later]) == {"bad": "KeyError: '*no* {doc}`column`'"}
    head, box = nbformat.read(page.output, 4).cells
    assert head.source == "# Title"
    assert box.source.startswith("```{error}\n**This page could not be computed.** ")
    assert "text\nKeyError: '*no* {doc}`column`'" in box.source
    assert not page.current()
    assert later.output.is_file()


# ---- the whole


def make_book(profile="smoke", data_root="", results="results", **options):
    return module.make_book(profile, data_root, results, **options)


@pytest.fixture
def calls(tree, monkeypatch):
    """What make_book does, in its order: names of the pages that it computes, and HTML builds."""
    made = []

    def compute(jobs):
        made.append([job.name for job in jobs])
        for job in jobs:
            job.output.parent.mkdir(parents=True, exist_ok=True)
            job.output.touch()
        return {}

    def build(book, config, listed, built, strict):
        made.append("HTML")
        for name in ["index", *files_of(read_yaml(listed))]:
            path = built / f"html/{name}.html"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("<p>text</p>")

    monkeypatch.setattr(module, "run_jobs", compute)
    monkeypatch.setattr(module, "build_html", build)
    (tree / "book").mkdir()
    (tree / "_config.yml").write_text("title: Book\n")
    return made


def test_make_book_builds_html_only_when_something_on_a_page_changed(tree, calls, capsys):
    index = make_book()
    assert index == tree / "_build/smoke/html/index.html"
    assert calls == [["study", "use/reference"], "HTML"]
    for change, builds in (
        (lambda: None, 0),
        (lambda: (tree / "book/methods.md").write_text("# About\n"), 1),
        (lambda: (tree / "book/notebooks/study.ipynb").write_text("{}"), 1),
        (index.unlink, 1),
    ):
        calls.clear()
        change()
        make_book()
        assert calls.count("HTML") == builds
    said = capsys.readouterr().out
    assert f"1 file of {tree / '_build/smoke'} made anew (html/index.html)" in said
    assert said.count("HTML unchanged") == 1


def copy_profile(tree, name):
    """Add a second profile, as of a task of one's own."""
    folder = tree / "notebooks/profiles"
    edited = (folder / "smoke.yaml").read_text().replace("name: smoke", f"name: {name}")
    (folder / f"{name}.yaml").write_text(edited)


def test_book_of_another_profile_or_other_results_replaces_none_and_the_last_is_linked(
    tree, calls
):
    copy_profile(tree, "lesions")
    books, link = tree / "_build", tree / "_build/html"
    made = set()
    for profile, results in (("smoke", "results"), ("lesions", "results"), ("smoke", "a/results")):
        made.add(index := make_book(profile, results=results))
        assert index.parents[2] == books
        assert link.is_symlink()
        assert (link / "index.html").samefile(index)
    assert calls.count("HTML") == len(made) == 3
    assert all(index.is_file() for index in made)


def test_book_that_cannot_be_made_is_refused_before_anything_runs(tree, calls):
    copy_profile(tree, "html")
    with pytest.raises(InputError, match=r"html, .* are what profiles share"):
        make_book("html")
    calls.clear()
    with pytest.raises(InputError, match="no such data root"):
        make_book(data_root=str(tree / "absent"))
    assert calls == []


def test_make_book_when_the_builder_leaves_a_page_out_raises(tree, calls, monkeypatch):
    build = module.build_html

    def forgets(*given, **named):
        build(*given, **named)
        (tree / "_build/smoke/html/notebooks/study.html").write_text("")

    monkeypatch.setattr(module, "build_html", forgets)
    with pytest.raises(InputError, match=r"study\.html: the book was built without this page"):
        make_book()


def test_make_book_with_a_page_that_fails_builds_the_others_and_then_raises_naming_it(
    calls, monkeypatch
):
    monkeypatch.setattr(module, "run_jobs", lambda jobs: {"study": "no such column"})
    expected = r"index\.html: the book is built, but 1 page could not .*\(study: no such column\)"
    with pytest.raises(InputError, match=expected):
        make_book()
    assert calls == ["HTML"]


# ---- results first


LIVE = Notebook("study", PARTS[0], live=True, leaves="runs")


@pytest.fixture
def with_live(calls, monkeypatch):
    """A book whose page on the study stands for the live part: it trains."""
    table = (Notebook("use/reference", PARTS[0]), LIVE)
    monkeypatch.setattr("rin.report.pages.NOTEBOOKS", table)
    return calls


def test_results_are_built_first_and_stay_when_the_live_part_is_cut_off(
    tree, with_live, monkeypatch, capsys
):
    compute = module.run_jobs

    def cut_off(jobs):
        compute(jobs[:1])
        if len(jobs) > 1:
            raise KeyboardInterrupt
        return {}

    monkeypatch.setattr(module, "run_jobs", cut_off)
    with pytest.raises(KeyboardInterrupt):
        make_book()
    assert with_live == [["use/reference"], "HTML", ["use/reference"]]
    waiting = (tree / "book/notebooks/study.ipynb").read_text("utf-8")
    assert "This page is being computed" in waiting
    assert "index.html; the live part is being computed" in capsys.readouterr().out


def test_book_for_reading_is_made_in_one_go_without_a_framework(calls, monkeypatch):
    needs_one = Notebook("pipeline/gradcam", PARTS[0], live=True, extras=("cpu",))
    table = (Notebook("use/reference", PARTS[0]), LIVE, needs_one)
    monkeypatch.setattr("rin.report.pages.NOTEBOOKS", table)
    make_book(reading=True)
    assert calls == [["use/reference", "study"], "HTML"]


def test_results_of_which_a_file_is_gone_are_gathered_again(with_live, monkeypatch, capsys):
    gathered = []
    monkeypatch.setattr(Job, "current", lambda job: True)
    monkeypatch.setattr(module, "changed_files", lambda folder: ["runs.parquet"])
    monkeypatch.setattr(module, "consolidate", gathered.append)
    make_book()
    assert [workspace.profile.name for workspace in gathered] == ["smoke"]
    assert "tables made anew (runs.parquet)" in capsys.readouterr().out


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("title", ["# Title", "# Earlier title"])
def test_computed_page_waits_for_the_live_part_only_if_its_text_is_todays(job, title):
    page = job("n")
    page.run()
    before = page.output.read_bytes()
    page.source.write_text(page.source.read_text().replace("# Title", title))
    write_placeholder(page)
    assert (page.output.read_bytes() == before) is (title == "# Title")


@pytest.mark.parametrize(
    ("source", "name"),
    [
        (REPOSITORY / "notebooks/results/your_run.py", "results/your_run"),
        (Path("a/mine.py"), "mine"),
    ],
)
def test_files_of_a_notebook_that_runs_alone_are_named_as_those_of_the_book_and_lie_beside_it(
    source, name
):
    job = single_job(source, Path("computed/x.ipynb"), {})
    assert (job.name, job.address) == (name, ".")
