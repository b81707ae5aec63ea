"""Reference runs: what is written is read back as it was, and nothing else is written."""

import json
import platform
import shutil
import socket
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from croissant_structure import described, problems_of
from finished_study import (
    CHANGES,
    SCENARIO,
    finished_study,
    planned_runs,
    pretrained_files,
    write_images,
)
from tiny_study import main_study, side_study, tiny_profile

from rin.errors import InputError
from rin.explain.similarity import mean_cca
from rin.files import read_checksummed_json, sha256_of, to_checksummed_json
from rin.models.backbones import build_backbone
from rin.report.banner import reference_banner
from rin.study import open_workspace, pretrained, pretraining_histories
from rin.study.consolidate import layer_similarity, task_facts
from rin.study.opened import write_table
from rin.study.plan import plan_study
from rin.study.pretraining import plan_pretraining
from rin.study.probe_study import plan_probe, probe_measurements
from rin.study.profile import Probe, Profile
from rin.study.reference import (
    OVERLAP_DECIMALS,
    joined,
    load_reference,
    write_reference,
)
from rin.study.results import Results, open_reference
from rin.study.workspace import Workspace

pytestmark = pytest.mark.usefixtures("uncounted_manifests")


@pytest.fixture(scope="module")
def finished(tmp_path_factory, uncounted_manifests, images):
    return finished_study(tmp_path_factory.mktemp("results"), images)


@pytest.fixture(scope="module")
def written(finished, tmp_path_factory):
    return write_reference(finished, tmp_path_factory.mktemp("reference_runs"))


@pytest.fixture(scope="module")
def reference(written):
    return load_reference(written)


@pytest.fixture
def copy(written, tmp_path):
    return shutil.copytree(written, tmp_path / written.name)


def shown(reference):
    """What a reference run shows without any runs of the reader."""
    return Results(Workspace(reference.facts.profile, None, Path("results")), reference)


PARTS = ("test", "busbra")


SIDE = ["from_random", "repeats", "preprocessing", "resize"]


@pytest.mark.parametrize(
    ("name", "part"), [("main", "busbra"), *((name, "test") for name in ["main", *SIDE])]
)
def test_study_is_read_back_as_it_returns_itself(reference, finished, name, part):
    expected = Results(finished).predictions(name, part=part)
    assert set(expected["part"]) == {part}
    pd.testing.assert_frame_equal(shown(reference).predictions(name, "breast", part), expected)
    random = {"random"} if name == "from_random" else set()
    assert set(expected["init"]) == {"radiologic", "photographic"} | random


@pytest.mark.parametrize("name", SIDE)
def test_external_scores_of_side_studies_are_refused_and_not_half_kept(reference, name):
    with pytest.raises(InputError, match=f"on busbra .* not for {name}"):
        shown(reference).predictions(name, "breast", "busbra")


@pytest.mark.parametrize("part", ["test", "reversed"])
def test_confounded_tests_and_layers_are_read_back(reference, finished, part):
    expected = Results(finished).predictions("confounder", part=part)
    assert set(expected["level"]) == {"tag 0", "tag 100"}
    found = shown(reference).predictions("confounder", "breast", part)
    pd.testing.assert_frame_equal(found, expected)
    alike = shown(reference).layer_similarity("breast")
    pd.testing.assert_frame_equal(alike, Results(finished).layer_similarity("breast"))
    assert set(alike["comparison"]) == {"before", "after", "tuned", "random"}


def test_each_comparison_of_layers_is_of_the_networks_that_it_names(finished):
    kept = {
        (run.init, *name.split("/")): table
        for run in plan_study(finished, "layers")
        for name, table in finished.fine_tuning_ledger.read(
            run.run_id, "activations.npz", np.load
        ).items()
    }
    ends = {
        ("before", ""): ("radiologic before", "photographic before"),
        ("after", ""): ("radiologic after", "photographic after"),
        ("random", "random"): ("random before", "random other"),
        **{("tuned", init): (f"{init} before", f"{init} after") for init, *_ in kept},
    }
    table = layer_similarity(finished, plan_study(finished, "layers"))
    found = table.set_index(["comparison", "init", "layer"])["cca"].to_dict()
    expected = {
        (*names, layer): mean_cca(*(kept[(*end.split(), layer)] for end in pair))
        for names, pair in ends.items()
        for layer in ("a", "b")
    }
    assert found == pytest.approx(expected)
    assert len({*expected.values()}) == len(expected)


def test_each_run_of_the_whole_study_is_kept_once_under_every_level(reference, finished):
    ids = [run.run_id for run in planned_runs(finished)]
    assert reference.tables["runs"]["run_id"].tolist() == ids
    kept = reference.tables["predictions"].drop_duplicates(["run_id", "part"])
    assert sorted(kept.loc[kept["part"] == "test", "run_id"]) == sorted(set(ids))
    of_main = {run.run_id for run in planned_runs(finished) if run.study == "main"}
    assert sorted(kept.loc[kept["part"] == "busbra", "run_id"]) == sorted(of_main)
    assert len(ids) > len(set(ids))
    kept = reference.tables["pretraining"]
    pd.testing.assert_frame_equal(kept, pretrained(finished))
    assert kept["preprocessing"].tolist() == ["caffe_unit", "caffe"]
    kept = reference.tables["pretraining_histories"]
    pd.testing.assert_frame_equal(kept, pretraining_histories(finished))
    assert (
        kept.groupby("init")["epoch"].max().tolist() == [finished.profile.pretraining.epochs] * 2
    )


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(("name", "decimals"), [("overlap", OVERLAP_DECIMALS), ("baselines", 9)])
def test_localisation_is_read_back_as_the_study_returns_it(
    reference, finished, name, decimals, part
):
    own = getattr(Results(finished), name)("breast", part)
    kept = getattr(shown(reference), name)("breast", part)
    assert len(kept) > 0
    assert sorted(kept) == sorted(own)
    scores = own.get("score")
    own = own.round(decimals).assign(**({} if scores is None else {"score": scores}))
    own = own[[*kept]].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, own, check_dtype=False, rtol=1e-6, atol=1e-7)


def test_lesion_maps_are_read_back_as_the_study_returns_them(reference, finished):
    own, kept = (runs.lesion_maps("breast") for runs in (Results(finished), shown(reference)))
    assert len(kept) > 0
    pd.testing.assert_frame_equal(kept, own[[*kept]].reset_index(drop=True), check_dtype=False)


@pytest.mark.parametrize("part", PARTS)
def test_cases_come_with_all_that_their_manifests_keep(reference, finished, part):
    expected = Results(finished).cases("breast", part)
    kept = shown(reference).cases("breast", part)
    assert list(expected)[:3] == ["case_id", "patient_id", "label"]
    pd.testing.assert_frame_equal(kept, expected, check_like=True)
    assert ({"device", "birads", "histology", "side"} <= set(kept)) == (part == "busbra")


def test_external_datasets_are_told_and_compared_with_the_tasks_own_images(reference, finished):
    assert Results(finished).external("breast") == ("busbra",)
    (away,) = reference.facts.task("breast").external
    store = finished.inputs("breast").external["busbra"].store
    assert (away.name, away.used) == ("busbra", len(store.cases))
    assert away.patients == store.cases["patient_id"].nunique()
    assert reference.facts.task("breast").shared_pictures == {"busbra": 0}


def test_run_that_was_written_before_what_came_later_is_read(copy):
    (copy / "lesion_maps.parquet").unlink()
    changed_facts(copy, lambda facts: facts["files"].pop("lesion_maps.parquet"))
    forged(copy, "runs.parquet", lambda table: table[table["study"] != "repeats"])
    found = load_reference(copy)
    assert shown(found).lesion_maps("breast") is None
    assert found.rows("runs", study="repeats").empty
    assert len(shown(found).predictions("main", "breast"))


@pytest.fixture
def probed(finished):
    """A study with a probe section, whose two runs left weights that were never trained."""
    probe = Probe(preprocessings=["caffe", "symmetric"], epochs=1, images=8)
    profile = finished.profile.model_copy(update={"probe": probe})
    study, backbone = replace(finished, profile=profile), build_backbone("ResNet50", 32)

    def probed_files(run, folder):
        backbone.save_weights(folder / "backbone.weights.h5")
        tested = pd.DataFrame({"truth": ["a", "a", "b"]})
        tested.to_parquet(folder / "test_predictions.parquet")
        return pretrained_files(run, folder)

    for run in plan_probe(study):
        study.ledger("probe").commit(run.run_id, run.config, partial(probed_files, run))
    return study


def test_probe_is_read_back_as_it_was_measured(probed, tmp_path, reference):
    assert "probe" not in reference.tables
    measured = probe_measurements(probed)
    assert {*measured["trained_with"]} == {"caffe", "symmetric"}
    found = load_reference(write_reference(probed, tmp_path))
    pd.testing.assert_frame_equal(found.tables["probe"], measured)


def test_probe_may_be_added_to_runs_that_are_there(probed, copy):
    before = load_reference(copy)
    found = load_reference(write_reference(probed, copy.parent, add=True))
    pd.testing.assert_frame_equal(found.tables["probe"], probe_measurements(probed))
    assert (before.facts.profile.probe, found.facts.profile.probe) == (None, probed.profile.probe)
    for name, table in before.tables.items():
        pd.testing.assert_frame_equal(found.tables[name], table)
    with pytest.raises(InputError, match="are already in it"):
        write_reference(probed, copy.parent, add=True)
    (added,) = found.facts.added
    assert (added.studies, added.pretrainings, added.backbones) == (["probe"], [], [])
    assert f"<dd>probe on {added.written[:10]}, from " in reference_banner(found).data


def test_layers_of_another_backbone_are_added_to_those_that_are_there(reference):
    layers, runs = reference.tables["layer_similarity"], reference.tables["runs"]
    of_other = layers.assign(scenario="DenseNet121-unfreeze_all-1e-03")
    tables = reference.tables | {"layer_similarity": of_other, "runs": runs[1:]}
    earlier = replace(reference, tables=tables)
    found = joined(earlier, reference, Path())
    pd.testing.assert_frame_equal(
        found.tables["layer_similarity"], pd.concat([of_other, layers], ignore_index=True)
    )
    again = joined(replace(found, tables={**found.tables, "runs": runs[1:]}), reference, Path())
    assert len(again.tables["layer_similarity"]) == 2 * len(layers)


def test_a_side_study_may_be_added_from_a_backbone_that_had_only_the_main_one(reference):
    def with_side_study(*backbones, of):
        told = reference.facts.profile.model_dump() | {"backbones": [*backbones]}
        others = [study for study in told["studies"] if study["name"] == "main"]
        told["studies"] = [*others, side_study("repeats", backbones=[of])]
        facts = reference.facts.model_copy(update={"profile": Profile.model_validate(told)})
        runs = reference.tables["runs"]
        runs = runs.assign(run_id=of + runs["run_id"], scenario=of + runs["scenario"])
        return replace(reference, facts=facts, tables=reference.tables | {"runs": runs})

    earlier = with_side_study("ResNet50", "DenseNet121", of="ResNet50")
    found = joined(earlier, with_side_study("DenseNet121", of="DenseNet121"), Path())
    assert found.facts.profile.study_filters["repeats"].backbones == ["ResNet50", "DenseNet121"]


def test_brief_pretrainings_of_both_runs_are_told_once(reference):
    def with_brief(*numbers, runs):
        profile = reference.facts.profile
        brief = {"init": "radiologic", "epochs": 1, "backbones": ["ResNet50"]}
        told = profile.section("pretraining").model_dump()
        told["brief"] = [brief | {"pretraining": number} for number in numbers]
        facts = {"profile": Profile.model_validate(profile.model_dump() | {"pretraining": told})}
        tables = reference.tables | {"runs": runs}
        return replace(reference, facts=reference.facts.model_copy(update=facts), tables=tables)

    runs = reference.tables["runs"]
    found = joined(with_brief(1, runs=runs[1:]), with_brief(1, 2, runs=runs), Path())
    told = found.facts.profile.section("pretraining").brief
    assert [brief.pretraining for brief in told] == [1, 2]


def test_unfinished_probe_is_refused(probed, tmp_path):
    shutil.rmtree(probed.ledger("probe").path(plan_probe(probed)[1].run_id))
    with pytest.raises(InputError, match="1 of 2 runs of the probe are not finished"):
        write_reference(probed, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_facts_tell_how_the_run_came_about(reference, finished):
    facts = reference.facts
    assert facts.profile == finished.profile
    assert facts.python == platform.python_version()
    assert facts.packages["numpy"] == np.__version__
    n = reference.tables["runs"]["run_id"].nunique()
    assert (facts.work["fine-tuning"].runs, facts.work["fine-tuning"].seconds) == (n, 2.5 * n)
    assert facts.work["pretraining"].seconds == 25
    task = facts.task("breast")
    assert (task.dataset.used, task.dataset.counts) == (60, {"benign": 36, "malignant": 24})
    assert task.dataset.licence.startswith("none stated")
    assert {one.name: one.patients for one in facts.corpora} == {
        "corpus_radiologic": 36, "corpus_photographic": 48,
    }  # fmt: skip
    # Nothing says by what weights are known that were pretrained here.
    assert [(w.init, w.preprocessing, w.sha256, w.verified) for w in facts.weights] == [
        ("radiologic", "caffe_unit", "0" * 64, None), ("photographic", "caffe", "0" * 64, None),
    ]  # fmt: skip


def test_reference_run_has_a_description_of_its_files(written):
    assert problems_of(written) == []
    assert "not stated" not in [one["description"] for one in described(written)["recordSet"]]


def test_nothing_of_the_machine_is_written_and_no_more_than_allowed(
    written, finished, images, tmp_path, monkeypatch
):
    text = "".join((written / name).read_text("utf-8") for name in ("run.json", "croissant.json"))
    for own in (socket.gethostname(), str(finished.results), str(images), str(Path.home())):
        assert own not in text
    monkeypatch.setattr("rin.study.reference.LARGEST", 5_000)
    with pytest.raises(InputError, match=r"over the limit of 5,000 .*predictions\.parquet"):
        write_reference(finished, tmp_path / "runs")
    assert list((tmp_path / "runs").iterdir()) == []


def test_reference_run_is_replaced_only_when_asked(finished, copy):
    before = (copy / "run.json").read_text("utf-8")
    with pytest.raises(InputError, match=r"already.*--replace"):
        write_reference(finished, copy.parent)
    assert (copy / "run.json").read_text("utf-8") == before
    write_reference(finished, copy.parent, replace=True)
    assert load_reference(copy).facts.written >= json.loads(before)["written"]
    assert [path.name for path in copy.parent.iterdir()] == ["tiny"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_reference_run_survives_a_replacement_that_is_stopped(finished, copy, monkeypatch, error):
    before, write = (copy / "run.json").read_text("utf-8"), Path.write_text

    def stopped(path, text, *given, **named):
        if path.name == "run.json":
            raise error
        return write(path, text, *given, **named)

    monkeypatch.setattr(Path, "write_text", stopped)
    with pytest.raises((KeyboardInterrupt, InputError)):
        write_reference(finished, copy.parent, replace=True)
    assert [path.name for path in copy.parent.iterdir()] == ["tiny"]
    assert (copy / "run.json").read_text("utf-8") == before
    assert load_reference(copy).facts.name == "tiny"


def test_unfinished_runs_are_refused(finished, tmp_path, images):
    shutil.copytree(finished.results, tmp_path / "tiny")
    workspace = open_workspace(finished.profile, data_root=images, results=tmp_path)
    for path in sorted(workspace.fine_tuning_ledger.folder.iterdir())[:3]:
        (path / "done.json").unlink()
    n = len({run.run_id for run in planned_runs(finished)})
    with pytest.raises(InputError, match=f"3 of {n} runs of fine-tuning are not finished"):
        write_reference(workspace, tmp_path / "runs")
    for path in workspace.weights.folder.iterdir():
        (path / "done.json").unlink()
    with pytest.raises(InputError, match="2 of 2 runs of pretraining are not finished"):
        write_reference(workspace, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [("busi", "stand-ins: images of breast"), ("corpus_photographic", "corpus corpus_photogra")],
)
def test_study_with_a_stand_in_is_refused_before_anything_is_trained(tmp_path, name, said):
    data_root = write_images(tmp_path, marked=[name])
    workspace = open_workspace(
        tiny_profile(CHANGES), data_root=data_root, results=tmp_path / "results"
    )
    with pytest.raises(InputError, match=said):
        write_reference(workspace, tmp_path / "runs")


def test_study_of_a_part_of_a_dataset_has_other_runs_says_so_and_is_refused(
    finished, images, tmp_path
):
    workspace = open_workspace(finished.profile, data_root=images, results=tmp_path, partial=True)
    facts = task_facts(workspace.inputs("breast"))
    assert facts.dataset.part == "60 images of an unknown number"
    assert facts.external[0].part
    whole, part = ({run.run_id for run in plan_pretraining(one)} for one in (finished, workspace))
    assert not whole & part
    assert workspace.inputs("breast").store.digest != finished.inputs("breast").store.digest
    with pytest.raises(InputError, match=r"parts of datasets: .*busi \(60 images of"):
        write_reference(workspace, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_command_writes_what_the_function_writes(rin, finished, images, tmp_path):
    profile = tmp_path / "own.yaml"
    profile.write_text(finished.profile.model_dump_json(), encoding="utf-8")
    folders = ["--data-root", images, "--results", finished.results.parent]
    status, out, _ = rin("reference", "write", profile, *folders, "--folder", tmp_path / "r")
    assert status == 0
    assert "bytes" in out
    assert load_reference(tmp_path / "r" / "tiny").facts.name == "tiny"


TABLES = ["cases", "runs", "predictions", "overlap", "baselines", "pretraining", "lesion_maps"]
FILES = ["run.json", *(f"{name}.parquet" for name in TABLES)]


def test_missing_or_other_file_is_named_and_so_is_an_unknown_run(copy, monkeypatch):
    for name in FILES:
        whole = (copy / name).read_bytes()
        for content in (None, b"\xff\x00nonsense"):
            (copy / name).unlink()
            if content:
                (copy / name).write_bytes(content)
            said = "SHA-256 is not the one" if content and name != FILES[0] else ""
            with pytest.raises(InputError, match=rf"{name}: .*{said}.*Restore the reference run"):
                load_reference(copy)
            (copy / name).write_bytes(whole)
    monkeypatch.setenv("RIN_REFERENCE_RUNS", str(copy.parent))
    assert load_reference("tiny").facts.name == "tiny"
    with pytest.raises(InputError, match=r"unknown reference run 'open'.*Known: tiny"):
        load_reference("open")


def test_run_read_again_is_as_it_was_written_whatever_was_done_to_the_first(copy):
    first, again = load_reference(copy).tables, load_reference(copy).tables
    for name, table in again.items():
        pd.testing.assert_frame_equal(table, first[name])
    first["runs"].iloc[:, 0] = first["runs"].iloc[::-1, 0].to_numpy()
    first["predictions"]["score"] = 0.0
    unchanged = load_reference(copy).tables
    for name, table in again.items():
        pd.testing.assert_frame_equal(unchanged[name], table)
    (copy / "runs.parquet").write_bytes((copy / "cases.parquet").read_bytes())
    with pytest.raises(InputError, match=r"runs\.parquet: .*SHA-256 is not the one"):
        load_reference(copy)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"used": 60', '"used": 600', "is not as it was written"),
        ('"backend":', '"backnd":', "backnd"),
    ],
)
def test_changed_facts_are_one_clear_error(copy, old, new, said):
    text = (copy / "run.json").read_text("utf-8").replace(old, new, 1)
    (copy / "run.json").write_text(text, encoding="utf-8")
    if said != "is not as it was written":
        record = json.loads(text)
        del record["seal"]
        (copy / "run.json").write_text(to_checksummed_json(record), encoding="utf-8")
    with pytest.raises(InputError, match=rf"run\.json: .*{said}"):
        load_reference(copy)


def changed_facts(copy, change):
    """Write facts that differ, with a seal that fits them."""
    facts = read_checksummed_json(copy / "run.json")
    change(facts)
    (copy / "run.json").write_text(to_checksummed_json(facts), encoding="utf-8")


def renamed(written, folder, name, studies):
    """Copy a reference run under another name, with the runs of some studies alone."""
    copy = shutil.copytree(written, folder / name)

    def change(facts):
        facts |= {"name": name, "profile": facts["profile"] | {"name": name}}

    changed_facts(copy, change)
    forged(copy, "runs.parquet", lambda runs: runs[runs["study"].isin(studies)])


def test_run_of_the_book_answers_for_what_another_lacks(written, tmp_path, monkeypatch):
    monkeypatch.setenv("RIN_REFERENCE_RUNS", str(tmp_path))
    renamed(written, tmp_path, "mine", ["main", "preprocessing"])
    renamed(written, tmp_path, "open", ["main", "repeats"])
    mine = open_reference("mine")
    assert mine.or_reference_with("main", "preprocessing", "lesion_maps") is mine
    shown = mine.or_reference_with("main", "repeats", "lesion_maps")
    assert shown.reference.facts.name == "open"
    assert "repeats" in shown.studies
    for lacking in (["from_random"], ["preprocessing", "repeats"]):
        with pytest.raises(InputError, match=rf"the reference run has no {lacking[0]}\."):
            mine.or_reference_with(*lacking)


def forged(copy, name, change):
    """Write a table that differs, with facts that fit it."""
    table = change(pd.read_parquet(copy / name))
    write_table(table, copy / name)
    changed_facts(copy, lambda facts: facts["files"].update({name: sha256_of(copy / name)}))


def computed_twice(table):
    """The rows of a table, and those of another computer whose weights differ in a bit."""
    return pd.concat([table, table.assign(run_id="f" + table["run_id"])])


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("predictions", lambda t: pd.concat([t, t]), "rows repeat a run_id, part, case_id"),
        ("predictions", lambda t: t.drop(columns="score"), r"columns \['score'\] are missing"),
        ("predictions", lambda t: t.assign(score="high"), "'score'"),
        ("predictions", lambda t: t.assign(label=2), "'label'"),
        ("cases", lambda t: t.assign(case_id="same"), "rows repeat a task, part, case_id"),
        ("runs", lambda t: computed_twice(t), "rows repeat a study, level, task"),
        ("pretraining", lambda t: computed_twice(t), "rows repeat a init, backbone, pretraining"),
        ("runs", lambda t: t.drop(columns="pretraining"), "it cannot be read .*pretraining"),
    ],
)
def test_hostile_table_is_one_clear_error(copy, name, change, said):
    forged(copy, f"{name}.parquet", change)
    with pytest.raises(InputError, match=said):
        load_reference(copy)


@pytest.fixture(scope="module")
def part_of_study(images, tmp_path_factory):
    """Return a function: a finished study of some pretrainings, as of a computer of its own."""

    @cache
    def finished_part(*pretrainings, epochs=1, backbones=("ResNet50",), patience=None):
        levels = {"fixed": {}, "converged": {"epochs": 7, "patience": patience}}
        longer = side_study(
            "convergence", pretrainings=[*pretrainings], vary={"convergence": levels}
        )
        changes = {
            "studies": [main_study(), *([longer] if patience else [])],
            "pretraining.pretrainings": [*pretrainings],
            "fine_tuning.epochs": epochs,
            "backbones": [*backbones],
        }
        return finished_study(tmp_path_factory.mktemp("results"), images, changes)

    return finished_part


@pytest.mark.slow
def test_pretrainings_that_were_computed_apart_are_joined_to_what_one_study_gives(
    part_of_study, tmp_path
):
    expected = load_reference(write_reference(part_of_study(1, 2), tmp_path / "whole"))
    written = write_reference(part_of_study(1), tmp_path / "joined")
    assert load_reference(written).facts.profile.pretrainings == [1]
    assert write_reference(part_of_study(2), tmp_path / "joined", add=True) == written
    joined = load_reference(written)
    assert set(joined.tables) == set(expected.tables)
    for name, table in expected.tables.items():
        times = {"finished"} & {*table}  # of the computation
        kept = joined.tables[name]
        pd.testing.assert_frame_equal(
            kept.drop(columns=times),
            table.drop(columns=times),
            obj=name,
            check_categorical=False,  # the order of categories
        )
    found = shown(joined).predictions("main", "breast")
    assert set(found["pretraining"]) == {1, 2}
    for name in ("tasks", "corpora", "weights", "profile", "work"):
        assert getattr(joined.facts, name) == getattr(expected.facts, name), name
    assert [each.pretrainings for each in joined.facts.added] == [[2]]
    assert expected.facts.added == []


@pytest.mark.slow
def test_a_pretraining_may_be_added_backbone_by_backbone(part_of_study, tmp_path):
    dense = SCENARIO.replace("ResNet50", "DenseNet121")
    written = write_reference(part_of_study(1, backbones=("DenseNet121", "ResNet50")), tmp_path)
    for backbone in ("DenseNet121", "ResNet50"):
        write_reference(part_of_study(2, backbones=(backbone,)), tmp_path, add=True)
        added = load_reference(written).facts.added[-1]
        assert (added.pretrainings, added.backbones) == ([2], [backbone])
        with pytest.raises(InputError, match="are already in it"):
            write_reference(part_of_study(2, backbones=(backbone,)), tmp_path, add=True)
    joined = load_reference(written)
    pairs = ["backbone", "pretraining", "init"]
    assert len(joined.tables["pretraining"].drop_duplicates(pairs)) == 8
    assert len(joined.facts.weights) == 8
    assert joined.facts.work["pretraining"].runs == 8
    scores = shown(joined).predictions("main", "breast").groupby(["backbone", "pretraining"])
    assert scores["scenario"].unique().map(list).tolist() == [[dense], [dense], *2 * [[SCENARIO]]]


@pytest.mark.slow
def test_a_backbone_that_is_not_there_may_be_added(part_of_study, tmp_path):
    written = write_reference(part_of_study(1), tmp_path)
    write_reference(part_of_study(1, backbones=("MobileNetV2",)), tmp_path, add=True)
    joined = load_reference(written)
    assert joined.facts.profile.backbones == ["ResNet50", "MobileNetV2"]
    assert joined.facts.added[-1].backbones == ["MobileNetV2"]
    assert set(shown(joined).predictions("main", "breast")["backbone"]) == {
        "ResNet50",
        "MobileNetV2",
    }
    assert joined.tables["pretraining"].groupby("backbone")["seed"].nunique().tolist() == [1, 1]
    assert joined.tables["pretraining"]["seed"].nunique() == 2


@pytest.mark.slow
def test_a_side_study_may_be_added_to_the_networks_that_are_there(part_of_study, tmp_path):
    whole = load_reference(write_reference(part_of_study(1, patience=2), tmp_path / "whole"))
    written = write_reference(part_of_study(1), tmp_path)
    write_reference(part_of_study(1, patience=2), tmp_path, add=True)
    joined = load_reference(written)
    assert (joined.facts.added[0].studies, joined.facts.added[0].pretrainings) == (
        ["convergence"],
        [1],
    )
    assert joined.facts.profile.study_filters == whole.facts.profile.study_filters
    for study in ("main", "convergence"):
        found, expected = (shown(run).predictions(study, "breast") for run in (joined, whole))
        pd.testing.assert_frame_equal(found, expected)
    assert set(found["level"]) == {"fixed", "converged"}
    # From another pretraining too; not with other settings, nor again.
    write_reference(part_of_study(2, patience=2), tmp_path, add=True)
    joined = load_reference(written)
    assert joined.facts.profile.study_filters["convergence"].pretrainings == [1, 2]
    assert set(shown(joined).predictions("convergence", "breast")["pretraining"]) == {1, 2}
    with pytest.raises(InputError, match="differs in profile convergence"):
        write_reference(part_of_study(1, patience=3), tmp_path, add=True)
    with pytest.raises(InputError, match="are already in it"):
        write_reference(part_of_study(1, patience=2), tmp_path, add=True)


@pytest.mark.slow
def test_other_runs_and_those_that_are_there_are_not_added(part_of_study, tmp_path):
    written = write_reference(part_of_study(1), tmp_path / "joined")
    before = (written / "run.json").read_text()
    with pytest.raises(InputError, match=r"pretrainings \[1\] are already in it"):
        write_reference(part_of_study(1), tmp_path / "joined", add=True)
    with pytest.raises(InputError, match="differs in profile fine_tuning"):
        write_reference(part_of_study(2, epochs=2), tmp_path / "joined", add=True)
    with pytest.raises(InputError, match=r"no reference run to add to.*else neither"):
        write_reference(part_of_study(2), tmp_path / "nowhere", add=True)
    with pytest.raises(InputError, match="--replace and --add exclude each other"):
        write_reference(part_of_study(2), tmp_path / "joined", add=True, replace=True)
    assert (written / "run.json").read_text() == before


def test_runs_of_another_backend_are_not_added(finished, copy):
    changed_facts(copy, lambda facts: facts.update(backend="jax"))
    before = (copy / "run.json").read_text("utf-8")
    with pytest.raises(InputError, match="differs in backend"):
        write_reference(finished, copy.parent, add=True)
    assert (copy / "run.json").read_text("utf-8") == before


def with_other_images(results, *, of, **changes):
    """The same results, where the corpora or the tasks' images are said to be others."""
    facts = results.facts
    if of == "corpora":
        update = {"corpora": [one.model_copy(update=changes) for one in facts.corpora]}
    else:
        tasks = [
            task.model_copy(update={"dataset": task.dataset.model_copy(update=changes)})
            for task in facts.tasks
        ]
        update = {"tasks": tasks}
    return replace(results, facts=facts.model_copy(update=update))


@pytest.mark.parametrize("of", ["corpora", "tasks"])
def test_results_of_other_images_are_not_joined_and_other_words_of_manifests_are(
    reference, tmp_path, of
):
    for changes in ({"digest": "f" * 64}, {"used": 1}, {"counts": {}}):
        with pytest.raises(InputError, match=f"differs in {of}"):
            joined(reference, with_other_images(reference, of=of, **changes), tmp_path)
    reworded = with_other_images(reference, of=of, title="Other words", licence="of their home")
    with pytest.raises(InputError, match="are already in it"):  # nothing of the images
        joined(reference, reworded, tmp_path)


@pytest.mark.slow
def test_pretraining_that_is_not_finished_is_refused(part_of_study, tmp_path):
    finished = part_of_study(1, 2)
    pretraining = finished.profile.pretraining.model_copy(update={"pretrainings": [1, 2, 3]})
    profile = finished.profile.model_copy(update={"pretraining": pretraining})
    with pytest.raises(InputError, match="runs of pretraining are not finished"):
        write_reference(replace(finished, profile=profile), tmp_path)


OTHER = "from another computer or version of the code"


@pytest.mark.slow
@pytest.mark.parametrize("pretrainings", [(1, 2), (2,)])
def test_networks_that_another_computer_computed_anew_are_not_added(
    part_of_study, tmp_path, pretrainings
):
    written = write_reference(part_of_study(1), tmp_path)
    write_reference(part_of_study(2), tmp_path, add=True)
    for name in ("runs", "predictions", *["pretraining"] * (pretrainings == (2,))):
        forged(written, f"{name}.parquet", lambda t: t.assign(run_id="f" + t["run_id"]))
    before = (written / "run.json").read_text()
    with pytest.raises(InputError, match=rf"has pretraining .*2 of ResNet50, {OTHER}"):
        write_reference(part_of_study(*pretrainings), tmp_path, add=True)
    assert (written / "run.json").read_text() == before


def other_case(table):
    """Give a test case another id, as where another split had drawn it."""
    first = table.loc[table["part"] == "test", "case_id"].iloc[0]
    return table.assign(case_id=table["case_id"].astype(str).replace(first, "other"))


def from_released_weights(facts):
    facts["profile"]["pretraining"] = None
    for name in ("pretraining", "pretraining_histories"):
        del facts["files"][f"{name}.parquet"]


def profile_without(name):
    return lambda facts: facts["profile"].pop(name)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda facts: facts.update(backend="jax"), "differs in backend"),
        (lambda facts: facts.update(precision="mixed_bfloat16"), "differs in precision"),
        (profile_without("studies"), "differs in profile main"),
        (profile_without("external"), "differs in profile external"),
        (from_released_weights, "start from released weights"),
    ],
)
def test_what_cannot_be_compared_with_a_reference_run_is_not_added(
    part_of_study, tmp_path, change, said
):
    written = write_reference(part_of_study(1), tmp_path)
    changed_facts(written, change)
    before = (written / "run.json").read_text()
    with pytest.raises(InputError, match=said):
        write_reference(part_of_study(2), tmp_path, add=True)
    assert (written / "run.json").read_text() == before


@pytest.mark.slow
def test_pretraining_with_other_test_cases_or_a_lower_number_is_not_added(part_of_study, tmp_path):
    written = write_reference(part_of_study(1), tmp_path / "cases")
    for name in ("predictions", "cases"):
        forged(written, f"{name}.parquet", other_case)
    with pytest.raises(InputError, match="differs in test cases"):
        write_reference(part_of_study(2), tmp_path / "cases", add=True)
    write_reference(part_of_study(2), tmp_path / "second")
    for numbers in ((1,), (1, 2)):
        with pytest.raises(InputError, match="pretraining 1 is below 2, the lowest"):
            write_reference(part_of_study(*numbers), tmp_path / "second", add=True)


@pytest.mark.slow
def test_settings_and_columns_that_a_reference_run_does_not_have_are_added(
    part_of_study, tmp_path
):
    whole = load_reference(write_reference(part_of_study(1, 2), tmp_path / "whole"))
    written = write_reference(part_of_study(1), tmp_path / "old")
    changed_facts(written, lambda facts: facts["profile"]["fine_tuning"].pop("patience"))
    forged(written, "cases.parquet", lambda table: table.drop(columns="side"))
    forged(written, "pretraining.parquet", lambda table: table.drop(columns="images"))
    write_reference(part_of_study(2), tmp_path / "old", add=True)
    joined = load_reference(written)
    cases = whole.tables["cases"]
    assert cases["side"].notna().any()
    pd.testing.assert_frame_equal(joined.tables["cases"], cases, check_like=True)
    images = joined.tables["pretraining"].set_index(["init", "pretraining"])["images"].unstack()
    assert images[1].isna().all()
    assert (images[2] == 36).all()
