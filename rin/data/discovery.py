"""What a folder of somebody's own holds: how its table is written, and what its columns are.

Tables are read whatever their separator and encoding; columns are recognised by their names, in
English and the commoner European languages, and by what they hold.  Nothing here decides in
silence: `rin new` shows every guess, and writes it into the manifest with a comment.
"""

import codecs
import csv
import posixpath
import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from statistics import StatisticsError, mode

import pandas as pd

from rin.data.manifest import PART_NAMES
from rin.data.tree import PICTURES
from rin.files import read_yaml

SEPARATORS = ",;\t|"
_WORDS = read_yaml(Path(__file__).with_suffix(".yaml"))
COLUMNS = {role: words.split() for role, words in _WORDS["columns"].items()}
POSITIVE, NEGATIVE = _WORDS["positive"].split(), _WORDS["negative"].split()
#: Words for an empty cell.
MISSING = _WORDS["missing"].split()
#: How patients may be read from paths: a folder each, or names before their last or first break.
PATIENT_PATHS = _WORDS["patient paths"]
#: How masks are called that lie beside their pictures, or in a folder of their own.
SAME_NAME, *MASK_NAMES = _WORDS["mask names"]
#: Stands for the folders before the end of a path.
_ANY = "**/"
#: How files of spreadsheets begin, the older ones first.
_WORKBOOKS = (b"\xd0\xcf\x11\xe0", b"PK\x03\x04")
#: What tables and folders call the parts of a split.
PART_WORDS = PART_NAMES | _WORDS["parts"]


def decode(content: bytes) -> tuple[str, str]:
    """Return the text of a table and its encoding: Unicode, a European code page if that gives
    letters of its languages only, or else what is most probable.
    """
    if content.startswith(_WORKBOOKS):
        raise ValueError("it is a workbook or an archive")
    if content.startswith(codecs.BOM_UTF8):
        return content.decode("utf-8-sig"), "utf-8-sig"
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16"), "utf-16"
    if b"\0" not in content:
        with suppress(UnicodeDecodeError):
            return content.decode("utf-8"), "utf-8"
    if content[1::2].count(0) > len(content) // 4:
        return content.decode("utf-16-le"), "utf-16-le"
    for encoding, letters in _WORDS["letters"].items():
        text = content.decode(encoding, "replace")
        if _is_written_with(letters + _WORDS["signs"], text):
            return text, encoding
    from charset_normalizer import from_bytes

    pages = _WORDS["code pages"]
    guess = from_bytes(content, cp_isolation=pages).best()
    likely = guess.could_be_from_charset if guess else ["latin_1"]
    encoding = next(page for page in (*pages, likely[0]) if page in likely)
    text = content.decode(encoding)
    if "\0" in text:
        raise ValueError("it is neither text nor a table of a known kind")
    return text, encoding


def _is_written_with(letters: str, text: str) -> bool:
    """Whether a text holds no others beyond ASCII, and its words more plain letters than those.

    A handful of words, as the classes of a table are, is too little to recognise a language by.
    """
    beyond = [sign for sign in text if not sign.isascii()]
    accented = [word for word in re.findall(r"[^\W\d_]+", text) if not word.isascii()]
    plain = sum(sign.isascii() for word in accented for sign in word)
    return {*beyond} <= {*letters} and sum(map(str.isalpha, beyond)) <= plain and "\0" not in text


def separator_of(text: str) -> str:
    """Return what separates cells: that which gives most of the first rows as many, and most.

    The first row, which names the columns, counts more than the others.
    """
    fits = {}
    for separator in SEPARATORS:
        # An error is a quote that another separator opens, and nothing closes.
        with suppress(csv.Error, StatisticsError):
            widths = [len(row) for row in islice(rows_of(text, separator), 50)]
            if (width := mode(widths)) > 1:
                fits[separator] = widths[0] == width, widths.count(width), width
    return max(fits, key=fits.__getitem__, default=",")


def rows_of(text: str, separator: str) -> Iterator[list[str]]:
    """Yield the rows of a table, not its lines, as quoted cells may hold line breaks."""
    lines = (line[0] for line in re.finditer(r"[^\r\n]*(?:\r\n?|\n)?", text))
    return filter(None, csv.reader(lines, delimiter=separator))


def matched(names: Collection[str], known: Collection[str], folder: str = "") -> dict[str, str]:
    """Return what a table's names of files are called below their folder, where that is clear.

    A name counts with or without the folder before it, or the one that all names share, with
    either slash, with or without an ending of pictures, and in any case of letters; at last
    without folders that the table leaves out.  It never counts where two files fit it alike.
    """
    matches = {name: name for name in names if name in known}
    paths = {name: name.replace("\\", "/").removeprefix("./").lstrip("/") for name in names}
    if len(matches) == len(paths):
        return matches
    by_name, by_stem = defaultdict(list), defaultdict(list)
    for name in known:
        folders = _folded(name).split("/")
        ends = (_ANY + "/".join(folders[n:]) for n in range(1, len(folders)))
        for end in ("/".join(folders), *ends):
            by_name[end].append(name)
            by_stem[file_stem(end)].append(name)
    shared = posixpath.commonpath([path.rpartition("/")[0] for path in paths.values()])
    last = folder.rpartition("/")[2]
    for name, path in paths.items():
        if name in matches:
            continue
        below = f"/{path}".rpartition(f"/{folder}/")[2] if folder else path
        short = f"/{path}".rpartition(f"/{last}/")[2] if last else path
        tries = path, below.lstrip("/"), short.lstrip("/"), path.removeprefix(f"{shared}/")
        for tried in dict.fromkeys((*tries, *(_ANY + path for path in tries[:3]))):
            lower = _folded(tried)
            # The whole name first: it may end in what looks like an ending, as UIDs do.
            fitting = [by_name[lower], by_stem[lower], by_stem[file_stem(lower)]]
            fitting = [[tried]] if tried in known else [fit for fit in fitting if len(fit) == 1]
            if fitting:
                matches[name] = fitting[0][0]
                break
    return matches


def says_nothing(cell: str) -> bool:
    """Tell whether a cell is empty, or holds a word for that."""
    return not cell or plain(cell) in MISSING


def _folded(name: str) -> str:
    """Return a name in lower case, its accents as one sign: a Mac writes them as two."""
    return unicodedata.normalize("NFC", name).lower()


def file_stem(name: str) -> str:
    """Return a name of a file, its folders before it, without an ending of pictures."""
    head, dot, ending = name.rpartition(".")
    return head if dot + ending.lower() in PICTURES else name


def plain(text: str) -> str:
    """Return a name in lower case, without accents and signs: `Patienten-Nr.` is patientennr."""
    letters = unicodedata.normalize("NFKD", text.replace("ß", "ss")).casefold()
    return re.sub(r"[^a-z0-9]", "", letters)


def part_of(cell: str) -> str:
    """Return the part of a split that a cell names, in any case of letters; or nothing."""
    return PART_WORDS.get(cell.strip().casefold(), "")


def guess_positive(classes: Collection[str]) -> str:
    """Return the class that is looked for, by its word or that of the only other; or nothing."""
    read_as = {value: plain(re.sub(r"\.0+$", "", value)) for value in classes}  # 1.0 is 1
    if likely := [value for value in classes if read_as[value] in POSITIVE]:
        return min(likely, key=lambda value: POSITIVE.index(read_as[value]))
    others = [value for value in classes if read_as[value] not in NEGATIVE]
    return others[0] if len(others) == 1 else ""


def guess_patients(paths: Collection[str]) -> tuple[str, int]:
    """Return a pattern by which pictures seem to be several of a patient, and of how many."""
    for pattern in PATIENT_PATHS:
        names = (path if "/" in pattern else path.rpartition("/")[2] for path in paths)
        matches = [re.search(pattern, name) for name in names]
        patients = len({match[1] for match in matches if match})
        if all(matches) and max(4, len(paths) / 50) <= patients <= 0.9 * len(paths):
            return pattern, patients
    return "", 0


def guess_masks(pictures: Collection[str], masks: Collection[str] = ()) -> str:
    """Return the pattern of names of masks, whose group ``stem`` is the picture's; maybe empty.

    ``masks`` lie in a folder of their own; without them, masks lie beside the ``pictures``.
    """
    stems = {file_stem(name) for name in pictures}
    if masks:
        stems = {stem.rpartition("/")[2] for stem in stems}
    for pattern in [SAME_NAME, *MASK_NAMES] if masks else MASK_NAMES:
        for name in masks or pictures:
            folder, slash, file = file_stem(name).rpartition("/")
            match = re.fullmatch(pattern, file)
            before = "" if masks else folder + slash
            if match and before + match["stem"] in stems:
                return pattern
    return ""


def sort_pictures(
    names: Collection[str], images: str, masks: str
) -> tuple[list[str], list[str], str]:
    """Return pictures and masks without their folders, and the pattern of names of masks."""
    inside, drawn = (f"{folder}/" if folder else "" for folder in (images, masks))
    if masks in ("", images):
        pictures = [name.removeprefix(inside) for name in names if name.startswith(inside)]
        pattern = guess_masks(pictures)
        stems = {name: file_stem(name).rpartition("/")[2] for name in pictures}
        outlines = [name for name in pictures if pattern and re.fullmatch(pattern, stems[name])]
        return sorted({*pictures} - {*outlines}), outlines, pattern
    outlines = [name.removeprefix(drawn) for name in names if name.startswith(drawn)]
    others = (name for name in names if not name.startswith(drawn))
    pictures = [name.removeprefix(inside) for name in others if name.startswith(inside)]
    return pictures, outlines, guess_masks(pictures, outlines)


def mask_template(pattern: str, masks: Collection[str]) -> str:
    """Return how masks are called after their picture's ``{stem}``; empty where they are alike."""
    stems = (file_stem(name).rpartition("/")[2] for name in masks)
    match = next(filter(None, (re.fullmatch(pattern, stem) for stem in stems)))
    template = f"{match.string[: match.start('stem')]}{{stem}}{match.string[match.end('stem') :]}"
    return "" if pattern == SAME_NAME else template


def guess_columns(
    rows: pd.DataFrame, pictures: Collection[str], masks: Collection[str], folders: tuple[str, str]
) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Return the columns of a table by role, a reason each, and those that may be the label.

    ``pictures`` and ``masks`` are the names of files below the two ``folders``.
    """
    roles: dict[str, str] = {}
    reasons: dict[str, str] = {}
    distinct = {name: set(rows[name]) - {""} for name in rows}
    for role, files, folder in zip(("image", "mask"), (pictures, masks), folders, strict=True):
        shares = {}
        for name, cells in distinct.items():
            many = role == "mask" or len(cells) > 0.5 * len(rows)
            if files and cells and many and name not in roles.values():
                shares[name] = len(matched(cells, files, folder)) / len(cells)
        best = max(shares, key=lambda name: (shares[name], _named(name, role)), default="")
        if best and shares[best] > 0.2:
            roles[role] = best
            reasons[role] = f"{100 * shares[best]:.0f}% of its cells are names of files"
    for role in ("patient", "split", "label"):
        free = [name for name in rows if name not in roles.values()]
        fits = [name for name in free if _may_be(rows[name], role)]
        likely = max(fits, key=lambda name: _named(name, role), default="")
        if likely and _named(likely, role):
            roles[role], reasons[role] = likely, "by its name"
        elif role == "label" and len(fits) == 1:
            roles[role], reasons[role] = likely, "the only column with a few classes"
    return roles, reasons, fits


def _named(name: str, role: str) -> float:
    """Return how well a column's name fits a role, 0 to 1."""
    text, words = plain(name), COLUMNS[role]
    if text in words:
        return 1 - words.index(text) / 100
    parts = {plain(part) for part in re.split(r"[^0-9A-Za-zÀ-ÿ]+", name)}
    if among := [word for word in words if word in parts]:
        return 0.5 - words.index(among[0]) / 100
    inside = any(len(word) > 3 and word in text for word in words)
    return 0.25 if inside else 0


def _may_be(cells: pd.Series, role: str) -> bool:
    values = set(cells) - {""}
    if role == "split":
        # One word of a part is enough: other values beside it are refused, not passed over.
        is_split = any(map(part_of, values)) or all(value.isdecimal() for value in values)
        return 2 <= len(values) <= 10 and is_split
    if role == "label":
        return 1 <= len(values) <= 12 and len(values) < max(3, len(cells) / 3)
    return len(values) >= 1
