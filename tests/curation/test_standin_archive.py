"""The stand-in archive: its files and references, who, what, which words, and visible lesions."""

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from killed_curation import files_of
from scipy.ndimage import binary_dilation
from skimage.draw import polygon2mask

from rin.curation.standin import study_instances, write_archive
from rin.curation.standin.studies import CLASSES, NORMAL, REGIONS, plan_studies
from rin.data.dicom import display

SEED = 20


@pytest.mark.slow
def test_archive_written_twice_has_equal_bytes(tmp_path):
    one, other = (
        files_of(write_archive(tmp_path / name, studies=12, size=48, seed=4))
        for name in ("one name", "other name")
    )
    assert one == other


@pytest.mark.parametrize(("studies", "fewest", "seed"), [(30, 1, 0), (96, 5, 20), (320, 18, 20)])
def test_every_class_has_enough_patients_in_mild_imbalance(studies, fewest, seed):
    plan = plan_studies(studies, seed)
    patients = defaultdict(set)
    for study in plan:
        for label in study.labels:
            patients[study.region, label].add(study.patient_id)
    counts = [len(own) for own in patients.values()]
    assert len(plan) == studies
    assert set(patients) == set(CLASSES)
    assert min(counts) >= fewest
    assert max(counts) <= 1.6 * min(counts) + 2


@pytest.mark.parametrize(
    ("region", "label"), [pair for pair in CLASSES if pair not in NORMAL.items()]
)
def test_lesion_changes_the_picture_inside_its_written_outline_and_hardly_elsewhere(region, label):
    study = next(s for s in plan_studies(96, SEED) if (s.region, s.findings) == (region, (label,)))
    files = study_instances(study, 96, SEED)
    healthy = study_instances(replace(study, findings=()), 96, SEED)
    window = REGIONS[region].get("window")
    pixels, before = (
        {
            one.SOPInstanceUID: display(one, one.pixel_array, window).astype(float)
            for one in instances
            if "PixelData" in one
        }
        for instances in (files, healthy)
    )
    states = [one for one in files if one.Modality == "PR"]
    assert states
    for state in states:
        annotation = state.GraphicAnnotationSequence[0]
        uid = annotation.ReferencedImageSequence[0].ReferencedSOPInstanceUID
        points = np.reshape(annotation.GraphicObjectSequence[0].GraphicData, (-1, 2))
        change = np.abs(pixels[uid] - before[uid])
        inside = polygon2mask(change.shape, points[:, ::-1] - 0.5)
        # A stone's shadow and echoes behind the gallbladder lie outside its outline.
        most = 0.4 if label == "gb" else 0.8
        assert change[inside].sum() > most * change.sum()
        assert change[inside].mean() > 8 * change[~binary_dilation(inside)].mean() + 5
