"""Guesses about a user's folder: how its table is written, and what columns and names mean.

Tables may have any common separator and encoding; columns are recognised by their names, in
English and the commoner European languages, and by their cells.  No guess is silent: `rin new`
shows every guess, and writes it into the manifest with a comment.
"""

import codecs
import csv
import posixpath
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from itertools import chain, islice, pairwise, product, takewhile
from operator import itemgetter
from pathlib import Path
from statistics import StatisticsError, mode
from typing import NamedTuple

import pandas as pd

from rin.data.manifest import PART_NAMES
from rin.data.tree import PICTURES
from rin.files import read_yaml

SEPARATORS = ",;\t|"
_WORDS = read_yaml(Path(__file__).with_suffix(".yaml"))
COLUMNS = {role: words.split() for role, words in _WORDS["columns"].items()}
#: Words by which a column describes patients and does not identify them.
OF_PATIENT = _WORDS["of a patient"].split()
POSITIVE, NEGATIVE = _WORDS["positive"].split(), _WORDS["negative"].split()
#: Fewer values than these name no patients, but groups of them: no study divides so few.
FEWEST_PATIENTS = 6
#: Words by which a column is one of ratings or of grades.
_SCALES = {kind: words.split() for kind, words in _WORDS["scales"].items()}
#: Words for yes and no, which do not name what is present or absent.
YES_NO = _WORDS["yes or no"].split()
#: Signs that may separate several findings in a cell, the least ambiguous first.
FINDING_SEPARATORS = "|;/,"
#: Words for what is neither present nor absent.
UNCERTAIN = _WORDS["uncertain"].split()
#: Words for an empty cell.
MISSING = _WORDS["missing"].split()
#: Patterns by which names of files may identify patients.
PATIENT_NAMES = _WORDS["patient names"]
#: Signs between two columns that together begin names.
_BETWEEN = ("_", "-", "/", "")
#: Pattern of an id with a number, at the end of a file's name.
ID_AT_END = r"[ _-]([A-Za-z]*\d+)(?:\.[A-Za-z]+)*$"
#: Pattern of the folder that contains a picture.
_LAST_FOLDER = "([^/]+)/[^/]+$"
#: Patterns by which names of files may show classes.
LABEL_PATTERNS = _WORDS["label patterns"]
#: Patterns of the names of masks; the first only for masks in a folder of their own.
SAME_NAME, *MASK_NAMES = _WORDS["mask names"]
#: Share above which a column is one of files: of its cells that name files, or of files named.
LEAST_SHARE = 0.2
#: Most classes that are read from words or digits in names of files.
_MOST_WORDS = 5
#: Suffix that nnU-Net adds to the name of a single-channel picture, but not to that of its mask.
CHANNEL = "_0000"
#: Words for the sides of the body, and the share of cells of a column of sides that name one.
SIDES = {side: words.split() for side, words in _WORDS["sides"].items()}
LEAST_SIDES = 0.8
#: Of these words, the ones that name a side in files' names; others may be initials of classes.
_SIDES_IN_NAMES = {"l", "r", "lt", "rt", "left", "right", "od", "os"}
#: Most kinds of pictures that belong together, as sequences, and the least share that has several.
_MOST_KINDS, _LEAST_OF_KINDS = 6, 0.8
#: Share of a table's rows with different cells above which a column may have a row per patient.
LEAST_UNIQUE = 0.9
_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)?")
#: A date that begins with its year, perhaps with the time that spreadsheets write.
_DATE = (
    r"(?<!\d)((?:19|20)\d\d)[-_./]?(0[1-9]|1[0-2])[-_./]?(0[1-9]|[12]\d|3[01])(?!\d)(?: 00:00:00)?"
)
#: A date that ends in its year, as 07-20-2016.
_DAY_FIRST = r"\d\d?[-_./]\d\d?[-_./](?:19|20)\d\d(?!\d)"
#: Replaces the outer folders of a path.
_ANY = "**/"
#: First bytes of spreadsheet files, the older format first.
_WORKBOOKS = (b"\xd0\xcf\x11\xe0", b"PK\x03\x04")
#: A sign of Japanese that has its full width.
_HAS_FULL_WIDTH = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")
#: How much rarer, in places in the order of frequency, a capital within a word makes its letter;
#: how much rarer letters of another reading may be on average, and how rare those of any.
_OF_CAPITAL, _MOST_RARER, _RAREST = 2, 2, 15
#: Words of tables and folders for the parts of a split.
PART_WORDS = PART_NAMES | _WORDS["parts"]


def decode(content: bytes) -> tuple[str, str]:
    """Return the text of a table and its encoding; ValueError if it is not text.

    The encoding is Unicode, or a European code page if the text then has only letters of its
    languages, or else the most probable one.
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
    if readings := readings_of(content):
        encoding = next(iter(readings))
        return readings[encoding], encoding
    from charset_normalizer import from_bytes

    pages = _WORDS["code pages"]
    guess = from_bytes(content, cp_isolation=pages).best()
    if guess and "cp932" in guess.could_be_from_charset and not _HAS_FULL_WIDTH.search(str(guess)):
        # Japanese is not written in half letters alone; Cyrillic words are taken for it.
        pages = [page for page in pages if page != "cp932"]
        guess = from_bytes(content, cp_isolation=pages).best()
    likely = guess.could_be_from_charset if guess else ["latin_1"]
    encoding = next(page for page in (*pages, likely[0]) if page in likely)
    text = content.decode(encoding)
    if "\0" in text:
        raise ValueError("it is neither text nor a table of a known kind")
    return text, encoding


def readings_of(content: bytes) -> dict[str, str]:
    """Return the texts that a table in a European code page may be, by encoding, likelier first.

    A reading with more words that tables of ours contain, such as ``bösartig``, is likelier; of
    Cyrillic and Greek readings, one with commoner letters.
    """
    texts: dict[str, str] = {}
    for encoding, language in _WORDS["letters of pages"].items():
        text = content.decode(encoding, "replace")
        letters = _WORDS["letters"][language] + _WORDS["signs"]
        if text not in texts.values() and _is_written_with(letters, text):
            texts[encoding] = text
    if not texts:
        return _readings_in_other_letters(content)
    known = {*POSITIVE, *NEGATIVE, *chain(*COLUMNS.values())}
    n_known = {
        encoding: sum(plain(word) in known for word in accented_words(text))
        for encoding, text in texts.items()
    }
    return {encoding: texts[encoding] for encoding in sorted(texts, key=lambda e: -n_known[e])}


def _readings_in_other_letters(content: bytes) -> dict[str, str]:
    """Return the texts in Cyrillic or Greek that a table may be, by encoding, likelier first.

    A handful of words is recognised by how common their letters are; readings that are much less
    likely than the first are left out.
    """
    rarity: dict[str, float] = {}
    texts: dict[str, str] = {}
    for encoding, language in _WORDS["other letters of pages"].items():
        text = content.decode(encoding, "replace")
        words = accented_words(text)
        order = _WORDS["letters by frequency"][language]
        allowed = {*order, *order.upper(), *_WORDS["other signs"]}
        is_mixed = any(sign.isascii() for word in words for sign in word)
        if words and not is_mixed and text not in texts.values() and _has_only(allowed, text):
            places = [order.index(letter) for word in words for letter in word.lower()]
            capitals = sum(letter.isupper() for word in words for letter in word[1:])
            rarity[encoding] = (sum(places) + _OF_CAPITAL * capitals) / len(places)
            texts[encoding] = text
    likely = min(rarity.values(), default=0) + _MOST_RARER
    of_likely = [encoding for encoding in texts if rarity[encoding] <= min(likely, _RAREST)]
    return {encoding: texts[encoding] for encoding in sorted(of_likely, key=rarity.__getitem__)}


def accented_words(text: str) -> list[str]:
    """Return the words of a text that have other letters than a to z."""
    return [word for word in re.findall(r"[^\W\d_]+", text) if not word.isascii()]


def _is_written_with(letters: str, text: str) -> bool:
    """Return whether a text has only these letters outside ASCII, and not more than plain ones.

    Plain letters count in words that also have others.  A handful of words, such as the classes
    of a table, are too few to recognise a language by; but no word has a sign or a capital behind
    a small letter.
    """
    beyond = [sign for sign in text if not sign.isascii()]
    plain_letters = sum(sign.isascii() for word in accented_words(text) for sign in word)
    return _has_only({*letters}, text) and sum(map(str.isalpha, beyond)) <= plain_letters


def _has_only(letters: Collection[str], text: str) -> bool:
    """Return whether a text has only these letters and signs outside ASCII, in a usual order."""
    signs = re.escape("".join({*_WORDS["signs"]} - {*_WORDS["signs of words"]}))
    is_odd = re.search(rf"[^\W\d_][{signs}][^\W\d_]", text) or any(
        before.islower() and not after.isascii() and after.isupper()
        for before, after in pairwise(text)
    )
    beyond = {sign for sign in text if not sign.isascii()}
    return beyond <= {*letters} and "\0" not in text and not is_odd


def separator_of(text: str) -> str:
    """Return the separator that divides most of the first rows into equally many cells.

    It counts most that the first two rows, the names of the columns and a row of data, have that
    number of cells; a little less that two rows below a title have it; then the number of such
    rows counts, and that of cells.
    """
    fits = {}
    for separator in SEPARATORS:
        # An error is a quote that opens with this separator only, and never closes.
        with suppress(csv.Error, StatisticsError):
            widths = [len(row) for row in islice(rows_of(text, separator), 50)]
            if (width := mode(widths)) > 1:
                fit = 2 if {*widths[:2]} == {width} else int({*widths[1:3]} == {width})
                fits[separator] = fit, widths.count(width), width
    return max(fits, key=fits.__getitem__, default=",")


def rows_of(text: str, separator: str) -> Iterator[list[str]]:
    """Yield the rows of a table, not its lines, as quoted cells may contain line breaks."""
    return filter(None, csv.reader(map(itemgetter(0), _LINE.finditer(text)), delimiter=separator))


def text_below(text: str, separator: str, n: int) -> str:
    """Return the text of a table below its first ``n`` rows, as :func:`rows_of` counts them."""
    ends = [0]

    def lines() -> Iterator[str]:
        for line in _LINE.finditer(text):
            ends[0] = line.end()
            yield line[0]

    rows = filter(None, csv.reader(lines(), delimiter=separator))
    for _ in islice(rows, n):
        pass
    return text[ends[0] :]


def match_names(
    names: Collection[str], known: Collection[str], folder: str = ""
) -> dict[str, str]:
    """Return the known file that each name in a table means, by name, if there is no doubt.

    ``known`` are the files below ``folder``.  A name may include that folder, or folders that all
    names share, may have either slash and any case, and may lack the ending of a picture; failing
    that, it may lack outer folders or, if it is a whole number, leading zeros.  A name that fits
    two files equally well is left out.
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
    shared = posixpath.commonpath([path.rpartition("/")[0] for path in paths.values()]).split("/")
    outer = ["/".join(shared[:n]) for n in range(1, len(shared) + 1)]
    last = folder.rpartition("/")[2]
    for name, path in paths.items():
        if name in matches:
            continue
        below = f"/{path}".rpartition(f"/{folder}/")[2] if folder else path
        short = f"/{path}".rpartition(f"/{last}/")[2] if last else path
        tries = path, below.lstrip("/"), short.lstrip("/")
        inner = [path.removeprefix(f"{above}/") for above in outer]
        for tried in dict.fromkeys((*tries, *inner, *(_ANY + path for path in (*tries, *inner)))):
            lower = _folded(tried)
            # The whole name comes first, as it may only seem to have an ending, like a UID.
            stems = by_stem.get(lower, ()), by_stem.get(file_stem(lower), ())
            fitting = [fit for fit in (by_name.get(lower, ()), *stems) if len(fit) == 1]
            fitting = [[tried]] if tried in known else fitting
            if fitting:
                matches[name] = fitting[0][0]
                break
    lost = {name: path for name, path in paths.items() if name not in matches}
    return matches | _matched_numbers(lost, {*known} - {*matches.values()})


def _matched_numbers(paths: dict[str, str], known: Collection[str]) -> dict[str, str]:
    """Return the files of names that have lost leading zeros, which spreadsheets remove."""
    by_number, cells = defaultdict(list), defaultdict(list)
    for file in known:
        if is_number(stem := file_stem(file.rpartition("/")[2])):
            by_number[int(stem)].append(file)
    for name, path in paths.items():
        if is_number(stem := file_stem(path).removesuffix(".0")):
            cells[int(stem)].append(name)
    return {
        names[0]: by_number[number][0]
        for number, names in cells.items()
        if len(names) == len(by_number[number]) == 1
    }


def is_number(text: str) -> bool:
    """Return whether a text is a whole number of at most 18 digits."""
    return text.isascii() and text.isdigit() and len(text) <= 18


def says_nothing(cell: str) -> bool:
    """Return whether a cell is empty, or contains a word or signs for a missing value."""
    return not cell or plain(cell) in MISSING or bool(re.fullmatch("[?.…]+|--+", cell.strip()))


def without_zeros(name: str) -> str:
    """Return an id in lower case and without leading zeros, which spreadsheets remove."""
    return re.sub(r"(?<!\d)0+(?=\d)", "", _folded(name.strip()))


def _ids_of(keys: Collection[str]) -> dict[str, set[str]]:
    """Return the keys by id, and by number if all have one word before it, as ID-0012 and 12.0."""
    by_id: dict[str, set[str]] = defaultdict(set)
    matches = [(key, re.fullmatch(r"(\D*[^\W\d]\D*|)(\d+)(?:\.0)?", key.strip())) for key in keys]
    for key in keys:
        by_id[without_zeros(key)].add(key)
    if len({match and match[1] for _, match in matches}) == 1:
        for key, match in matches:
            by_id[str(int(match[2])) if match else ""].add(key)
    return by_id


def keys_equal(patients: Sequence[str], keys: Collection[str]) -> list[str]:
    """Return the key that equals each patient, an empty string if there is none.

    Case and leading zeros may differ if that leaves no doubt.
    """
    by_id, spelt = defaultdict(set), defaultdict(set)
    for key in keys:
        by_id[without_zeros(key)].add(key)
    for patient in patients:
        spelt[without_zeros(patient)].add(patient)
    known, matches = {*keys}, []
    for patient in patients:
        alike = by_id[without_zeros(patient)]
        is_clear = len(alike) == 1 and len(spelt[without_zeros(patient)]) == 1
        matches.append(patient if patient in known else next(iter(alike)) if is_clear else "")
    return matches


def keys_at(names: Sequence[str], keys: Collection[str], level: int) -> list[set[str]]:
    """Return, for each path, the keys with which one of its parts begins.

    ``level`` is 1 for the outermost folder, 0 for the name of the file.  A beginning ends where
    letters, digits and other signs meet, so that P1 begins P1_a and P1a, but not P10.  Keys with
    slashes are compared with as many folders more.
    """
    outer = _outer_folders(names, {*keys})
    whole_of = {key.removeprefix(outer).strip("/"): key for key in keys}
    fitting = _fitting_keys(names, whole_of, level)
    return [{whole_of[key] for key in several} for several in fitting]


def _outer_folders(names: Sequence[str], keys: Collection[str]) -> str:
    """Return the folders with which all keys begin and that no path has, with their slash."""
    if not keys or not all("/" in key for key in keys):
        return ""
    inside = {folder for name in names for folder in name.split("/")[:-1]}
    shared = posixpath.commonprefix([key.split("/")[:-1] for key in keys])
    return "".join(f"{folder}/" for folder in takewhile(lambda name: name not in inside, shared))


def _fitting_keys(names: Sequence[str], keys: Collection[str], level: int) -> list[set[str]]:
    """Return the keys of :func:`keys_at`, which have no folders besides those of the paths."""
    by_id = _ids_of(keys)
    known = {_folded(key): key for key in keys}
    dated = {_with_dates(key): key for key in known if _with_dates(key) != key}
    more = max((key.count("/") for key in keys), default=0)
    fitting = []
    for name in names:
        *folders, file = name.split("/")
        if level == 0:
            part = "/".join([*folders[len(folders) - more :], file_stem(file)])
        else:
            part = "/".join(folders[level - 1 : level + more])
        starts = _beginnings(_folded(part))
        whole = {known[start] for start in starts if start in known}
        if dated and not whole:
            starts = _beginnings(_with_dates(_folded(part)))
            whole = {known[dated[start]] for start in starts if start in dated}
        date = re.match(_DAY_FIRST, part)  # whose month is the number of no patient
        starts = [start for start in starts if not date or len(start) >= date.end()]
        fitting.append(whole or {key for start in starts for key in by_id[without_zeros(start)]})
    return fitting


def _are_dates(cells: pd.Series) -> bool:
    """Return whether all cells are dates, which identify nobody."""
    return all(re.fullmatch(_DATE, _with_dates(cell)) for cell in cells)


def _with_dates(text: str) -> str:
    """Return a text with its dates, such as 04.03.2021 and 2021-03-04 00:00:00, as 20210304."""
    text = re.sub(r"(?<!\d)(\d\d?)\.(\d\d?)\.((?:19|20)\d\d)(?!\d)", _as_day, text)
    return re.sub(_DATE, r"\1\2\3", text)


def _as_day(match: re.Match[str]) -> str:
    day, month, year = match.groups()
    return f"{year}{month:0>2}{day:0>2}"


def _beginnings(text: str) -> list[str]:
    """Return the beginnings of a text that end between two kinds of signs, and the whole text."""
    kinds = ["digit" if sign.isdigit() else "letter" if sign.isalpha() else sign for sign in text]
    ends = [place for place, (before, after) in enumerate(pairwise(kinds), 1) if before != after]
    return [text[:end] for end in (*ends, len(text)) if end]


def guess_level(names: Sequence[str], keys: Collection[str]) -> tuple[int, float, int]:
    """Return the level at which paths begin with a key, their share, and the number of keys.

    The level of most paths wins, then that of most keys, then the outermost folder.  One of fewer
    keys than any study has patients, as of the numbers of months, is none.
    """
    best = 0, 0.0, 0
    for level in (*range(1, 1 + max((name.count("/") for name in names), default=0)), 0):
        clear = [fits for fits in keys_at(names, keys, level) if len(fits) == 1]
        reached = len(clear) / max(1, len(names)), len(set().union(*clear))
        if reached[1] >= min(len(keys), FEWEST_PATIENTS):
            best = max(best, (level, *reached), key=lambda level: level[1:])
    return best


def _folded(name: str) -> str:
    """Return a name in lower case, with each accent part of its letter: macOS writes two signs."""
    return unicodedata.normalize("NFC", name).lower()


def file_stem(name: str) -> str:
    """Return a file's path without the ending of a picture."""
    if name[-7:].lower() == ".nii.gz":
        return name[:-7]
    head, dot, ending = name.rpartition(".")
    return head if dot + ending.lower() in PICTURES else name


def plain(text: str) -> str:
    """Return a name in lower case, without accents and signs: patientennr of `Patienten-Nr.`."""
    letters = unicodedata.normalize("NFKD", text.replace("ß", "ss")).casefold()
    return re.sub(r"[^a-z0-9]", "", letters)


def is_called_as_id(name: str) -> bool:
    """Return whether a column's name ends like those of identifiers, as lesion_id does.

    One without a name, as column1, may have any.
    """
    if re.fullmatch(r"column ?\d+", name):
        return True
    return plain(name).endswith(tuple(_WORDS["ends of ids"].split()))


def is_called_as_mask(name: str) -> bool:
    """Return whether a column's name is one of masks, as Mask_filename is."""
    return _named(name, "mask") > 0


def is_called_as_label(name: str) -> bool:
    """Return whether a column's whole name is one of labels, as pathology is."""
    return plain(name) in COLUMNS["label"]


def is_called_as_file(name: str) -> bool:
    """Return whether a column's name is one of pictures and not of patients, as File Name is."""
    return _named(name, "image") > _named(name, "patient")


def side_of(cell: str) -> str:
    """Return the side of the body that a cell names, as L or R, or else an empty string."""
    return next((side for side, words in SIDES.items() if plain(cell) in words), "")


def words_in(name: str) -> list[str]:
    """Return the runs of letters in a name."""
    return re.findall(r"[^\W\d_]+", name)


def side_in(name: str) -> str:
    """Return the side of the body that a word in a file's name tells, L or R, or else nothing."""
    words = words_in(file_stem(name).rpartition("/")[2])
    sides = {side for word in words if (side := side_of(word))}
    return sides.pop() if len(sides) == 1 else ""


def other_side(column: str, columns: Collection[str]) -> str:
    """Return the column that is called like another but for its side, as right_grade, if any."""
    here = re.split(r"([^\W\d_]+)", column)
    for other in columns:
        there = re.split(r"([^\W\d_]+)", other)
        unlike = [pair for pair in zip(here, there, strict=False) if pair[0] != pair[1]]
        if len(here) == len(there) and len(unlike) == 1:
            sides = {*map(side_of, unlike[0])}
            if sides == {*SIDES}:
                return other
    return ""


def name_sides(cells: pd.Series) -> bool:
    """Return whether most cells name a side of the body, and both sides occur."""
    sides = cells.map({cell: side_of(cell) for cell in cells.unique()})
    return {*sides} >= {*SIDES} and bool((sides != "").mean() > LEAST_SIDES)


def part_of(cell: str) -> str:
    """Return the part of a split that a cell names, in any case, or else an empty string."""
    return PART_WORDS.get(cell.strip().casefold(), "")


def part_of_list(file: str) -> str:
    """Return the part of a split whose pictures a file lists, as ``train_val_list.txt`` does."""
    stem, _, ending = file.rpartition("/")[2].rpartition(".")
    words = [word for word in words_in(stem) if word.casefold() not in _WORDS["of lists"].split()]
    return part_of("".join(words)) if ending.lower() == "txt" else ""


def are_portions(folders: Collection[str]) -> bool:
    """Return whether folders differ only in a number after a word such as part or batch."""
    words = [words_in(name) for name in folders]
    portion = words[0][-1].casefold() if words[0] else ""
    return portion in _WORDS["of portions"].split() and all(of == words[0] for of in words)


def are_codes(classes: Collection[str]) -> bool:
    """Return whether all classes are numbers or words for yes and no."""
    return all(
        code_of(value).lstrip("-").isdigit() or code_of(value) in YES_NO for value in classes
    )


def is_uncertain(value: str) -> bool:
    """Return whether a class may be that of what is neither present nor absent, as -1 is."""
    return plain(value) in UNCERTAIN or bool(re.fullmatch(r"-\d+(\.0+)?", value))


def code_of(value: str) -> str:
    """Return a class in lower case, and 1.0 as 1."""
    return re.sub(r"\.0+$", "", value.strip()).casefold()


def guess_positive(classes: Collection[str]) -> str:
    """Return the positive class: by its own word, or as the only one without a negative word.

    Numbers count only if they are 0 and 1, as 1 and 2 may be meant either way.  An empty string
    if the positive class is unclear.
    """
    numbers = {code_of(value) for value in classes if code_of(value).lstrip("-").isdigit()}
    if numbers and not numbers <= {"0", "1"}:
        return ""
    read_as = {value: plain(re.sub(r"^\d+[ _.-]+", "", code_of(value))) for value in classes}
    if likely := [value for value in classes if read_as[value] in POSITIVE]:
        return min(likely, key=lambda value: POSITIVE.index(read_as[value]))
    others = [value for value in classes if read_as[value] not in NEGATIVE]
    return others[0] if len(others) == 1 else ""


def name_of_code(column: str) -> str:
    """Return the column's name for the positive code, or an empty string if it is too general.

    What its codes mean, as in ``Grade 0=none``, is left out.
    """
    column = re.split(r"\s*\(?\b\d+ ?= ?", column)[0]
    is_general = plain(column) in COLUMNS["label"] and plain(column) not in POSITIVE
    is_general |= bool(re.fullmatch(r"column ?\d+", column))
    return "" if not column or is_general else re.sub(r"[_\s]+", " ", column).strip()


def is_of_absence(column: str) -> bool:
    """Return whether a column is called by what is not looked for, as benign or No Finding."""
    words = {plain(word) for word in words_in(column)}
    return plain(column) in NEGATIVE or not words.isdisjoint(_WORDS["absence"].split())


def scale_of(column: str) -> str:
    """Return whether a column is called by grades or by ratings; an empty string if by neither."""
    words = {plain(word) for word in words_in(column)} | {plain(column)}
    return next((kind for kind in _SCALES if not words.isdisjoint(_SCALES[kind])), "")


def findings_of(cells: Collection[str]) -> tuple[str, dict[str, frozenset[str]]]:
    """Return the sign that separates findings in a cell, and the findings of each cell.

    A sign separates findings if a part of such a cell also occurs in another cell.  If no sign
    does, it is an empty string, and each cell is one finding.
    """
    for separator in FINDING_SEPARATORS:
        parts = {
            cell: frozenset(filter(None, map(str.strip, cell.split(separator)))) for cell in cells
        }
        times = Counter(part for several in parts.values() for part in several)
        shared = {part for part, n in times.items() if n > 1}
        # No name of a class contains that first sign.
        is_sure = separator == FINDING_SEPARATORS[0]
        if any(len(several) > 1 and (is_sure or several & shared) for several in parts.values()):
            return separator, parts
    return "", {cell: frozenset([cell]) for cell in cells}


def guess_patients(paths: Sequence[str]) -> tuple[str, dict[str, list[str]]]:
    """Return the likeliest pattern of patients, if any, and the pictures of each patient."""
    return next(iter(patient_patterns(paths).items()), ("", {}))


def patients_inside_names(paths: Sequence[str]) -> tuple[str, int]:
    """Return a pattern of the part inside file names that may identify patients, and their number.

    Parts are divided by dashes; other numbers of pictures look alike, so that this is a hint only.
    The pattern with the most patients is returned, or an empty string if there is none.
    """
    files = [file_stem(path).rpartition("/")[2] for path in paths]
    best, most = "", 0
    for place in range(1, min((len(re.split("[_-]", file)) for file in files), default=0)):
        pattern = rf"^(?:[^_-]+[_-]){{{place}}}([^_-]+)"
        matches = [match for file in files if (match := re.match(pattern, file))]
        parts = {match[1] for match in matches}
        # Of random ids in hexadecimal one in many has letters alone.
        numbered = [part for part in parts if re.search(r"\d", part)]
        are_ids = len(matches) == len(files) and len(numbered) > 0.9 * len(parts)
        if len({match[0] for match in matches}) == len(files) and _are_classes(files):
            continue  # as of COVID-1 and NORMAL-1: each class counts its pictures
        if are_ids and max(4, len(files) / 50, most + 1) <= len(parts) <= 0.9 * len(files):
            best, most = pattern, len(parts)
    return best, most


def _are_classes(files: Sequence[str]) -> bool:
    """Return whether the first parts of names are a few words, as of classes."""
    words = {re.split("[_-]", file)[0] for file in files}
    return len(words) <= _MOST_WORDS and all(word.isalpha() for word in words)


def patient_patterns(paths: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    """Return patterns that may identify patients, likeliest first, and each patient's pictures."""
    fitting: dict[str, dict[str, list[str]]] = {}
    before = [*_session_patterns(paths), *_side_patterns(paths)]
    for pattern in (*_folder_patterns(paths), *before, *PATIENT_NAMES):
        names = [path if "/" in pattern else path.rpartition("/")[2] for path in paths]
        matches = [match for name in names if (match := re.search(pattern, name))]
        if len(matches) < len(names):
            continue
        pictures: dict[str, list[str]] = defaultdict(list)
        for path, match in zip(paths, matches, strict=True):
            pictures[match[1]].append(path)
        # What is behind a word names nobody alone: pictures of a class are numbered like that; and
        # covid beside covid_0 is a class, whose altered pictures have a longer name.
        have_numbers = {bool(re.search(r"\d", who)) for who in pictures}
        is_doubtful = (pattern == PATIENT_NAMES[-1] and not fitting) or len(have_numbers) > 1
        if max(4, len(paths) / 50) <= len(pictures) <= 0.9 * len(paths) and not is_doubtful:
            fitting[pattern] = pictures
    return fitting


def sessions_of(ids: Sequence[str]) -> tuple[str, dict[str, list[str]]]:
    """Return a pattern of patients whose ids end in sessions, as OAS1_01_MR2, and their sessions.

    Both are empty if no patient has several.
    """
    of_patients: dict[str, list[str]] = defaultdict(list)
    words = set()
    for name in ids:
        match = re.fullmatch(rf"(.+)[ _-]({_WORDS['session']})[ _-]?\d+", name)
        of_patients[match[1] if match else name].append(name)
        words |= {match[2]} if match else set()
    if len(of_patients) == len(ids):
        return "", {}
    return rf"([^/]+?)[ _-](?:{'|'.join(sorted(words))})[ _-]?\d", of_patients


def _session_patterns(paths: Sequence[str]) -> list[str]:
    """Return the pattern of what stands before a session, as sub-01 in sub-01_ses-2_T1w.png.

    Return nothing unless every file's name has a session.
    """
    before = re.compile(rf"[^/]+[ _-]({_WORDS['session']})[ _-]?\d+(?:\D[^/]*)?$")
    matches = [before.search(path) for path in paths]
    words = "|".join(sorted({match[1] for match in matches if match}))
    return [rf"^(.+?)[ _-](?:{words})[ _-]?\d"] if words and all(matches) else []


def _side_patterns(paths: Sequence[str]) -> list[str]:
    """Return the pattern of what stands before the side of the body, as 0007 in 0007_L_CC.png.

    Return nothing unless every file's name has a side, and both sides occur.
    """
    sides = "|".join(sorted(_SIDES_IN_NAMES))
    before = re.compile(rf"(?i)[^/]+?[ _-]({sides})(?=[ _.-])[^/]*$")
    matches = [before.search(path) for path in paths]
    words = {match[1] for match in matches if match}
    if not all(matches) or {*map(side_of, words)} != {*SIDES}:
        return []
    return [rf"^(.+?)[ _-](?:{'|'.join(sorted(words))})(?=[ _.-])"]


def kinds_of(paths: Sequence[str]) -> Counter[str]:
    """Return words, as t2w and adc, that tell pictures that belong together apart, with counts.

    Names end in them, or they are the innermost folders; what stands before is mostly that of
    several.  Empty if there are none.
    """
    stems = [file_stem(path) for path in paths]
    ends = [re.fullmatch(r"(.+)[ _-](\w*[^\W\d_]\w*)", stem) for stem in stems]
    folders = [re.fullmatch(r"(.+)/([^/]*[^\W\d_][^/]*)/[^/]+", stem) for stem in stems]
    for matches in (ends, folders):
        pairs = [match.groups() for match in matches if match]
        groups: dict[str, set[str]] = defaultdict(set)
        for group, word in pairs:
            groups[group].add(word)
        words = Counter(word for _, word in pairs)
        numbered = {re.sub(r"\d+", "", word) for word in words}
        several = sum(len(kinds) > 1 for kinds in groups.values())
        are_sides = all(map(side_of, words))
        if (
            len(pairs) == len(paths)
            and 2 <= len(words) <= _MOST_KINDS
            and len(numbered) > 1
            and len(groups) > _MOST_KINDS  # fewer are folders of a split, of classes
            and several > _LEAST_OF_KINDS * len(groups)
            and not are_sides
        ):
            return words
    return Counter()


def _folder_patterns(paths: Sequence[str]) -> list[str]:
    """Return patterns of the folder at each depth, the innermost first.

    Folders with names like those of patients come before all others, those of studies last.  A
    folder that repeats the name above it, as case20/case20_day0, comes after that one.
    """
    folders = [path.split("/")[:-1] for path in paths]
    deepest = min(map(len, folders), default=0)
    ranks: dict[str, float] = {}
    for depth in reversed(range(deepest)):
        is_last = all(len(several) == depth + 1 for several in folders)
        above = f"(?:[^/]+/){{{depth}}}" if depth else ""
        pattern = _LAST_FOLDER if is_last else f"^{above}([^/]+)/"
        names = {several[depth] for several in folders}
        are_of = {
            kind: all(re.fullmatch(called, name) for name in names)
            for kind, called in _WORDS["folders of"].items()
        }
        repeats = depth > 0 and all(
            re.match(rf"{re.escape(several[depth - 1])}[ _-]", several[depth])
            for several in folders
        )
        ranks[pattern] = are_of["study"] - are_of["patient"] + repeats / 2
    return sorted(ranks, key=lambda pattern: ranks[pattern])


def numbered_patterns(paths: Sequence[str]) -> list[str]:
    """Return patterns of the number after a word with which a part of every path begins.

    The word is ``Pat`` in ``Pat 0012/IM1.png``; folders come first, from the outermost on.  The
    last pattern is of the id with which names end, as in ``MR_scan_I20017.nii``.
    """
    patterns = []
    deepest = min((path.count("/") for path in paths), default=0)
    for level in (*range(deepest), -1):
        matches = [re.match(r"(\D*[^\W\d]\D*)\d", path.split("/")[level]) for path in paths]
        words = {match[1] for match in matches if match}
        if all(matches) and len(words) == 1:
            word = re.escape(words.pop()).replace("\\ ", " ")
            folders = f"(?:[^/]+/){{{level}}}" if level > 0 else ""
            patterns.append(f"^{folders}{word}(\\d+)" + ("" if level < 0 else "[^/]*/"))
    if all(re.search(ID_AT_END, path) for path in paths):
        patterns.append(ID_AT_END)
    return patterns


def guess_label_pattern(pictures: Collection[str]) -> str:
    """Return a pattern that finds a few classes in names of pictures, or an empty string."""
    stems = [file_stem(name).rpartition("/")[2] for name in pictures]
    for pattern in LABEL_PATTERNS:
        matches = [match for stem in stems if (match := re.search(pattern, stem))]
        if len(matches) == len(stems) and 2 <= len({match[1] for match in matches}) <= _MOST_WORDS:
            return pattern
    return ""


def guess_masks(pictures: Collection[str], masks: Collection[str] = ()) -> str:
    """Return a pattern of the names of masks, whose group ``stem`` is the picture's stem.

    ``masks`` are in a folder of their own; without them, masks are beside the ``pictures``.  An
    empty string if no pattern fits.
    """
    stems = {file_stem(name) for name in pictures}
    if masks:
        stems = {stem.rpartition("/")[2] for stem in stems}
    stems |= {stem.removesuffix(ending) for ending in _channels(pictures) for stem in stems}
    for pattern in [SAME_NAME, *MASK_NAMES] if masks else MASK_NAMES:
        for name in masks or pictures:
            folder, slash, file = file_stem(name).rpartition("/")
            match = re.fullmatch(pattern, file)
            before = "" if masks else folder + slash
            if match and before + match["stem"] in stems:
                return pattern
    return _pattern_behind_word(pictures, masks) or _pattern_around_word(pictures, masks)


def _pattern_behind_word(pictures: Collection[str], masks: Collection[str]) -> str:
    """Return the pattern of masks that share what is behind a word, as img0.png and mask0.png.

    ``masks`` are in a folder of their own; without them, those among the ``pictures`` are called
    by a word for masks.  An empty string if a mask may be that of several pictures, in its folder
    if masks are beside pictures, or most are of none.
    """
    of_word = defaultdict(set)
    for name in masks or pictures:
        of_word[_word_before(name)].add(name)
    words = [word for word in of_word if masks or plain(word) in COLUMNS["mask"]]
    if len(words) != 1:
        return ""
    (word,) = words
    others = {*pictures} - of_word[word]
    if len({_word_before(name) for name in others}) != 1:
        return ""
    for file_alone in (True, False) if masks else (False,):
        known = Counter(_behind_word(name, file_alone) for name in others)
        wanted = Counter(_behind_word(name, file_alone) for name in of_word[word])
        if {*wanted.values()} == {1}:
            is_clear = all(known[key] < 2 for key in wanted)
            # A mask of no picture is refused by its name when cases are found.
            are_most = len(wanted.keys() & known) > len(wanted) / 2
            return _behind(word) if is_clear and are_most else ""
    return ""


def _pattern_around_word(pictures: Collection[str], masks: Collection[str]) -> str:
    """Return the pattern of masks that share what is around a word, as P1_img2 and P1_mask2.

    ``masks`` are in a folder of their own; without them, they are among the ``pictures``.  An
    empty string if several words may be those of masks, or of the pictures.
    """
    words = {word for name in masks or pictures for word in _words_in(name)}
    patterns = []
    for word in sorted(words):
        pattern = rf"(?P<stem>.*[^A-Za-z]){re.escape(word)}(?P<tail>(?![A-Za-z]).+)"
        if plain(word) not in (*COLUMNS["mask"], "gt", "roi"):
            continue
        drawn = [n for n in masks or pictures if re.fullmatch(pattern, _file_stem_of(n))]
        others = {*pictures} - {*drawn}
        if word_lacked(pattern, drawn, others):
            patterns.append(pattern)
    return patterns[0] if len(patterns) == 1 else ""


def word_lacked(pattern: str, masks: Collection[str], pictures: Collection[str]) -> str:
    """Return the word inside pictures' names in place of which masks have another, as ``img``.

    ``pattern`` is that of the names of masks.  An empty string if it is not around a word, if no
    word or several are in all pictures' names, if a mask may be that of several pictures in its
    folder, or if most masks are of none.
    """
    if "(?P<tail>" not in pattern or not masks or not pictures:
        return ""
    folders = {name.rpartition("/")[0] for name in (*masks, *pictures)}
    is_apart = {name.rpartition("/")[0] for name in masks}.isdisjoint(
        name.rpartition("/")[0] for name in pictures
    )
    alone = is_apart or len(folders) == 1
    fitting = []
    for word in set.intersection(*(_words_in(name) for name in pictures)):
        known = Counter(_without_word(name, word, alone) for name in pictures)
        matches = ((n, re.fullmatch(pattern, _file_stem_of(n))) for n in masks)
        wanted = [("" if alone else n.rpartition("/")[0], stem_in(m)) for n, m in matches if m]
        are_clear = len({*wanted}) == len(wanted) and all(known[key] < 2 for key in wanted)
        if are_clear and sum(key in known for key in wanted) > len(masks) / 2:
            fitting.append(word)
    return fitting[0] if len(fitting) == 1 else ""


def _file_stem_of(name: str) -> str:
    return file_stem(name).rpartition("/")[2]


def _words_in(name: str) -> set[str]:
    return {*re.findall("[A-Za-z]{2,}", _file_stem_of(name))}


def _without_word(name: str, word: str, file_alone: bool) -> tuple[str, str]:
    """Return the folder of a picture, unless its file counts alone, and its name less a word."""
    folder = "" if file_alone else name.rpartition("/")[0]
    return folder, without_word(_file_stem_of(name), word)


def without_word(stem: str, word: str) -> str:
    """Return the name of a file without a word where that is first between other signs."""
    return re.sub(rf"(?<![A-Za-z]){re.escape(word)}(?![A-Za-z])", "", stem, count=1)


def _word_before(name: str) -> str:
    """Return what is before the first digit in the name of a file."""
    return re.split(r"\d", file_stem(name).rpartition("/")[2], maxsplit=1)[0]


def _behind(word: str) -> str:
    """Return the pattern of masks whose names begin with a word."""
    return f"{re.escape(word)}(?P<stem>.+)"


def folder_of(name: str) -> str:
    """Return the name of the folder of a file, without those above it; empty if it is in none."""
    return f"/{name}".split("/")[-2]


def _behind_word(name: str, file_alone: bool) -> str:
    """Return a path without the word before the first digit of its file, or that file alone."""
    folder, slash, file = file_stem(name).rpartition("/")
    inside = file.removeprefix(_word_before(name))
    return inside if file_alone else folder + slash + inside


def start_lacked(pattern: str, masks: Collection[str], pictures: Collection[str]) -> str:
    """Return the beginning of pictures' names that masks lack, as ``img`` in img0.png.

    ``pattern`` is that of the names of masks.  An empty string if masks lack none.
    """
    if not masks or pattern != _behind(_word_before(next(iter(masks)))):
        return ""
    starts = {_word_before(name) for name in pictures}
    stems = {file_stem(name).rpartition("/")[2] for name in pictures}
    drawn = (re.fullmatch(pattern, file_stem(name).rpartition("/")[2]) for name in masks)
    has_name = any(match and match["stem"] in stems for match in drawn)
    return starts.pop() if len(starts) == 1 and not has_name else ""


def folders_lacked(masks: Collection[str], pictures: Collection[str]) -> list[str]:
    """Return the folders of masks that paths of pictures lack, as ``leftMask`` and ``rightMask``.

    ``masks`` are below a folder of their own.
    """
    of_masks, of_pictures = (
        {folder for name in names for folder in name.split("/")[:-1]}
        for names in (masks, pictures)
    )
    return sorted(of_masks - of_pictures)


def without_folders(name: str, folders: Collection[str]) -> str:
    """Return a path without some of its folders."""
    *above, file = name.split("/")
    return "/".join([*(folder for folder in above if folder not in folders), file])


class InnerFolders(NamedTuple):
    """A folder of masks in the folder of each class or patient, and that of their pictures.

    ``pictures`` is empty if these are beside the folder of masks.
    """

    masks: str
    pictures: str


def inner_folders(names: Collection[str]) -> tuple[InnerFolders, str] | None:
    """Return the folders of masks and pictures in those of classes or patients, if there are any.

    As in ``P001/images/1.png`` and ``P001/masks/1.png``; the pattern of masks' names is returned,
    too.  None if folders of several names are called like those of masks, or if most masks are of
    no picture.
    """
    called = {name: folder_of(name) for name in names}
    words = {
        folder for folder in called.values() if re.fullmatch(_WORDS["folder of masks"], folder)
    }
    if len(words) != 1:
        return None
    (word,) = words
    masks = [name for name, folder in called.items() if folder == word]
    pictures = [name for name in names if called[name] != word]
    stems = {*map(file_stem, pictures)}
    beside = {"", *(called[name] for name in pictures)}
    starts, words_before = ({*map(_word_before, several)} for several in (pictures, masks))
    patterns = [(pattern, "") for pattern in (SAME_NAME, *MASK_NAMES)]
    if len(starts) == len(words_before) == 1:
        patterns.append((_behind(words_before.pop()), starts.pop()))
    for (pattern, start), folder in product(patterns, sorted(beside)):
        n = sum(_of_inner_mask(name, folder, pattern, start) in stems for name in masks)
        if n > len(masks) / 2:
            return InnerFolders(word, folder), pattern
    return None


def _of_inner_mask(name: str, folder: str, pattern: str, start: str) -> str:
    """Return the name of the picture of a mask, without ending; empty if the pattern fails.

    The picture is in the ``folder`` beside that of the mask, and its name begins with ``start``.
    """
    *above, _, file = file_stem(name).split("/")
    match = re.fullmatch(pattern, file)
    inside = [folder] if folder else []
    return "/".join([*above, *inside, start + match["stem"]]) if match else ""


def stem_in(match: re.Match[str]) -> str:
    """Return the picture's stem in the name of its mask; empty if it is called by a word alone.

    It is what is before and behind the word of masks, if that is inside their names.
    """
    groups = match.groupdict()
    return groups.get("stem", "") + groups.get("tail", "")


def mask_word(masks: Collection[str], pictures: Collection[str]) -> str:
    """Return the pattern of masks that are called by one word, as ``P001/lesion.png``.

    ``masks`` are some of them, among all ``pictures``.  An empty string if their names are others,
    or if any is beside several pictures, of which it may be of any.
    """
    words = {file_stem(name).rpartition("/")[2] for name in masks}
    beside: dict[str, list[bool]] = defaultdict(list)
    for name in pictures:
        folder, _, stem = file_stem(name).rpartition("/")
        beside[folder].append(stem in words)
    held = [several for several in beside.values() if any(several)]
    is_clear = all(len(several) == 2 and sum(several) == 1 for several in held)
    return re.escape(words.pop()) if len(words) == 1 and len(held) > 1 and is_clear else ""


def channel_lacked(pattern: str, masks: Collection[str], pictures: Collection[str]) -> str:
    """Return the end of pictures' names that masks lack, such as `CHANNEL`, or an empty string.

    ``pattern`` is that of the names of masks.
    """
    stems = {file_stem(name).rpartition("/")[2] for name in pictures}
    matches = (re.fullmatch(pattern, file_stem(name).rpartition("/")[2]) for name in masks)
    drawn = {stem_in(match) for match in matches if match}
    if drawn & stems:
        return ""
    endings = _channels(pictures)
    return next((end for end in endings if {stem + end for stem in drawn} & stems), "")


def _channels(pictures: Collection[str]) -> list[str]:
    """Return the ends of pictures' names that may name a channel or a sequence.

    They are `CHANNEL` and the end that all names share, apart from names of masks.
    """
    stems = {file_stem(name).rpartition("/")[2] for name in pictures}
    stems = {stem for stem in stems if not are_called_as_masks(stem)}
    endings = {match[0] if (match := re.search(r"[_-][^_-]+$", stem)) else "" for stem in stems}
    return [CHANNEL, *(endings - {"", CHANNEL} if len(endings) == 1 else ())]


def are_called_as_masks(stem: str) -> bool:
    """Return whether the name of a file, without ending, has the form of a mask's name.

    It may also be a word for masks alone, as in ``case1/segmentation.nii``.
    """
    is_word = plain(stem) in COLUMNS["mask"]
    return is_word or any(re.fullmatch(pattern, stem) for pattern in MASK_NAMES)


class Sorted(NamedTuple):
    """Pictures and masks, relative to their folders, and the pattern of masks' names.

    ``inner`` are the folders of both in those of classes or patients, if they are there.
    """

    pictures: list[str]
    masks: list[str]
    pattern: str
    inner: InnerFolders | None = None


def sort_pictures(names: Collection[str], images: str, masks: str) -> Sorted:
    """Return which files below the folders of pictures and masks are which."""
    inside, drawn = (f"{folder}/" if folder else "" for folder in (images, masks))
    if masks in ("", images):
        pictures = [name.removeprefix(inside) for name in names if name.startswith(inside)]
        pattern, inner = guess_masks(pictures), None
        stems = {name: file_stem(name).rpartition("/")[2] for name in pictures}
        outlines = [name for name in pictures if pattern and re.fullmatch(pattern, stems[name])]
        if not pattern and (inside_each := inner_folders(pictures)):
            inner, pattern = inside_each
            outlines = [n for n in pictures if folder_of(n) == inner.masks]
        return Sorted(sorted({*pictures} - {*outlines}), outlines, pattern, inner)
    outlines = [name.removeprefix(drawn) for name in names if name.startswith(drawn)]
    others = (name for name in names if not name.startswith(drawn))
    pictures = [name.removeprefix(inside) for name in others if name.startswith(inside)]
    return Sorted(pictures, outlines, guess_masks(pictures, outlines))


def mask_template(pattern: str, masks: Collection[str]) -> str:
    """Return the template that makes a mask's name of its picture's ``{stem}``.

    An empty string if both have the same name; the mask's own name if that contains no stem.
    """
    stems = (file_stem(name).rpartition("/")[2] for name in masks)
    match = next(filter(None, (re.fullmatch(pattern, stem) for stem in stems)))
    if not match.re.groups:
        return match[0]
    if "tail" in match.re.groupindex:
        return f"{{stem}}{match.string[match.end('stem') : match.start('tail')]}{{tail}}"
    template = f"{match.string[: match.start('stem')]}{{stem}}{match.string[match.end('stem') :]}"
    return "" if pattern == SAME_NAME else template


class Column(NamedTuple):
    """A column of a table that has a role, and the reason for it."""

    name: str
    reason: str


def guess_columns(
    rows: pd.DataFrame, pictures: Collection[str], masks: Collection[str], folders: tuple[str, str]
) -> tuple[dict[str, Column], list[str]]:
    """Return the columns of a table by role, and all columns that may be the label.

    ``pictures`` and ``masks`` are the names of files below the two ``folders``.
    """
    columns: dict[str, Column] = {}
    for role, files, folder in zip(("image", "mask"), (pictures, masks), folders, strict=True):
        if column := _column_of_files(rows, role, files, folder, columns):
            columns[role] = column
    for role in ("patient", "split", "label"):
        taken = {column.name for column in columns.values()}
        fits = [name for name in rows if name not in taken and _may_be(rows[name], role)]
        best = max((_named(name, role) for name in fits), default=0)
        likely = [name for name in fits if best and _named(name, role) == best]
        # Of several labels, as of a box for each diagnosis, the user has to choose.
        if len(likely) == 1 or (likely and role != "label"):
            columns[role] = Column(likely[0], "by its name")
        elif role == "label" and len(fits) == 1 and not is_of_no_class(fits[0]):
            columns[role] = Column(fits[0], "the only column with a few classes")
    return columns, fits


def _column_of_files(
    rows: pd.DataFrame, role: str, files: Collection[str], folder: str, taken: dict[str, Column]
) -> Column | None:
    """Return the column whose cells are names of files, or None.

    As a large table may list many more pictures than are present, the share of files named also
    counts.
    """
    shares = {}
    for name in rows if files else ():
        cells = {*rows[name]} - {""}
        if not cells or name in [column.name for column in taken.values()]:
            continue
        matches = match_names(cells, files, folder)
        if role == "mask" and not rows[name].isin(matches).sum() > LEAST_SHARE * len(rows):
            continue  # a cell or two that happen to be numbers of files
        of_files = len({*matches.values()}) / len(files)
        if role == "mask" or len(cells) > 0.5 * len(rows):
            shares[name] = max(len(matches) / len(cells), of_files if role == "image" else 0)
        elif of_files > 0.5:  # several rows per picture
            shares[name] = of_files
    # Of columns that name files equally often, that of masks may also be called Mask file name.
    other = {"image": "mask", "mask": "image"}[role]
    fits = {name: _named(name, role) - 2 * _named(name, other) for name in shares}
    best = max(shares, key=lambda name: (shares[name], fits[name]), default="")
    if not best or shares[best] <= LEAST_SHARE:
        return None
    cells = {*rows[best]} - {""}
    n = len(match_names(cells, files, folder))
    return Column(best, f"{100 * n / len(cells):.0f}% of its cells are names of files")


def guess_path(
    rows: pd.DataFrame, pictures: Collection[str], folder: str
) -> tuple[Column, pd.Series] | None:
    """Return two columns that name pictures by folder and file, as ``{a}/{b}``, and the names.

    Numbered files have equal names in many folders, so that neither column alone identifies them.
    """
    parts = [_folded(name).split("/") for name in pictures]
    above = {part for *folders, _ in parts for part in folders}
    inside = {file_stem(file) for *_, file in parts}
    cells = {
        name: {*map(_folded, rows[name])} - {""} for name in rows if not re.search("[{}:!]", name)
    }
    holding = [name for name in cells if cells[name] & above]
    naming = [name for name in cells if {*map(file_stem, cells[name])} & inside]
    best, most = None, 0.5
    for first, second in product(holding, naming):
        names = rows[first] + "/" + rows[second]
        matches = match_names({*names}, pictures, folder) if first != second else {}
        if (reached := len({*matches.values()}) / len(pictures)) > most:
            reason = f"folder and file; they name {100 * reached:.0f}% of the pictures"
            best, most = (Column(f"{{{first}}}/{{{second}}}", reason), names), reached
    return best


class Key(NamedTuple):
    """A column of a table with one row per patient, and the rows to which pictures belong.

    ``level`` is that of :func:`keys_at`, or None if the patients are known and equal the cells;
    ``rows`` are the numbers of the pictures' rows, for pictures that have one; ``pictures`` is
    the number of all pictures.
    """

    name: str
    level: int | None
    rows: list[int]
    pictures: int


def are_run_lengths(cells: pd.Series) -> bool:
    """Return whether filled cells are masks in run lengths, as ``12 3 40 5``, or -1 for none."""
    filled = cells[cells != ""]
    runs = filled[filled != "-1"]
    are_pairs = runs.str.fullmatch(r"\d+ \d+(?: \d+ \d+)*").all()
    return len(runs) > 0 and bool(are_pairs) and runs.str.count(" ").max() > 1


def guess_key(
    rows: pd.DataFrame,
    pictures: Sequence[str],
    patients: Sequence[str],
    column: str = "",
    *,
    several: bool = False,
) -> Key | None:
    """Return the column with a patient's row for most pictures, or the `Key` of a ``column``.

    ``patients`` are the patients of the pictures, if a pattern or headers name them.  With
    ``several``, a patient may have several rows.
    """
    candidates = []
    for name in [column] if column else rows:
        filled = rows[name][rows[name] != ""].drop_duplicates()
        is_unique = bool(column) or several or len(filled) > LEAST_UNIQUE * len(rows)
        is_of_dates = not column and not _named(name, "patient") and _are_dates(filled)
        if len(filled) < 2 or not is_unique or is_of_dates:
            continue
        if patients:
            level, keys = None, [{key} - {""} for key in keys_equal(patients, filled)]
        else:
            level = guess_level(pictures, filled)[0]
            keys = keys_at(pictures, filled, level)
        number = {key: row for row, key in filled.items()}
        placed = [number[next(iter(several))] for several in keys if len(several) == 1]
        if column or len({*placed}) >= min(len(filled), FEWEST_PATIENTS):
            candidates.append(Key(name, level, placed, len(pictures)))
    return max(
        candidates, key=lambda key: (len(key.rows), _named(key.name, "patient")), default=None
    )


def joined_columns(
    rows: pd.DataFrame, pictures: Sequence[str], ends: Collection[str] = ()
) -> Iterator[tuple[str, pd.Series]]:
    """Yield pairs of columns as a template, such as ``{Patient}_{Eye}``, with the cells it makes.

    Cells of the first begin names of pictures, and those of both are unique.  The second is one of
    ``ends``, if these are given, of which a table may lack those of many pictures.
    """
    least = LEAST_SHARE if ends else 0.5
    some = pictures[:: 1 + len(pictures) // 200]
    names = [name for name in rows if not re.search("[{}:!]", name)]
    begins = [name for name in names if guess_level(some, {*rows[name]} - {""})[1] > 0.5]
    for first, sign, second in product(begins, _BETWEEN, ends or names):
        cells = rows[first] + sign + rows[second]
        cells[(rows[first] == "") | (rows[second] == "")] = ""
        is_unique = first != second and cells.nunique() > LEAST_UNIQUE * len(rows)
        if is_unique and guess_level(some, {*cells} - {""})[1] > least:
            yield f"{{{first}}}{sign}{{{second}}}", cells


def _named(name: str, role: str) -> float:
    """Return how well a column's name fits a role, 0 to 1."""
    text, words = plain(name), COLUMNS[role]
    if text in words:
        return 1 - words.index(text) / 100
    parts = {plain(part) for part in re.split(r"[^0-9A-Za-zÀ-ÿ]+", name)}
    if role == "patient" and _describes_patient(text, parts):
        return 0
    if role == "label" and is_of_absence(name):
        return 0  # of No Finding, 1 is the class without
    if among := [word for word in words if word in parts]:
        return 0.5 - words.index(among[0]) / 100
    inside = any(len(word) > 3 and word in text for word in words)
    # A department is no part of a split, and a subjective score names nobody.
    misleads = role == "split" or (role == "patient" and not is_called_as_id(name))
    return 0.25 if inside and not misleads else 0


def _describes_patient(text: str, parts: Collection[str]) -> bool:
    """Return whether a column is about patients, as Patient Age and PatientSex are."""
    compounds = (word + end for word in COLUMNS["patient"] for end in OF_PATIENT)
    return not {*parts}.isdisjoint(OF_PATIENT) or text in compounds


def is_of_no_class(name: str) -> bool:
    """Return whether a column describes a patient, a view or a device and is hardly the label."""
    parts = {plain(part) for part in re.split(r"[^0-9A-Za-zÀ-ÿ]+", name)}
    return not {plain(name), *parts}.isdisjoint(_WORDS["of no class"].split())


def _may_be(cells: pd.Series, role: str) -> bool:
    values = set(cells) - {""}
    if role == "split":
        # One word for a part is enough: other values beside it are refused later, not ignored.
        is_split = any(map(part_of, values)) or all(value.isdecimal() for value in values)
        return 2 <= len(values) <= 10 and is_split
    if role == "label":
        return 1 <= len(values) <= 12 and len(values) < max(3, len(cells) / 3)
    return len(values) >= FEWEST_PATIENTS
