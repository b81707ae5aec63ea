"""What a dry run says of a study before and after it is done."""

import re
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from command_line import answer
from tiny_study import BOTH, main_study, side_study, tiny_profile, write_profile

from rin.files import read_checksummed_json, to_checksummed_json
from rin.study import open_reference, open_workspace, run_study
from rin.study.forecast import (
    Pace,
    fit_budget,
    forecast,
    forecast_lines,
    measure_decoding,
    measure_pace,
)
from rin.study.profile import RATES, load_profile
from rin.study.workspace import Workspace, missing_inputs
from rin.training.identity import code_digest


def test_forecast_of_a_finished_study_counts_its_runs_and_has_nothing_left(finished_study):
    table = forecast(finished_study).set_index("stage")
    assert table["runs"].to_dict() == {"pretraining": 1, "fine-tuning": 12}
    assert (table["runs"] == table["finished"]).all()
    assert (table[["hours", "hours_high", "gigabytes"]] == 0).all(axis=None)
    assert missing_inputs(finished_study) == []


def test_forecast_takes_the_mean_of_the_finished_runs_for_the_rest(finished_study):
    profile = finished_study.profile.model_copy(update={"folds": 5})
    row = forecast(Workspace(profile, None, finished_study.results)).set_index("stage")
    row = row.loc["fine-tuning"]
    assert (row["runs"], row["finished"]) == (60, 12)
    runs = finished_study.fine_tuning_ledger
    seconds = [runs.done_record(path.name)["seconds"] for path in runs.folder.glob("[!.]*")]
    assert row["hours"] == pytest.approx(48 * np.mean(seconds) / 3600)
    size = sum(path.stat().st_size for path in runs.folder.glob("[!.]*/*"))
    assert row["gigabytes"] == pytest.approx(48 * size / 12 / 1e9)
    assert row["hours_low"] < row["hours"] < row["hours_high"] < 2 * row["hours"]
    # Finished runs of other settings tell nothing of the plan's.
    longer = profile.fine_tuning.model_copy(update={"epochs": 300})
    profile = profile.model_copy(update={"fine_tuning": longer})
    other = forecast(Workspace(profile, None, finished_study.results)).set_index("stage")
    assert other.loc["fine-tuning", "finished"] == 0
    assert other.loc["fine-tuning", "hours"] > 2 * row["hours"]


def test_forecast_before_anything_has_run_holds_what_the_reference_run_took(tmp_path, monkeypatch):
    """The runs of one of its divisions; the computer is as fast as the one that computed it."""
    monkeypatch.setattr("rin.study.forecast.measure_pace", lambda: Pace(0.045, 15))
    runs = open_reference("open").tables["runs"]
    settings = {"studies": [], "probe": None, "losses": None, "backbones": ["DenseNet121"]}
    profile = load_profile("open").model_copy(update=settings)
    row = forecast(Workspace(profile, None, tmp_path)).set_index("stage").loc["fine-tuning"]
    of_study = (runs["study"] == "main") & (runs["backbone"] == "DenseNet121")
    took = runs[of_study]["seconds"]
    of_one_run = row[["hours_low", "hours_high"]] * 3600 / row["runs"]
    assert of_one_run["hours_low"] < took.mean() < of_one_run["hours_high"]
    assert row["gigabytes"] > 0


def test_further_pretrainings_take_as_long_as_their_epochs(tmp_path, monkeypatch):
    monkeypatch.setattr("rin.study.forecast.measure_pace", lambda: Pace(1.0, 15))
    brief = {"init": "radiologic", "length": "long", "backbones": ["ResNet50"]}

    def hours(*epochs):
        briefs = [brief | {"epochs": n, "pretraining": 1} for n in epochs]
        profile = tiny_profile({"pretraining.brief": briefs})
        return forecast(Workspace(profile, None, tmp_path)).iloc[0]["hours"]

    none, one, two, eleven = hours(), hours(1), hours(2), hours(11)
    assert none < one < two
    assert eleven - one == pytest.approx(10 * (two - one))


def test_larger_pictures_and_slower_computers_take_longer(tmp_path, monkeypatch):
    def hours(speed, **changes):
        monkeypatch.setattr("rin.study.forecast.measure_pace", lambda: Pace(1 / speed, 15))
        profile = tiny_profile({f"fine_tuning.{name}": value for name, value in changes.items()})
        return forecast(Workspace(profile, None, tmp_path)).iloc[-1]["hours"]

    assert hours(2.0) == pytest.approx(hours(1.0) / 2)
    small, large = (hours(1.0, epochs=10, size=s) - hours(1.0, epochs=5, size=s) for s in (32, 64))
    assert large == pytest.approx(4 * small)


def test_missing_images_name_the_open_substitute_that_a_task_takes(tmp_path):
    said = missing_inputs(Workspace(load_profile("open"), None, tmp_path))
    (covid19,) = (text for text in said if text.startswith("images of covid19"))
    assert covid19.endswith("; or its substitute sarscov2_ct")


def test_dry_run_names_missing_images_and_weights_and_computes_nothing(rin, tmp_path):
    changes = {"inits": ["radimagenet", "imagenet"], "pretraining": None, "stand_ins": {}}
    changes |= {"splits": "official", "folds": 40}
    path = write_profile(tmp_path / "tiny.yaml", changes)
    told = answer(rin, "study", "--dry-run", "--profile", path, "--results", tmp_path / "r")
    assert "missing: images of breast: busi is not at " in told
    assert "missing: weights radimagenet ResNet50" in told
    assert "missing: official folds of breast: RadImageNet/breast/dataframe is missing" in told
    assert "breast has 5 folds of 40." in told
    row = r"fine-tuning +60 +0 +[\d.]+ min +[\d.]+ min to [\d.]+ min +0\.\d+"
    assert re.search(row, told), told
    assert "by study, runs that several share in each: main 60." in told
    assert not (tmp_path / "r").exists()


def test_dry_run_says_how_many_runs_each_study_has_and_counts_shared_ones_in_each(tmp_path):
    head = side_study("head", vary={"head": ["linear", "conv"]})
    study = Workspace(tiny_profile({"studies": [main_study(**BOTH), head]}), None, tmp_path)
    assert forecast(study).set_index("stage").loc["fine-tuning", "runs"] == 6
    assert forecast_lines(study)[-1].endswith(": main 4, head 4.")


SAID = "12 of 12 finished runs by other code, which was not shown to train alike (other: 12)"


@pytest.fixture
def of_other_code(finished_study, tmp_path):
    """A copy of the finished study whose runs were trained by other code; its profile's path."""
    study = replace(finished_study, results=tmp_path / "r" / "tiny")
    shutil.copytree(finished_study.results, study.results)
    for name in ("stores", "stand_ins", "index"):
        (tmp_path / "r" / name).symlink_to(finished_study.results.parent / name)
    for done in study.fine_tuning_ledger.folder.glob("[!.]*/done.json"):
        done.write_text(to_checksummed_json(read_checksummed_json(done) | {"code": "other"}))
    return write_profile(tmp_path / "tiny.yaml")


def test_times_below_an_hour_are_in_minutes_and_longer_ones_in_hours(tmp_path, monkeypatch):
    row = {"stage": "x", "runs": 2, "finished": 0, "hours": 0.5, "hours_low": 0.25}
    table = pd.DataFrame(2 * [row | {"hours_high": 2.5, "gigabytes": 0.012}])
    monkeypatch.setattr("rin.study.forecast.forecast", lambda _: table)
    _, line, _, of_all, *_ = forecast_lines(Workspace(tiny_profile(), None, tmp_path))
    assert line.split() == ["x", "2", "0", "30", "min", "15", "min", "to", "2.5", "h", "0.012"]
    assert " ".join(of_all.split()) == "all 4 0 1.0 h 30 min to 5.0 h 0.024"


def test_commands_say_how_many_runs_are_of_other_code_and_keep_them(
    rin, of_other_code, no_training
):
    options = "--profile", of_other_code, "--results", "r"
    for command in (("study", "--dry-run"), ("study", "--only", "main"), ("study",)):
        told = answer(rin, *command, *options)
        assert f"{SAID}; --retrain redoes them." in told.replace("\n", " "), command
    _, told, _ = rin("study", "--only", "pretraining", *options)
    assert "other code" not in told


def test_study_that_is_asked_to_retrain_redoes_runs_of_other_code_alone(
    of_other_code, tmp_path, monkeypatch
):
    one, *others = sorted((tmp_path / "r" / "tiny" / "runs").glob("[!.]*"))
    for folder in others:
        done = folder / "done.json"
        done.write_text(to_checksummed_json(read_checksummed_json(done) | {"code": code_digest()}))
    left = []
    monkeypatch.setattr("rin.study.stages.run_missing", lambda study, runs: left.extend(
        study.fine_tuning_ledger.missing_runs(runs)))  # fmt: skip
    run_study(open_workspace(of_other_code, results=tmp_path / "r"), retrain=True)
    assert [run.run_id for run in left] == [one.name]


def fitted(pace, minutes, side):
    parts = ["train"] * 800 + ["validation"] * 100 + ["test"] * 200
    folds = pd.concat([pd.DataFrame({"part": parts}).assign(fold=fold) for fold in range(5)])
    study, seconds = fit_budget(folds, side, [500], pace, 60 * minutes)
    return study, seconds / 60


@pytest.mark.parametrize(("side", "size"), [(300, 224), (160, 160)])
def test_largest_study_of_a_budget_has_all_cases_folds_and_scenarios(side, size):
    study, _ = fitted(Pace(1e-9, 0.0), 15, side)
    assert study["fine_tuning"] == {"size": size, "epochs": 10}
    assert (study["folds"], "cases" in study) == (5, False)
    (main,) = study["studies"]
    assert {way: sorted(rates) for way, rates in main["learning_rates"].items()} == {
        way: sorted(rates) for way, rates in RATES.items()
    }


def test_minutes_of_a_study_grow_with_the_square_of_the_side():
    beside, small, large = (
        fitted(Pace(pace, 0.0), 1e9, side)[1] for pace, side in ((1e-12, 75), (1, 75), (1, 160))
    )
    assert (large - beside) / (small - beside) == pytest.approx((160 / 75) ** 2)


def test_decoding_is_forecast_from_some_pictures(monkeypatch, tmp_path):
    clock = SimpleNamespace(now=0.0, n=0)

    def inspect(*_):
        clock.now, clock.n = clock.now + 0.25, clock.n + 1

    monkeypatch.setattr("rin.study.forecast.inspect_case", inspect)
    monkeypatch.setattr("rin.study.forecast.cpu_count", lambda: 2)
    monkeypatch.setattr("time.process_time", lambda: clock.now)
    images = [f"{k}.png" for k in range(240)]
    cases = pd.DataFrame({"case_id": images, "patient_id": "P", "image": images})
    cases["masks"] = [()] * len(images)
    seconds = measure_decoding(SimpleNamespace(cases=cases, root=tmp_path, manifest=None))
    assert (seconds, clock.n) == (pytest.approx(240 * 0.25 / 2), 12)


def test_pace_is_that_of_the_reference_run_by_the_time_of_the_processor(monkeypatch):
    ticks = iter(range(10))
    monkeypatch.setattr(
        "time.process_time", lambda: 0.16 * next(ticks)
    )  # a quarter: half in training
    assert measure_pace() == Pace(image=pytest.approx(0.09), tracing=pytest.approx(30))
