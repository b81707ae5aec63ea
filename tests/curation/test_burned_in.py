"""The risk of burned-in text: on phantoms and real pictures, as they are and with text drawn."""

import io
import random
import zipfile
from collections import Counter
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from export_files import header, indexed
from PIL import Image, ImageDraw, ImageFont
from pydicom.uid import UltrasoundImageStorage
from scipy.ndimage import gaussian_filter, zoom

from rin.curation import burned_in
from rin.curation.burned_in import (
    DOUBTFUL,
    QUEUE,
    SHOWS_TEXT,
    Line,
    burned_in_risk,
    cleared_images,
    published_risk,
    read_lines,
    risk_of_lines,
    write_image_queue,
)
from rin.curation.deidentify import Pseudonyms, display_window, picture_of
from rin.curation.export import export_images
from rin.curation.spreadsheets import read_rows
from rin.data.standins.datasets import draw_image
from rin.data.standins.phantoms import to_uint8

TEXTS = ("DOE JANE 1956-03-12", "12.05.2014 10:31", "MUELLER ANNA", "ID 8812734 F",
         "St. Mary Hosp.", "Smith^John 45Y", "03/11/2011 08:12:45", "Kowalski, Ewa")  # fmt: skip
#: Names as a reader of Latin letters does not know them; matplotlib brings a font that does.
FOREIGN = {
    "Cyrillic": ("Иванова Анна", "ПЕТРОВ И.", "Смирнов Олег 1956", "ЖУКОВА Е.", "Юлия Щукина"),
    "Arabic": ("محمد علي", "فاطمة حسن", "عبد الله", "أحمد محمود", "يوسف سالم"),
    "Hebrew": ("כהן דוד", "שרה לוי", "רחל מזרחי", "משה פרץ", "חנה ביטון"),
}
FONT = Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf")
#: Archive and pictures of which 40 are drawn, without those in which text is seen by eye.
REAL = {
    "breast": ("busi.zip", ("benign (60)", "benign (227)", "benign (228)", "benign (359)",
                            "benign (390)", "malignant (140)")),
    "head": ("headct200.zip", ("/190.",)),
    "chest": ("kermany_cxr.zip", ("person1313_virus_2264", "person667_virus_1253")),
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def unread():
    """Here, pictures are read."""


def text_risk(pixels):
    return risk_of_lines(read_lines(pixels))


@cache
def phantoms():
    pictures = [
        draw_image(dataset, kind, number, 1).phantom.picture()
        for dataset, kind in (("busi", "benign"), ("ddti", "malignant"), ("cc_ccii", "normal"))
        for number in range(2)
    ]
    knees = [
        draw_image("mrnet", "normal", number, 1, height=0.3).phantom.scan() for number in range(2)
    ]
    return pictures + [to_uint8(zoom(knee, 2)) for knee in knees]


def lettered(pixels, text, *, corner=0, size=12, ink=235, bar=None, turned=False, font=None):
    """Write a line into a corner, or upwards along a side where it is turned."""
    font = ImageFont.truetype(font, size) if font else ImageFont.load_default(size)
    left, top, right, low = font.getbbox(text)
    line = Image.new("L", (right - left + 2, low - top + 2), 0)
    ImageDraw.Draw(line).text((1 - left, 1 - top), text, fill=255, font=font)
    line = line.transpose(Image.Transpose.ROTATE_90) if turned else line
    picture = Image.fromarray(pixels)
    x = 3 if corner % 2 == 0 else picture.width - line.width - 3
    y = 3 if corner < 2 else picture.height - line.height - 3
    if bar is not None:
        box = [x - 2, y - 2, x + line.width + 2, y + line.height + 2]
        ImageDraw.Draw(picture).rectangle(box, fill=bar)
    picture.paste(ink, (x, y), line)
    return np.asarray(picture)


def dataset(pixels=None, **elements):
    return header(pixels=pixels, **{"SOPClassUID": UltrasoundImageStorage} | elements)


@pytest.mark.slow
def test_phantoms_without_text_show_none():
    assert [text_risk(picture) for picture in phantoms()] == [""] * len(phantoms())


STYLES = [{}, {"bar": 40}, {"ink": 20, "bar": 230}]
SLOW_STYLES = [style | turned for style in STYLES for turned in ({}, {"turned": True})]


@pytest.mark.parametrize(
    "style",
    [STYLES[-1], *(pytest.param(style, marks=pytest.mark.slow) for style in SLOW_STYLES)],
    ids=str,
)
def test_text_in_a_corner_of_a_phantom_is_seen(style):
    written = [
        lettered(picture, TEXTS[number], corner=number % 4, **style)
        for number, picture in enumerate(phantoms())
    ]
    assert sum(text_risk(picture) != "" for picture in written) >= len(written) - 1


def test_line_is_read_wherever_it_stands():
    picture = np.zeros((200, 240), dtype=np.uint8)
    picture[85:115, 50:170] = lettered(picture[:30, :120], "MUELLER ANNA")
    (line,) = read_lines(picture)
    assert line.text.replace(" ", "") == "MUELLERANNA"
    assert line.confidence > 0.8
    assert 0.3 < line.width < 0.6
    assert 0.05 < line.height < 0.12


def test_risk_depends_on_the_letters_and_the_confidence_of_any_line():
    assert risk_of_lines([]) == risk_of_lines([Line("L", 1.0), Line("AP", 1.0)]) == ""
    assert risk_of_lines([Line("LT3", 0.9), Line("Doe J", 0.8)]) == SHOWS_TEXT


@pytest.mark.parametrize(
    ("risk", "lines"),
    [
        # A sign that is a syllable or a word counts as two letters.
        (SHOWS_TEXT, [("Doe J", 0.8), ("张丽", 0.9)]),
        (DOUBTFUL, [("LT3", 0.9), ("Doe J", 0.6), ("박영", 0.6)]),
        ("", [("Doe J", 0.4), ("文", 0.9)]),
        # A line that is detected is doubtful unless what it reads as fills it.
        (
            DOUBTFUL,
            [
                ("", 0.0, 0.4, 0.06),
                ("λ", 0.96, 0.4, 0.06),
                ("", 0.0, 0.06, 0.4),
                ("λ", 0.96, 0.06, 0.4),
            ],
        ),
        (DOUBTFUL, [("HP", 0.4, 0.12, 0.07)]),
        ("", [("HP", 0.8, 0.12, 0.07), ("8", 0.4, 1.0, 0.7)]),
    ],
)
def test_risk_of_a_single_line(risk, lines):
    found = {line: risk_of_lines([Line(*line)]) for line in lines}
    assert found == dict.fromkeys(lines, risk)


@pytest.mark.parametrize(
    "script", ["Cyrillic", *(pytest.param(s, marks=pytest.mark.slow) for s in [*FOREIGN][1:])]
)
def test_name_that_cannot_be_read_is_never_taken_for_no_text(script):
    for number, picture in enumerate(phantoms()):
        name = FOREIGN[script][number % 5]
        marked = lettered(picture, name, size=14, corner=number % 4, bar=30, font=FONT)
        assert text_risk(marked) != "", (number, name)


def test_text_that_is_faint_in_stored_values_and_plain_in_the_window_is_seen(tmp_path):
    tissue = np.random.default_rng(0).normal(40, 8, (256, 256))
    tissue[:90], tissue[160:] = -1000, 1500
    letters = lettered(np.zeros((60, 256), np.uint8), "DOE JANE 1956", ink=60)
    tissue[95:155] += letters
    scan = header(pixels=tissue.round().astype(np.int16), RescaleSlope="1", RescaleIntercept="0")
    assert burned_in_risk(scan) == ""
    assert exported_risk(tmp_path, scan) == SHOWS_TEXT


def test_text_that_is_plain_in_stored_values_and_not_in_the_window_is_seen(tmp_path):
    air = np.full((256, 256), -1000, np.int16)
    air[60:] = -300
    air[:50] += lettered(np.zeros((50, 256), np.uint8), "DOE JANE 1956", ink=250)
    scan = header(pixels=air, RescaleSlope="1", RescaleIntercept="0")
    assert text_risk(picture_of(scan, display_window("CT", "brain"))) == ""
    assert exported_risk(tmp_path, scan) == SHOWS_TEXT


def test_picture_that_shows_what_stored_values_do_everywhere_is_read_once(monkeypatch):
    monkeypatch.setattr(burned_in, "read_lines", lambda _: [Line("DOE JANE", 1.0)])
    stored = phantoms()[0].astype(np.uint16) * 16
    assert published_risk(phantoms()[0], stored) == ""
    one = phantoms()[0].copy()
    one[5, 5] ^= 128
    assert published_risk(one, stored) == SHOWS_TEXT


def test_name_within_a_smooth_body_whose_box_fills_the_picture_is_seen():
    rows, columns = np.mgrid[-1:1:512j, -1:1:512j]
    body = gaussian_filter(np.where(np.hypot(rows / 0.7, columns / 0.8) < 1, 170.0, 10), 2)
    body += np.random.default_rng(0).normal(0, 1.5, body.shape)
    body = body.clip(0, 255).astype(np.uint8)
    assert text_risk(body) == ""
    body[245:270, 190:320] = lettered(body[245:270, 190:320], "MUELLER ANNA", size=14, ink=255)
    assert text_risk(body) == SHOWS_TEXT


def exported_risk(tmp_path, scan, cleared=False):
    archive = indexed(tmp_path, scan)
    images = archive.files.assign(region="brain", cleared=cleared)
    out = tmp_path / "out"
    exported, _ = export_images(images, archive.root, out, Pseudonyms(bytes(range(32))))
    (risk,) = exported["risk"]
    assert len([*(out / "pictures").iterdir()]) == (risk == "")
    return risk


def test_risk_is_seen_in_the_pixels_whatever_the_attribute_says_in_colour_and_in_16_bits():
    plain = phantoms()[0]
    shown = lettered(plain, TEXTS[0], bar=0)
    yellow = np.stack([shown, shown, np.where(shown == 235, 0, shown)], axis=2)
    assert burned_in_risk(dataset(plain)) == ""
    for pixels in (shown, yellow, shown.astype(np.uint16) * 16):
        assert burned_in_risk(dataset(pixels)) == SHOWS_TEXT
    assert burned_in_risk(dataset(shown, BurnedInAnnotation="NO")) == SHOWS_TEXT


@pytest.mark.parametrize("name", ["BurnedInAnnotation", "RecognizableVisualFeatures"])
def test_risk_that_the_header_tells_needs_no_pixels(name):
    assert burned_in_risk(dataset(**{name: "YES"})) == f"{name} is YES"


def test_image_is_cleared_by_the_answer_no_until_its_bytes_change(tmp_path):
    for name in ("a.dcm", "b.dcm"):
        (tmp_path / name).write_bytes(name.encode())
    images = pd.DataFrame({"sop_uid": ["1.2", "1.3"], "path": ["a.dcm", "b.dcm"]})
    queue = tmp_path / "queue.csv"
    write_image_queue(images, queue, tmp_path)
    assert cleared_images(queue, tmp_path) == set()
    answers = read_rows(queue, QUEUE).assign(shows_text=["No ", "yes"])
    answers.to_csv(queue, index=False, encoding="utf-8-sig")
    assert cleared_images(queue, tmp_path) == {"1.2"}
    # Of two readers, one saw text.
    pd.concat([answers, answers[:1].assign(shows_text="yes")]).to_csv(queue, index=False)
    assert cleared_images(queue, tmp_path) == set()
    answers.to_csv(queue, index=False)
    write_image_queue(images[:1], queue, tmp_path)
    assert cleared_images(queue, tmp_path) == {"1.2"}
    (tmp_path / "a.dcm").write_bytes(b"another picture")
    assert cleared_images(queue, tmp_path) == set()
    write_image_queue(images, queue, tmp_path)
    assert [*read_rows(queue, QUEUE)["shows_text"]] == ["", ""]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "elements", "held_back"),
    [
        ("LT3", {}, ""),
        ("Doe J", {}, SHOWS_TEXT),
        ("LT3", {"BurnedInAnnotation": "YES"}, "BurnedInAnnotation is YES"),
    ],
)
def test_answer_no_clears_what_is_doubtful_and_nothing_else(tmp_path, line, elements, held_back):
    pixels = lettered(phantoms()[0], line, bar=0)
    scan = header(pixels=pixels, RescaleSlope="1", RescaleIntercept="0", **elements)
    assert exported_risk(tmp_path, scan) == (held_back or DOUBTFUL)
    assert exported_risk(tmp_path, scan, cleared=True) == held_back


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.parametrize("kind", REAL)
def test_of_forty_real_pictures_36_with_text_are_seen_and_4_without_at_most_flagged(
    kind, real_root
):
    """Text of 9 to 14 pixels in any corner, over whatever is there, in three shades."""
    archive, lettered_already = REAL[kind]
    if not (real_root / archive).is_file():
        pytest.skip(f"{archive} is not under DATA_ROOT")
    draw, pictures = random.Random(0), []
    with zipfile.ZipFile(real_root / archive) as opened:
        names = [name for name in opened.namelist() if name.endswith((".png", ".jpeg"))]
        plain = [n for n in sorted(names) if "_mask" not in n]
        for name in draw.sample(plain, 46):
            if not any(part in name for part in lettered_already):
                picture = Image.open(io.BytesIO(opened.read(name))).convert("L")
                pictures.append(np.asarray(picture))
    seen = Counter()
    for picture in pictures[:40]:
        style = {"size": draw.choice((9, 10, 11, 12, 14)), "ink": draw.choice((200, 235, 255)),
                 "corner": draw.randrange(4)}  # fmt: skip
        text = draw.choice(TEXTS)
        written = {
            "clean": picture,
            "horizontal": lettered(picture, text, **style),
            "vertical": lettered(picture, text, turned=True, **style),
        }
        style["size"] += 2  # without serifs and capitals, letters are lower
        for script, names in FOREIGN.items():
            written[script] = lettered(picture, draw.choice(names), font=FONT, **style)
        seen.update(kind for kind, marked in written.items() if text_risk(marked) != "")
    assert seen["clean"] <= 4, seen
    assert min(seen[kind] for kind in ("horizontal", "vertical", "Cyrillic", "Hebrew")) >= 36, seen
    assert seen["Arabic"] >= 32, seen
