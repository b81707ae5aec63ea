"""Features of any encoder: exported images, tables that are checked, linear probes of them."""

import inspect
import re

import jupytext
import keras
import numpy as np
import pandas as pd
import pytest
import yaml
from command_line import answer, refusal
from computed_pages import outputs
from pydantic import ValidationError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tiny_study import settings, tiny_profile

from rin import stats
from rin.errors import InputError
from rin.files import REPOSITORY
from rin.report.format import format_estimate
from rin.study import open_results, open_workspace, run_study
from rin.study.features import add_features, export_images, kept_tables
from rin.study.fine_tuning import fit_probe
from rin.study.ledger import Ledger
from rin.study.plan import STRENGTHS, plan_study
from rin.study.workspace import missing_inputs

PAGE = jupytext.read(REPOSITORY / "notebooks" / "use" / "run_it.py")
RECIPES = re.findall(r"```python\n(from pathlib.*?)```", PAGE.cells[0].source, re.DOTALL)
CHANGES = {
    "name": "encoders",
    "inits": ["efficientnet", "pixels"],
    "backbones": ["features"],
    "pretraining": None,
    "folds": 2,
    "external": True,
    "stand_ins.busbra": {"benign": 9, "malignant": 7},
}


@pytest.fixture(scope="module")
def exported(study_folder, tmp_path_factory):
    """A study of two encoders and the folder of its exported images, with a table of each.

    One is made by the page's recipe for Keras, with a layer in place of the encoder; the other has
    sixteen means of pixels.
    """
    study = open_workspace(tiny_profile(CHANGES), results=study_folder)
    folder = tmp_path_factory.mktemp("exported")
    lines = [*export_images(study, folder)]
    assert [line.partition(":")[0] for line in lines] == ["busi", "busbra"]
    for_torch, recipe = (compile(recipe, "encode.py", "exec") and recipe for recipe in RECIPES)
    assert "torch.inference_mode" in for_torch
    signature = inspect.signature(keras.applications.EfficientNetV2B0)

    def small_encoder(**options):
        assert signature.bind(**options).arguments["pooling"] == "avg"
        convolution = keras.layers.Conv2D(40, 8, strides=8, activation="relu")
        return keras.Sequential([convolution, keras.layers.GlobalAveragePooling2D()])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.applications, "EfficientNetV2B0", small_encoder)
        keras.utils.set_random_seed(0)
        exec(recipe.replace('Path("exported")', f'Path("{folder}")'), {})
    for place in folder.iterdir():
        ids = pd.read_csv(place / "cases.csv", dtype=str)["case_id"]
        means = np.load(place / "images.npy").reshape(-1, 4, 8, 4, 8).mean((2, 4))
        np.savez(place / "pixels.npz", case_id=[*ids], features=means.reshape(-1, 16))
    return study, folder


@pytest.fixture(scope="module")
def finished(exported):
    """The study, run, with its results."""
    study, folder = exported
    for dataset in ("busi", "busbra"):
        add_features(study, "efficientnet", folder / dataset / "efficientnet.parquet", dataset)
        add_features(study, "pixels", folder / dataset / "pixels.npz", dataset, "Means of pixels")
    assert missing_inputs(study) == []
    run_study(study)
    return study, open_results(study.results / "tables")


def test_exported_images_are_those_of_the_store_in_its_order(exported):
    study, folder = exported
    for dataset, site in study.inputs("breast").sites.items():
        ids = pd.read_csv(folder / dataset / "cases.csv", dtype=str)["case_id"]
        assert [*ids] == [*site.store.cases["case_id"]]
        np.testing.assert_array_equal(
            np.load(folder / dataset / "images.npy"), site.store.images()
        )


def by_hand(study, folder, fold):
    """The scores of a probe of the means of pixels: cases of the test part, and of BUS-BRA."""
    inputs, values = study.inputs("breast"), {}
    for dataset in ("busi", "busbra"):
        arrays = np.load(folder / dataset / "pixels.npz")
        values[dataset] = pd.DataFrame(arrays["features"], arrays["case_id"])
    split = inputs.folds[inputs.folds["fold"] == fold].groupby("part")["case_id"]
    y = {part: inputs.labels.loc[ids] for part, ids in split}
    y["busbra"] = inputs.external["busbra"].labels
    x = {part: values["busi"].loc[ids] for part, ids in split} | {"busbra": values["busbra"]}
    models = [
        make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=10_000))
        for strength in STRENGTHS
    ]
    losses = [
        log_loss(y["validation"], model.fit(x["train"], y["train"]).predict_proba(x["validation"]))
        for model in models
    ]
    best = np.argmin(losses)
    return {
        part: pd.Series(models[best].decision_function(x[part]), y[part].index)
        for part in ("test", "busbra")
    }, STRENGTHS[best]


def test_probe_is_the_logistic_regression_that_scikit_learn_fits_by_hand(finished, exported):
    study, results = finished
    records = results.records("breast").query("init == 'pixels'").set_index("fold")
    for fold in (0, 1):
        scored, strength = by_hand(study, exported[1], fold)
        assert records.loc[fold, "C"] == strength
        for part, scores in scored.items():
            rows = results.predictions(part=part).query("init == 'pixels' and fold == @fold")
            found = rows.set_index(rows["case_id"].astype(str))["score"]
            np.testing.assert_allclose(found.loc[scores.index], scores, rtol=1e-4, atol=1e-4)


def test_results_of_probes_are_compared_as_those_of_networks_are(finished):
    _, results = finished
    scores, (a, b) = results.predictions(), results.inits
    assert {*scores["scenario"]} == {"features-linear_probe"}
    assert (a, b) == ("efficientnet", "pixels")
    differences = stats.init_differences(scores, a, b).set_index("group")["estimate"]
    assert {*differences.index} == {"all", "linear_probe"}
    units = stats.pretraining_differences(scores, a, b).iloc[0]
    assert (units["pairs"], units["estimate"]) == (1, pytest.approx(differences["all"]))
    facts = [(kept.init, kept.backbone, kept.release) for kept in results.facts.weights]
    assert facts[::2] == [("efficientnet", "features", "efficientnet"),
                          ("pixels", "features", "Means of pixels")]  # fmt: skip
    assert {*results.records("breast")["features"]} == {16, 40}


@pytest.mark.filterwarnings("error::RuntimeWarning")  # resamples without a positive case
def test_page_of_ones_own_run_shows_probes(finished):
    study, results = finished
    tables = str(study.results / "tables")
    text = " ".join(outputs("results/your_run", {"profile": tables, "results": tables}))
    row = stats.init_differences(results.predictions(), *results.inits).iloc[0]
    assert format_estimate(row, unit="points") in text
    assert "pixels: features (table of busi, SHA-256" in text
    assert "nan" not in re.sub(r"<[^>]*>", "", text)


def test_same_features_are_the_same_runs_and_other_features_are_other_runs(
    finished, exported, tmp_path
):
    study, _ = finished
    path = exported[1] / "busi" / "pixels.npz"
    kept = study.features_folder / "pixels" / "busi.parquet"
    before = kept.stat().st_mtime_ns
    add_features(study, "pixels", path, "busi", "Another text")
    assert kept.stat().st_mtime_ns == before
    arrays = np.load(path)
    other = tmp_path / "other.npz"
    np.savez(other, case_id=arrays["case_id"], features=arrays["features"] ** 2)
    with pytest.raises(InputError, match=r"pixels has other features of busi already.*--replace"):
        add_features(study, "pixels", other, "busi")
    planned = plan_study(study)
    ids = {run.run_id for run in planned}
    add_features(study, "pixels", other, "busi", replace=True)
    former = next(run for run in planned if run.init == "pixels")
    with pytest.raises(InputError, match="replaced while the study ran"):
        fit_probe(former, Ledger(tmp_path), [*kept_tables(study, "pixels", former.inputs)])
    changed = {run.run_id for run in plan_study(study)}
    assert len(ids & changed) == 2  # those of the other encoder
    add_features(study, "pixels", path, "busi", "Means of pixels", replace=True)
    assert {run.run_id for run in plan_study(study)} == ids


@pytest.mark.slow
def test_worker_process_fits_the_same_probes(finished):
    study, results = finished
    changes = CHANGES | {"name": "encoders_again", "execution": {"workers": 1}}
    again = open_workspace(tiny_profile(changes), results=study.results.parent)
    run_study(again)
    tables = open_results(again.results / "tables").tables
    pd.testing.assert_frame_equal(tables["predictions"], results.tables["predictions"])


BAD = {
    "1 row names no case of the study: x": lambda ids, x: ([*ids, "x"], np.vstack([x, x[:1]])),
    "1 row is repeated": lambda ids, x: ([ids[1], *ids[1:]], x),
    "1 case is missing": lambda ids, x: (ids[1:], x[1:]),
    "60 rows have a number that is not finite": lambda ids, x: (ids, x + np.inf),
    "60 rows have no features": lambda ids, x: (ids, x[:, :0]),
    "it has 3 dimensions, other tables of pixels {16}": lambda ids, x: (ids, x[:, :3]),
    "(Object arrays cannot be loaded": lambda ids, x: (ids, x.astype(object)),
}


@pytest.mark.parametrize("said", BAD)
def test_table_that_does_not_fit_is_refused_in_one_line(finished, exported, tmp_path, said):
    study, _ = finished
    arrays = np.load(exported[1] / "busi" / "pixels.npz")
    ids, values = BAD[said](arrays["case_id"], arrays["features"])
    np.savez(path := tmp_path / "table.npz", case_id=[*ids], features=values)
    with pytest.raises(InputError, match=re.escape(said)) as caught:
        add_features(study, "pixels", path, "busi", replace=True)
    assert caught.value.where == str(path)
    assert "\n" not in str(caught.value)


def test_lists_of_a_parquet_file_are_the_dimensions_and_a_label_is_none(
    finished, exported, tmp_path
):
    arrays = np.load(exported[1] / "busi" / "pixels.npz")
    table = pd.DataFrame({"case_id": arrays["case_id"], "features": [*arrays["features"]]})
    table.assign(label=1).to_parquet(path := tmp_path / "lists.parquet")
    with pytest.raises(InputError, match="dimensions end in a number: features; label"):
        add_features(finished[0], "pixels", path, "busi")
    table.to_parquet(path)
    assert add_features(finished[0], "pixels", path, "busi").name == "busi.parquet"


def test_names_and_files_that_cannot_be_are_refused(finished, tmp_path):
    study, _ = finished
    path = tmp_path / "table.parquet"
    path.write_text("case_id,features")
    for name in ("radiologic", "imagenet", "random", "../pixels", ""):
        with pytest.raises(InputError, match="no name for features"):
            add_features(study, name, path, "busi")
    with pytest.raises(InputError, match=r"unknown dataset 'busy' \(did you mean busi\?\)"):
        add_features(study, "pixels", path, "busy")
    with pytest.raises(InputError, match=r"table\.parquet: no table of features"):
        add_features(study, "pixels", path, "busi")


def test_profile_of_features_has_no_networks_and_its_tables_must_be_there(finished):
    study, _ = finished
    for changes, said in [
        ({"backbones": ["features", "ResNet50"]}, "ResNet50"),
        ({"studies": [{"name": "main", "unfreezing": ["freeze_all"]}]}, "unfreezing"),
    ]:
        with pytest.raises(ValidationError, match=rf"features: \['{said}'\] are not among what"):
            tiny_profile(CHANGES | changes)
    with pytest.raises(ValidationError, match="unknown backbone 'features'"):
        tiny_profile(CHANGES | {"pretraining": settings()["pretraining"]})
    changes = CHANGES | {"inits": ["pixels", "absent"]}
    other = open_workspace(tiny_profile(changes), results=study.results.parent)
    assert missing_inputs(other) == ["features absent: rin features add absent"]
    with pytest.raises(InputError, match=r"absent.busi\.parquet: no table of features \(No such"):
        plan_study(other)


def test_commands_export_and_add_by_name(rin, exported):
    study, folder = exported
    profile = folder.parent / "encoders.yaml"
    profile.write_text(yaml.safe_dump(settings(CHANGES)), encoding="utf-8")
    places, more = ("--results", study.results.parent), folder.parent / "more"
    told = answer(rin, "features", "export", profile, *places, "--output", more)
    assert told.count("images.npy (") == 2
    add = "--dataset", "busi", "--profile", profile, "--about", "Means", *places
    told = answer(rin, "features", "add", "means", folder / "busi" / "pixels.npz", *add)
    assert told.startswith("Kept: ")
    other = folder / "busi" / "efficientnet.parquet"
    line = refusal(rin, "features", "add", "means", other, *add)
    assert "means has other features of busi already. Give --replace" in line
