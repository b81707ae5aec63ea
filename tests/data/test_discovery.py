"""What names of files say: kinds of pictures that belong together, and sides of a patient."""

import pytest

from rin.data.discovery import kinds_of, patient_patterns

PATIENTS = [f"P{number:03d}" for number in range(12)]


@pytest.mark.parametrize(
    ("names", "kinds"),
    [
        (("{p}_t2w.png", "{p}_adc.png"), {"t2w", "adc"}),
        (("{p}/t1/{p}.nii.gz", "{p}/t1ce/{p}.nii.gz"), {"t1", "t1ce"}),
        (("{p}_1.png", "{p}_2.png"), set()),  # numbers
        (("{p}_IM1.png", "{p}_IM2.png"), set()),
        (("{p}_left.png", "{p}_right.png"), set()),  # sides
        (("own/benign/{p}.png", "own/malignant/{p}.png"), set()),  # classes, above all patients
        (("train/benign/{p}.png", "train/sick/{p}.png", "test/benign/{p}.png"), set()),
        (("{p}_t2w.png",), set()),
    ],
)
def test_kinds_are_words_that_most_patients_have_several_of(names, kinds):
    paths = [name.format(p=patient) for patient in PATIENTS for name in names]
    assert kinds_of(paths).keys() == kinds


def test_kinds_that_few_patients_have_are_none():
    paths = [f"{patient}_t2w.png" for patient in PATIENTS]
    assert not kinds_of([*paths, "P000_adc.png"])


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("{p}_{side}_CC.png", r"^(.+?)[ _-](?:L|R)(?=[ _.-])"),
        ("{p}-{side}.png", r"^(.+?)[ _-](?:L|R)(?=[ _.-])"),
    ],
)
def test_what_stands_before_the_side_is_the_likeliest_patient(name, first):
    paths = [name.format(p=patient, side=side) for patient in PATIENTS for side in "LR"]
    patterns = patient_patterns(paths)
    assert next(iter(patterns)) == first
    assert {*patterns[first]} == {*PATIENTS}


def test_one_side_alone_is_no_side():
    paths = [f"{patient}_L_{view}.png" for patient in PATIENTS for view in ("CC", "MLO")]
    assert not any("L" in pattern for pattern in patient_patterns(paths))
