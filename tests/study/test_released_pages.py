"""What pages say of a run of one's own from released weights; its scores and maps are made."""

import re
from functools import partial

import numpy as np
import pytest
from computed_pages import committed_run, outputs
from finished_study import ranked_files, write_images, write_manifests
from skimage.transform import resize
from sklearn.metrics import roc_auc_score
from tiny_study import tiny_profile

from rin.models.weights import load_entries
from rin.report import headline
from rin.study import open_runs, open_workspace
from rin.study.plan import plan_study

pytestmark = pytest.mark.slow  # five pages are computed
INITS = ("radimagenet", "imagenet")
BACKBONES = ("ResNet50", "DenseNet121")
CHANGES = {
    "inits": [*INITS],
    "pretraining": None,
    "backbones": [*BACKBONES],
    "studies": [{"name": "main", "unfreezing": ["freeze_all"]}],
    "stand_ins": {},
}
PAGES = ("findings", "study", "results/all_tasks", "results/task", "results/localisation")
RESULTS = [page for page in PAGES if page != "study"]
# ImageNet networks rank all cases correctly; RadImageNet networks look at the lesion.
SIGNALS = {"radimagenet": 0.5, "imagenet": 9.0}


def made_files(run, folder):
    """Write a run's scores, and its maps: the lesion for RadImageNet, else what is around it."""
    record = ranked_files(run, SIGNALS, folder)
    folds, store = run.inputs.folds, run.inputs.store
    test = folds.loc[folds["part"] == "test", "case_id"]
    rows = store.cases.set_index("case_id").index.get_indexer(test)
    lesions = resize(store.masks()[rows].astype(np.float32), (len(rows), 8, 8))
    maps = lesions if run.init == "radimagenet" else 1 - lesions
    np.save(folder / "cams.npy", np.repeat(maps[..., np.newaxis], 2, axis=-1))
    return record


def write_weights(images, cache):
    """Write a file under the name of each released one, whose digest some entries do not state."""
    for entry in load_entries():
        if entry.init in INITS and entry.backbone in BACKBONES:
            path = images / "weights" / entry.file if entry.file else cache / entry.cached
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{entry.init} {entry.backbone}")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Profile, images and results of a run of both releases on one task."""
    with pytest.MonkeyPatch.context() as patch:
        folder = write_manifests(tmp_path_factory.mktemp("manifests") / "data_manifests")
        patch.setenv("RIN_MANIFESTS", str(folder))
        cache = tmp_path_factory.mktemp("keras")
        patch.setenv("KERAS_HOME", str(cache))
        images, results = write_images(tmp_path_factory.mktemp("data")), folder.parent / "results"
        write_weights(images, cache / "models")
        workspace = open_workspace(tiny_profile(CHANGES), data_root=images, results=results)
        for planned in plan_study(workspace):
            workspace.fine_tuning_ledger.commit(
                planned.run_id, planned.config, partial(made_files, planned)
            )
        yield {"profile": workspace.profile, "data_root": str(images), "results": str(results)}


@pytest.fixture(scope="module")
def texts(run):
    return {page: " ".join(outputs(page, run)) for page in PAGES}


@pytest.fixture(scope="module")
def lead(run):
    """By how many points the ImageNet networks are ahead, from their scores alone."""
    scores = open_runs(**run).predictions()
    aucs = {
        init: np.mean([roc_auc_score(one["label"], one["score"]) for _, one in rows])
        for init in INITS
        for rows in [scores[scores["init"] == init].groupby("scenario")]
    }
    assert aucs["imagenet"] > aucs["radimagenet"] + 0.1
    return f"{100 * (aucs['imagenet'] - aucs['radimagenet']):.1f}"


def test_cover_says_how_far_released_weights_are_apart_and_which(texts, lead):
    assert "**Your run:** " in texts["findings"]
    unclear, clear = r"No clear difference [\w ,]+ lesions: −", "ImageNet networks are ahead.* by "
    assert re.search(rf"({unclear}|{clear}){lead} points", texts["findings"])
    assert "RadImageNet − ImageNet, AUC points" in texts["findings"]
    assert "released weights were not tested" not in texts["findings"]


def test_task_page_has_the_difference_of_released_weights_with_sign_and_size(texts, lead):
    said = f"the difference RadImageNet − ImageNet in AUC is −{lead} points"
    assert said in texts["results/task"]
    assert f"For these networks alone, on new patients: −{lead} points" in texts["results/task"]


def test_all_tasks_says_which_release_is_subtracted_and_how_far_they_are_apart(texts, lead):
    assert "the difference RadImageNet − ImageNet is" in texts["results/all_tasks"]
    text = texts["results/all_tasks"]
    assert f"mean AUCs of the initialisations differ by at most {lead} points" in text


def test_localisation_names_the_release_whose_maps_overlap_more(texts):
    said = (
        "interval of the difference in Dice excludes zero on breast lesions (RadImageNet higher)"
    )
    assert said in texts["results/localisation"]


@pytest.mark.parametrize("page", PAGES)
def test_page_of_released_weights_says_which_files_are_unverified(texts, page):
    (summary,) = re.findall("<summary>(.*?)</summary>", texts[page])
    assert "Real images" in summary
    assert "reference run" not in summary
    assert "unverified weights: radimagenet DenseNet121" in summary


def test_cover_doubts_the_unverified_file_beside_its_finding(texts):
    said = "Nothing shows that those of radimagenet DenseNet121 are what they are called."
    assert said in texts["findings"]


@pytest.mark.parametrize("page", RESULTS)
def test_page_of_released_weights_speaks_of_that_run_alone(texts, page):
    marked = "- *Beside it, the run that comes with this book:* " + headline.finding(
        committed_run()
    )
    text = texts[page].replace(re.sub(r"\s+", " ", marked), "")
    assert (text != texts[page]) is (page == "findings")
    text = text.replace("Neither the paper nor this book gives a reason", "")  # of any run
    assert not re.search(r"reference run|[Tt]his book|[Pp]hotographic|pretrained here|<em>", text)


def test_pages_of_runs_that_train_the_same_layers_do_not_compare_layers(texts):
    assert "Every scenario of this run trains the same layers" in texts["results/all_tasks"]
