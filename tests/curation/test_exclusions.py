import pandas as pd
import pytest
from export_files import header, key_note, presentation, uid_of, write
from pydicom.uid import (
    CTImageStorage,
    EnhancedMRImageStorage,
    KeyObjectSelectionDocumentStorage,
    SecondaryCaptureImageStorage,
    UltrasoundImageStorage,
    XRayRadiationDoseSRStorage,
)

from rin.curation.index import archive_files, open_archive, rule_of

PLAIN = {
    "sop_class": CTImageStorage,
    "image_type": "ORIGINAL\\PRIMARY\\AXIAL",
    "rows": 64,
    "columns": 64,
    "frames": 1,
    "photometric": "MONOCHROME2",
    "modality": "CT",
    "series_description": "CHEST 1.25",
}


def rule(**changes):
    return rule_of(pd.DataFrame([PLAIN | changes])).item()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ""),
        ({"sop_class": XRayRadiationDoseSRStorage, "rows": 0}, "dose report"),
        ({"series_description": "Dose Report", "image_type": "DERIVED\\SECONDARY"}, "dose report"),
        ({"series_description": "Patient Protocol"}, "dose report"),
        ({"series_description": "low dose chest"}, ""),
        ({"sop_class": SecondaryCaptureImageStorage}, "secondary capture"),
        ({"sop_class": SecondaryCaptureImageStorage, "frames": 9}, "secondary capture"),
        ({"sop_class": KeyObjectSelectionDocumentStorage, "modality": "KO"}, "document"),
        ({"sop_class": "1.2.840.113619.4.30", "rows": 0}, "document"),
        ({"modality": "PT"}, "other modality"),
        ({"image_type": "ORIGINAL\\PRIMARY\\LOCALIZER"}, "localizer"),
        ({"image_type": "ORIGINAL\\PRIMARY\\M\\LOCALIZER"}, "localizer"),
        ({"series_description": "3-plane loc"}, "localizer"),
        ({"series_description": "Topogram  0.6  T20f"}, "localizer"),
        ({"series_description": "local staging"}, ""),
        ({"series_description": "allocated"}, ""),
        ({"image_type": "DERIVED\\SECONDARY\\AXIAL"}, "derived screen"),
        ({"image_type": "DERIVED\\PRIMARY\\AXIAL\\MIP"}, "derived screen"),
        ({"image_type": "derived\\primary\\mpr"}, "derived screen"),
        ({"image_type": "DERIVED\\PRIMARY\\AXIAL"}, ""),
        ({"image_type": ""}, ""),
        ({"sop_class": UltrasoundImageStorage, "modality": "US", "frames": 30}, "several frames"),
        ({"sop_class": EnhancedMRImageStorage, "modality": "MR"}, "several frames"),
        ({"rows": 0}, "odd pixels"),
        ({"photometric": "PALETTE COLOR"}, "odd pixels"),
        ({"photometric": ""}, "odd pixels"),
        ({"photometric": "YBR_FULL_422", "modality": "US"}, ""),
    ],
)
def test_first_rule_that_hits_names_a_file(changes, expected):
    assert rule(**changes) == expected


def test_rules_of_no_files_are_none():
    assert rule_of(pd.DataFrame([PLAIN]).iloc[:0]).empty


def test_files_of_an_archive_stand_there_once_with_the_rule_that_hits(tmp_path):
    root = tmp_path / "archive"
    write(root, header(image="1"))
    write(root, header(image="2", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]))
    write(root, header(series="2", image="1", SOPClassUID=SecondaryCaptureImageStorage))
    write(root, key_note("lung: Nodule", [uid_of()]))
    write(root, presentation(uid_of()))
    files = archive_files(open_archive(root, f"sqlite:///{tmp_path}/index.sqlite", workers=1))
    assert list(zip(files["sop_uid"], files["rule"], strict=True)) == [
        (uid_of(), ""),
        (uid_of(image="2"), "localizer"),
        (uid_of(series="2"), "secondary capture"),
        (uid_of(series="8"), "document"),
        (uid_of(series="9"), "document"),
    ]
    assert all((root / path).is_file() for path in files["path"])
