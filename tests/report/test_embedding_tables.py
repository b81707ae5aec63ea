from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from rin.errors import InputError
from rin.report import embedding_tables as tables
from rin.report.embeddings import Neighbours

CASES = pd.DataFrame(
    {
        "case_id": [f"c{i}" for i in range(24)],
        "patient_id": [f"p{i // 2}" for i in range(24)],
        "truth": np.repeat(["cyst", "mass", "normal"], 8),
        "predicted": "mass",
    }
)


@pytest.fixture
def features():
    rng = np.random.default_rng(5)
    return (np.repeat(np.eye(3), 8, axis=0) + 0.1 * rng.normal(size=(24, 3))).astype(np.float32)


@pytest.fixture
def study(monkeypatch, features):
    """A study whose ledger holds two backbones of one init, and a store in another order."""
    own = pd.DataFrame({"init": "radiologic", "backbone": ["ResNet50", "DenseNet121"]})
    noise = np.random.default_rng(6).normal(size=(24, 3)).astype(np.float32)
    found = {"ResNet50": noise, "DenseNet121": features}
    monkeypatch.setattr(tables, "pretrained", lambda study: own)
    monkeypatch.setattr(
        tables, "pretraining_features", lambda study, init, backbone: (CASES, found[backbone])
    )
    runs = [SimpleNamespace(init="radiologic", store="the store")]
    monkeypatch.setattr(tables, "plan_pretraining", lambda study: runs)
    images = np.arange(30, dtype=np.uint8)[:, None, None] * np.ones((1, 4, 4), dtype=np.uint8)
    store = SimpleNamespace(
        cases=pd.DataFrame({"case_id": [f"c{29 - i}" for i in range(30)]}),
        images=lambda: images,
        path="the store",
    )
    monkeypatch.setattr(tables, "open_store", lambda path: store)
    return SimpleNamespace(profile=SimpleNamespace(seed=3, name="tiny"))


def test_load_embeddings_reads_every_network_with_its_images(study, features):
    one, other = tables.load_embeddings(study)
    assert (one.backbone, other.backbone) == ("ResNet50", "DenseNet121")
    assert other.features.tolist() == features.tolist()
    assert other.cases["case_id"].tolist() == CASES["case_id"].tolist()


def test_load_embeddings_draws_the_same_images_for_all_networks(study, features):
    one, other = tables.load_embeddings(study, most=10)
    assert one.cases.equals(other.cases)
    assert (len(one.cases), one.total) == (10, 24)
    rows = [int(name[1:]) for name in other.cases["case_id"]]
    assert other.features.tolist() == features[rows].tolist()


def test_pictures_are_those_of_the_cases_whatever_the_order_of_the_store(study):
    embedding = tables.load_embeddings(study, most=5)[0]
    pictures = tables.embedded_pictures(study, embedding)
    expected = [29 - int(name[1:]) for name in embedding.cases["case_id"]]
    assert pictures[:, 0, 0].tolist() == expected


def test_pictures_that_the_store_lacks_are_an_error(study):
    cases = CASES.assign(case_id=[f"other{i}" if i < 3 else f"c{i}" for i in range(24)])
    embedding = tables.Embedding("radiologic", "ResNet50", cases, np.ones((24, 2)), 24)
    with pytest.raises(InputError, match="3 of 24 test images are not in the store"):
        tables.embedded_pictures(study, embedding)


def test_pictures_of_an_init_without_pretraining_are_an_error(study):
    embedding = tables.Embedding("imagenet", "ResNet50", CASES, np.ones((24, 2)), 24)
    with pytest.raises(InputError, match="nothing was pretrained as imagenet"):
        tables.embedded_pictures(study, embedding)


@pytest.fixture
def purities(study):
    embeddings = tables.load_embeddings(study)
    noise = np.random.default_rng(8).integers(0, 256, (24, 8, 8), dtype=np.uint8)
    return embeddings, tables.purity_rows(embeddings, {"radiologic": noise}, seed=1)


def test_purity_rows_hold_networks_and_the_pixels_last(purities):
    _, rows = purities
    assert rows["name"].tolist() == ["ResNet50", "DenseNet121", tables.PIXELS]
    share = rows.set_index("name")["share"]
    assert share["DenseNet121"] > 0.9 > share["ResNet50"]
    # Of 22 images of other patients, six have the class: patients lie within a class.
    assert rows["chance"].tolist() == pytest.approx([6 / 22] * 3)
    assert set(rows["k"]) == {5}


def test_the_purest_network_is_shown_large(purities):
    embeddings, rows = purities
    assert tables.purest(embeddings, rows)["radiologic"].backbone == "DenseNet121"


def test_purity_table_is_in_percent_with_its_bounds_last(purities):
    table = tables.purity_table(purities[1])
    names = ["ResNet50", "DenseNet121", tables.PIXELS, "Chance", "At best"]
    assert table.index.tolist() == names
    assert table.loc["At best", "Radiologic"] == "100.0"
    assert table.loc["Chance", "Radiologic"] == "27.3"
    assert "(" in table.loc["ResNet50", "Radiologic"]


def test_purity_reading_counts_networks_above_the_pixels():
    rows = [
        ("radiologic", "ResNet50", 0.5, 0.31, 0.6),
        ("radiologic", "DenseNet121", 0.4, 0.29, 0.5),
        ("radiologic", tables.PIXELS, 0.3, 0.2, 0.4),
    ]
    rows = pd.DataFrame(rows, columns=["init", "name", "share", "low", "high"])
    text = tables.purity_reading(rows.assign(chance=0.125, k=5, images=24)).data
    assert "40.0 to 50.0 % against 12.5 % by chance and 30.0 % for the pictures" in text
    assert "1 of 2 networks" in text


def test_a_study_without_pretraining_has_empty_tables_and_says_so():
    rows = tables.purity_rows([], {}, seed=1)
    assert rows.empty
    assert tables.purity_table(rows).empty
    assert "pretrains nothing" in tables.purity_reading(rows).data
    assert tables.purest([], rows) == {}


def test_class_rows_count_neighbours_by_class():
    truth = pd.Series(list("aabbc"))
    rows = np.array([[1, 2], [0, 3], [3, 0], [2, 0], [0, 2]])
    found = Neighbours(rows, np.zeros((5, 2)))
    table = tables.class_rows(truth, found)
    assert table.index.tolist() == ["a", "b", "c"]
    assert table["share"].tolist() == [0.5, 0.5, 0]
    assert table["images"].tolist() == [2, 2, 1]
    assert table.loc["b", ["other", "other_share"]].tolist() == ["a", 0.5]
    assert tables.class_table(table).loc["c", "Most frequent other class, %"] == "a, 50"


def test_class_rows_of_pure_classes_name_no_other():
    found = Neighbours(np.array([[1], [0], [3], [2]]), np.zeros((4, 1)))
    table = tables.class_rows(pd.Series(list("aabb")), found)
    assert table["other"].tolist() == ["", ""]
    assert tables.class_table(table)["Most frequent other class, %"].tolist() == ["none", "none"]


def test_map_reading_states_variance_draw_and_classes(features):
    embedding = tables.Embedding("radiologic", "ResNet50", CASES, features, total=5000)
    rows = pd.DataFrame({"share": [0.9, 0.2]}, index=["cyst", "mass"])
    text = tables.map_reading(embedding, np.array([0.5, 0.125]), rows).data
    assert "24 of 5,000 test images" in text
    assert "62 % of the variance" in text
    assert "cyst (90 %" in text
    assert "mass (20 %)" in text


def test_others_reading_states_the_purity_of_each():
    rows = pd.DataFrame({"init": ["radiologic", "photographic"], "name": "ResNet50"})
    text = tables.others_reading("radiologic", ["ResNet50"], rows.assign(share=[0.25, 0.5])).data
    assert text.endswith("neighbours of the same class: ResNet50 25.0 %.")


def test_neighbour_reading_counts_hits():
    names = np.array([["a", "a", "b"], ["b", "b", "b"]])
    similarity = np.array([[0.9, 0.8], [0.7, 0.65]])
    text = tables.neighbour_reading(names, similarity).data
    assert text.startswith("3 of the 4 neighbours")
    assert "between 0.65 and 0.90" in text
