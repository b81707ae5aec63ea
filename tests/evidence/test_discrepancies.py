import re
import string
from pathlib import Path

import pytest

from rin.data.manifest import manifest_names
from rin.evidence import discrepancies, paper
from rin.evidence.discrepancies import CHANGES, ENTRIES, discrepancy_table, stated_numbers
from rin.files import read_yaml

NUMBERS = stated_numbers()
LEDGER = discrepancy_table().set_index("id")
CHECKS = [*LEDGER.index[LEDGER["compared"]]]
MANIFESTS = {f"data_manifests/{name}.yaml" for name in manifest_names()}
READ = read_yaml(Path(discrepancies.__file__).with_suffix(".yaml"))
PLACES = {*paper.PLACES.values(), *READ["sources"].values(), *MANIFESTS}
each = pytest.mark.parametrize("one", ENTRIES, ids=lambda one: one["id"])
# Names that contain a digit and are no numbers of an entry.
NAMES = (
    "COVID-19", "SARS-CoV-2", "ResNet50", "DenseNet121", "InceptionV3", "divided by 255",
    "reference 15", "that of 27", "95% CI", "−1 to 1", "scale of 0 to 1", "d_loss",
)  # fmt: skip


def templates(one):
    return [
        one["title"],
        *one["says"].values(),
        one.get("finding", ""),
        one["consequence"],
        one["handling"],
    ]


@pytest.mark.parametrize("name", CHECKS)
def test_computed_values_still_disagree(name):
    assert LEDGER.loc[name, "disagree"], f"{name}: nothing to tell any more"


@each
def test_an_entry_says_what_it_changes_and_nothing_only_where_its_consequence_is_none(one):
    assert one["changes"] in CHANGES
    assert (one["changes"] == "nothing") == one["consequence"].startswith("None")


def test_entries_and_checks_are_counted():
    assert (len(LEDGER), len(CHECKS)) == (50, 39)
    assert LEDGER.index.is_unique


@each
def test_an_entry_is_whole_and_its_places_are_known(one):
    assert one["status"] in ("open", "explained")
    written = LEDGER.loc[one["id"]]
    assert [place for place, _ in written["says"] if place not in PLACES] == []
    assert len(one["says"]) > 1 or one["id"] in CHECKS
    assert all((written["title"], written["consequence"], written["handling"]))


def test_facts_of_others_stand_at_a_known_place():
    assert READ["facts"].keys() <= {*paper.PLACES, *READ["sources"], *MANIFESTS}


@each
def test_numbers_of_an_entry_are_computed_and_not_typed(one):
    for text in templates(one):
        plain = re.sub(r"\{[^}]*\}", "", text)
        for name in NAMES:
            plain = plain.replace(name, "")
        assert re.findall(r"\d+", plain) == [], text


@each
def test_every_value_that_is_told_is_computed(one):
    parsed = [field for text in templates(one) for _, field, *_ in string.Formatter().parse(text)]
    told = {re.split(r"[.[]", field)[0] for field in parsed if field}
    assert told or one["id"] not in CHECKS
    assert told <= {*NUMBERS}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("acl-images", "1,022"),
        ("acl-difference", "5.25"),
        ("zero-and-p", "4 of 8 intervals include zero"),
        ("five-folds", "5 disjoint test sets of 15% cover 75%"),
        ("regions", "9 regions are distinct"),
        ("normal-images", "19.4 to 19.6%"),
    ],
)
def test_findings_state_what_the_numbers_give(name, words):
    assert words in LEDGER.loc[name, "finding"]


@pytest.mark.parametrize(
    ("name", "place", "words"),
    [
        ("pneumonia-images", "Results, Performance on Larger Datasets", "26,685 radiographs."),
        ("ligament-lists", "official fold lists", "569 with a tear"),
        ("hemorrhage-selection", "data_manifests/rsna_hemorrhage.yaml", "644,870"),
        ("covid-script", "official script covid19", "224 pixels, learning rate 1e-05"),
        ("four-preprocessings", "perceptual loss, monai/losses", "within 0.0020 of those"),
    ],
)
def test_places_say_what_they_say(name, place, words):
    said = LEDGER.loc[name, "says"]
    assert any(at.startswith(place) and words in text for at, text in said)


def test_an_entry_whose_two_numbers_agree_no_longer_differs(monkeypatch):
    corrected = ENTRIES[0] | {"differ": ["thyroid.sum", "thyroid.all"]}
    monkeypatch.setattr(discrepancies, "ENTRIES", [corrected])
    assert not discrepancy_table()["disagree"].item()
