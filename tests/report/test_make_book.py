import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from rin.errors import InputError
from rin.report import make_book as module
from rin.report.chapters import Chapter, Page, title_of
from rin.report.make_book import make_book, run_stage

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A checkout in miniature: one source, the manifests, one profile; nothing is executed."""
    root = tmp_path / "checkout"
    (root / "rin").mkdir(parents=True)
    (root / "rin" / "one.py").write_text("x = 1\n")
    shutil.copytree(REPOSITORY / "data_manifests", root / "data_manifests")
    profiles = root / "notebooks" / "profiles"
    profiles.mkdir(parents=True)
    shutil.copy(REPOSITORY / "notebooks" / "profiles" / "smoke.yaml", profiles)
    monkeypatch.setattr(module, "ROOT", root)
    monkeypatch.setenv("RIN_MANIFESTS", str(root / "data_manifests"))
    monkeypatch.setenv("RIN_PROFILES", str(profiles))
    return root


@pytest.fixture
def calls(monkeypatch):
    """What make_book asks for: one entry a notebook, the last one the HTML."""
    made = []

    def run(stage, root, values, fingerprint):
        for page in stage:
            call = {"page": page, "root": root, "values": values, "stage": page.chapter.stage}
            made.append(SimpleNamespace(**call, fingerprint=fingerprint))

    def build(book, config, output, *, contents):
        made.append(SimpleNamespace(book=book, config=config, output=output, contents=contents))
        return output / "_build" / "html" / "index.html"

    monkeypatch.setattr(module, "run_stage", run)
    monkeypatch.setattr(module, "build_html", build)
    return made


@pytest.fixture
def fingerprint(tree, calls, tmp_path):
    """Returns the fingerprint under which the notebooks would run now."""

    def now(data_root=""):
        calls.clear()
        make_book("smoke", data_root, str(tmp_path / "results"))
        (only,) = {call.fingerprint for call in calls[:-1]}
        return only

    return now


@pytest.fixture
def data_root(tmp_path):
    folder = tmp_path / "images"
    (folder / "Dataset_BUSI_with_GT" / "benign").mkdir(parents=True)
    (folder / "pretrain_radiologic.zip").write_bytes(b"pictures")
    (folder / "notes.txt").write_text("of no dataset")
    return folder


def change_profile(tree, **changes):
    path = tree / "notebooks" / "profiles" / "smoke.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | changes))


def test_make_book_runs_each_page_after_those_that_it_reads_then_builds(tree, calls):
    index = make_book("smoke", "", "results")
    stages = {call.page.output: call.stage for call in calls[:-1]}
    assert [call.stage for call in calls[:-1]] == sorted(stages.values())
    assert stages["breast_dataset_card.ipynb"] < stages["pretraining.ipynb"]
    assert stages["pretraining.ipynb"] < stages["runs.ipynb"] < stages["breast_fine_tuning.ipynb"]
    assert stages["cover.ipynb"] == stages["how_built.ipynb"] == max(stages.values())
    html = calls[-1]
    assert (html.book, html.config, html.output) == (tree / "book", tree / "_config.yml", tree)
    assert html.contents == tree / "book" / "notebooks" / "_toc.yml"
    assert index == tree / "_build" / "html" / "index.html"


def test_make_book_hands_on_its_values(tree, calls, data_root):
    make_book("smoke", str(data_root), "out")
    values = {"profile": "smoke", "data_root": str(data_root), "results": "out"}
    assert all(call.values == values and call.root == tree for call in calls[:-1])


def test_run_stage_runs_pages_side_by_side_with_task_and_heading(tmp_path):
    (tmp_path / "notebooks").mkdir()
    source = (
        "# %% [markdown]\n# # The plain heading\n#\n# Text.\n\n"
        '# %% tags=["parameters"]\ntask: str = ""  # name\nprofile: str = ""  # name\n\n'
        "# %%\nprint(task, profile)\n"
    )
    (tmp_path / "notebooks" / "look.py").write_text(source)
    chapter = Chapter("look", ("task", "profile"), 0, "Tasks", "the look")
    stage = [Page(chapter, "breast"), Page(chapter, "thyroid")]
    run_stage(stage, tmp_path, {"profile": "smoke", "data_root": ""}, "a")
    for page in stage:
        text = (tmp_path / "book" / "notebooks" / page.output).read_text()
        assert f"{page.task} smoke" in text
        assert f"# {title_of(page.task)}: the look\\n" in text
        assert "plain heading" not in text


def test_run_stage_when_one_page_fails_finishes_the_others_and_raises(tmp_path):
    (tmp_path / "notebooks").mkdir()
    for name, body in (("good", "print(1)"), ("bad", "raise ValueError('no')")):
        (tmp_path / "notebooks" / f"{name}.py").write_text(f"# %%\n{body}\n")
    stage = [Page(Chapter(name, (), 0, "Methods")) for name in ("bad", "good")]
    with pytest.raises(InputError, match=r"bad\.py: the notebook did not finish"):
        run_stage(stage, tmp_path, {}, "a")
    assert (tmp_path / "book" / "notebooks" / "good.ipynb").is_file()


def add_task(tree, task, *, masks):
    """Write the manifest of a dataset of one's own with one task."""
    folder = tree / "data_manifests"
    manifest = yaml.safe_load((folder / "busi.yaml").read_text())
    own = {"name": "hospital", "masks": masks, "findings": [], "counts": {}}
    tasks = [{"name": task, "title": task, "positive_class": "malignant", "n_folds": 5}]
    (folder / "hospital.yaml").write_text(yaml.safe_dump(manifest | own | {"tasks": tasks}))
    change_profile(tree, tasks=["breast", task], fine_tuning_of={})


@pytest.mark.parametrize("masks", [True, False])
def test_make_book_of_two_tasks_runs_their_pages_once_each(tree, calls, masks):
    add_task(tree, "axilla", masks=masks)
    make_book("smoke", "", "results")
    names = [Path(call.page.output).stem for call in calls[:-1]]
    assert names.count("axilla_comparison") == names.count("breast_comparison") == 1
    assert names.count("pretraining") == names.count("cover") == 1
    assert names.count("breast_gradcam") == 1
    assert names.count("axilla_gradcam") == int(masks)


def test_fingerprint_when_nothing_changed_is_the_same(fingerprint, data_root):
    assert fingerprint(data_root) == fingerprint(data_root)


@pytest.mark.parametrize(
    "changes",
    [{"seed": 1}, {"fine_tuning": {"size": 75, "batch": 16, "epochs": 1}}],
    ids=["seed", "size"],
)
def test_fingerprint_when_profile_value_changes_is_another(fingerprint, tree, changes):
    before = fingerprint()
    change_profile(tree, **changes)
    assert fingerprint() != before


def test_fingerprint_when_profile_outside_the_folder_changes_is_another(tree, calls, tmp_path):
    path = tmp_path / "mine.yaml"
    text = (tree / "notebooks" / "profiles" / "smoke.yaml").read_text()
    for seed in (1, 2):
        path.write_text(f"{text}seed: {seed}\n")
        make_book(str(path), "", "results")
    assert calls[0].fingerprint != calls[-2].fingerprint


def test_fingerprint_when_rin_source_changes_is_another(fingerprint, tree):
    before = fingerprint()
    (tree / "rin" / "one.py").write_text("x = 2\n")
    assert fingerprint() != before


def test_fingerprint_when_manifest_changes_is_another(fingerprint, tree):
    before = fingerprint()
    path = tree / "data_manifests" / "busi.yaml"
    path.write_text(path.read_text().replace("modality: US", "modality: ultrasound"))
    assert fingerprint() != before


def test_fingerprint_when_dataset_archive_changes_is_another(fingerprint, data_root):
    before = fingerprint(data_root)
    (data_root / "pretrain_radiologic.zip").write_bytes(b"other pictures")
    assert fingerprint(data_root) != before


def test_fingerprint_when_dataset_archive_is_replaced_by_one_of_equal_size_is_another(
    fingerprint, data_root
):
    before = fingerprint(data_root)
    os.utime(data_root / "pretrain_radiologic.zip", ns=(1, 1))
    assert fingerprint(data_root) != before


def test_fingerprint_when_a_dataset_arrives_is_another(fingerprint, data_root):
    before = fingerprint(data_root)
    (data_root / "busi.zip").write_bytes(b"pictures")
    assert fingerprint(data_root) != before


def test_fingerprint_when_file_of_unpacked_dataset_changes_is_another(fingerprint, data_root):
    picture = data_root / "Dataset_BUSI_with_GT" / "benign" / "benign (1).png"
    picture.write_bytes(b"one picture")
    before = fingerprint(data_root)
    picture.write_bytes(b"another picture")
    assert fingerprint(data_root) != before


def test_fingerprint_when_another_file_of_data_root_changes_is_the_same(fingerprint, data_root):
    before = fingerprint(data_root)
    (data_root / "notes.txt").write_text("still of no dataset")
    assert fingerprint(data_root) == before


def test_make_book_of_missing_data_root_raises_before_anything_runs(tree, calls, tmp_path):
    with pytest.raises(InputError, match="no such data root"):
        make_book("smoke", str(tmp_path / "absent"), "results")
    assert calls == []
