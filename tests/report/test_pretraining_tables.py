import hashlib

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from pretraining_records import INITS, classes, history, predictions, run
from scipy import stats

from rin.curation.taxonomy import load_taxonomy
from rin.data.manifest import load_manifest
from rin.errors import InputError
from rin.paper import RELEASED_ACCURACY
from rin.report import pretraining_readings as readings
from rin.report import pretraining_scores as scores
from rin.report import pretraining_tables as tables
from rin.study.ledger import Ledger
from rin.study.sections import Pretraining


def two_runs(**changed):
    return pd.DataFrame([run("radiologic", **changed), run("photographic")])


# Scores


@pytest.mark.parametrize(("right", "n"), [(0, 6), (4, 6), (19, 20), (7, 7)])
def test_accuracy_interval_of_one_image_a_patient_is_wilsons(right, n):
    hits = np.arange(n) < right
    expected = stats.binomtest(right, n).proportion_ci(method="wilson")
    assert scores.accuracy_interval(hits, np.arange(n)) == pytest.approx(tuple(expected))


def test_accuracy_interval_of_patients_with_several_images_follows_the_clustered_variance():
    rng = np.random.default_rng(3)
    patients = np.repeat(np.arange(30), rng.integers(1, 9, 30))
    hits = rng.random(len(patients)) < np.repeat(rng.uniform(0, 1, 30), np.bincount(patients))
    mean = sm.OLS(hits.astype(float), np.ones(len(hits)))
    clustered = mean.fit(cov_type="cluster", cov_kwds={"groups": patients}).cov_params()[0, 0]
    share = hits.mean()
    size = share * (1 - share) * len(hits) / (len(hits) - 1) / clustered
    assert size < len(hits)
    z = stats.norm.ppf(0.975)
    center = (share + z**2 / 2 / size) / (1 + z**2 / size)
    half = z / (1 + z**2 / size) * np.sqrt(share * (1 - share) / size + z**2 / 4 / size**2)
    found = scores.accuracy_interval(hits, patients)
    assert found == pytest.approx((center - half, center + half))


def test_accuracy_interval_when_every_image_is_right_counts_patients():
    expected = stats.binomtest(5, 5).proportion_ci(method="wilson")
    found = scores.accuracy_interval(np.ones(20, bool), np.repeat(np.arange(5), 4))
    assert found == pytest.approx(tuple(expected))


def test_run_scores_are_those_of_the_predictions():
    table = scores.run_scores(pd.DataFrame([run()]), predictions())
    (row,) = table.to_dict("records")
    assert (row["test_images"], row["test_patients"]) == (6, 4)
    assert row["top1"] == pytest.approx(4 / 6)
    assert row["balanced"] == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert row["top5"] == pytest.approx(5 / 6)
    assert row["low"] < row["top1"] < row["high"]
    assert row["images_per_second"] == 40.0  # as recorded


def test_run_scores_take_each_run_by_its_own_rows():
    every = pd.concat([predictions(), predictions("aaabbc", init="photographic")])
    table = scores.run_scores(two_runs(), every).set_index("init")
    assert table["top1"].to_dict() == pytest.approx({"radiologic": 4 / 6, "photographic": 1.0})


@pytest.mark.parametrize(("n", "trivial"), [(5, True), (6, False)])
def test_run_scores_of_five_classes_have_no_top5(n, trivial):
    table = scores.run_scores(pd.DataFrame([run(classes=n)]), predictions())
    assert np.isnan(table.loc[0, "top5"]) == trivial


def test_class_scores_give_recall_support_and_the_most_frequent_wrong_answer():
    table = scores.class_scores(predictions("abbbcc")).set_index("label")
    assert table["support"].to_dict() == {"a": 3, "b": 2, "c": 1}
    assert table["patients"].to_dict() == {"a": 2, "b": 1, "c": 1}
    assert table["recall"].to_dict() == pytest.approx({"a": 1 / 3, "b": 1 / 2, "c": 1})
    assert table["taken_for"].to_dict() == {"a": "b", "b": "c", "c": ""}


def test_confusion_is_the_mean_of_the_networks_and_its_rows_sum_to_one():
    both = pd.concat([predictions("aabbcc"), predictions("aaabba", backbone="DenseNet121")])
    one = scores.confusion(both)
    assert (one.unit, one.networks) == ("class", 2)
    expected = [[5 / 6, 1 / 6, 0], [0, 3 / 4, 1 / 4], [1 / 2, 0, 1 / 2]]
    np.testing.assert_allclose(one.shares, expected)
    assert one.right.tolist() == pytest.approx([5 / 6, 3 / 4, 1 / 2])


def test_confusion_shows_a_class_that_is_only_predicted_as_a_column():
    one = scores.confusion(predictions("aabbdc"))
    assert one.shares.columns.tolist() == ["a", "b", "c", "d"]
    assert one.shares.index.tolist() == ["a", "b", "c"]


def test_confusion_of_many_classes_is_by_region_in_the_order_of_the_taxonomy():
    names = {"a": "usthyroid-normal", "b": "lung-Nodule", "c": "lung-normal"}
    table = predictions("acbcca").replace({"truth": names, "predicted": names})
    one = scores.confusion(table, most=2)
    assert one.unit == "region"
    assert one.shares.index.tolist() == ["Chest, CT", "Thyroid, US"]
    np.testing.assert_allclose(one.shares, [[2 / 3, 1 / 3], [2 / 3, 1 / 3]])
    assert one.right.tolist() == pytest.approx([0, 1 / 3])


def test_confusion_of_many_classes_without_regions_stays_by_class():
    assert scores.confusion(predictions(), most=2).unit == "class"


@pytest.mark.parametrize(
    ("label", "region"),
    [
        ("mriabd-normal", "Abdomen and pelvis, MRI"),
        ("lung-Airspace_opacity", "Chest, CT"),
        ("US-gb", "US"),
        ("site7-mass", "site7"),
        ("normal", ""),
    ],
)
def test_region_of_a_label_in_the_spelling_of_radimagenet(label, region):
    assert scores.region_of(label) == region


def test_region_of_every_class_of_the_taxonomy_is_known():
    taxonomy = load_taxonomy()
    found = {scores.region_of(f"{one.region}-{one.label}") for one in taxonomy.itertuples()}
    assert len(found) == 11


def test_imbalance_names_the_largest_and_the_smallest_class():
    (row,) = scores.imbalance(classes()).to_dict("records")
    assert (row["largest"], row["smallest"], row["ratio"]) == ("a", "c", 10)
    assert (row["train"], row["validation"], row["test"]) == (540, 62, 6)
    assert row["fewest_patients"] == 7


def test_curve_ends_name_the_epoch_of_the_lowest_validation_loss():
    curves = pd.concat([history(), history("photographic", val_loss=(3.0, 2.0, 1.0))])
    found = scores.curve_ends(curves).set_index("init")["best_epoch"]
    assert found.to_dict() == {"radiologic": 2, "photographic": 3}


# Tables


@pytest.fixture
def scored():
    every = pd.concat([predictions(), predictions("aaabbc", init="photographic")])
    return scores.run_scores(two_runs(), every)


def test_score_table_has_a_row_a_run(scored):
    table = tables.score_table(scored)
    row = table.loc[("Radiologic", "ResNet50")]
    assert row["Top-1, % (95% CI)"].startswith("66.7 (")
    rest = ["Balanced, %", "Top-5, %", "Test images / patients", "Images/s", "Minutes"]
    assert row[rest].tolist() == ["72.2", "83.3", "6 / 4", "40", "1.0"]
    assert table.loc[("Photographic", "ResNet50"), "Balanced, %"] == "100.0"


def test_score_table_calls_top5_of_few_classes_trivial():
    few = scores.run_scores(pd.DataFrame([run(classes=5)]), predictions())
    assert tables.score_table(few)["Top-5, %"].tolist() == ["trivial"]
    assert "top-5 is trivial" in readings.score_reading(few).data


def test_score_reading_sets_every_corpus_beside_its_chance(scored):
    text = readings.score_reading(scored.assign(classes=[12, 40])).data
    assert "radiologic corpus the networks name the right one of 12 classes in 66.7 %" in text
    assert "guessing evenly gives 8.3 %" in text
    assert "one of 40 classes in 100.0 %" in text and "gives 2.5 %" in text
    assert "trivial" not in text
    assert "took 2.0 minutes" in text


def test_budget_table_and_reading_of_equal_budgets():
    table = tables.budget_table(two_runs())
    assert table.loc["Radiologic"].tolist() == ["80", "12", "3", "12", "1", "real"]
    assert "equally many" in readings.budget_reading(two_runs()).data


@pytest.mark.parametrize("what", ["images", "classes", "steps"])
def test_budget_reading_of_unequal_budgets_says_in_what(what):
    text = readings.budget_reading(two_runs(**{what: 1234})).data
    assert f"**The budgets differ** in {what}," in text
    assert "1,234" in text or "1234" in text


def test_budget_reading_of_one_corpus_compares_nothing():
    assert "one corpus" in readings.budget_reading(pd.DataFrame([run()])).data


def test_settings_table_sets_the_papers_settings_beside_the_profiles():
    settings = Pretraining(corpora={}, size=75, batch=32, epochs=3, learning_rate=0.002)
    table = tables.settings_table(settings)
    assert table.loc["Size"].tolist() == ["224", "75"]
    assert table.loc["Dropout"].tolist() == ["0.5", "0.5"]
    assert table.loc["Learning rate"].tolist() == ["–", "0.002"]
    assert table.loc["Cases"].tolist() == ["–", "–"]
    assert table.loc["Training, validation and test, %"].tolist() == ["75/10/15"] * 2


@pytest.mark.parametrize(
    ("layout", "independence", "said"),
    [
        ("radimagenet", "patient", "tables of the three parts, in which no patient stands twice"),
        ("radimagenet", "image", "tables of the three parts, without patients"),
        ("folder_classes", "patient", "is divided by patient."),
        ("folder_classes", "image", "is divided by image, near-duplicates together"),
    ],
)
def test_split_reading_tells_how_a_corpus_is_divided(layout, independence, said):
    changed = {"layout": layout, "independence": independence}
    manifest = load_manifest("corpus_radiologic").model_copy(update=changed)
    assert said in readings.split_reading({"radiologic": manifest}).data


def test_corpus_table_and_reading_tell_the_imbalance():
    table = tables.corpus_table(scores.imbalance(classes()))
    assert table.loc["Radiologic"].tolist() == [
        *("corpus_radiologic", "540 / 62 / 6", "3", "a (400)", "c (40)", "10.0"),
    ]
    text = readings.imbalance_reading(scores.imbalance(classes())).data
    assert "10.0 times" in text and "fewest patients has 7," in text


def test_class_table_starts_with_the_smallest_class_and_marks_what_was_not_tested():
    found = scores.class_scores(predictions())
    table = tables.class_table(found[found["label"] != "c"], classes())
    assert table.index.tolist() == ["c", "b", "a"]
    assert table.loc["c"].tolist() == ["40", "0", "1", "7", "–"]
    assert table.loc["a", "Recall, %, ResNet50"] == "67"


def test_class_reading_names_the_ends_and_what_is_never_recognised():
    text = readings.class_reading(scores.class_scores(predictions("aaabba"))).data
    assert "from 0.0 % (`c`, 1 test image) to 100.0 % (`a`, 3 test images)" in text
    assert "Of 3 classes, one class is never recognised" in text
    assert "never" not in readings.class_reading(scores.class_scores(predictions())).data


def test_confusion_reading_names_the_most_frequent_confusion():
    text = readings.confusion_reading(scores.confusion(predictions("aabbcc"))).data
    assert "the mean of 1 network." in text
    assert "`b` taken for `c`: 50.0 % of its test images" in text


def test_confusion_reading_when_nothing_is_confused_says_so():
    text = readings.confusion_reading(scores.confusion(predictions("aaabbc"))).data
    assert "No class is taken for another" in text


@pytest.mark.parametrize(
    ("val_loss", "expected"),
    [((3.0, 2.0, 1.0), "In 1 of 1 training "), ((1.0, 2.0, 3.0), "In 0 of 1 training ")],
)
def test_curve_reading_counts_the_trainings_that_ended_at_their_best(val_loss, expected):
    text = readings.curve_reading(scores.curve_ends(history(val_loss=val_loss))).data
    assert text.startswith(expected)
    assert ("budget set the end" in text) == ("In 1" in expected)


# Published beside ours


def test_accuracy_table_says_what_each_column_was_trained_on():
    both = pd.DataFrame([run(), run(backbone="DenseNet121", top1=0.806), run("photographic")])
    table = tables.accuracy_table(both, INITS)
    heads = table.columns.get_level_values(0).unique().tolist()
    assert heads == [
        "Published: RadImageNet, 1,350,000 images, 165 classes",
        "Ours: radiologic, 80 real images, 12 classes",
        "Ours: photographic, 80 real images, 12 classes",
    ]
    assert table.loc["ResNet50"].tolist() == ["72.3", "94.1", "71.4", "95.0", "71.4", "95.0"]
    assert table.loc["DenseNet121"].tolist()[2:] == ["80.6", "95.0", "–", "–"]
    assert table.loc["InceptionV3"].tolist() == ["73.2", "92.7", "–", "–", "–", "–"]


def test_accuracy_table_has_a_row_for_a_backbone_without_published_numbers():
    table = tables.accuracy_table(pd.DataFrame([run(backbone="VGG19")]), INITS)
    assert table.index.tolist() == [*RELEASED_ACCURACY, "VGG19"]
    assert table.loc["VGG19"].tolist() == ["–", "–", "71.4", "95.0"]


def test_accuracy_table_calls_top5_of_few_classes_trivial():
    table = tables.accuracy_table(pd.DataFrame([run(classes=4)]), INITS)
    assert table.loc["ResNet50"].tolist() == ["72.3", "94.1", "71.4", "trivial"]


def test_accuracy_table_without_pretraining_shows_the_published_only():
    table = tables.accuracy_table(pd.DataFrame(), ("radimagenet", "imagenet"))
    assert table.loc["InceptionResNetV2"].tolist() == ["74.0", "94.3"]


def test_accuracy_reading_forbids_the_comparison():
    text = readings.accuracy_reading(two_runs(provenance="stand-in", classes=4)).data
    for part in ("72.3 % to 74.0 %", "165 classes", "4 classes of stand-in images", "gives 25.0 %"):
        assert part in text
    assert "cannot be compared" in text


def test_accuracy_reading_without_pretraining_claims_none():
    text = readings.accuracy_reading(pd.DataFrame()).data
    assert "pretrains nothing" in text and "pretrained here" not in text


def test_comparable_runs_are_those_of_the_papers_backbones_and_lack_a_trivial_top5():
    table = pd.DataFrame([run(), run(backbone="VGG19"), run(backbone="InceptionV3", classes=5)])
    found = tables.comparable(table)
    assert found["backbone"].tolist() == ["ResNet50", "InceptionV3"]
    assert found["top5"].isna().tolist() == [False, True]


def test_database_sentence_states_the_papers_numbers():
    said = readings.database_sentence().data
    assert "1,350,000 images" in said and "131,872 patients" in said and "165 labels" in said


# Files


@pytest.fixture
def ledger(tmp_path):
    """A ledger with the weights files of one run."""
    folder = tmp_path / "radiologic-ResNet50"
    folder.mkdir()
    for name in tables.FORMATS:
        (folder / name).write_bytes(name.encode() * 100_000)
    return Ledger(tmp_path)


def test_file_table_has_size_and_digest_of_every_format(ledger):
    table = tables.file_table(pd.DataFrame([run()]), ledger)
    assert table["file"].tolist() == list(tables.FORMATS)
    content = b"backbone_notop.h5" * 100_000
    row = table[table["file"] == "backbone_notop.h5"].iloc[0]
    assert row["bytes"] == len(content)
    assert row["sha256"] == hashlib.sha256(content).hexdigest()
    shown = tables.shown_files(table)
    assert shown.iloc[1].tolist() == [
        "radiologic-ResNet50/backbone_notop.h5",
        "Keras 2 layout, by topology",
        "1.7",
        row["sha256"],
    ]


def test_file_table_when_a_format_is_missing_names_the_file(ledger):
    path = ledger.path("radiologic-ResNet50") / "backbone.safetensors"
    path.unlink()
    with pytest.raises(InputError) as caught:
        tables.file_table(pd.DataFrame([run()]), ledger)
    assert caught.value.where == str(path)


def test_everything_without_pretraining_is_empty_and_says_so(tmp_path):
    none = pd.DataFrame()
    scored = scores.run_scores(none, none)
    for table in (
        tables.score_table(scored),
        tables.budget_table(none),
        tables.corpus_table(scores.imbalance(none)),
        tables.shown_files(tables.file_table(none, Ledger(tmp_path))),
        scores.class_scores(none),
    ):
        assert len(table) == 0
    for said in (
        readings.score_reading(scored),
        readings.budget_reading(none),
        readings.imbalance_reading(scores.imbalance(none)),
        readings.class_reading(scores.class_scores(none)),
        readings.curve_reading(scores.curve_ends(none)),
    ):
        assert "released" in said.data
