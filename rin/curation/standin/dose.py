"""Radiation dose reports of the stand-in archive: PS3.16 TID 10011, CT Radiation Dose."""

from datetime import timedelta

from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import XRayRadiationDoseSRStorage

from rin.curation.standin.documents import add_request, as_root, code, coded, container, content
from rin.curation.standin.headers import Series, header, scanner_of, start_of
from rin.curation.standin.studies import Study
from rin.data.standins.dicom_files import make_uid

TARGETS = {
    "lung": ("816094009", "SCT", "Chest"),
    "abd": ("818981001", "SCT", "Abdomen"),
}
CONTEXT, MODIFIER = "HAS OBS CONTEXT", "HAS CONCEPT MOD"
SCAN_MM, PITCH = 320.0, 0.9


def dose_report(series: Series) -> Dataset:
    """Return the dose report of a CT study with one spiral acquisition."""
    study = series.study
    one = header(series, XRayRadiationDoseSRStorage, 1)
    add_request(one)
    one.PerformedProcedureCodeSequence = Sequence()
    one.CompletionFlag, one.VerificationFlag = "COMPLETE", "UNVERIFIED"
    dose = 4.0 + study.number % 9
    product = round(dose * SCAN_MM / 10, 1)
    total = [
        _number(("113812", "DCM", "Total Number of Irradiation Events"), 1, "{events}"),
        _number(("113813", "DCM", "CT Dose Length Product Total"), product, "mGy.cm"),
    ]
    items = [
        *_about(one, study),
        container(("113811", "DCM", "CT Accumulated Dose Data"), total),
        container(("113819", "DCM", "CT Acquisition"), _acquisition(study, dose, product)),
        coded(
            ("113854", "DCM", "Source of Dose Information"),
            ("113856", "DCM", "Automated Data Collection"),
        ),
    ]
    as_root(one, container(("113701", "DCM", "X-Ray Radiation Dose Report"), items), "10011")
    return one


def _about(one: Dataset, study: Study) -> list[Dataset]:
    """Return what was done, by which device, when, and what the doses are summed over."""
    procedure = coded(("121058", "DCM", "Procedure reported"), ("77477000", "SCT", "CT"), MODIFIER)
    intent = ("261004008", "SCT", "Diagnostic Intent")
    meant = coded(("363703001", "SCT", "Has Intent"), intent, MODIFIER)
    procedure.ContentSequence = Sequence([meant])
    device = coded(("121005", "DCM", "Observer Type"), ("121007", "DCM", "Device"), CONTEXT)
    scanner = scanner_of(study)
    named = content("UIDREF", CONTEXT, ("121012", "DCM", "Device Observer UID"))
    named.UID = make_uid("device", scanner.serial)
    serial = content("TEXT", CONTEXT, ("121016", "DCM", "Device Observer Serial Number"))
    serial.TextValue = scanner.serial
    begin = start_of(study)
    times = []
    for concept, moment in (
        (("113809", "DCM", "Start of X-Ray Irradiation"), begin),
        (("113810", "DCM", "End of X-Ray Irradiation"), begin + timedelta(seconds=90)),
    ):
        times.append(content("DATETIME", CONTEXT, concept))
        times[-1].DateTime = f"{moment:%Y%m%d%H%M%S}"
    scope = coded(("113705", "DCM", "Scope of Accumulation"), ("113014", "DCM", "Study"), CONTEXT)
    uid = content("UIDREF", "HAS PROPERTIES", ("110180", "DCM", "Study Instance UID"))
    uid.UID = one.StudyInstanceUID
    scope.ContentSequence = Sequence([uid])
    return [procedure, device, named, serial, *times, scope]


def _acquisition(study: Study, dose: float, product: float) -> list[Dataset]:
    protocol = content("TEXT", "CONTAINS", ("125203", "DCM", "Acquisition Protocol"))
    protocol.TextValue = "routine"
    event = content("UIDREF", "CONTAINS", ("113769", "DCM", "Irradiation Event UID"))
    event.UID = make_uid("irradiation", study.study_uid)
    source = content("TEXT", "CONTAINS", ("113832", "DCM", "Identification of the X-Ray Source"))
    source.TextValue = "1"
    current = 120 + study.number % 90
    tube = [
        source,
        _number(("113733", "DCM", "KVP"), 120, "kV"),
        _number(("113833", "DCM", "Maximum X-Ray Tube Current"), current + 40, "mA"),
        _number(("113734", "DCM", "X-Ray Tube Current"), current, "mA"),
    ]
    parameters = [
        _number(("113824", "DCM", "Exposure Time"), 6.5, "s"),
        _number(("113825", "DCM", "Scanning Length"), SCAN_MM, "mm"),
        _number(("113826", "DCM", "Nominal Single Collimation Width"), 0.6, "mm"),
        _number(("113827", "DCM", "Nominal Total Collimation Width"), 38.4, "mm"),
        _number(("113828", "DCM", "Pitch Factor"), PITCH, "{ratio}"),
        _number(("113823", "DCM", "Number of X-Ray Sources"), 1, "{X-Ray sources}"),
        container(("113831", "DCM", "CT X-Ray Source Parameters"), tube),
    ]
    doses = [
        _number(("113830", "DCM", "Mean CTDIvol"), dose, "mGy"),
        coded(
            ("113835", "DCM", "CTDIw Phantom Type"),
            ("113691", "DCM", "IEC Body Dosimetry Phantom"),
        ),
        _number(("113838", "DCM", "DLP"), product, "mGy.cm"),
    ]
    return [
        protocol,
        coded(("123014", "DCM", "Target Region"), TARGETS[study.region]),
        coded(("113820", "DCM", "CT Acquisition Type"), ("116152004", "SCT", "Spiral Acquisition")),
        event,
        container(("113822", "DCM", "CT Acquisition Parameters"), parameters),
        container(("113829", "DCM", "CT Dose"), doses),
    ]


def _number(concept: tuple[str, str, str], value: float, unit: str) -> Dataset:
    """Return a measured value; ``unit`` in UCUM."""
    one = content("NUM", "CONTAINS", concept)
    measured = Dataset()
    measured.NumericValue = str(value)
    words = unit.strip("{}") if unit.startswith("{") else unit
    measured.MeasurementUnitsCodeSequence = Sequence([code(unit, "UCUM", words)])
    one.MeasuredValueSequence = Sequence([measured])
    return one
