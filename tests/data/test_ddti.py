import json

import numpy as np
import pytest
from busi_files import cases_of, changed, save

from rin.data.layouts.ddti import UNRATED
from rin.data.manifest import load_manifest
from rin.data.masks import read_mask
from rin.errors import InputError

DDTI = load_manifest("ddti")
SQUARE = [[{"x": 1, "y": 1}, {"x": 4, "y": 1}, {"x": 4, "y": 3}, {"x": 1, "y": 3}]]
TWO = [*SQUARE, [{"x": 6, "y": 4}, {"x": 8, "y": 4}, {"x": 8, "y": 6}]]


def xml(number, tirads="4a", marks=((1, SQUARE),), head="<?xml version='1.0'?>"):
    body = "".join(
        f"<mark><image>{image}</image><svg>{svg(outlines)}</svg></mark>"
        for image, outlines in marks
    )
    return (
        f"{head}<case><number>{number}</number><age>49</age><sex>F</sex><composition/>"
        f"<tirads>{tirads}</tirads><reportbacaf/>{body}</case>"
    )


def svg(outlines):
    return json.dumps(
        [{"points": p, "annotation": {}, "regionType": "freehand"} for p in outlines]
    )


def add(folder, number, pictures, text):
    for image in pictures:
        save(folder / f"{number}_{image}.jpg", np.full((8, 10), 20 * image, dtype=np.uint8))
    (folder / f"{number}.xml").write_text(text)


@pytest.fixture
def root(tmp_path):
    """Case 7 with two pictures, one marked, 12 with two, 30 without category and outline."""
    folder = tmp_path / "ddti"
    add(folder, 7, [1, 2], xml(7, "2"))
    add(folder, 12, [1, 2], xml(12, "4c", [(1, SQUARE), (2, TWO)]))
    add(folder, 30, [1], xml(30, "", [(1, [])]))
    return tmp_path


def read(root, manifest=DDTI):
    return cases_of(root, manifest, "ddti")


def test_find_cases_returns_pictures_with_case_number_as_patient(root):
    cases = read(root)
    assert [(c.case_id, c.patient_id, c.source_class) for c in cases] == [
        ("12_1", "12", "4c"),
        ("12_2", "12", "4c"),
        ("30_1", "30", UNRATED),
        ("7_1", "7", "2"),
        ("7_2", "7", "2"),
    ]
    assert [len(c.masks) for c in cases] == [1, 2, 0, 1, 0]
    assert cases[0].image == "ddti/12_1.jpg"


def test_find_cases_masks_are_the_outlines_in_pixels(root):
    mask = read_mask(root, read(root)[1].masks, (8, 10))
    expected = np.zeros((8, 10), dtype=bool)
    expected[1:4, 1:5] = True
    expected[4, 6:9] = expected[5, 7:9] = expected[6, 8] = True
    np.testing.assert_array_equal(mask, expected)


def test_labels_follow_the_stated_rule_and_leave_unrated_cases_out():
    labels = [DDTI.label_map[category] for category in ("2", "3", "4a", "4b", "4c", "5", UNRATED)]
    assert labels == ["benign"] * 2 + ["malignant"] * 4 + [None]


BOMB = "<!DOCTYPE case [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;'>]>"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (xml(7, "2", head=BOMB).replace("49", "&b;"), "the case cannot be read .DTDForbidden"),
        ("<case><number>7</number>", "the case cannot be read .no element found"),
        (xml(8), "calls itself case '8'"),
        (xml(7).replace("<number>7</number>", ""), "0 <number> elements"),
        (xml(7, "6"), "TI-RADS category is '6'"),
        (xml(7, marks=[(1, SQUARE), (3, SQUARE)]), "pictures that are missing: 3"),
        (xml(7).replace('"points"', "points"), "image 1: the outline cannot be read .JSON"),
        (xml(7).replace('"points"', '"dots"'), "outline cannot be read .KeyError"),
        (xml(7).replace('"x": 1', '"x": true'), "outline cannot be read .TypeError"),
        (xml(7).replace('"x": 1', '"x": NaN'), "the shape .* cannot be read"),
        (xml(7).replace("[{", "[" * 5000 + "{"), "outline cannot be read"),
    ],
)
def test_find_cases_of_bad_xml_names_file_and_remedy(root, text, problem):
    (root / "ddti" / "7.xml").write_text(text)
    with pytest.raises(InputError, match=rf"7\.xml.*{problem}") as caught:
        read(root)
    assert "Fetch the file again" in caught.value.remedy


def test_find_cases_of_broken_outline_that_is_known_to_be_bad_goes_on(root):
    (root / "ddti" / "7.xml").write_text(xml(7, "2").replace('"points"', "points"))
    manifest = changed(DDTI, known_bad={"7_1": "the outline is broken"})
    assert read(root, manifest)[-2].masks == ()


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("31_1.jpg", "1 picture without XML files: 31"),
        ("31.xml", "1 XML file without pictures: 31"),
    ],
)
def test_find_cases_with_a_stray_file_names_it(root, name, problem):
    (root / "ddti" / name).write_text(xml(31))
    with pytest.raises(InputError, match=problem):
        read(root)
