"""From a DICOM file to uint8 grey, and the patient that its header names.

Frames of 8 or 16 bits are read: grey (MONOCHROME1 is inverted, so that higher is brighter) and RGB
or YBR colour or of a palette, which becomes ITU-R 601 luma.  Files of several frames are refused,
and compressed pixels whose own header contradicts that of the file.

The file's modality transform converts stored values to physical ones.  A `window`, as for CT,
then maps these linearly (PS3.3 C.11.2.1.2.1); without it, the file's own VOI table or first VOI
window does, if there is one; otherwise the whole range of BitsStored becomes 0 to 255, so that
8-bit radiographs stay as stored.  Padding (PixelPaddingValue), where nothing was measured, is
black.

pydicom decodes and clears the bits above BitsStored, with Pillow for JPEG and JPEG 2000,
python-gdcm for lossless JPEG and pyjpegls for JPEG-LS.  This module also refuses values in the
upper bits (HighBit) and more frames than the header states, both of which pydicom ignores.
"""

import io
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.encaps import generate_fragments, get_frame, parse_basic_offsets
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.pixels import (
    apply_color_lut,
    apply_modality_lut,
    apply_voi_lut,
    get_decoder,
    pixel_array,
)
from pydicom.pixels.utils import get_expected_length, get_j2k_parameters
from pydicom.uid import JPEGBaseline8Bit, RLELossless

from rin.data.tree import (
    MALFORMED,
    MAX_BYTES,
    MAX_PIXELS,
    is_dicom,
    read_bytes,
    refuse_damaged_jpeg,
)
from rin.errors import FileError, InputError, as_input_error

# pydicom's warnings quote odd values, which may name a patient.
warnings.filterwarnings("ignore", module="pydicom")
PALETTE = "PALETTE COLOR"
#: Samples per pixel of each photometric interpretation.
SAMPLES = {
    "MONOCHROME1": 1,
    "MONOCHROME2": 1,
    PALETTE: 1,
    "RGB": 3,
    "YBR_FULL": 3,
    "YBR_FULL_422": 3,
    "YBR_ICT": 3,
    "YBR_RCT": 3,
}
REQUIRED = (
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PixelRepresentation",
    "PixelData",
)
#: Packages that decode a compression, by words of its name; the extra `study` has the first two.
PACKAGES = {
    "JPEG-LS": "pyjpegls",
    "JPEG Lossless": "python-gdcm",
    "High-Throughput": "pylibjpeg pylibjpeg-openjpeg",
}
#: Center and width.
Window = tuple[float, float]
#: Exceptions of a broken data set, at any access, as pydicom parses elements lazily.
BROKEN = (*MALFORMED, BytesLengthException, InvalidDicomError)
#: A slope or intercept outside these limits is wrong: values would be all equal, or overflow.
MIN_SLOPE = 1e-9
MAX_SLOPE = 1e6
MAX_INTERCEPT = 1e9
#: First bytes of a frame in JPEG (and JPEG-LS), and in JPEG 2000 without or with a file header.
_BEGINNINGS = (b"\xff\xd8", b"\xff\x4f", b"\0\0\0\x0cjP")
#: Beginning of JPEG 2000, with the marker of its size; markers of the frame in JPEG and JPEG-LS.
_SIZ = b"\xff\x4f\xff\x51"
_SOF = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
#: Bits of CT whose values may wrap, the stored value from which on they have wrapped, and the
#: share of such pixels above which an image counts as wrapped; with an intercept above the last
#: number, only wrapped values can be air (-1,000 HU).
WRAPPED_BITS = 12
WRAPPED = 3000
WRAPPED_SHARE = 0.05
NO_AIR = -100
_OUTLINES = ("SEG", "RTSTRUCT")


class DicomFile(io.BufferedReader):
    """A file for pydicom that limits the size of a deflated data set, which pydicom does not.

    `cut` is True if the header of an element is cut short, where pydicom stops without an error.
    """

    cut = False
    name = None  # a buffer of bytes has no name, but pydicom asks for it

    def read(self, size: int | None = -1, /) -> bytes:
        """Return bytes; raise FileError if pydicom would inflate more than 256 MiB."""
        content = super().read(size)
        self.cut = self.cut or (size == 8 and 0 < len(content) < 8)
        if size in (-1, None):  # pydicom reads the whole rest only to inflate it
            inflated = zlib.decompressobj(-zlib.MAX_WBITS).decompress(content, MAX_BYTES + 1)
            if len(inflated) > MAX_BYTES:
                raise FileError(f"its deflated data set is larger than {MAX_BYTES} bytes")
        return content


def read_dicom(
    root: Path,
    locator: str,
    window: Window | None = None,
    *,
    color: bool = False,
    drawn: bool = False,
) -> np.ndarray:
    """Read a DICOM picture as grey, uint8 (h, w), 0 to 255, or in `color` (h, w, 3).

    `window` is center and width, in the units of the rescaled values: Hounsfield units for CT.
    Grey that was `drawn`, as a mask, is returned as it is stored.
    """
    with _open(root, locator) as dataset:
        if (kind := dataset.get("Modality")) in _OUTLINES:
            raise FileError(f"it outlines structures of images in other files ({kind})")
        pixels = decode(dataset)
        in_color = pixels.ndim == 3
        is_read = (color if in_color else drawn) and window is None
        return pixels if is_read else display(dataset, pixels, window)


@contextmanager
def _open(root: Path, locator: str, **how: Any) -> Iterator[Dataset]:
    """Yield the data set of a file; errors of a broken one become InputErrors, at any access."""
    content = read_bytes(root, locator)
    with as_input_error(
        "the file is not a readable DICOM picture",
        where=root / locator,
        remedy="Export or download it again, as one uncompressed grey or RGB frame; or list it in "
        "the manifest's known_bad.",
        kinds=BROKEN,
    ):
        yield dcmread(DicomFile(io.BytesIO(content)), **how)


#: Where enhanced images have what others have beside their pixels.
GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
OF_FRAMES = ("PixelValueTransformationSequence", "FrameVOILUTSequence")


def _refuse_enhanced(dataset: Dataset) -> None:
    """Raise FileError where rescale or window are those of a frame, which are not read."""
    groups = [item for name in GROUPS for item in dataset.get(name) or ()]
    if any(name in item for item in groups for name in OF_FRAMES):
        raise FileError("its rescale or window is that of a frame: save it as a classic image")


def decode(dataset: Dataset) -> np.ndarray:
    """Return stored pixels, (h, w) or uint8 RGB (h, w, 3); may raise one of `BROKEN`."""
    missing = [name for name in REQUIRED if dataset.get(name) is None]
    if missing:
        raise FileError(f"it has no {', '.join(missing)}")
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax.is_encapsulated and not get_decoder(syntax).is_available:
        packages = [PACKAGES[kind] for kind in PACKAGES if kind in syntax.name]
        install = f": pip install {packages[0]}" if packages else ""
        raise FileError(f"no installed package decodes {syntax.name}{install}")
    kind = dataset.PhotometricInterpretation
    samples = dataset.SamplesPerPixel
    if SAMPLES.get(kind) != samples:
        raise FileError(f"{kind:.20} with {samples} samples per pixel is not supported")
    if (stated := int(dataset.get("NumberOfFrames") or 1)) > 1:
        raise FileError(f"it has {stated} frames: save those to be used as pictures of their own")
    _refuse_enhanced(dataset)
    allocated = dataset.BitsAllocated
    stored = dataset.BitsStored
    high = dataset.get("HighBit", stored - 1)
    whole = (8, 16) if samples == 1 else (8,)
    if allocated not in whole or not 1 < stored <= allocated or high != stored - 1:
        raise FileError(
            f"{stored} bits in {allocated}, {samples} samples per pixel, highest bit {high}: this "
            "is not supported"
        )
    if not 0 < dataset.Rows * dataset.Columns <= MAX_PIXELS:
        raise FileError(f"{dataset.Columns} x {dataset.Rows} pixels")
    if (frames := _count_frames(dataset)) > 1:
        raise FileError(f"its pixel data contain {frames} frames, but its header states 1")
    if syntax.is_encapsulated and syntax != RLELossless:
        _refuse_contradiction(dataset)
    pixels = pixel_array(dataset)
    if kind == PALETTE:
        coloured = apply_color_lut(pixels, dataset)
        return (coloured >> 8 * (coloured.dtype.itemsize - 1)).astype(np.uint8)
    return pixels


def _refuse_contradiction(dataset: Dataset) -> None:
    """Raise FileError if a compressed frame has another size, depth or sign than the header."""
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    if (beginning := frame.find(_SIZ)) >= 0:  # JPEG 2000
        right, low, left, top = struct.unpack_from(">4I", frame, beginning + 8)
        coded = get_j2k_parameters(frame[beginning:])
        coded |= {"height": low - top, "width": right - left}
    else:
        place = 2
        while frame[place] == 0xFF and frame[place + 1] not in _SOF:
            place += 2 + int.from_bytes(frame[place + 2 : place + 4], "big")
        names = "precision", "height", "width"
        coded = dict(zip(names, struct.unpack_from(">BHH", frame, place + 4), strict=True))
    stated = {
        "height": dataset.Rows,
        "width": dataset.Columns,
        "precision": dataset.BitsStored,
        "is_signed": bool(dataset.PixelRepresentation),
    }
    for name, value in stated.items():
        if coded.get(name, value) != value:  # JPEG-LS states no sign
            raise FileError(
                f"{name} of its compressed pixels is {coded[name]}, of its header {value}"
            )
    if dataset.file_meta.TransferSyntaxUID == JPEGBaseline8Bit:
        refuse_damaged_jpeg(frame)


def _count_frames(dataset: Dataset) -> int:
    """Return the number of whole frames in the pixel data, regardless of NumberOfFrames."""
    content = dataset.PixelData
    syntax = dataset.file_meta.TransferSyntaxUID
    if not syntax.is_encapsulated:
        return len(content) // get_expected_length(dataset)
    buffer = io.BytesIO(content)
    stated = len(parse_basic_offsets(buffer))
    # A frame may be in several fragments; in JPEG and its relatives the first has a marker.
    marks = b"" if syntax == RLELossless else _BEGINNINGS
    return max(stated, sum(part.startswith(marks) for part in generate_fragments(buffer)))


def display(dataset: Dataset, pixels: np.ndarray, window: Window | None) -> np.ndarray:
    """Return stored pixels as they are displayed, uint8 (h, w); may raise one of `BROKEN`.

    CT values that wrapped (:func:`is_wrapped`) are put back below zero.
    """
    if is_wrapped(dataset, pixels):
        pixels = pixels.astype(np.int32)
        pixels[pixels >= WRAPPED] -= 2**WRAPPED_BITS
    if pixels.ndim == 3:
        if window is not None:
            raise FileError("it is in colour, but a window for grey values was requested")
        return np.asarray(Image.fromarray(pixels).convert("L"))
    rescaled = "RescaleSlope" in dataset and "RescaleIntercept" in dataset
    if window is not None and not (rescaled or dataset.get("ModalityLUTSequence")):
        raise FileError(
            "it has no RescaleSlope and RescaleIntercept, so no window fits it: give none"
        )
    if rescaled and not (
        MIN_SLOPE <= abs(dataset.RescaleSlope) <= MAX_SLOPE
        and abs(dataset.RescaleIntercept) <= MAX_INTERCEPT
    ):
        raise FileError(
            f"RescaleSlope is {dataset.RescaleSlope} and RescaleIntercept "
            f"{dataset.RescaleIntercept}"
        )
    # A table with a negative first entry would overflow the stored type.
    rescaled_pixels = apply_modality_lut(pixels.astype(np.int32), dataset)
    gray = to_uint8(_display(dataset, rescaled_pixels, window))
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        gray = 255 - gray
    stated = [dataset.get("PixelPaddingValue"), dataset.get("PixelPaddingRangeLimit")]
    if stated[0] is not None:  # nothing was measured there
        ends = np.array([end for end in stated if end is not None], dtype=int)
        if dataset.PixelRepresentation:  # in some files it is written without its sign
            ends = ends.astype(np.int16)
        gray[(ends.min() <= pixels) & (pixels <= ends.max())] = 0
    return gray


def apply_window(values: np.ndarray, window: Window) -> np.ndarray:
    """Return values as shares of a window (center, width): 0 is black and 1 white, not clipped.

    The VOI function LINEAR of PS3.3 C.11.2.1.2.1; FileError for a width below 1.
    """
    center, width = window
    if not width >= 1:
        raise FileError(f"a window of width {width} is too narrow")
    if width == 1:
        return (values > center - 0.5).astype(np.float64)
    return (values - (center - 0.5)) / (width - 1) + 0.5


def to_uint8(values: np.ndarray, window: Window | None = None) -> np.ndarray:
    """Return values of 0 to 1, or of a window (center, width), as uint8, clipped and rounded."""
    if window:
        values = (values - window[0]) / window[1] + 0.5
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)


def patient_of(root: Path, locator: str) -> str:
    """Return the PatientID of a DICOM file, from its header alone; InputError without one."""
    if not is_dicom(locator):
        raise InputError(
            "files other than DICOM have no header with a PatientID",
            where=root / locator,
            remedy="Take patients from a table or from names.",
        )
    with _open(root, locator, stop_before_pixels=True, specific_tags=["PatientID"]) as header:
        patient = str(header.get("PatientID") or "").strip()
    if not patient:
        raise InputError(
            "the header has no PatientID",
            where=root / locator,
            remedy="Export it with its patient, or a pseudonym; a split by patient needs it.",
        )
    return patient


def is_wrapped(dataset: Dataset, pixels: np.ndarray | None = None) -> bool:
    """Return whether CT values below zero, mostly air, have wrapped: -1,000 is stored as 3,096.

    Only unsigned values of 12 bits of which none can be air are looked at, or decoded.
    """
    if (
        dataset.get("Modality") != "CT"
        or dataset.get("BitsStored") != WRAPPED_BITS
        or dataset.get("PixelRepresentation") != 0  # values have a sign
        or (dataset.get("RescaleIntercept") or 0) <= NO_AIR
    ):
        return False
    pixels = decode(dataset) if pixels is None else pixels
    return bool(pixels.ndim == 2 and (pixels >= WRAPPED).mean() > WRAPPED_SHARE)


def holds_wrapped(root: Path, locator: str) -> bool:
    """Return :func:`is_wrapped` of a DICOM file."""
    with _open(root, locator) as dataset:
        return is_wrapped(dataset)


def _display(dataset: Dataset, values: np.ndarray, window: Window | None) -> np.ndarray:
    """Return physical values as shares of the display range: 0 is black and 1 white."""
    if window is not None:
        return apply_window(values, window)
    if dataset.get("VOILUTSequence"):
        entries, _, depth = descriptor = dataset.VOILUTSequence[0].LUTDescriptor
        # pydicom would index such a table in 8 bits.
        if depth == 8 and not 0 < entries <= 256:
            raise FileError(f"its VOI table has {entries} entries of 8 bits")
        shown = apply_voi_lut(np.rint(values).astype(np.int32), dataset)
        return shown / _largest_of(descriptor, apply_voi_lut, dataset)
    has_window = dataset.get("WindowCenter") is not None and dataset.get("WindowWidth") is not None
    if has_window:
        values = apply_voi_lut(values, dataset)
    # The smallest and largest value that the file's bits can store, after rescaling.
    if dataset.get("ModalityLUTSequence"):
        descriptor = dataset.ModalityLUTSequence[0].LUTDescriptor
        low = 0.0
        high = 2.0 ** descriptor[2] - 1  # of what pydicom makes of a window
        if not has_window:
            high = _largest_of(descriptor, apply_modality_lut, dataset)
    else:
        first = -(2 ** (dataset.BitsStored - 1)) if dataset.PixelRepresentation else 0
        ends = np.array([first, first + 2**dataset.BitsStored - 1])
        ends = apply_modality_lut(ends, dataset).astype(float)
        low, high = ends if has_window else sorted(ends)
    return (values - low) / (high - low)


def _largest_of(
    descriptor: Sequence[int], apply: Callable[..., np.ndarray], dataset: Dataset
) -> float:
    """Return the largest number of the bits that a table has, as some state 16 and have 12."""
    entries, first, _ = descriptor
    table = apply(np.arange(first, first + (entries or 2**16), dtype=np.int32), dataset)
    return 2.0 ** max(1, int(table.max()).bit_length()) - 1
