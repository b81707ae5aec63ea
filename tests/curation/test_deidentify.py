"""De-identification against planted identifiers, and what must survive it."""

import io
import os
import re
import stat
from datetime import date, datetime
from functools import partial

import numpy as np
import planted as plants
import pytest
from export_files import UID, header, item, references, uid_of
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom import config, dcmread, dcmwrite
from pydicom.datadict import tag_for_keyword
from pydicom.encaps import encapsulate
from pydicom.tag import Tag
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, JPEGBaseline8Bit
from pydicom.valuerep import validate_value

from rin.curation import deidentify as deid
from rin.curation.deidentify import Pseudonyms, deidentify, load_key, picture_of
from rin.data.dicom import BROKEN, read_dicom
from rin.errors import FileError, InputError

KEY = bytes(range(32))
NAMES = Pseudonyms(KEY)
STUDY = f"{UID}.1"
RAMP = np.arange(96, dtype=np.uint8).reshape(8, 12)
image = partial(header, pixels=RAMP)


def bytes_of(dataset):
    written = io.BytesIO()
    dcmwrite(written, dataset, enforce_file_format=True)
    return written.getvalue()


@pytest.fixture(
    scope="module", params=[(plants.KANJI, "ISO_IR 192"), (plants.LATIN, "ISO_IR 100")]
)
def planted(request, tmp_path_factory):
    """A planted image on disk, under a planted name."""
    folder = tmp_path_factory.mktemp("archive")
    path = folder / f"{plants.NAME}_{plants.GIVEN}_{plants.NUMBER}.dcm"
    dataset = plants.planted_image(RAMP, *request.param)
    dcmwrite(path, dataset, enforce_file_format=True)
    foreign = {plants.LATIN, plants.KANJI} - {request.param[0]}
    assert plants.found_in(path.read_bytes()) == {*plants.TEXTS, *plants.DIGITS} - foreign
    assert len(plants.KEYWORDS) > 2500
    return path, dataset


@pytest.mark.filterwarnings("ignore")
def test_no_output_byte_or_name_holds_a_planted_identifier(planted, tmp_path):
    made = deidentify(dcmread(planted[0]), NAMES)
    name = str(made.SOPInstanceUID)
    dcmwrite(tmp_path / f"{name}.dcm", made, enforce_file_format=True)
    (path,) = tmp_path.iterdir()
    assert plants.found_in(path.name.encode() + b"\n" + path.read_bytes()) == set()
    np.testing.assert_array_equal(dcmread(path).pixel_array, RAMP)
    assert bytes_of(deidentify(planted[1], NAMES)) == path.read_bytes()


def rules_of(kept):
    """Every attribute of the keep list with its rule, at all levels."""
    for keyword, rule in kept.items():
        yield keyword, "items" if isinstance(rule, dict) else rule
        yield from rules_of(rule) if isinstance(rule, dict) else ()


def test_keep_list_holds_nothing_that_the_profile_removes():
    """Table E.1-1 acts on kept UIDs, dates and references alone, whose rules carry it out."""
    rules = [*rules_of(deid.KEPT)]
    acted_on = [rule for name, rule in rules if Tag(tag_for_keyword(name)) in deid.profile_tags()]
    assert {*acted_on} == {"uid", "date", "items"}
    assert len(rules) > len(deid.KEPT)
    assert len(deid.profile_tags()) > 600


def test_attribute_that_the_profile_removes_is_not_kept_even_if_listed(monkeypatch):
    monkeypatch.setitem(deid.KEPT, "PatientAge", "097Y")
    monkeypatch.setitem(deid.KEPT, "SequenceOfUltrasoundRegions", {"StationName": "CT1"})
    area = item(StationName="CT1")
    made = deidentify(image(PatientAge="097Y", SequenceOfUltrasoundRegions=[area]), NAMES)
    assert "PatientAge" not in made
    assert "SequenceOfUltrasoundRegions" not in made


def test_method_is_stated_as_the_standard_asks():
    made = deidentify(image(), NAMES)
    assert made.PatientIdentityRemoved == "YES"
    assert made.LongitudinalTemporalInformationModified == "MODIFIED"
    codes = made.DeidentificationMethodCodeSequence
    assert [f"{one.CodingSchemeDesignator} {one.CodeValue}" for one in codes] == [
        "DCM 113100", "DCM 113107"
    ]  # fmt: skip
    assert made.DeidentificationMethod


def test_source_stays_as_it_is():
    dataset = image(PatientName="A^B", StudyDate="20100203")
    before = bytes_of(dataset)
    deidentify(dataset, NAMES)
    assert bytes_of(dataset) == before


def test_patient_and_uids_become_pseudonyms_at_every_level_and_in_the_file_meta():
    (reference,) = references(STUDY)
    reference.PurposeOfReferenceCodeSequence = [item()]
    dataset = image(ReferencedImageSequence=[reference], FrameOfReferenceUID="9.9")
    made = dcmread(io.BytesIO(bytes_of(deidentify(dataset, NAMES))))
    assert made.PatientID == made.PatientName == NAMES.patient("P1")
    assert made.SOPInstanceUID == made.file_meta.MediaStorageSOPInstanceUID == NAMES.uid(uid_of())
    (kept_reference,) = made.ReferencedImageSequence
    assert kept_reference.ReferencedSOPInstanceUID == NAMES.uid(STUDY) == made.StudyInstanceUID
    assert kept_reference.ReferencedSOPClassUID == CTImageStorage
    assert len(kept_reference) == 2
    assert made.SOPClassUID == made.file_meta.MediaStorageSOPClassUID == CTImageStorage


@given(st.dates(date(1950, 1, 1), date(2090, 1, 1)), st.dates(date(1950, 1, 1), date(2090, 1, 1)))
@settings(max_examples=40)
def test_intervals_between_dates_of_a_patient_survive(first, second):
    day, moment = (f"{one:%Y%m%d}" for one in (first, second))
    header = {"StudyDate": day, "AcquisitionDateTime": f"{moment}101500.5+0100", "PixelData": None}
    made = deidentify(image(**header), NAMES)
    moved = datetime.strptime(made.StudyDate, "%Y%m%d").date()
    assert (moved - first).days == NAMES.shift_days("P1")
    assert moved - datetime.strptime(made.AcquisitionDateTime, "%Y%m%d").date() == first - second


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("BodyPartExamined", "CHEST", "CHEST"),
        ("BodyPartExamined", "MUELLER", None),
        ("ImageType", ["ORIGINAL", "PRIMARY", "AXIAL"], ["ORIGINAL", "PRIMARY", "AXIAL"]),
        ("ImageType", ["ORIGINAL", "PRIMARY", "MUELLER", "AXIAL"], ["ORIGINAL", "PRIMARY"]),
        ("WindowCenter", [40, -600], [40, -600]),
        ("WindowCenter", [40, 735190468], None),
        ("SliceThickness", "1.2345678901", 1.23457),
        ("InstanceNumber", "12", 12),
        ("InstanceNumber", "735190468", None),
        ("KVP", "120", 120),
        ("Manufacturer", "Siemens", None),
        ("SeriesDescription", "Mueller", None),
        ("ImageComments", "Mueller", None),
        ("RescaleType", "HU", "HU"),
        ("RescaleType", "MUELLER", None),
        ("Rows", 8, 8),
        *(("StudyDate", day, None) for day in ("", "20100231", "yesterday", "00010101", "2010")),
    ],
)
def test_value_is_kept_only_where_its_rule_allows_it(name, value, expected):
    with config.disable_value_validation():
        dataset = image(**{name: value})
    made = deidentify(dataset, NAMES)
    assert (made[name].value if name in made else None) == expected


def test_ultrasound_calibration_is_kept_without_its_texts():
    said = {"RegionDataType": 1, "PhysicalUnitsXDirection": 3, "StationName": "Mueller"}
    area = item(PhysicalDeltaX=0.0123456789, **said)
    made = deidentify(image(SequenceOfUltrasoundRegions=[area]), NAMES)
    (kept_area,) = made.SequenceOfUltrasoundRegions
    assert kept_area.PhysicalDeltaX == 0.0123457
    assert "StationName" not in kept_area


def test_overlay_in_unused_bits_and_bytes_behind_the_pixels_are_dropped():
    stored = np.full((4, 4), 0x0123, dtype=np.uint16)
    dataset = image(pixels=stored, bits=12)
    dataset.PixelData = (stored | 0x8000).tobytes() + b"MUELLER^ANNA"
    with pytest.warns(UserWarning, match="excess padding"):
        made = deidentify(dataset, NAMES)
    assert made.PixelData == stored.tobytes()


def test_comment_in_a_jpeg_stream_is_dropped():
    coded = io.BytesIO()
    Image.fromarray(RAMP).save(coded, "JPEG", comment=b"MUELLER^ANNA")
    dataset = image(LossyImageCompression="01")
    dataset.PixelData = encapsulate([coded.getvalue()])
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    assert b"MUELLER" in bytes_of(dataset)
    made = bytes_of(deidentify(dataset, NAMES))
    assert b"MUELLER" not in made
    assert dcmread(io.BytesIO(made)).LossyImageCompression == "01"


COLOR = np.arange(0, 240, 4, dtype=np.uint8).reshape(4, 5, 3)
SIGNED = np.append(np.arange(150), [-2048, 2047]).astype(np.int16).reshape(8, 19)
deep = partial(
    header, RescaleSlope="1", RescaleIntercept="-10", WindowCenter=90, WindowWidth=150
)  # fmt: skip
STORED = {
    "8 bits": image(pixels=RAMP * 2),
    "16 bits": deep(pixels=RAMP.astype(np.uint16) * 2),
    "signed 16 bits": deep(pixels=RAMP.astype(np.int16) * 2),
    "signed 12 bits": deep(pixels=SIGNED, bits=12),
    "inverted": image(PhotometricInterpretation="MONOCHROME1", NumberOfFrames=1),
    "padding": image(PixelPaddingValue=95),
    "odd size": image(pixels=np.arange(25, dtype=np.uint8).reshape(5, 5)),
    "colour": image(pixels=COLOR),
    "YBR": image(pixels=COLOR, PhotometricInterpretation="YBR_FULL"),
    "planes": image(
        pixels=COLOR, PlanarConfiguration=1, PixelData=np.moveaxis(COLOR, 2, 0).tobytes()
    ),
}


@pytest.mark.parametrize("kind", STORED)
def test_both_exports_show_what_the_source_shows_however_it_is_stored(tmp_path, kind):
    dataset = STORED[kind]
    made = deidentify(dataset, NAMES)
    for name, one in (("a.dcm", dataset), ("b.dcm", made)):
        dcmwrite(tmp_path / name, one, enforce_file_format=True)
    read = dcmread(tmp_path / "b.dcm")
    np.testing.assert_array_equal(read.pixel_array, dataset.pixel_array)
    if read.SamplesPerPixel == 1:
        assert read.PhotometricInterpretation == dataset.PhotometricInterpretation
    else:
        assert read.PhotometricInterpretation == "RGB"
    for window in (None, (40.0, 80.0)) if "RescaleSlope" in dataset else (None,):
        shown = read_dicom(tmp_path, "a.dcm", window)
        assert len(np.unique(shown)) > 10
        np.testing.assert_array_equal(read_dicom(tmp_path, "b.dcm", window), shown)
        np.testing.assert_array_equal(picture_of(made, window), shown)


def test_look_up_table_of_gray_values_is_kept_and_anything_else_in_its_place_refused():
    table = item(LUTDescriptor=[256, 0, 16], LUTExplanation="MUELLER")
    table.add_new("LUTData", "OW", (np.arange(256, dtype="<u2") * 257).tobytes())
    dataset = image(VOILUTSequence=[table])
    made = deidentify(dataset, NAMES)
    assert made.VOILUTSequence[0].LUTData == table.LUTData
    assert b"MUELLER" not in bytes_of(made)
    table["LUTData"].value = b"MUELLER^ANNA".ljust(512, b" ")
    with pytest.raises(FileError, match="not monotonic"):
        deidentify(dataset, NAMES)
    del table["LUTData"]
    assert "VOILUTSequence" not in deidentify(dataset, NAMES)


def test_gray_of_16_bits_without_a_window_is_refused():
    with pytest.raises(FileError, match="neither VOI window nor VOI table"):
        picture_of(image(pixels=RAMP.astype(np.uint16)), None)


@pytest.mark.parametrize(
    ("elements", "message"),
    [
        *(({name: None}, f"the image has no {name}") for name in deid.REQUIRED),
        ({"Rows": 80}, "number of bytes of pixel data is less than expected"),
    ],
)
def test_image_without_an_identifier_or_with_broken_pixels_is_refused(elements, message):
    with pytest.raises(BROKEN, match=message):
        deidentify(image(**elements), NAMES)


# Pseudonyms

IDS = st.text(min_size=1, max_size=64).filter(lambda text: text.strip(" \0"))
UIDS = st.lists(st.integers(0, 10**12), min_size=3, max_size=5).map(
    lambda parts: "1.3." + ".".join(map(str, parts))
)


def test_pseudonyms_of_a_known_key_are_these_for_ever():
    """Frozen, as another value would break the link to what was curated before."""
    assert NAMES.patient("4711") == "PPZFSKXBNWISADRPW"
    assert NAMES.uid("1.2.3") == "2.25.323208961630152148644988635546095983220"
    assert NAMES.shift_days("4711") == -1641


@given(UIDS, UIDS)
def test_uids_map_alike_where_equal_alone_to_valid_ones_that_hold_nothing_of_the_old(one, other):
    made = NAMES.uid(one)
    assert made == Pseudonyms(KEY).uid(f" {one}\0")
    assert (made == NAMES.uid(other)) == (one == other)
    validate_value("UI", made, 2)
    assert re.fullmatch(r"2\.25\.[1-9]\d{1,38}", made)
    assert one not in made


@pytest.mark.parametrize("uid", [CTImageStorage, ExplicitVRLittleEndian, ""])
def test_uid_of_the_standard_stays(uid):
    assert NAMES.uid(uid) == uid


@given(IDS, IDS)
def test_patients_map_alike_where_equal_alone_and_shift_between_a_day_and_ten_years(one, other):
    same = one.strip(" \0") == other.strip(" \0")
    assert (NAMES.patient(one) == NAMES.patient(other)) == same
    assert re.fullmatch("P[A-Z2-7]{16}", NAMES.patient(one))
    assert -3650 <= NAMES.shift_days(one) <= -1
    assert NAMES.shift_days(one) == Pseudonyms(KEY).shift_days(f"{one} ")


def test_another_key_gives_other_pseudonyms():
    other = Pseudonyms(KEY[::-1])
    for make in ("patient", "uid", "shift_days"):
        assert getattr(NAMES, make)("1.2.3") != getattr(other, make)("1.2.3")


@pytest.mark.parametrize("patient", ["", "  ", "\0"])
def test_patient_without_an_id_is_refused(patient):
    for pseudonym in (NAMES.patient, NAMES.shift_days):
        with pytest.raises(FileError, match="PatientID is empty"):
            pseudonym(patient)


def test_short_key_is_refused():
    with pytest.raises(ValueError, match="8 bytes are too few for a secret key"):
        Pseudonyms(b"password")


def test_key_is_made_once_for_its_owner_alone_and_refused_where_others_may_read_it(tmp_path):
    path, before = tmp_path / "pseudonym.key", os.umask(0)
    key = load_key(path)
    os.umask(before)
    assert len(key) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_key(path) == key
    path.chmod(0o640)
    with pytest.raises(InputError, match="chmod 600"):
        load_key(path)


@pytest.mark.parametrize("content", [b"", b"abc", b"zz" * 32, b"ab" * 31, b"\xff" * 64])
def test_file_that_holds_no_key_is_refused_and_kept(tmp_path, content):
    path = tmp_path / "pseudonym.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(InputError, match=r"pseudonym\.key: it .*no key of pseudonyms") as caught:
        load_key(path)
    assert path.read_bytes() == content
    assert "abab" not in str(caught.value)
