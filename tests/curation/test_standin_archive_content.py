"""The stand-in archive as content: who, what, which words, and whether lesions can be seen."""

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy.ndimage import binary_dilation

from rin.curation.standin import display, draw_slices, key_slices, outline_points, study_instances
from rin.curation.standin.studies import (
    CLASSES,
    REGIONS,
    plan_studies,
    write_report,
)
from rin.curation.taxonomy import REGIONS as KNOWN_REGIONS
from rin.curation.taxonomy import load_taxonomy

SEED = 20


def patients_per_class(plan):
    found = defaultdict(set)
    for study in plan:
        for label in study.labels:
            found[study.region, label].add(study.patient.patient_id)
    return {pair: len(ids) for pair, ids in found.items()}


def impression_of(study, seed=SEED):
    return write_report(study, seed).split("IMPRESSION:")[1].strip()


def flagged(text):
    return "normal" in text.lower() or "unremarkable" in text.lower()


def test_classes_are_spelled_as_in_the_taxonomy_and_span_modalities():
    taxonomy = load_taxonomy()
    known = set(zip(taxonomy["region"], taxonomy["label"], strict=True))
    classes = set(CLASSES)
    assert classes <= known
    assert 12 <= len(classes) <= 16
    assert len({region for region, _ in classes}) >= 7
    assert {REGIONS[region]["modality"] for region, _ in classes} == {"CT", "MR", "US"}
    assert all(KNOWN_REGIONS[name].modality == r["modality"] for name, r in REGIONS.items())


@pytest.mark.parametrize(
    ("studies", "fewest", "seed"), [(30, 1, 0), (96, 5, 20), (320, 18, 0), (320, 18, 20)]
)
def test_every_class_has_enough_patients_in_mild_imbalance(studies, fewest, seed):
    plan = plan_studies(studies, seed)
    counts = patients_per_class(plan)
    assert len(plan) == studies
    assert set(counts) == set(CLASSES)
    assert min(counts.values()) >= fewest
    assert max(counts.values()) <= 1.6 * min(counts.values()) + 2


def test_some_patients_have_several_studies_in_order_of_time():
    visits = defaultdict(list)
    for study in plan_studies(320, SEED):
        visits[study.patient.patient_id].append(study)
    several = [own for own in visits.values() if len(own) > 1]
    assert len(several) > 40
    for own in several:
        own.sort(key=lambda study: study.visit)
        assert [study.visit for study in own] == list(range(len(own)))
        assert own == sorted(own, key=lambda study: study.day)
    assert any(len({study.region for study in own}) < len(own) for own in several)


@pytest.mark.parametrize("seed", [0, 20])
def test_search_for_normal_has_imperfect_precision_and_recall(seed):
    plan = plan_studies(320, seed)
    hits = [study for study in plan if flagged(impression_of(study, seed))]
    normal = [study for study in plan if study.normal]
    right = sum(study.normal for study in hits)
    assert 0.55 < right / len(hits) < 0.8
    assert 0.8 < right / len(normal) < 1


def test_reports_hold_every_pitfall_of_a_search_for_normal():
    plan = plan_studies(320, SEED)
    kinds = {kind: [one for one in plan if one.kind == kind] for kind in {s.kind for s in plan}}
    assert set(kinds) == {
        *("normal", "negated", "abnormal", "incidental", "hedged"),
        *("other organ", "two findings", "overlooked", "empty"),
    }
    assert sorted(study.normal for study in kinds["empty"]) == [False, True]
    assert {impression_of(study) for study in kinds["empty"]} == {""}
    assert any("Abnormal" in impression_of(study) for study in kinds["abnormal"])
    assert any("Discussed with Norman" in impression_of(study) for study in plan)
    assert any(not flagged(impression_of(study)) for study in kinds["normal"])
    assert all(flagged(impression_of(study)) for study in kinds["incidental"])
    assert all(study.normal for study in kinds["negated"] + kinds["normal"])
    assert not any(study.normal or study.findings for study in kinds["hedged"])


def test_overlooked_findings_are_in_the_pictures_but_neither_in_report_nor_marked():
    study = next(one for one in plan_studies(320, SEED) if one.kind == "overlooked")
    (label,) = study.findings
    assert (study.normal, study.marked, study.labels) == (False, (), ())
    assert any(label in drawing.lesions for drawing in draw_slices(study, 48, SEED))
    files = study_instances(study, 48, SEED, [])
    assert files["key_selections"] == files["outlines"] == []
    like_normal = replace(study, findings=(), kind="normal")
    assert write_report(study, SEED) == write_report(like_normal, SEED)


@pytest.mark.parametrize(
    ("region", "label"), [(name, label) for name in REGIONS for label in REGIONS[name]["findings"]]
)
def test_lesion_changes_the_picture_inside_its_outline_and_hardly_elsewhere(region, label):
    study = next(s for s in plan_studies(96, SEED) if (s.region, s.findings) == (region, (label,)))
    drawings = draw_slices(study, 96, SEED)
    healthy = draw_slices(study, 96, SEED, healthy=True)
    for index in key_slices(drawings, label):
        change = np.abs(
            display(drawings[index], region).astype(float) - display(healthy[index], region)
        )
        inside = filled(outline_points(drawings[index].lesions[label]), change.shape)
        # A stone's shadow and echoes behind the gallbladder lie outside its outline.
        most = 0.4 if label == "gb" else 0.8
        assert change[inside].sum() > most * change.sum()
        assert change[inside].mean() > 8 * change[~binary_dilation(inside)].mean() + 5


@pytest.mark.parametrize("region", list(REGIONS))
def test_written_outline_lies_on_the_change_in_the_pixels_of_its_image(region):
    study = next(s for s in plan_studies(96, SEED) if s.region == region and len(s.findings) == 1)
    files = study_instances(study, 64, SEED, [f"{region}: {study.findings[0]}"])
    healthy = study_instances(replace(study, findings=()), 64, SEED, [])
    pixels = {one.SOPInstanceUID: gray_of(one) for one in files["diagnostic"]}
    before = {one.SOPInstanceUID: gray_of(one) for one in healthy["diagnostic"]}
    assert files["outlines"]
    for state in files["outlines"]:
        annotation = state.GraphicAnnotationSequence[0]
        uid = annotation.ReferencedImageSequence[0].ReferencedSOPInstanceUID
        points = np.reshape(annotation.GraphicObjectSequence[0].GraphicData, (-1, 2))
        change = np.abs(pixels[uid] - before[uid])
        inside = filled([tuple(point) for point in points], change.shape)
        assert change[inside].sum() > 0.4 * change.sum() > 0


def gray_of(one):
    """Return stored values; of colour its red, which the yellow of text does not change."""
    stored = one.pixel_array.astype(float)
    return stored[..., 0] if stored.ndim == 3 else stored


def filled(points, shape):
    """Fill an outline by its pixel centers, with Pillow; corners are counted from (0, 0)."""
    scale = 8
    canvas = Image.new("L", (shape[1] * scale, shape[0] * scale), 0)
    ImageDraw.Draw(canvas).polygon([(x * scale, y * scale) for x, y in points], fill=1)
    return np.asarray(canvas)[scale // 2 :: scale, scale // 2 :: scale] > 0


@pytest.mark.parametrize("region", list(REGIONS))
def test_slices_have_the_asked_width_and_differ_from_each_other(region):
    study = next(one for one in plan_studies(30, SEED) if one.region == region)
    drawings = draw_slices(study, 200, SEED)
    assert len(drawings) == study.slices
    assert {one.values.shape[1] for one in drawings} == {200}
    assert np.abs(drawings[0].values - drawings[1].values).max() > 0.05


def test_patients_differ_more_than_visits_of_one_patient():
    plan = [study for study in plan_studies(320, SEED) if study.region == "brain"]
    again = next(study for study in plan if any(same_patient(study, one) for one in plan))
    first = next(one for one in plan if same_patient(again, one))
    other = next(one for one in plan if one.patient != again.patient and one.slices >= again.slices)
    one, two, three = (
        draw_slices(s, 64, SEED, healthy=True)[1].values for s in (first, again, other)
    )
    assert np.abs(one - two).mean() < 0.6 * np.abs(one - three).mean()


def same_patient(one, two):
    return one.patient == two.patient and one.visit != two.visit


def test_ultrasound_comes_with_and_without_text_and_says_so_or_not():
    told = set()
    for study in plan_studies(96, SEED):
        if study.facts["modality"] == "US":
            files = study_instances(study, 48, SEED, [f"x: {label}" for label in study.findings])
            first = files["diagnostic"][0]
            top = first.pixel_array.reshape(36, 48, -1)[:11, :, 0]
            bar = set(np.unique(top)) == {0, 255}
            told.add((bar, first.get("BurnedInAnnotation", "")))
    assert told == {(True, "YES"), (True, ""), (False, "NO"), (False, "")}
