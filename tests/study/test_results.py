"""One interface: a reference run, one's own runs, and which of them is shown."""

import pandas as pd
import pytest
from tiny_study import COLUMNS, tiny_profile

from rin.errors import InputError
from rin.models.backbones import BACKBONES
from rin.study import load_profile, open_reference, open_runs, open_workspace, shown_results
from rin.study.results import Results


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return open_runs("demo", results=tmp_path_factory.mktemp("results"))


def test_demo_shows_the_reference_run_without_training_anything(demo):
    assert demo.is_reference
    assert demo.tasks == ("thyroid", "breast", "covid19", "pneumonia", "hemorrhage", "busbra")
    assert len(demo.tasks_with_page) == 9
    assert demo.facts("breast").kind == "real"
    assert demo.facts("pneumonia").kind == "substitute"
    assert demo.external("breast") == ("busbra",)
    assert not list(demo.workspace.results.parent.rglob("done.json"))
    assert demo.workspace.profile.tasks == ["breast"]  # with a stand-in
    assert demo.workspace.profile.live_task == "breast"
    assert demo.live.origin("breast") == "own"


def test_results_of_an_open_workspace_are_those_of_the_folder_and_read_what_it_has_open(tmp_path):
    workspace = open_workspace("demo", results=tmp_path)
    shown = shown_results(workspace)
    assert shown.workspace is workspace
    assert shown.tasks == open_runs("demo", results=tmp_path).tasks


def test_predictions_are_those_of_the_reference_run(demo):
    table = demo.predictions("main", "breast")
    assert list(table) == [*COLUMNS, "pretraining_seed"]
    kept = demo.reference.tables["predictions"]
    own = kept[kept["run_id"] == demo.records("breast")["run_id"].iloc[0]]
    own = own[own["part"] == "test"]
    first = table.head(len(own)).reset_index(drop=True)
    assert first[[*own][1:]].to_numpy().tolist() == own.drop(columns="run_id").to_numpy().tolist()
    every = demo.predictions("main")
    assert list(every["task"].unique()) == list(demo.tasks)


def test_studies_beside_the_grid(demo):
    beside = demo.or_reference_with("preprocessing", "resize")
    assert demo.studies[:2] == ("main", "from_random")  # those of the profile first
    assert {*demo.studies[2:]} == {
        *("convergence", "repeats", "equal_accuracy", "layers"),
        *("preprocessing", "resize", "head", "confounder"),
    }
    assert beside is demo
    from_random = demo.predictions("from_random")
    assert set(from_random["init"]) == {"radiologic", "photographic", "random"}
    levels = {*beside.predictions("preprocessing")["level"]}
    assert levels == {"native", "official_scripts", "released"}
    assert beside.tasks_of("resize") == ("breast",)


def test_records_are_one_row_a_run_and_localisation_comes_with_baselines(demo):
    records = demo.records("breast")
    of_network = records.groupby(["pretraining", "backbone"]).size()
    assert (of_network == 2 * 6).all()
    assert len(of_network.unstack().columns) == 8
    assert records["seconds"].gt(0).all()
    assert demo.overlap("breast")["dice"].between(0, 1).all()
    assert set(demo.baselines("breast")["case_id"]) == set(demo.overlap("breast")["case_id"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda runs: runs.predictions("main", "meniscus"), "no results of meniscus"),
        (lambda runs: runs.predictions("mian"), "mian"),
        (lambda runs: runs.predictions("main", "brest"), "brest"),
        (lambda runs: runs.facts("acl"), "no results of acl"),
    ],
)
def test_what_is_not_there_is_one_clear_error(demo, call, message):
    with pytest.raises(InputError, match=message):
        call(demo)


def test_open_reference_needs_no_data():
    runs = open_reference("open")
    assert runs.is_reference
    assert set(runs.tasks) == set(runs.reference.facts.profile.tasks)
    beside = runs.or_reference_with("probe")
    assert beside.probe() is beside.reference.tables["probe"]


def test_reference_of_other_inits_is_refused(tmp_path):
    profile = load_profile("demo").model_copy(update={"inits": ["radimagenet", "imagenet"]})
    with pytest.raises(InputError, match="reference run open"):
        open_runs(profile, results=tmp_path)


def test_profile_without_reference_shows_its_own_runs(study_folder):
    runs = open_runs(tiny_profile({"name": "own"}), results=study_folder)
    assert runs.reference is None
    assert runs.origin("breast") == "own"
    with pytest.raises(InputError, match=r"no results of breast in the study main.*are finished"):
        runs.predictions("main", "breast")


def test_predictions_say_which_seed_a_pretraining_had(demo):
    """Earlier pairs of the paper's backbones share it by number, all others have their own."""
    scores, networks = demo.predictions(task="breast"), demo.pretraining()
    names = ["init", "backbone", "pretraining"]
    expected = networks.set_index(names)["seed"].to_dict()
    found = scores.drop_duplicates(names).set_index(names)["pretraining_seed"]
    assert found.to_dict() == {pair: expected[pair] for pair in found.index}
    pairs = scores.drop_duplicates(["backbone", "pretraining"])
    later = ~pairs["backbone"].isin(list(BACKBONES))
    own = [("ResNet50", 3), ("InceptionResNetV2", 3), ("DenseNet121", 4)]
    later |= pd.MultiIndex.from_frame(pairs[["backbone", "pretraining"]]).isin(own)
    seeds = pairs[~later].groupby("pretraining")["pretraining_seed"].unique()
    assert seeds.map(len).eq(1).all()
    of_later = pairs["pretraining_seed"][later]
    assert of_later.is_unique
    assert set(of_later).isdisjoint(seeds.explode())
    assert "pretraining_seed" not in demo.overlap("breast")


def test_foremost_run_is_the_reference_where_nothing_of_ones_own_is_real(demo):
    assert demo.foremost.is_reference
    assert demo.foremost.tasks == demo.tasks
    assert demo.stand_ins() == ()


def own_breast(monkeypatch, stand_ins, part=""):
    """Let the breast task of the demo be one's own, made of some stand-ins or a part."""
    monkeypatch.setattr(
        Results,
        "origin",
        lambda runs, task, study="main": "own" if task == "breast" else "reference",
    )
    monkeypatch.setattr(Results, "stand_ins", lambda runs, *tasks, study="main": stand_ins)
    monkeypatch.setattr(Results, "parts", lambda runs, *tasks: {"breast": part} if part else {})


def test_foremost_run_is_ones_own_real_tasks_alone(monkeypatch, tmp_path):
    own_breast(monkeypatch, ())
    first = open_runs("demo", results=tmp_path).foremost
    assert first.reference is None
    assert first.workspace.profile.tasks == ["breast"]


def test_foremost_run_is_the_reference_where_ones_own_weights_are_stand_ins(monkeypatch, tmp_path):
    own_breast(monkeypatch, ("weights",))
    assert open_runs("demo", results=tmp_path).foremost.reference is not None


def test_foremost_run_is_the_reference_where_ones_own_images_are_a_part(monkeypatch, tmp_path):
    own_breast(monkeypatch, (), "11 of 780 images")
    assert open_runs("demo", results=tmp_path).foremost.reference is not None


def test_runs_of_a_profile_with_stand_ins_say_so(study):
    runs = Results(study)
    assert runs.foremost is runs
    assert "images" in runs.stand_ins("breast")


def test_corpora_of_the_reference_run_are_named_by_the_init_that_learnt_them(demo):
    titles = open_reference().corpora()
    assert titles["radiologic"].startswith("Radiologic")
    assert "mini" in titles["photographic"]


def test_reference_run_is_taken_for_a_task_that_runs_lack(tmp_path):
    demo = open_runs("demo", results=tmp_path)
    assert demo.or_reference_with("breast") is demo
    assert "breast" in demo.live.or_reference_with("breast").tasks
    assert "thyroid" in demo.live.or_reference_with("thyroid").tasks
    with pytest.raises(InputError, match="the reference run has no unheard"):
        demo.or_reference_with("unheard")
