"""Names that the stand-in archive burns into ultrasound, over every phantom it draws."""

import pytest

from rin.curation.burned_in import text_lines
from rin.curation.standin.instances import burn_text
from rin.curation.standin.phantoms import display, draw_slices
from rin.curation.standin.studies import plan_studies

SEED = 20220914


@pytest.fixture(scope="module")
def pictures():
    """Every slice of the ultrasound studies of an archive of the default size, and its name."""
    studies = [study for study in plan_studies(320, SEED) if study.facts["modality"] == "US"]
    return [
        (display(drawing, study.region), f"{study.patient.name} {study.day:%d.%m.%Y}")
        for study in studies
        for drawing in draw_slices(study, 128, SEED)
    ]


def test_name_on_a_bar_is_found_on_every_phantom(pictures):
    missed = [name for pixels, name in pictures if not text_lines(burn_text(pixels, name))]
    assert len(pictures) > 200
    assert missed == []


def test_phantoms_without_text_are_hardly_ever_flagged(pictures):
    assert sum(bool(text_lines(pixels)) for pixels, _ in pictures) <= len(pictures) // 100
