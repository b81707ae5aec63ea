"""DICOM headers of the stand-in archive: what every instance says of patient, study and device.

The headers name people as those of a real export do, in standard and private elements; all
names are invented.  Nothing depends on the clock: equal studies make equal headers.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

from rin.curation.standin.people import OPERATORS, READERS, REFERRERS, SCANNERS, SITES, Scanner
from rin.curation.standin.studies import REGIONS, Study
from rin.data.standins.dicom_files import make_uid

#: Minutes of a working day over which the studies of the archive are spread.
OPENING = time(8, 0)


@dataclass(frozen=True)
class Series:
    """A series of a study: its number, what it holds, and its modality."""

    study: Study
    number: int
    description: str
    modality: str

    @property
    def uid(self) -> str:
        """SeriesInstanceUID."""
        return make_uid("series", self.study.study_uid, str(self.number))

    def instance_uid(self, number: int) -> str:
        """SOPInstanceUID of an instance, counted from 1."""
        return make_uid("instance", self.uid, str(number))


def scanner_of(study: Study) -> Scanner:
    """Return the device of a study."""
    return SCANNERS[study.modality][study.number % 2]


def reader_of(study: Study) -> str:
    """Return the name of who reads a study, as DICOM writes names."""
    return READERS[study.number % len(READERS)]


def start_of(study: Study) -> datetime:
    """Return when a study begins."""
    return datetime.combine(study.day, OPENING) + timedelta(minutes=study.number * 37 % 560)


def header(series: Series, sop_class: str, number: int) -> Dataset:
    """Return the header of an instance without what its SOP class adds.

    Parameters
    ----------
    sop_class
        SOP class UID.
    number
        InstanceNumber, from 1.
    """
    one = Dataset()
    one.file_meta = FileMetaDataset()
    one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    one.SpecificCharacterSet = "ISO_IR 192"
    one.SOPClassUID = sop_class
    one.SOPInstanceUID = series.instance_uid(number)
    _describe_patient(one, series.study)
    _describe_study(one, series.study)
    taken = start_of(series.study) + timedelta(minutes=series.number % 50, seconds=7 * number)
    one.InstanceCreationDate = one.SeriesDate = one.ContentDate = f"{taken:%Y%m%d}"
    one.InstanceCreationTime = one.ContentTime = f"{taken:%H%M%S}"
    one.SeriesTime = f"{taken - timedelta(seconds=7 * number):%H%M%S}"
    one.Modality = series.modality
    one.SeriesInstanceUID = series.uid
    one.SeriesNumber = series.number
    one.SeriesDescription = series.description
    one.InstanceNumber = number
    _describe_device(one, series.study)
    return one


def _describe_patient(one: Dataset, study: Study) -> None:
    patient = study.patient
    age = study.day.year - patient.born.year
    one.PatientName = patient.name
    one.PatientID = patient.patient_id
    one.IssuerOfPatientID = "STANDIN"
    one.PatientBirthDate = f"{patient.born:%Y%m%d}"
    one.PatientSex = patient.sex
    one.PatientAge = f"{age:03d}Y"
    one.PatientWeight = str(55 + patient.number * 13 % 45)
    one.PatientAddress = f"{1 + patient.number % 98} Invented Street, Nowhere"
    one.PatientTelephoneNumbers = f"+00 555 {patient.number:06d}"
    one.PatientComments = f"Stand-in: {patient.spoken_name} does not exist"


def _describe_study(one: Dataset, study: Study) -> None:
    begin = start_of(study)
    one.StudyInstanceUID = study.study_uid
    one.StudyDate = f"{begin:%Y%m%d}"
    one.StudyTime = f"{begin:%H%M%S}"
    one.AccessionNumber = study.accession
    one.StudyID = f"S{study.number:05d}"
    one.StudyDescription = REGIONS[study.region][2]
    one.ReferringPhysicianName = REFERRERS[study.number % len(REFERRERS)]
    one.NameOfPhysiciansReadingStudy = reader_of(study)
    one.PerformedProcedureStepStartDate = one.StudyDate
    one.PerformedProcedureStepStartTime = one.StudyTime
    request = Dataset()
    request.RequestedProcedureID = f"RP{study.number:05d}"
    request.RequestedProcedureDescription = one.StudyDescription
    request.ScheduledProcedureStepID = f"SPS{study.number:05d}"
    request.ScheduledProcedureStepDescription = f"{one.StudyDescription}, {study.patient.name}"
    one.RequestAttributesSequence = Sequence([request])


def _describe_device(one: Dataset, study: Study) -> None:
    """Add equipment, site and staff, and the vendor's private elements."""
    scanner, (site, address) = scanner_of(study), SITES[study.number % len(SITES)]
    one.Manufacturer = scanner.maker
    one.ManufacturerModelName = scanner.model
    one.StationName = scanner.station
    one.DeviceSerialNumber = scanner.serial
    one.SoftwareVersions = scanner.software
    one.InstitutionName = site
    one.InstitutionAddress = address
    one.InstitutionalDepartmentName = "Radiology"
    one.OperatorsName = OPERATORS[study.number % len(OPERATORS)]
    block = one.private_block(0x0029, scanner.private_creator, create=True)
    block.add_new(0x10, "LO", f"{study.patient.name} {study.accession}")
    block.add_new(0x11, "OB", f"PAT={study.patient.patient_id};DOB={study.patient.born}".encode())
    inner = Dataset()
    inner.PatientName = study.patient.name
    block.add_new(0x12, "SQ", Sequence([inner]))


def set_pixels(one: Dataset, stored: np.ndarray, bits: int) -> None:
    """Store pixels: (h, w) gray, (h, w, 3) RGB, or (frames, h, w) gray; sign as their type."""
    photometric = "RGB" if stored.ndim == 3 and stored.shape[-1] == 3 else "MONOCHROME2"
    one.set_pixel_data(np.ascontiguousarray(stored), photometric, bits, generate_instance_uid=False)
