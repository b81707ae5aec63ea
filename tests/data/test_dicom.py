"""DICOM pixels against the arithmetic of the standard, and files that must be refused.

The files of other writers are those that come with pydicom; none is fetched.
"""

import io
import random
import zlib
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pydicom
import pytest
from busi_files import zip_folder
from PIL import Image
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from rin.data import dicom
from rin.data.dicom import decode, display, holds_wrapped, patient_of, read_dicom
from rin.data.pixels import read_drawn, read_picture
from rin.data.standins.writers import fill, new_instance
from rin.errors import FileError, InputError

OTHERS = Path(pydicom.__file__).parent / "data" / "test_files"
CR = "dicomdirtests/77654033/CR1/6154"
RAMP = np.arange(24, dtype=np.uint8).reshape(4, 6) * 10
BRAIN = (40.0, 80.0)
NAME = "a.dcm"


def save_dicom(folder, stored, bits=None, **elements):
    """Write pixels and header elements as `NAME`; an element that is None is left out."""
    header = new_instance(SOPClassUID=CTImageStorage, SOPInstanceUID="1.2.3", PatientID="P1")
    kind = "RGB" if stored.ndim == 3 else "MONOCHROME2"
    bits = bits or 8 * stored.dtype.itemsize
    header.set_pixel_data(stored, kind, bits, generate_instance_uid=False)
    fill(header, **elements)
    for name in [name for name, value in elements.items() if value is None]:
        delattr(header, name)
    folder.mkdir(exist_ok=True)
    write(folder, header)
    return header


def write(folder, header):
    dcmwrite(folder / NAME, header, enforce_file_format=True)


def shown(folder, stored, window=None, **header):
    """The grey that is read of pixels and header elements."""
    save_dicom(folder, stored, **header)
    return read_dicom(folder, NAME, window)


def coded(stored, kind, **options):
    written = io.BytesIO()
    Image.fromarray(stored).save(written, kind, **options)
    return written.getvalue()


def standard_linear(x, center, width):
    """One value through PS3.3 C.11.2.1.2.1, to 0 ... 255, as the standard spells it."""
    if x <= center - 0.5 - (width - 1) / 2:
        return 0
    if x > center - 0.5 + (width - 1) / 2:
        return 255
    return round(((x - (center - 0.5)) / (width - 1) + 0.5) * 255)


def raw_values(path, kind):
    """Stored values of a native explicit little endian file, found by tag and not by pydicom."""
    content = path.read_bytes()
    start = content.index(b"\xe0\x7f\x10\x00OW\x00\x00") + 8
    size = int.from_bytes(content[start : start + 4], "little")
    return np.frombuffer(content[start + 4 : start + 4 + size], kind).astype(int)


@pytest.mark.parametrize(
    ("window", "gray"),
    [
        ((-800.0, 300.0), lambda x: standard_linear(x - 1024, -800, 300)),
        (None, lambda x: round((x + 32768) / 65535 * 255)),
    ],
)
def test_ct_of_another_writer_is_seen_in_a_window_or_the_range_of_its_bits(window, gray):
    stored = raw_values(OTHERS / "CT_small.dcm", "<i2")
    read = read_dicom(OTHERS, "CT_small.dcm", window)
    assert read.dtype == np.uint8
    assert window is None or len(np.unique(read)) > 50
    np.testing.assert_array_equal(read.ravel(), np.vectorize(gray)(stored))


@pytest.mark.filterwarnings("ignore:The pixel data is")
@pytest.mark.parametrize(
    ("name", "twin", "module"),
    [
        *(
            (f"MR_small_{syntax}", "MR_small", "pydicom")
            for syntax in ("RLE", "bigendian", "implicit", "jp2klossless", "padded")
        ),
        ("MR_small_jpeg_ls_lossless", "MR_small", "jpeg_ls"),
        ("SC_rgb_jpeg_gdcm", "SC_rgb_rle", "gdcm"),
    ],
)
def test_picture_of_another_writer_is_the_same_in_every_lossless_syntax(name, twin, module):
    pytest.importorskip(module)
    same = read_dicom(OTHERS, f"{name}.dcm")
    np.testing.assert_array_equal(same, read_dicom(OTHERS, f"{twin}.dcm"))


@pytest.mark.parametrize(
    ("syntax", "package"),
    [
        (JPEGLSLossless, "JPEG-LS Lossless.*: pip install pyjpegls"),
        (JPEGLosslessSV1, "JPEG Lossless.*: pip install python-gdcm"),
        (HTJ2KLossless, "High-Throughput.*: pip install pylibjpeg pylibjpeg-openjpeg"),
        (JPEG2000Lossless, "JPEG 2000 .*ly"),
    ],
)
def test_compression_that_nothing_installed_decodes_is_refused_with_the_package_that_does(
    tmp_path, monkeypatch, syntax, package
):
    header = save_dicom(tmp_path, RAMP)
    header.file_meta.TransferSyntaxUID = syntax
    monkeypatch.setattr(dicom, "get_decoder", lambda _: SimpleNamespace(is_available=False))
    with pytest.raises(FileError, match=rf"no installed package decodes {package}\)?$"):
        decode(header)


def test_radiograph_of_another_writer_in_monochrome1_is_inverted_after_rescale_and_window():
    stored = raw_values(OTHERS / CR, "<u2")
    assert dcmread(OTHERS / CR).PhotometricInterpretation == "MONOCHROME1"
    gray = np.vectorize(lambda x: 255 - standard_linear(0.684 * x + 200, 1600, 2800))
    np.testing.assert_array_equal(read_dicom(OTHERS, CR).ravel(), gray(stored))


@pytest.mark.parametrize("name", ["ybr_full_422_uncompressed", "rgb_gdcm_KY", "rgb_dcmtk_+eb+cr"])
def test_colour_of_other_writers_is_alike_in_all_encodings(name):
    reference = read_dicom(OTHERS, "SC_rgb_rle.dcm").astype(int)
    assert np.median(np.abs(read_dicom(OTHERS, f"SC_{name}.dcm") - reference)) <= 2


RESCALE = {"RescaleSlope": 1, "RescaleIntercept": 0}
OFFSET = {"RescaleSlope": 1, "RescaleIntercept": -1024}
FALLING = {"RescaleSlope": -1, "RescaleIntercept": 1000}
WINDOWS = {"WindowCenter": [500, 1], "WindowWidth": [1001, 2]}
HOUNSFIELD = np.array([-1000, 0, 20, 40, 60, 79, 80, 3000])
IN_BRAIN = [0, 0, 65, 129, 194, 255, 255, 255]
COLOUR = np.zeros((4, 6, 3), np.uint8)
TWELVE = {"BitsStored": 12, "HighBit": 11}


@pytest.mark.parametrize(
    ("stored", "elements", "window", "grays"),
    [
        # A window of width one is a threshold, half below its centre.
        ([39, 40, 41], RESCALE, (40, 1), [0, 255, 255]),
        ([39, 40, 41], RESCALE, (40.5, 1), [0, 0, 255]),
        # The manifest's window goes before those of the file, of which the first counts.
        ([0, 40, 100], RESCALE | WINDOWS, BRAIN, [0, 129, 255]),
        ([0, 40, 1000], RESCALE | WINDOWS, None, [0, 10, 255]),
        # 12 bits span 0 to 4095; the bits above do not count; signed ones are extended.
        ([0, 2048, 4095], TWELVE, None, [0, 128, 255]),
        ([0x8000, 0xF800, 0x0FFF], TWELVE, None, [0, 128, 255]),
        (np.array([0x0800, 0x0FFF, 0x07FF], dtype=np.int16), TWELVE, None, [0, 127, 255]),
        # Known Hounsfield units, with and without sign.
        (HOUNSFIELD + 1024, OFFSET, BRAIN, IN_BRAIN),
        ((HOUNSFIELD + 1024).astype(np.int16), OFFSET, BRAIN, IN_BRAIN),
        # A negative slope inverts.
        ([0, 1000, 4095], TWELVE | FALLING, (500, 1001), [255, 0, 0]),
        ([0, 1000, 4095], TWELVE | FALLING, None, [255, 193, 0]),
        ([0, 1000, 4095], TWELVE | FALLING | WINDOWS, None, [255, 0, 0]),
    ],
)
def test_stored_values_become_known_grays(tmp_path, stored, elements, window, grays):
    signed = getattr(stored, "dtype", None) == np.int16
    kept = np.array([stored], np.int16 if signed else np.uint16)
    assert shown(tmp_path, kept, window, bits=16, **elements).tolist() == [grays]


@pytest.mark.parametrize("stated", [None, 1])
@pytest.mark.parametrize("syntax", ["native", "jpeg", "rle"])
def test_pixel_data_of_three_frames_are_refused_whatever_number_of_them_is_stated(
    tmp_path, stated, syntax
):
    header = save_dicom(tmp_path, RAMP, NumberOfFrames=stated)
    if syntax == "native":
        header.PixelData *= 3
    else:
        header.compress(RLELossless, generate_instance_uid=False)
        frame = get_frame(header.PixelData, 0, number_of_frames=1)
        if syntax == "jpeg":
            frame, header.file_meta.TransferSyntaxUID = coded(RAMP, "JPEG"), JPEGBaseline8Bit
        header.PixelData = encapsulate(3 * [frame], has_bot=False)
    with pytest.raises(FileError, match="its pixel data contain 3 frames"):
        decode(header)


def test_one_jpeg_in_several_fragments_is_one_frame(tmp_path):
    header, frame = save_dicom(tmp_path, RAMP), coded(RAMP, "JPEG")
    header.PixelData = encapsulate([frame], fragments_per_frame=3)
    header.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    write(tmp_path, header)
    np.testing.assert_array_equal(read_dicom(tmp_path, NAME), Image.open(io.BytesIO(frame)))


@pytest.mark.parametrize("kind", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(
    ("padding", "padded"),
    [
        ({}, []),
        ({"PixelPaddingValue": 10}, [2]),
        ({"PixelPaddingValue": 10, "PixelPaddingRangeLimit": 9}, [1, 2]),
    ],
)
def test_padding_is_black_however_grey_is_to_be_read(tmp_path, kind, padding, padded):
    stored = np.array([[5, 9, 10, 200]], dtype=np.uint8)
    expected = 255 - stored if kind == "MONOCHROME1" else stored.copy()
    expected[:, padded] = 0
    seen = shown(tmp_path, stored, PhotometricInterpretation=kind, **padding)
    np.testing.assert_array_equal(seen, expected)


OF_CT = RESCALE | {"Modality": "CT"}


@pytest.mark.parametrize(
    ("changes", "wrapped"),
    [
        ({}, True),
        ({"RescaleIntercept": -60}, True),
        ({"RescaleIntercept": -100}, False),
        ({"Modality": "MR"}, False),
        ({"BitsStored": 16, "HighBit": 15}, False),
    ],
)
def test_air_that_wrapped_is_put_back_below_zero_unless_it_is_stored_otherwise(
    tmp_path, changes, wrapped
):
    header = OF_CT | changes
    # Soft tissue, bone, and air of a CT of 12 bits.
    head = np.array([[0, 40, 80, 1500, *[3096] * 4]], np.uint16)
    gray = shown(tmp_path, head, (40 + header["RescaleIntercept"], 80), bits=12, **header)
    assert gray.tolist() == [[0, 129, 255, 255, *[0 if wrapped else 255] * 4]]
    read = dcmread(tmp_path / NAME)  # as curation does
    assert (display(read, decode(read), (40 + header["RescaleIntercept"], 80)) == gray).all()
    assert holds_wrapped(tmp_path, NAME) == wrapped


@pytest.mark.parametrize(("percent", "is_air"), [(4, False), (8, True)])
def test_metal_is_no_air_that_wrapped(tmp_path, percent, is_air):
    metal = np.uint16(3071) * (np.arange(100) < percent)[np.newaxis]
    save_dicom(tmp_path, metal, bits=12, **OF_CT)
    assert holds_wrapped(tmp_path, NAME) == is_air


def table_of(descriptor, content):
    table = fill(Dataset(), LUTDescriptor=descriptor, ModalityLUTType="US")
    table.add_new("LUTData", "OW", content)
    return [table]


@pytest.mark.parametrize(
    ("keyword", "bits", "values", "grays"),
    [
        ("VOILUTSequence", 8, 255 - np.arange(256), 255 - RAMP),
        ("ModalityLUTSequence", 16, np.arange(256) * 257, RAMP),
        # These state 16 bits and have 12.
        *(
            (keyword, 16, np.arange(256) * 16, np.rint(RAMP * 16.0 / 4095 * 255))
            for keyword in ("VOILUTSequence", "ModalityLUTSequence")
        ),
    ],
)
def test_tables_of_the_file_are_looked_up_and_shown_over_their_own_range(
    tmp_path, keyword, bits, values, grays
):
    entries = table_of([256, 0, bits], values.astype("<u2").tobytes())
    np.testing.assert_array_equal(shown(tmp_path, RAMP, **{keyword: entries}), grays)


def test_palette_becomes_luma(tmp_path):
    header = save_dicom(tmp_path, RAMP, PhotometricInterpretation="PALETTE COLOR")
    for colour, levels in (("Red", 256 * np.arange(256)), ("Green", 0), ("Blue", 0)):
        header.add_new(f"{colour}PaletteColorLookupTableDescriptor", "US", [256, 0, 16])
        table = np.broadcast_to(levels, 256).astype("<u2").tobytes()
        header.add_new(f"{colour}PaletteColorLookupTableData", "OW", table)
    write(tmp_path, header)
    np.testing.assert_allclose(read_dicom(tmp_path, NAME), 0.299 * RAMP, atol=0.51)


@pytest.mark.parametrize(
    ("syntax", "changes"),
    [
        *product(
            [JPEG2000Lossless, JPEGLSLossless],
            [{"Rows": 6, "Columns": 4}, {"Rows": 3}, {"BitsStored": 12, "HighBit": 11}],
        ),
        (JPEG2000Lossless, {"PixelRepresentation": 1}),  # of the other, streams have no sign
    ],
)
def test_stream_that_contradicts_the_header_is_refused(tmp_path, syntax, changes):
    stored = RAMP.astype(np.uint16) * 100
    whole = save_dicom(tmp_path, stored)
    if syntax == JPEG2000Lossless:
        whole.PixelData = encapsulate([coded(stored, "JPEG2000", no_jp2=True)])
        whole.file_meta.TransferSyntaxUID = syntax
    else:
        whole.compress(syntax, generate_instance_uid=False)
    np.testing.assert_array_equal(decode(whole), stored)
    with pytest.raises(FileError, match="of its compressed pixels is"):
        decode(fill(whole, **changes))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"Rows": None}, "it has no Rows"),
        ({"PhotometricInterpretation": None, "BitsStored": None}, "it has no BitsStored, Photo"),
        ({"PhotometricInterpretation": "RGB"}, "RGB with 1 samples"),
        ({"NumberOfFrames": 3}, "it has 3 frames"),
        (
            {"PerFrameFunctionalGroupsSequence": [fill(Dataset(), FrameVOILUTSequence=[])]},
            "that of a frame",
        ),
        ({"BitsAllocated": 32, "BitsStored": 32, "HighBit": 31}, "32 bits in 32"),
        ({"BitsStored": 7, "HighBit": 7}, "7 bits in 8, 1 samples per pixel, highest bit 7"),
        ({"Rows": 0}, "6 x 0 pixels"),
        ({"RescaleSlope": 0, "RescaleIntercept": 5}, "RescaleSlope is 0"),
        ({"RescaleSlope": "1e300", "RescaleIntercept": 0}, r"RescaleSlope is 1e\+?300"),
        ({"Modality": "SEG"}, r"outlines structures of images in other files \(SEG"),
        ({"RescaleSlope": 1, "window": BRAIN}, "no RescaleSlope and RescaleIntercept"),
        ({"stored": COLOUR, "window": BRAIN}, "it is in colour"),
        # Two pixels each share their colour.
        (
            {
                "stored": COLOUR,
                "PhotometricInterpretation": "YBR_FULL_422",
                "PixelData": bytes(96),
            },
            "its pixel data contain 2 frames",
        ),
        # pydicom would index such a table wrongly.
        (
            {"stored": RAMP.astype(np.uint16), "VOILUTSequence": table_of([4096, 0, 8], b"00")},
            "4096 entries of 8 bits",
        ),
        *((RESCALE | {"window": (40, width)}, "narrow") for width in (0.5, float("nan"))),
    ],
)
def test_unusable_header_window_or_table_is_refused(tmp_path, changes, problem):
    unreadable = rf"a\.dcm: the file is not a readable DICOM picture.*{problem}"
    with pytest.raises(InputError, match=unreadable):
        shown(tmp_path, **{"stored": RAMP} | changes)


@pytest.mark.parametrize("read", [read_dicom, patient_of])
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"<html>not found</html>", "the file is not a readable DICOM picture.*missing DICOM"),
        (None, "cannot be read.*No such"),
    ],
)
def test_missing_and_text_files_are_refused(tmp_path, read, content, problem):
    if content is not None:
        (tmp_path / NAME).write_bytes(content)
    with pytest.raises(InputError, match=rf"a\.dcm.*{problem}"):
        read(tmp_path, NAME)


def test_deflated_file_is_read_and_one_that_would_fill_the_memory_is_refused(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(dicom, "MAX_BYTES", 10_000)
    header = save_dicom(tmp_path, RAMP)
    header.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    write(tmp_path, header)
    np.testing.assert_array_equal(read_dicom(tmp_path, NAME), RAMP)
    assert patient_of(tmp_path, NAME) == "P1"
    start = 144 + dcmread(tmp_path / NAME).file_meta.FileMetaInformationGroupLength
    bomb = zlib.compress(bytes(10_001), wbits=-zlib.MAX_WBITS)
    (tmp_path / NAME).write_bytes((tmp_path / NAME).read_bytes()[:start] + bomb)
    for read in (read_dicom, patient_of):
        with pytest.raises(InputError, match=r"a\.dcm: .*deflated data set is larger than 10000"):
            read(tmp_path, NAME)


@pytest.mark.filterwarnings("ignore")
def test_damaged_headers_are_read_or_refused_but_never_crash(tmp_path):
    rng = random.Random(0)
    whole = (OTHERS / "dicomdirtests/77654033/CT2/17106").read_bytes()
    refused = 0
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(5):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        (tmp_path / NAME).write_bytes(damaged)
        try:
            assert read_dicom(tmp_path, NAME, BRAIN).shape == (16, 16)
        except InputError:
            refused += 1
    assert 20 < refused < 150


def test_patient_of_is_read_without_looking_at_the_pixels(tmp_path):
    save_dicom(tmp_path / "set", np.zeros((400, 400), np.uint8), PatientID=" P 7 ")
    zip_folder(tmp_path / "set", tmp_path / "set.zip")
    whole = (tmp_path / "set" / NAME).read_bytes()
    (tmp_path / "set" / NAME).write_bytes(whole[:1000])
    assert patient_of(tmp_path, f"set/{NAME}") == "P 7"
    assert patient_of(tmp_path, f"set.zip::{NAME}") == "P 7"
    assert patient_of(OTHERS, CR) == "77654033"


@pytest.mark.parametrize("patient", [None, "  "])
def test_patient_of_without_an_id_is_refused(tmp_path, patient):
    save_dicom(tmp_path, RAMP, PatientID=patient)
    with pytest.raises(InputError, match=r"a\.dcm: the header has no PatientID.*a split by"):
        patient_of(tmp_path, NAME)


@pytest.mark.parametrize("padding", [-32768, 32768])
def test_padding_of_signed_values_is_read_with_and_without_its_sign(tmp_path, padding):
    stored = np.array([[-32768, 0, 32767]], np.int16)
    header = save_dicom(tmp_path, stored, WindowCenter=-32768, WindowWidth=4)
    header.add_new("PixelPaddingValue", "US" if padding > 0 else "SS", padding)
    write(tmp_path, header)
    assert read_dicom(tmp_path, NAME).tolist() == [[0, 255, 255]]


def test_colour_stays_colour_and_a_mask_its_stored_values(tmp_path):
    red = np.full((4, 6, 3), (200, 0, 0), np.uint8)
    save_dicom(tmp_path, red)
    np.testing.assert_array_equal(read_picture(tmp_path, NAME, True), red)
    save_dicom(tmp_path, np.eye(4, dtype=np.uint16))
    np.testing.assert_array_equal(read_drawn(tmp_path, NAME), np.eye(4))
