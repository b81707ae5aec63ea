import pickle
import shutil
from types import SimpleNamespace

import pytest
from small_pictures import draw
from tiny_study import tiny_profile

from rin.data.manifest import find_task, load_manifest
from rin.data.splits import PIECES
from rin.errors import InputError
from rin.files import REPOSITORY
from rin.report.pages import pages
from rin.study import open_workspace
from rin.study.consolidate import task_facts
from rin.study.workspace import (
    available_weights,
    find_manifest,
    missing_inputs,
    official_folds,
)


@pytest.fixture
def study_with(tmp_path):
    """Return a function that opens a study whose data root holds some empty folders."""

    def opened(*names):
        for name in names:
            (tmp_path / "images" / name).mkdir(parents=True)
        return open_workspace(tiny_profile(), data_root=tmp_path / "images")

    return opened


def test_task_reads_an_open_substitute_only_where_its_own_images_are_absent(study_with):
    without = open_workspace(tiny_profile())
    assert find_manifest(without, *find_task("covid19")).name == "covid19_ct"
    assert find_manifest(study_with("other"), *find_task("covid19")).name == "covid19_ct"
    assert find_manifest(study_with("sarscov2_ct"), *find_task("covid19")).name == "sarscov2_ct"
    assert find_manifest(study_with("covid19_ct"), *find_task("covid19")).name == "covid19_ct"


def test_images_of_a_substitute_say_for_which_they_stand(tmp_path):
    for number, name in enumerate(["COVID", "non-COVID"] * 30):
        draw(tmp_path / "images" / "sarscov2_ct" / name / f"{number}.png", number)
    profile = tiny_profile({"tasks": ["covid19"]})
    roots = {"data_root": tmp_path / "images", "results": tmp_path / "results"}
    facts = task_facts(open_workspace(profile, **roots, partial=True).inputs("covid19"))
    assert facts.dataset.name == "sarscov2_ct"
    assert facts.substitute_for == load_manifest("covid19_ct").title


def test_two_tasks_of_one_dataset_read_it_under_their_own_labels(study_with):
    labels = {}
    for task in ("acl", "meniscus"):
        manifest = find_manifest(study_with(task), *find_task(task))
        labels[task] = [manifest.label_map[name] == "tear" for name in ("acl", "meniscus")]
    assert labels == {"acl": [True, False], "meniscus": [False, True]}


OF_TORCH = (
    "weights/RadImageNet_pytorch/ResNet50.safetensors",
    "weights/resnet50-0676ba61.safetensors",
)
DENSE = "weights/RadImageNet-DenseNet121_notop.h5"
CACHED = "densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5"


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """A computer without a network; returns a function that puts files into Keras' cache."""

    def unreachable(*_, **__):
        raise OSError("no network")

    def cache(*names):
        for name in names:
            (tmp_path / ".keras/models").mkdir(parents=True, exist_ok=True)
            (tmp_path / ".keras/models" / name).touch()

    monkeypatch.setattr("urllib.request.urlopen", unreachable)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_HOME", raising=False)
    return cache


@pytest.mark.parametrize(
    ("there", "cached", "found"),
    [
        ((), CACHED, ("stand-ins", ["ResNet50"])),
        (("pretrain_radiologic.zip",), CACHED, ("stand-ins", ["ResNet50"])),
        (("pretrain_radiologic.zip", "pretrain_photographic"), CACHED, ("corpora", ["ResNet50"])),
        ((DENSE,), CACHED, ("released", ["DenseNet121"])),
        ((DENSE,), CACHED.replace("121", "169"), ("stand-ins", ["ResNet50"])),
        (OF_TORCH, "none", ("released_pytorch", ["ResNet50"])),
        ((*OF_TORCH, DENSE), CACHED, ("released", ["DenseNet121"])),
        ((OF_TORCH[1],), "none", ("stand-ins", ["ResNet50"])),
    ],
)
def test_weights_to_start_from_are_had_for_both_inits_or_made(
    tmp_path, offline, there, cached, found
):
    offline(cached)
    for name in ("root/weights/empty", *(f"root/{name}" for name in there)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert available_weights(tmp_path / "root") == found


def test_weights_of_keras_that_neither_cache_nor_network_has_are_missing(
    tmp_path, offline, monkeypatch
):
    changes = {"inits": ["imagenet", "random"], "pretraining": None}
    changes |= {"backbones": ["ResNet50", "InceptionV3"], "fine_tuning.size": 75}
    workspace = open_workspace(tiny_profile(changes), results=tmp_path / "results")
    monkeypatch.setattr("rin.study.workspace.digest_problem", lambda entry, path: "")
    offline("resnet50v2_weights_notop.h5")
    offline("inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5")
    (said,) = missing_inputs(workspace)
    assert said.startswith("weights imagenet ResNet50: connect once, or put")
    assert str(tmp_path / ".keras/models") in said
    offline("resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5")
    assert missing_inputs(workspace) == []


def test_reference_run_beside_no_task_of_its_own_is_one_clear_error():
    with pytest.raises(InputError, match="none of its tasks has images or a stand-in"):
        open_workspace(tiny_profile({"reference": "open", "stand_ins": {}}))


def test_page_that_is_no_notebook_is_refused_before_anything_is_trained(tmp_path):
    workspace = open_workspace(tiny_profile({"pages": ["my_tsk.py"]}), results=tmp_path)
    for use in (missing_inputs, pages):
        with pytest.raises(InputError, match=r"unknown page \(pages of profile .*\) 'my_tsk'"):
            use(workspace)
    chosen = ["results/your_run", "results/tasks.py"]
    listed = pages(open_workspace(tiny_profile({"pages": chosen}), results=tmp_path))
    assert [page.source for page in listed] == ["results/your_run", "results/tasks"]


def test_inputs_of_a_profile_that_limits_cases_are_drawn(opened, inputs):
    limited = opened({"cases": 50}).inputs("breast")
    drawn = set(limited.store.cases["case_id"])
    assert len(limited.all_images.cases) == len(inputs.store.cases) == 60
    assert 2 * PIECES <= len(drawn) < 60
    assert drawn < set(inputs.store.cases["case_id"])
    assert limited.store.digest != inputs.store.digest
    assert set(limited.folds["case_id"]) == drawn
    assert set(limited.pairs["case_a"]) | set(limited.pairs["case_b"]) <= drawn


def test_inputs_reach_another_process_with_what_a_training_reads_and_no_more(inputs):
    sent = pickle.loads(pickle.dumps(inputs))
    assert sent.labels.equals(inputs.labels)
    assert sent.folds.equals(inputs.folds)
    assert (sent.store.images()[:] == inputs.store.images()).all()
    assert len(pickle.dumps(inputs)) < len(pickle.dumps(inputs.used_images)) / 2


@pytest.fixture
def lists(inputs):
    """Published lists like the study's own first fold, without one of its training cases."""
    case_ids = inputs.folds.groupby("part")["case_id"].agg(list)
    return {
        "train": case_ids["train"][1:],
        "val": case_ids["validation"],
        "test": case_ids["test"],
    }


@pytest.fixture
def official(tmp_path, inputs, lists):
    """Return a function that opens the breast task with published lists of its stand-in."""

    def opened(*, absent="", partial=False, **changed):
        root = shutil.copytree(inputs.all_images.root, tmp_path / "made")
        folder = root / "RadImageNet" / "breast" / "dataframe"
        folder.mkdir(parents=True)
        labels = inputs.all_images.cases.set_index("case_id")["label"]
        for part, cases in (lists | changed).items():
            rows = ["filename,label", *(f"images/{case}.png,{labels[case]}" for case in cases)]
            for fold in range(1, 6):
                (folder / f"breast_{part}_fold{fold}.csv").write_text("\n".join(rows))
        if absent:
            for file in [*root.rglob("STAND_IN.json"), *root.rglob(f"{absent}*.png")]:
                file.unlink()
        where = {"data_root": root, "results": tmp_path / "results", "partial": partial}
        return open_workspace(tiny_profile({"splits": "official"}), **where).inputs("breast")

    return opened


def test_official_folds_are_read_and_leave_unlisted_cases_out(official, inputs, lists):
    read = official()
    assert len(read.store.cases) == len(inputs.store.cases) - 1
    part = read.folds.set_index("case_id")["part"]
    assert {*part.index[part == "test"]} == {*lists["test"]}
    assert {*read.folds["fold"]} == {0}


def test_official_folds_of_a_part_are_of_what_is_there_and_say_so(official, lists):
    lost = lists["train"][0]
    read = official(absent=f"**/{lost}", partial=True)
    assert lost not in {*read.folds["case_id"]}
    assert "official folds name 1 absent case" in read.all_images.part


def test_official_folds_that_share_a_case_are_refused(official, lists):
    with pytest.raises(InputError, match="does not put every case into one part"):
        official(val=[*lists["val"], lists["test"][0]])


def test_official_folds_that_are_absent_name_folder_and_remedy(study_with):
    study = study_with("other")
    without = SimpleNamespace(manifest=load_manifest("rsna_hemorrhage"))
    with pytest.raises(InputError, match="RadImageNet/thyroid/dataframe is missing"):
        official_folds(study, find_task("thyroid")[1], without)
    with pytest.raises(InputError, match="no lists are known"):
        official_folds(study, find_task("hemorrhage")[1], without)


def test_folders_of_a_notebook_that_jupyter_opened_start_at_the_checkout(monkeypatch, tmp_path):
    monkeypatch.chdir(REPOSITORY / "notebooks" / "results")
    assert open_workspace(tiny_profile()).results == REPOSITORY / "results" / "tiny"
    assert open_workspace(tiny_profile(), data_root="book").data_root == REPOSITORY / "book"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    workspace = open_workspace(tiny_profile(), data_root="images")
    assert workspace.data_root.resolve() == tmp_path / "images"
    assert workspace.results.resolve() == tmp_path / "results" / "tiny"


def test_task_of_ones_own_beside_one_of_the_paper_keeps_its_name_and_its_images(
    monkeypatch, tmp_path, opened
):
    shutil.copytree(REPOSITORY / "data_manifests", tmp_path / "manifests")
    text = (tmp_path / "manifests" / "ddti.yaml").read_text("utf-8")
    own = text.replace("name: ddti", "name: own_us", 1)
    own = own.replace("- name: thyroid", "- name: clinic", 1)
    (tmp_path / "manifests" / "own_us.yaml").write_text(own, encoding="utf-8")
    monkeypatch.setenv("RIN_MANIFESTS", str(tmp_path / "manifests"))
    counts = {"benign": 24, "malignant": 12}
    workspace = opened({"tasks": ["clinic"], "stand_ins.own_us": counts})
    assert workspace.inputs("clinic").all_images.manifest.name == "own_us"
    assert find_task("clinic")[1].paper_task == find_task("thyroid")[1].paper_task == "thyroid"


def test_sizes_say_how_many_cases_train_and_all_others_are_tested(opened):
    sizes = {"train": 20, "validation": 8}
    inputs = opened({"cases": 50, "cases_of": {"breast": sizes}}).inputs("breast", folds=2)
    first, second = (fold.set_index("case_id")["part"] for _, fold in inputs.folds.groupby("fold"))
    counts = first.value_counts()
    assert counts.sum() == len(inputs.store.cases) == 60
    assert [*counts[["train", "validation"]]] == pytest.approx([20, 8], abs=2)
    assert {*first.index[first == "train"]}.isdisjoint(second.index[second == "train"])
    drawn = opened({"cases_of": {"breast": sizes | {"test": 20}}}).inputs("breast")
    assert abs(drawn.folds["part"].value_counts()["test"] - 20) <= 3


def test_substitute_that_does_not_know_the_labels_is_refused(study_with):
    own, task = find_task("covid19")
    odd = task.model_copy(update={"substitutes": ("headct200",)})
    with pytest.raises(InputError, match="no class of headct200 is labelled 'COVID-19 positive'"):
        find_manifest(study_with("head_ct"), own, odd)


TORCH = "weights/RadImageNet_pytorch/ResNet50"


@pytest.mark.parametrize("ending", ["pt", "pth", "safetensors"])
def test_weights_of_pytorch_that_are_not_converted_are_refused_with_the_command(
    tmp_path, offline, ending
):
    (tmp_path / TORCH).parent.mkdir(parents=True)
    (tmp_path / f"{TORCH}.{ending}").touch()
    with pytest.raises(InputError, match="cannot be compared with") as caught:
        available_weights(tmp_path)
    assert caught.value.where == str(tmp_path / f"{TORCH}.{ending}")
    for text in ("rin weights convert", *(f"{tmp_path}/{name}" for name in OF_TORCH)):
        assert text in caught.value.remedy
