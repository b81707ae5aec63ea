"""DICOM pixels against the arithmetic of the standard, and files that must be refused.

The files of other writers are those that come with pydicom; none is fetched.
"""

import io
import random
import zlib
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
    JPEGLSNearLossless,
    RLELossless,
)

from rin.data import dicom
from rin.data.dicom import apply_window, decode, holds_wrapped, patient_of, read_dicom
from rin.data.standins.writers import fill, new_instance
from rin.data.tree import MAX_BYTES
from rin.errors import InputError

OTHERS = Path(pydicom.__file__).parent / "data" / "test_files"
CR = "dicomdirtests/77654033/CR1/6154"
RAMP = np.arange(24, dtype=np.uint8).reshape(4, 6) * 10
BRAIN = (40.0, 80.0)


def save_dicom(path, stored, bits=None, jpeg=False, **elements):
    """Write pixels and header elements; an element that is None is left out."""
    header = new_instance(SOPClassUID=CTImageStorage, SOPInstanceUID="1.2.3", PatientID="P1")
    kind = "RGB" if stored.ndim == 3 and stored.shape[-1] == 3 else "MONOCHROME2"
    bits = bits or 8 * stored.dtype.itemsize
    header.set_pixel_data(stored, kind, bits, generate_instance_uid=False)
    if jpeg:
        coded = io.BytesIO()
        Image.fromarray(stored).save(coded, "JPEG", quality=90)
        header.PixelData = encapsulate([coded.getvalue()])
        header.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    fill(header, **elements)
    for name in [name for name, value in elements.items() if value is None]:
        delattr(header, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    dcmwrite(path, header, enforce_file_format=True)
    return path.name


def standard_linear(x, center, width):
    """One value through PS3.3 C.11.2.1.2.1, to 0 ... 255, as the standard spells it."""
    if x <= center - 0.5 - (width - 1) / 2:
        return 0
    if x > center - 0.5 + (width - 1) / 2:
        return 255
    return round(((x - (center - 0.5)) / (width - 1) + 0.5) * 255)


def raw_values(path, shape, kind):
    """Stored values of a native explicit little endian file, found by tag and not by pydicom."""
    content = path.read_bytes()
    start = content.index(b"\xe0\x7f\x10\x00OW\x00\x00") + 8
    size = int.from_bytes(content[start : start + 4], "little")
    return np.frombuffer(content[start + 4 : start + 4 + size], kind).reshape(shape)


def mapped(values, function):
    known = {value: function(value) for value in np.unique(values).tolist()}
    return np.vectorize(known.__getitem__)(values)


@pytest.mark.parametrize(
    ("window", "gray"),
    [
        ((-800.0, 300.0), lambda x: standard_linear(x - 1024, -800, 300)),
        (None, lambda x: round((x + 32768) / 65535 * 255)),
    ],
)
def test_ct_of_another_writer_is_seen_in_a_window_or_the_range_of_its_bits(window, gray):
    stored = raw_values(OTHERS / "CT_small.dcm", (128, 128), "<i2").astype(int)
    read = read_dicom(OTHERS, "CT_small.dcm", window)
    assert read.dtype == np.uint8
    assert window is None or len(np.unique(read)) > 50
    np.testing.assert_array_equal(read, mapped(stored, gray))


@pytest.mark.filterwarnings("ignore:The pixel data is")
@pytest.mark.parametrize("syntax", ["RLE", "bigendian", "implicit", "jp2klossless", "padded"])
def test_mr_of_another_writer_is_the_same_in_every_lossless_syntax(syntax):
    same = read_dicom(OTHERS, f"MR_small_{syntax}.dcm")
    np.testing.assert_array_equal(same, read_dicom(OTHERS, "MR_small.dcm"))


@pytest.mark.parametrize(
    ("module", "compressed", "twin"),
    [
        ("jpeg_ls", "MR_small_jpeg_ls_lossless.dcm", "MR_small.dcm"),
        ("gdcm", "SC_rgb_jpeg_gdcm.dcm", "SC_rgb_rle.dcm"),
    ],
)
def test_lossless_jpeg_and_jpeg_ls_of_another_writer_are_their_uncompressed_twin(
    module, compressed, twin
):
    pytest.importorskip(module)
    np.testing.assert_array_equal(read_dicom(OTHERS, compressed), read_dicom(OTHERS, twin))


@pytest.mark.parametrize(
    ("syntax", "package"),
    [
        (JPEGLSLossless, "JPEG-LS Lossless.*: pip install pyjpegls"),
        (JPEGLSNearLossless, "JPEG-LS Lossy.*: pip install pyjpegls"),
        (JPEGLosslessSV1, "JPEG Lossless.*: pip install python-gdcm"),
        (HTJ2KLossless, "High-Throughput.*: pip install pylibjpeg pylibjpeg-openjpeg"),
        (JPEG2000Lossless, "JPEG 2000 .*ly"),
    ],
)
def test_compression_that_nothing_installed_decodes_is_refused_with_the_package_that_does(
    tmp_path, monkeypatch, syntax, package
):
    name = save_dicom(tmp_path / "a.dcm", RAMP, jpeg=True)
    dataset = dcmread(tmp_path / name)
    dataset.file_meta.TransferSyntaxUID = syntax
    dcmwrite(tmp_path / name, dataset)
    absent = SimpleNamespace(is_available=False)
    monkeypatch.setattr(dicom, "get_decoder", lambda _: absent)
    with pytest.raises(InputError, match=rf"no installed package decodes {package}\)"):
        read_dicom(tmp_path, name)


def test_radiograph_of_another_writer_in_monochrome1_is_inverted_after_rescale_and_window():
    stored = raw_values(OTHERS / CR, (16, 16), "<u2").astype(int)
    assert dcmread(OTHERS / CR).PhotometricInterpretation == "MONOCHROME1"
    expected = mapped(stored, lambda x: 255 - standard_linear(0.684 * x + 200, 1600, 2800))
    np.testing.assert_array_equal(read_dicom(OTHERS, CR), expected)


@pytest.mark.parametrize("name", ["ybr_full_422_uncompressed", "rgb_gdcm_KY", "rgb_dcmtk_+eb+cr"])
def test_colour_of_other_writers_is_alike_in_all_encodings(name):
    reference = read_dicom(OTHERS, "SC_rgb_rle.dcm").astype(int)
    assert np.median(np.abs(read_dicom(OTHERS, f"SC_{name}.dcm") - reference)) <= 2


RESCALE = {"RescaleSlope": 1, "RescaleIntercept": 0}
TWELVE = {"BitsStored": 12, "HighBit": 11}


@pytest.mark.parametrize(
    ("stored", "elements", "window", "grays"),
    [
        # A window of width one is a threshold.
        ([39, 40, 41], RESCALE, (40, 1), [0, 255, 255]),
        # The manifest's window goes before those of the file, of which the first counts.
        ([0, 40, 100], RESCALE | {"WindowCenter": [500, 1]}, BRAIN, [0, 129, 255]),
        ([0, 40, 1000], RESCALE | {"WindowCenter": [500, 1]}, None, [0, 10, 255]),
        # 12 bits span 0 to 4095; the bits above do not count; signed ones are extended.
        ([0, 2048, 4095], TWELVE, None, [0, 128, 255]),
        ([0x8000, 0xF800, 0x0FFF], TWELVE, None, [0, 128, 255]),
        (np.array([0x0800, 0x0FFF, 0x07FF], dtype=np.int16), TWELVE, None, [0, 127, 255]),
    ],
)
def test_stored_values_become_known_grays(tmp_path, stored, elements, window, grays):
    if "WindowCenter" in elements:
        elements = elements | {"WindowWidth": [1001, 2]}
    kept = stored if isinstance(stored, np.ndarray) else np.array(stored, dtype=np.uint16)
    name = save_dicom(tmp_path / "a.dcm", kept[None], bits=16, **elements)
    assert read_dicom(tmp_path, name, window).tolist() == [grays]


@pytest.mark.parametrize("stated", [None, 1])
@pytest.mark.parametrize("syntax", ["native", "jpeg", "rle"])
def test_pixel_data_of_three_frames_are_refused_whatever_number_of_them_is_stated(
    tmp_path, stated, syntax
):
    name = save_dicom(tmp_path / "a.dcm", RAMP, NumberOfFrames=stated or 1)
    dataset = dcmread(tmp_path / name)
    if syntax == "native":
        dataset.PixelData *= 3
    else:
        dataset.compress(RLELossless, generate_instance_uid=False)
        frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
        if syntax == "jpeg":
            coded = io.BytesIO()
            Image.fromarray(RAMP).save(coded, "JPEG")
            frame, dataset.file_meta.TransferSyntaxUID = coded.getvalue(), JPEGBaseline8Bit
        dataset.PixelData = encapsulate(3 * [frame], has_bot=False)
    if stated is None:
        del dataset.NumberOfFrames
    dcmwrite(tmp_path / name, dataset)
    with pytest.raises(InputError, match=r"a\.dcm.*its pixel data contain 3 frames"):
        read_dicom(tmp_path, name)


def test_one_jpeg_in_several_fragments_is_one_frame(tmp_path):
    name = save_dicom(tmp_path / "a.dcm", RAMP, jpeg=True)
    whole, dataset = read_dicom(tmp_path, name), dcmread(tmp_path / name)
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    dataset.PixelData = encapsulate([frame], fragments_per_frame=3)
    dcmwrite(tmp_path / name, dataset)
    assert (read_dicom(tmp_path, name) == whole).all()


@pytest.mark.parametrize("kind", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(
    ("padding", "grays"),
    [
        ({}, [5, 9, 10, 200]),
        ({"PixelPaddingValue": 10}, [5, 9, 0, 200]),
        ({"PixelPaddingValue": 10, "PixelPaddingRangeLimit": 9}, [5, 0, 0, 200]),
    ],
)
def test_padding_is_black_however_grey_is_to_be_read(tmp_path, kind, padding, grays):
    stored = np.array([[5, 9, 10, 200]], dtype=np.uint8)
    header = {"PhotometricInterpretation": kind, **padding}
    name = save_dicom(tmp_path / "a.dcm", stored, **header)
    padded = [value == 0 for value in grays]
    seen = [0 if none else 255 - value for none, value in zip(padded, stored[0], strict=True)]
    assert read_dicom(tmp_path, name).tolist() == [seen if kind == "MONOCHROME1" else grays]


def wrapped_head(air=3096, n_air=4):
    """A row of Hounsfield units of 12 bits: soft tissue, bone, and air that wrapped."""
    return np.array([[0, 40, 80, 1500, *[air] * n_air]], dtype=np.uint16)


OF_CT = {"Modality": "CT", "RescaleSlope": 1, "RescaleIntercept": 0}


@pytest.mark.parametrize("intercept", [0, -60])
def test_air_that_wrapped_is_found_and_put_back_below_zero(tmp_path, intercept):
    header = OF_CT | {"RescaleIntercept": intercept}
    name = save_dicom(tmp_path / "a.dcm", wrapped_head(), bits=12, **header)
    assert holds_wrapped(tmp_path, name)
    window = BRAIN[0] + intercept, BRAIN[1]
    assert read_dicom(tmp_path, name, window).tolist() == [[0, 129, 255, 255, *[0] * 4]]


@pytest.mark.parametrize(
    "changes",
    [{"Modality": "MR"}, {"RescaleIntercept": -100}, {"BitsStored": 16, "HighBit": 15}],
)
def test_values_of_3000_and_more_are_no_air_where_that_is_stored_otherwise(tmp_path, changes):
    name = save_dicom(tmp_path / "a.dcm", wrapped_head(), bits=12, **OF_CT | changes)
    assert not holds_wrapped(tmp_path, name)
    window = (BRAIN[0] + changes.get("RescaleIntercept", 0), BRAIN[1])
    assert read_dicom(tmp_path, name, window).tolist() == [[0, 129, 255, 255, *[255] * 4]]


@pytest.mark.parametrize(("percent", "is_air"), [(4, False), (8, True)])
def test_metal_is_no_air_that_wrapped(tmp_path, percent, is_air):
    metal = np.zeros((1, 100), np.uint16)
    metal[0, :percent] = 3071
    name = save_dicom(tmp_path / "a.dcm", metal, bits=12, **OF_CT)
    assert holds_wrapped(tmp_path, name) == is_air


def table_of(descriptor, content, **elements):
    table = fill(Dataset(), LUTDescriptor=descriptor, **elements)
    table.add_new("LUTData", "OW", content)
    return [table]


def test_tables_of_the_file_are_looked_up(tmp_path):
    falling = table_of([256, 0, 8], np.arange(255, -1, -1).astype("<u2").tobytes())
    name = save_dicom(tmp_path / "a.dcm", RAMP, VOILUTSequence=falling)
    np.testing.assert_array_equal(read_dicom(tmp_path, name), 255 - RAMP)
    rising = (np.arange(256) * 257).astype("<u2").tobytes()
    modality = table_of([256, 0, 16], rising, ModalityLUTType="US")
    name = save_dicom(tmp_path / "b.dcm", RAMP, ModalityLUTSequence=modality)
    np.testing.assert_array_equal(read_dicom(tmp_path, name), RAMP)


@pytest.mark.parametrize("keyword", ["VOILUTSequence", "ModalityLUTSequence"])
def test_table_that_states_16_bits_and_has_12_is_shown_over_its_own_range(tmp_path, keyword):
    entries = table_of(
        [256, 0, 16], (np.arange(256) * 16).astype("<u2").tobytes(), ModalityLUTType="US"
    )
    name = save_dicom(tmp_path / "a.dcm", RAMP, **{keyword: entries})
    np.testing.assert_array_equal(read_dicom(tmp_path, name), np.rint(RAMP * 16.0 / 4095 * 255))


def test_palette_becomes_luma(tmp_path):
    name = save_dicom(tmp_path / "a.dcm", RAMP, PhotometricInterpretation="PALETTE COLOR")
    header = dcmread(tmp_path / name)
    for colour, levels in (("Red", 256 * np.arange(256)), ("Green", 0), ("Blue", 0)):
        header.add_new(f"{colour}PaletteColorLookupTableDescriptor", "US", [256, 0, 16])
        table = np.broadcast_to(levels, 256).astype("<u2").tobytes()
        header.add_new(f"{colour}PaletteColorLookupTableData", "OW", table)
    dcmwrite(tmp_path / name, header)
    np.testing.assert_allclose(read_dicom(tmp_path, name), 0.299 * RAMP, atol=0.51)


@pytest.mark.parametrize(
    "changes",
    [
        {"Rows": 6, "Columns": 4},
        {"Rows": 3},
        {"PixelRepresentation": 1},
        {"BitsStored": 12, "HighBit": 11},
    ],
)
@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLSLossless])
def test_stream_that_contradicts_the_header_is_refused(tmp_path, syntax, changes):
    stored = RAMP.astype(np.uint16) * 100
    name = save_dicom(tmp_path / "a.dcm", stored)
    whole = dcmread(tmp_path / name)
    if syntax == JPEG2000Lossless:
        coded = io.BytesIO()
        Image.fromarray(stored).save(coded, "JPEG2000", no_jp2=True)
        whole.PixelData = encapsulate([coded.getvalue()])
        whole.file_meta.TransferSyntaxUID = syntax
    else:
        whole.compress(syntax, generate_instance_uid=False)
    np.testing.assert_array_equal(decode(whole), stored)
    dcmwrite(tmp_path / name, fill(whole, **changes))
    if "PixelRepresentation" in changes and syntax == JPEGLSLossless:
        return  # its streams have no sign
    with pytest.raises(InputError, match="of its compressed pixels is"):
        read_dicom(tmp_path, name)


REFUSED = [
    (RAMP, changes, None, rf"a\.dcm: the file is not a readable DICOM picture.*{problem}")
    for changes, problem in (
        ({"Rows": None}, "it has no Rows"),
        ({"PhotometricInterpretation": None, "BitsStored": None}, "it has no BitsStored, Photo"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "No suitable Palette Color"),
        ({"PhotometricInterpretation": "RGB"}, "RGB with 1 samples"),
        ({"NumberOfFrames": 3}, "it has 3 frames"),
        ({"BitsAllocated": 32, "BitsStored": 32, "HighBit": 31}, "32 bits in 32"),
        ({"BitsStored": 7, "HighBit": 7}, "7 bits in 8, 1 samples per pixel, highest bit 7"),
        ({"Rows": 0}, "6 x 0 pixels"),
        ({"Rows": 40}, "less than expected"),
        ({"RescaleSlope": 0, "RescaleIntercept": 5}, "RescaleSlope is 0"),
        ({"RescaleSlope": "1e300", "RescaleIntercept": 0}, r"RescaleSlope is 1e\+?300"),
        ({"WindowCenter": 40, "WindowWidth": 0}, "Window Width"),
        ({"WindowCenter": 40, "WindowWidth": 9, "VOILUTFunction": "CUBIC"}, "CUBIC"),
    )
]


@pytest.mark.parametrize(
    ("stored", "elements", "window", "problem"),
    [
        *REFUSED,
        (RAMP, {"RescaleSlope": 1}, BRAIN, "no RescaleSlope and RescaleIntercept"),
        (np.zeros((2, 3, 3), dtype=np.uint8), {}, BRAIN, "it is in colour"),
        # pydicom would index such a table wrongly.
        (
            RAMP.astype(np.uint16),
            {"VOILUTSequence": table_of([4096, 0, 8], bytes(8192))},
            None,
            "4096 entries of 8 bits",
        ),
        *((RAMP, RESCALE, (40, width), "too narrow") for width in (0, 0.5, -3, float("nan"))),
    ],
)
def test_unusable_header_window_or_table_is_refused(tmp_path, stored, elements, window, problem):
    name = save_dicom(tmp_path / "a.dcm", stored, **elements)
    with pytest.raises(InputError, match=problem):
        read_dicom(tmp_path, name, window)


def test_empty_missing_and_text_files_are_refused(tmp_path):
    (tmp_path / "empty.dcm").write_bytes(b"")
    (tmp_path / "text.dcm").write_text("<html>not found</html>")
    for name, problem in (
        ("empty", "missing DICOM"),
        ("text", "missing DICOM"),
        ("no", "No such"),
    ):
        with pytest.raises(InputError, match=problem):
            read_dicom(tmp_path, f"{name}.dcm")
    for name, problem in (
        ("text", "the file is not a readable DICOM picture"),
        ("no", r"no\.dcm cannot be read"),
    ):
        with pytest.raises(InputError, match=rf"{name}\.dcm: {problem}"):
            patient_of(tmp_path, f"{name}.dcm")


def test_deflated_file_is_read_and_one_that_would_fill_the_memory_is_refused(tmp_path):
    save_dicom(tmp_path / "a.dcm", RAMP)
    dataset = dcmread(tmp_path / "a.dcm")
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dcmwrite(tmp_path / "b.dcm", dataset)
    np.testing.assert_array_equal(read_dicom(tmp_path, "b.dcm"), RAMP)
    assert patient_of(tmp_path, "b.dcm") == "P1"
    meta = dcmread(tmp_path / "b.dcm").file_meta
    start = 144 + meta.FileMetaInformationGroupLength
    bomb = zlib.compress(bytes(MAX_BYTES + 1), 1, wbits=-zlib.MAX_WBITS)
    (tmp_path / "c.dcm").write_bytes((tmp_path / "b.dcm").read_bytes()[:start] + bomb)
    for read in (read_dicom, patient_of):
        with pytest.raises(InputError, match=r"c\.dcm: .*deflated data set is larger than"):
            read(tmp_path, "c.dcm")


@pytest.mark.filterwarnings("ignore")
def test_damaged_headers_are_read_or_refused_but_never_crash(tmp_path):
    rng = random.Random(0)
    whole = (OTHERS / "dicomdirtests/77654033/CT2/17106").read_bytes()
    refused = 0
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(5):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        (tmp_path / "a.dcm").write_bytes(damaged)
        try:
            assert read_dicom(tmp_path, "a.dcm", BRAIN).shape == (16, 16)
        except InputError:
            refused += 1
    assert 20 < refused < 150


def test_patient_of_is_read_without_looking_at_the_pixels(tmp_path):
    name = save_dicom(
        tmp_path / "set" / "a.dcm", np.zeros((400, 400), np.uint8), PatientID=" P 7 "
    )
    zip_folder(tmp_path / "set", tmp_path / "set.zip")
    whole = (tmp_path / "set" / name).read_bytes()
    (tmp_path / "set" / name).write_bytes(whole[:1000])
    assert patient_of(tmp_path, f"set/{name}") == "P 7"
    assert patient_of(tmp_path, f"set.zip::{name}") == "P 7"
    assert patient_of(OTHERS, CR) == "77654033"


@pytest.mark.parametrize("patient", [None, "", "  "])
def test_patient_of_without_an_id_is_refused(tmp_path, patient):
    name = save_dicom(tmp_path / "a.dcm", RAMP, PatientID=patient)
    with pytest.raises(InputError, match=r"a\.dcm: the header has no PatientID.*a split by"):
        patient_of(tmp_path, name)


@pytest.mark.parametrize("kind", ["SEG", "RTSTRUCT"])
def test_file_that_outlines_others_is_refused(tmp_path, kind):
    save_dicom(tmp_path / "a.dcm", RAMP, Modality=kind)
    with pytest.raises(InputError, match=rf"outlines structures of images in other.*{kind}"):
        read_dicom(tmp_path, "a.dcm")


@pytest.mark.parametrize("kind", [np.int16, np.uint16])
def test_brain_window_puts_known_hounsfield_units_on_known_grays(tmp_path, kind):
    hounsfield = np.array([[-1000, 0, 20, 40, 60, 79, 80, 3000]])
    stored = (hounsfield + 1024).astype(kind)
    name = save_dicom(tmp_path / "a.dcm", stored, RescaleSlope=1, RescaleIntercept=-1024)
    grays = read_dicom(tmp_path, name, BRAIN)
    assert grays.tolist() == [[0, 0, 65, 129, 194, 255, 255, 255]]


def test_negative_slope_inverts_in_a_window_and_over_all_values(tmp_path):
    stored = np.array([[0, 1000, 4095]], dtype=np.uint16)
    rescale = {"RescaleSlope": -1, "RescaleIntercept": 1000}
    name = save_dicom(tmp_path / "a.dcm", stored, bits=12, **rescale)
    assert read_dicom(tmp_path, name, (500, 1001)).tolist() == [[255, 0, 0]]
    assert read_dicom(tmp_path, name).tolist() == [[255, 193, 0]]


@pytest.mark.parametrize("padding", [-32768, 32768])
def test_padding_of_signed_values_is_read_with_and_without_its_sign(tmp_path, padding):
    stored = np.array([[-32768, 0, 32767]], np.int16)
    name = save_dicom(tmp_path / "a.dcm", stored, WindowCenter=-32768, WindowWidth=4)
    header = dcmread(tmp_path / name)
    header.add_new("PixelPaddingValue", "US" if padding > 0 else "SS", padding)
    dcmwrite(tmp_path / name, header)
    assert read_dicom(tmp_path, name).tolist() == [[0, 255, 255]]


def test_colour_of_two_pixels_each_in_two_frames_is_refused(tmp_path):
    colour = np.zeros((4, 6, 3), np.uint8)
    name = save_dicom(
        tmp_path / "a.dcm", colour, PhotometricInterpretation="YBR_FULL_422", PixelData=bytes(96)
    )
    with pytest.raises(InputError, match="its pixel data contain 2 frames"):
        read_dicom(tmp_path, name)


def test_window_of_width_1_is_white_above_its_middle_alone():
    assert apply_window(np.array([39.0, 40.0, 41.0]), (40.5, 1)).tolist() == [0, 0, 1]
