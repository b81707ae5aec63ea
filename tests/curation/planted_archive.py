"""A stand-in archive whose files say who the patient is wherever they can, names included."""

from pathlib import Path

from pydicom import dcmread

from rin.curation.standin import write_archive

MARK = "ZZPLANTED"
STUDIES, SIZE, SEED = 48, 48, 3
#: Attributes whose every value names a person, a place, a device or an order.
NAMING = (
    "PatientID", "PatientName", "PatientAddress", "PatientTelephoneNumbers", "PatientComments",
    "AccessionNumber", "StudyID", "ReferringPhysicianName", "NameOfPhysiciansReadingStudy",
    "OperatorsName", "InstitutionName", "InstitutionAddress", "DeviceSerialNumber",
    "RequestedProcedureID", "IssuerOfPatientID",
)  # fmt: skip
UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")


def plant(folder: Path) -> set[str]:
    """Write the archive, plant marks in every file and its name, return all identifiers."""
    write_archive(folder, studies=STUDIES, size=SIZE, seed=SEED)
    found = {MARK}
    for number, path in enumerate(sorted((folder / "dicom").rglob("*.dcm"))):
        dataset = dcmread(path)
        for name in ("ImageComments", "StudyComments", "AdditionalPatientHistory"):
            setattr(dataset, name, f"{MARK} {dataset.PatientName} seen on {dataset.StudyDate}")
        dataset.ProtocolName = f"{MARK}^{dataset.PatientID}"
        block = dataset.private_block(0x0099, "PLANTED", create=True)
        block.add_new(1, "LO", f"{MARK} {dataset.AccessionNumber}")
        dataset.save_as(path)
        path.rename(path.with_name(f"{MARK}_{dataset.PatientID}_{number:04d}.dcm"))
        for element in dataset.iterall():
            if element.keyword in (*NAMING, *UIDS):
                found |= {str(value) for value in _several(element.value)}
    return {text for text in found if len(text) >= 5}


def _several(value: object) -> list:
    return list(value) if isinstance(value, list | tuple) else [value]
