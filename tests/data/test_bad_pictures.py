"""Sixty pictures, and sixty volumes, that cannot be right: each is refused by name."""

import io
import zlib
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

from rin.data.pixels import read_picture
from rin.errors import InputError

DRAW = np.random.default_rng(5)
SIZE = (96, 96)
NOISE = DRAW.integers(0, 256, SIZE, dtype=np.uint8)
OTHERS = {
    "empty": b"",
    "a byte": b"\x89",
    "text": b"not a picture",
    "page": b"<!DOCTYPE html><html><body>404</body></html>",
    "table": b"filename,label\na.png,benign\n",
    "PDF": b"%PDF-1.7\n%%EOF\n",
    "zip": b"PK\x03\x04" + bytes(26),
    "gzip": zlib.compress(b"picture"),
    "zeros": bytes(4096),
    "random": DRAW.bytes(4096),
}


def encoded(kind, picture=None, **options):
    written = io.BytesIO()
    (picture or Image.fromarray(255 - NOISE)).save(written, kind, **options)
    return written.getvalue()


def cut(content, count):
    """Contents that end after shares of the whole."""
    return {f"cut at {k}/{count}": content[: len(content) * k // count] for k in range(1, count)}


def zeroed(content, count, length=64):
    """Contents with a run of zeros, at places from the first tenth to the last."""
    places = np.linspace(0.1, 0.9, count) * (len(content) - length)
    return {
        f"zeroed at {place}": content[:place] + bytes(length) + content[place + length :]
        for place in places.astype(int).tolist()
    }


def bad_pictures():
    """That a single bit of a PNG never changes in silence, the tests of pixels show."""
    png, jpeg = encoded("PNG"), encoded("JPEG", quality=90)
    gray = Image.fromarray(NOISE)
    made = {f"PNG {name}": content for name, content in (cut(png, 10) | zeroed(png, 8)).items()}
    made |= {f"JPEG {n}": content for n, content in (cut(jpeg, 12) | zeroed(jpeg, 10)).items()}
    second = {"save_all": True, "append_images": [gray.copy()]}
    made |= {
        "PNG without its end": png[: png.index(b"IEND") - 4],
        "PNG of 16 bits": encoded("PNG", Image.fromarray(NOISE.astype(np.uint16) * 200)),
        "PNG of two frames": encoded("PNG", **second),
        "JPEG without its end": jpeg[:-2],
        "JPEG for print": encoded("JPEG", Image.new("CMYK", SIZE)),
        "half a GIF": encoded("GIF")[: len(encoded("GIF")) // 2],
        "GIF of two pictures": encoded("GIF", **second),
        "WebP": encoded("WEBP"),
        "TIFF of floats": encoded("TIFF", Image.fromarray(NOISE.astype(np.float32))),
        "TIFF of two pages": encoded("TIFF", **second),
        "TIFF cut": encoded("TIFF")[:5000],
        "BMP cut": encoded("BMP")[:5000],
    }
    return made | OTHERS


def bad_volumes():
    def saved(array, **options):
        written = io.BytesIO()
        np.save(written, array, **options)
        return written.getvalue()

    volume = DRAW.integers(0, 256, (3, 40, 40), dtype=np.uint8)
    whole, made = saved(volume), dict(OTHERS)
    made |= cut(whole, 20) | {f"head {name}": c for name, c in zeroed(whole[:128], 9, 8).items()}
    kinds = [
        "int8",
        "int16",
        "uint16",
        "int32",
        "int64",
        "float16",
        "float32",
        "float64",
        "complex64",
        "bool",
        "U4",
        "S4",
    ]
    made |= {kind: saved(volume.astype(kind)) for kind in kinds}
    shapes = [(4800,), (120, 40), (3, 40, 20, 2), (0, 40, 40), (3, 0, 40)]
    made |= {str(shape): saved(np.zeros(shape, np.uint8)) for shape in shapes}
    made["objects"] = saved(np.array([volume, None], dtype=object), allow_pickle=True)
    made |= {"PNG": encoded("PNG"), "archive": b"PK\x05\x06" + bytes(18)}
    made |= {"number": saved(np.uint8(3)), "days": saved(np.zeros((3, 4, 4), "M8[s]"))}
    # A changed digit of a shape is no damage that a header shows by itself: its length tells.
    made["shape"] = whole.replace(b"(3, 40, 40)", b"(9, 40, 40)")
    return made


@pytest.mark.parametrize(("name", "contents"), [("a.png", bad_pictures), ("a.npy#0", bad_volumes)])
def test_sixty_bad_pictures_are_refused_by_name_and_none_crashes(tmp_path, name, contents):
    contents = contents()
    assert len(contents) >= 60
    silent = set()
    for what, content in contents.items():
        (tmp_path / name.partition("#")[0]).write_bytes(content)
        with suppress(InputError):
            read_picture(tmp_path, name)
            silent.add(what)
    assert silent == set()
