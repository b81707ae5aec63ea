"""Key images: selections that readers left, their classes and their outlines."""

import csv
from functools import partial

import numpy as np
import pandas as pd
import pytest
from export_files import (
    LARGER,
    SQUARE,
    UID,
    graphic,
    header,
    indexed,
    item,
    key_note,
    presentation,
    references,
    uid_of,
)

from rin.curation.key_images import COLUMNS, diagnostic_images, read_key_images
from rin.curation.problems import refuse_files
from rin.curation.taxonomy import REGION_OF, REGIONS, load_taxonomy
from rin.data.pixels import rasterise
from rin.errors import InputError

TAXONOMY = load_taxonomy()


picture = partial(header, pixels=LARGER)


def nodule(*images, **elements):
    """A reader's note that some images, by UID, show a nodule; by default the first one."""
    return key_note("lung: Nodule", images or [uid_of()], **elements)


def read(tmp_path, *datasets, label_map=None):
    """The key images of an archive whose documents have no problems, else the error on these."""
    archive = indexed(tmp_path, *datasets)
    images, problems = read_key_images(archive.root, archive.files, label_map)
    refuse_files(archive.root, problems, tmp_path)
    return images


def roi(tmp_path, *graphics, **state):
    """The region of interest of one key image."""
    drawn = presentation(uid_of(), list(graphics), **state)
    return read(tmp_path, picture(), nodule(), drawn)["roi"].item()


def terms(tmp_path, *rows):
    path = tmp_path / "terms.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("finding", "region", "label"), *rows])
    return path


def test_key_image_has_the_class_that_its_reader_wrote(tmp_path):
    found = read(tmp_path, picture(image="1"), picture(image="2"), nodule(uid_of(image="2")))
    (row,) = found.to_dict("records")
    assert list(row) == COLUMNS
    expected = {
        "sop_uid": uid_of(image="2"), "study_uid": f"{UID}.1", "patient_id": "P1",
        "path": "dicom/1.1.2.dcm", "modality": "CT", "region": "lung", "label": "Nodule",
        "roi": "", "document": "dicom/1.8.1.dcm",
    }  # fmt: skip
    assert expected.items() <= row.items()


@pytest.mark.parametrize(
    ("shown", "note"),
    [
        ({}, key_note("x", [uid_of()], title="113001")),  # Rejected for Quality Reasons
        ({}, key_note("lung: Nodule", [])),
        ({}, nodule("1.2.3")),
        ({}, key_note("Motion", [uid_of()])),
        ({}, presentation(uid_of())),
        ({"NumberOfFrames": 2, "PixelData": bytes(160)}, nodule()),
        ({"NumberOfFrames": 2, "PixelData": bytes(160), "Modality": "MR"}, nodule()),
    ],
    ids=["another title", "no image", "absent image", "finding left out", "outline alone",
         "several frames", "several frames of another modality"],
)  # fmt: skip
def test_document_that_chooses_no_diagnostic_image_is_passed_over(tmp_path, shown, note):
    left_out = terms(tmp_path, ("motion", "", ""))
    assert read(tmp_path, picture(**shown), note, label_map=left_out).empty


def test_term_of_the_site_is_translated_by_the_label_map(tmp_path):
    path = terms(
        tmp_path, ("Round  opacity", "lung", "Nodule"), ("lung: Nodule", "abd", "ascites")
    )
    notes = [key_note("round opacity", [uid_of()]), nodule(uid_of(image="2"), number="2")]
    found = read(tmp_path, picture(image="1"), picture(image="2"), *notes, label_map=path)
    assert found["label"].tolist() == ["Nodule", "ascites"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [("x", "lung", "nodul")],
            r"row 2: lung: nodul is not a class \(did you mean lung: Nodule",
        ),
        ([(" ", "lung", "Nodule")], "row 2: it has no finding"),
        ([("x", "lung", "Nodule"), ("X ", "abd", "ascites")], "row 3: 'X' is there twice"),
    ],
)
def test_bad_line_of_the_label_map_is_named(tmp_path, rows, message):
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path, picture(), label_map=terms(tmp_path, *rows))
    assert "terms.csv" in str(caught.value)


def test_closed_outline_becomes_a_polygon_of_pixel_indices(tmp_path):
    """The corner of the first pixel is 0, 0 in the state, and its middle is 0, 0 here."""
    text = roi(tmp_path, graphic())
    assert text == "polygon:2,2 6,2 6,5 2,5"
    assert text == roi(tmp_path, graphic(SQUARE[:-1], filled="Y"))
    inside = np.argwhere(rasterise(text, (8, 10)))
    assert inside.min(axis=0).tolist() == [2, 2]
    assert inside.max(axis=0).tolist() == [5, 6]


@pytest.mark.parametrize(
    ("kind", "points", "half"),
    [
        ("CIRCLE", [(5, 4), (6.8, 6.4)], (3, 3)),
        ("ELLIPSE", [(1, 4), (9, 4), (5, 2), (5, 6)], (4, 2)),
    ],
)
def test_circle_and_ellipse_become_polygons_of_their_size(tmp_path, kind, points, half):
    text = roi(tmp_path, graphic(points, kind=kind)).removeprefix("polygon:")
    corners = np.array([point.split(",") for point in text.split()], float) - (4.5, 3.5)
    places = corners / half @ (1, 1j)  # on a circle of radius 1
    np.testing.assert_allclose(np.abs(places), 1, atol=1e-3)
    chords = np.abs(places - np.roll(places, 1))
    np.testing.assert_allclose(chords, 2 * np.sin(np.pi / 48), atol=2e-3)


@pytest.mark.parametrize(
    "drawn",
    [
        graphic(SQUARE[:-1]),
        graphic([(1, 1), (5, 5), (1, 1)]),
        graphic([(5, 4)], kind="CIRCLE"),
        graphic([(5, 4), (5, 4)], kind="CIRCLE"),
        graphic(kind="CLOUD"),
        graphic(units="MATRIX"),
        graphic([(x + 50, y) for x, y in SQUARE]),
    ],
)
def test_graphic_that_outlines_nothing_is_ignored(tmp_path, drawn):
    assert roi(tmp_path, drawn) == ""


def test_annotation_without_an_image_of_its_own_is_on_those_of_the_state(tmp_path):
    state = presentation(uid_of())
    del state.GraphicAnnotationSequence[0].ReferencedImageSequence
    state.ReferencedSeriesSequence = [item(ReferencedImageSequence=references(uid_of()))]
    found = read(tmp_path, picture(), nodule(), state)
    assert found["roi"].item() == "polygon:2,2 6,2 6,5 2,5"


def test_largest_of_several_outlines_is_the_region_of_interest(tmp_path):
    small = [(1, 1), (2, 1), (2, 2), (1, 1)]
    assert roi(tmp_path, graphic(small), graphic(), graphic(small)) == "polygon:2,2 6,2 6,5 2,5"


def test_image_of_a_bad_and_a_good_note_is_there_by_the_good_one(tmp_path):
    notes = nodule(uid_of(), uid_of("2")), nodule(number="2")
    archive = indexed(tmp_path, picture(), picture("2", patient="P2"), *notes)
    (found,) = read_key_images(archive.root, archive.files)[0]["document"]
    assert found == "dicom/1.8.2.dcm"


def test_image_of_two_findings_is_there_twice_and_outlines_go_by_their_descriptions(tmp_path):
    other = [(1, 1), (4, 1), (4, 4), (1, 1)]
    whole = [(0.5, 0.5), (9.5, 0.5), (9.5, 7.5), (0.5, 7.5), (0.5, 0.5)]
    long = "opacity of the lower zones, whose extent and density vary from breath to breath"
    found = read(
        tmp_path,
        picture(),
        nodule(),
        key_note(long, [uid_of()], number="2"),
        presentation(uid_of(), said="LUNG: NODULE"),
        presentation(uid_of(), [graphic(other)], number="2", said=long[:64]),
        presentation(uid_of(), [graphic(whole)], number="3", said="see report"),
        label_map=terms(tmp_path, (long, "lung", "Airspace_opacity")),
    )
    assert found[["sop_uid", "label", "roi"]].to_numpy().tolist() == [
        [uid_of(), "Nodule", "polygon:2,2 6,2 6,5 2,5"],
        [uid_of(), "Airspace_opacity", "polygon:0.5,0.5 3.5,0.5 3.5,3.5"],
    ]


def test_region_is_that_of_the_body_part_of_each_series_in_its_modality(tmp_path):
    """Of the studies asked for, all images are taken that no rule excludes."""
    shown = [
        (("MR", "l-spine", "KNEE"), ("spine", "normal")),
        (("CT", "", ""), None),
        (("CT", "", "CHEST"), ("lung", "normal")),
        (("CT", "", r"ABDOMEN\CHEST"), None),
        (("CT", "KNEE", "CHEST"), None),
        (("CT", "CHEST", r"ABDOMEN\CHEST"), ("lung", "normal")),
        (("US", "GALLBLADDER", ""), ("usabd", "gb")),
        (("MR", "hippocampus", ""), None),
    ]
    keys, expected = zip(*shown, strict=True)
    files = indexed(tmp_path, picture()).files.loc[[0] * len(keys)]
    files[["modality", "body_part", "study_body_part"]] = keys
    others = [files.assign(study_uid=f"{UID}.2"), files.assign(rule="localizer")]
    images = diagnostic_images(pd.concat([files, *others]), [f"{UID}.1"])
    assert list(images.columns) == COLUMNS
    assert set(images["roi"]) == set(images["document"]) == {""}
    assert [*zip(images["region"], images["label"], strict=True)] == [*filter(None, expected)]


def test_every_body_part_leads_to_a_class_of_the_taxonomy_and_of_its_modality():
    classes = {*TAXONOMY[["modality", "region", "label"]].itertuples(index=False, name=None)}
    assert {(modality, *named) for (modality, _), named in REGION_OF.items()} <= classes
    assert {region for region, _ in REGION_OF.values()} == set(REGIONS)
