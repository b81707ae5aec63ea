import re
import string
from collections import Counter
from dataclasses import FrozenInstanceError, replace
from datetime import date

import pytest

from rin.discrepancies import (
    DISCREPANCIES,
    KINDS,
    STATUSES,
    Computed,
    Discrepancy,
    Says,
    elsewhere,
    places,
    write,
)

each = pytest.mark.parametrize("one", DISCREPANCIES, ids=lambda one: one.id)
COMPUTABLE = [one for one in DISCREPANCIES if one.compute]
PLACES = places()
# Names that contain a digit and are no numbers of an entry.
NAMES = (
    "COVID-19", "SARS-CoV-2", "ResNet50", "DenseNet121", "InceptionV3", "divided by 255",
    "reference 15", "that of 27", "95% CI", "−1 to 1", "scale of 0 to 1",
)  # fmt: skip


def templates(one):
    return [one.title, *(said.text for said in one.says), one.finding, one.consequence,
            one.handling]  # fmt: skip


@pytest.mark.parametrize("one", COMPUTABLE, ids=lambda one: one.id)
def test_computed_values_still_disagree(one):
    found = one.compute()
    assert found.disagree is True, f"{one.id}: nothing to tell any more, {dict(found.values)}"


@each
def test_every_place_is_known(one):
    assert [said.place for said in one.says if said.place not in PLACES] == []


def test_ids_are_unique_and_plain():
    ids = [one.id for one in DISCREPANCIES]
    assert max(Counter(ids).values()) == 1
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", name) for name in ids)


@each
def test_kind_status_and_date_are_valid(one):
    assert one.kind in KINDS and one.status in STATUSES
    assert isinstance(one.found, date)
    assert date(2022, 7, 27) < one.found <= date.today() or one.found == date(2026, 11, 20)


@each
def test_two_places_speak_or_something_is_computed(one):
    assert len(one.says) > 1 or one.compute


@each
def test_every_text_is_there_and_ends_as_a_sentence(one):
    written = write(one)
    assert written.title and not written.title.endswith(".")
    texts = [*(text for _, text in written.says), written.consequence, written.handling]
    assert all(text.endswith(".") for text in texts if text) and all(texts)
    assert written.finding == "" or written.finding.endswith(".")


@each
def test_numbers_of_an_entry_are_computed_and_not_typed(one):
    for text in templates(one):
        plain = re.sub(r"\{[^}]*\}", "", text)
        for name in NAMES:
            plain = plain.replace(name, "")
        assert re.findall(r"\d+", plain) == [], text


@pytest.mark.parametrize("one", COMPUTABLE, ids=lambda one: one.id)
def test_every_value_that_is_computed_is_told(one):
    parsed = [field for text in templates(one) for _, field, *_ in string.Formatter().parse(text)]
    told = {field for field in parsed if field}
    assert told <= set(one.compute().values)
    assert told, f"{one.id} computes values and tells none"


def test_every_kind_has_entries_and_most_are_computed():
    assert {one.kind for one in DISCREPANCIES} == set(KINDS)
    assert len(COMPUTABLE) > 0.7 * len(DISCREPANCIES)


def test_records_are_frozen():
    with pytest.raises(FrozenInstanceError):
        DISCREPANCIES[0].status = "explained"


def test_write_puts_the_values_into_every_text():
    entry = Discrepancy(
        "x", "paper", "of {n:,}", (Says("Abstract", "{n}"),), "c {n}", "h {n}", "open", "f {n:.1f}",
        lambda: Computed({"n": 1234}, True),
    )  # fmt: skip
    written = write(entry)
    assert written.title == "of 1,234" and written.says == (("Abstract", "1234"),)
    assert (written.consequence, written.handling) == ("c 1234", "h 1234")
    assert written.finding == "f 1234.0" and written.computed


def test_write_stops_at_a_value_that_nobody_computes():
    entry = replace(DISCREPANCIES[0], title="{nothing}")
    with pytest.raises(KeyError, match="nothing"):
        write(entry)


def by_id(name):
    return write(next(one for one in DISCREPANCIES if one.id == name))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("acl-images", "1,022"),
        ("pneumonia-images", "26,684"),
        ("hemorrhage-images", "573,604"),
        ("acl-difference", "5.25"),
        ("zero-and-p", "4 of 8 intervals hold zero"),
        ("interval-method", "SARS-CoV-2, Intracranial hemorrhage"),
        ("percents", "12.2 to 12.5%"),
        ("five-folds", "5 disjoint test sets of 15% cover 75%"),
        ("regions", "9 regions are distinct"),
        ("pathologies", "abdominal"),
        ("independent-tasks", "7 datasets"),
        ("normal-images", "19.4 to 19.6%"),
        ("imagenet-inputs", "4 of 4 networks"),
        ("covid-slices", "10.0 images a patient"),
        ("labels", "156 labels remain"),
    ],
)
def test_findings_state_what_the_numbers_give(name, words):
    assert words in by_id(name).finding


@pytest.mark.parametrize(
    ("name", "place", "words"),
    [
        ("pneumonia-images", "Results, Performance on Larger Datasets", "26,685 radiographs."),
        ("hemorrhage-images", "Discussion", "573,614 images."),
        ("covid-names", "Results, Performance on Larger Datasets", "The 9,050 images are"),
        ("ligament-lists", elsewhere.FOLDS, "569 with a tear"),
        ("hemorrhage-selection", "data_manifests/rsna_hemorrhage.yaml", "644,870"),
        ("covid-script", elsewhere.COVID_SCRIPT, "224 pixels, learning rate 1e-05"),
        ("ranks", elsewhere.README, "InceptionV3 is number 2"),
    ],
)
def test_places_say_what_they_say(name, place, words):
    assert any(at == place and words in text for at, text in by_id(name).says)


def test_a_corrected_number_of_the_paper_ends_its_entry(monkeypatch):
    from rin import paper

    counts = dict(paper.CLASS_COUNTS)
    counts["acl"] = tuple(
        replace(one, images=1022) if one.group == "all" else one for one in counts["acl"]
    )
    monkeypatch.setattr(paper, "CLASS_COUNTS", counts)
    entry = next(one for one in DISCREPANCIES if one.id == "acl-images")
    assert entry.compute().disagree is False


def test_facts_of_others_stand_once_and_at_a_known_place():
    assert all(fact.place in PLACES for fact in elsewhere.FACTS.values())
    assert all(name == fact.name for name, fact in elsewhere.FACTS.items())


@pytest.mark.parametrize("name", ["pytorch_resnet50_sha256", "hugging_face_resnet50_sha256"])
def test_digests_are_whole(name):
    assert re.fullmatch(r"[0-9a-f]{64}", elsewhere.fact(name))
