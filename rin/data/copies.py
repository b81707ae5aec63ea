"""Altered copies of pictures, which their names tell: ``a_flip.png`` and ``rotated_a.png`` of a.

Augmented sets are published beside or among their originals.  Turned and mirrored copies are no
near-duplicates by their pixels, so that a split which ignores names has them on two sides.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from pathlib import Path

from rin.data.discovery import file_stem, plain, words_in
from rin.data.manifest import read_names
from rin.files import read_yaml

_WORDS = read_yaml(Path(__file__).with_suffix(".yaml"))
_WORD = "(?:" + "|".join(sorted(_WORDS["alterations"].split(), key=len, reverse=True)) + ")"
#: What is behind the name of an original: words for alterations, or what programs append.
_BEHIND = rf"(?P<behind>(?:[ _.-]+{_WORD}[ _-]*\d{{0,3}}(?![A-Za-z0-9]))+|\.rf\.[0-9a-f]{{15,}})"
#: What is before it.
_BEFORE = rf"(?P<before>(?:{_WORD}[ _-]*\d{{0,3}}(?: (?:of|von|de|di))?[ _-]+)+)"
_ALTERED = re.compile(rf"{_BEFORE}?(?P<original>.+?){_BEHIND}?", re.IGNORECASE)
#: A copy in the manner of desktops, of a file that is there.
_NUMBERED = re.compile(r"(?P<original>.+?)(?P<behind> ?\([1-9]\))")
#: Names that programs make of that of an original: `Augmentor`, and `ImageDataGenerator` of Keras.
_MADE = {name: re.compile(pattern) for name, pattern in _WORDS["programs"].items()}
#: More pictures of one name are numbered, and no copies.
_MOST_COPIES = 40
#: Fewest originals, as a share of the pictures and as a number.
_FEWEST, _LEAST_SHARE = 4, 0.02
#: What an ending, and the folder of a picture, may be in a path.
_ENDING, _FOLDER = r"(?:\.[A-Za-z]+)*$", "(?:([^/]+)/)?"


def copies_of(names: Collection[str]) -> dict[str, list[str]]:
    """Return the pictures of each original of which there are several, by folder and name.

    The original itself may be absent.
    """
    return {key: several for key, several, _ in _groups(names)}


def copies_pattern(names: Collection[str]) -> str:
    """Return a pattern of patients that joins altered copies and nothing else.

    It is of paths if pictures of one name in two folders are different ones.  An empty string if
    there are no copies, or if such a pattern would join other pictures, too.
    """
    groups = _groups(names)
    if not groups:
        return ""
    parts = [match for *_, matches in groups for match in matches]
    made = [pattern for name, pattern in _MADE.items() if any(m.re is pattern for m in parts)]
    before, behind = ("|".join(_parts(parts, of)) for of in ("before", "behind"))
    inside = rf"(?:{before})?(.+?)(?:{behind})?".replace("(?:)?", "")
    if made:
        others = "|".join(pattern.pattern.replace("?P<original>", "") for pattern in made)
        inside = f"(?:{others}|{inside})"
    in_folders = {_key(name, "") for name in names}
    pattern = f"^{inside}{_ENDING}"
    if len({file for _, file in in_folders}) < len(in_folders):
        pattern = f"{_FOLDER}{inside.replace('(.+?)', '([^/]+?)')}{_ENDING}"
    n_copies = sum(len(several) - 1 for _, several, _ in groups)
    return (
        pattern if len({*read_names(pattern, names, "patient")}) == len(names) - n_copies else ""
    )


def pictures_by(pattern: str, names: Sequence[str]) -> dict[str, list[str]]:
    """Return the pictures of each patient of a pattern."""
    pictures: dict[str, list[str]] = defaultdict(list)
    for name, who in zip(names, read_names(pattern, names, "patient"), strict=True):
        pictures[who].append(name)
    return pictures


def are_divided(patients: dict[str, str]) -> list[list[str]]:
    """Return the altered copies of one picture, by name, that have several patients."""
    groups = copies_of(patients).values()
    return [several for several in groups if len({patients[name] for name in several}) > 1]


def folders_of_copies(names: Collection[str]) -> list[str]:
    """Return the folders that are called augmented, if there are pictures outside them, too."""
    called: set[str] = set()
    outside = False
    for name in names:
        folders = [folder for folder in name.split("/")[:-1] if _is_of_copies(folder)]
        called |= {*folders}
        outside |= not folders
    return sorted(called) if outside else []


def _is_of_copies(folder: str) -> bool:
    return any(plain(word) in _WORDS["folders"].split() for word in _words_of(folder))


def _words_of(folder: str) -> list[str]:
    return [part for word in words_in(folder) for part in re.findall("[A-Z]?[a-z]+|[A-Z]+", word)]


def _key(name: str, original: str) -> tuple[str, str]:
    """Return the folder of a picture, and the name of its original there, or else its own."""
    *folders, file = file_stem(name).split("/")
    return folders[-1] if folders else "", original or file


def _groups(names: Collection[str]) -> list[tuple[str, list[str], list[re.Match[str]]]]:
    """Return each original of several pictures, these, and how the names of copies were read."""
    there = {_key(name, "") for name in names}
    pictures: dict[tuple[str, str], list[str]] = defaultdict(list)
    read: dict[tuple[str, str], list[re.Match[str]]] = defaultdict(list)
    for name in names:
        folder, file = _key(name, "")
        match = _match(folder, file, there)
        key = (folder, match["original"] if match else file)
        pictures[key].append(name)
        read[key] += [match] if match else []
    if len(pictures) < max(_FEWEST, _LEAST_SHARE * len(names)):
        return []
    return [
        ("/".join(filter(None, key)), several, read[key])
        for key, several in pictures.items()
        if read[key] and 1 < len(several) <= _MOST_COPIES
    ]


def _match(folder: str, file: str, there: Collection[tuple[str, str]]) -> re.Match[str] | None:
    """Return how the name of a file is read as that of an altered copy; None if it is none."""
    for pattern in _MADE.values():
        if match := pattern.fullmatch(file):
            return match
    numbered = _NUMBERED.fullmatch(file)
    # Desktops also call a series of pictures by one name and numbers from 1 on.
    if numbered and (folder, numbered["original"]) in there:
        return None if (folder, f"{numbered['original']} (10)") in there else numbered
    altered = _ALTERED.fullmatch(file)
    return altered if altered and altered["original"] != file else None


def _parts(matches: Sequence[re.Match[str]], of: str) -> list[str]:
    """Return what is before or behind originals, as patterns in which numbers may be others."""
    texts = {match.groupdict().get(of) or "" for match in matches}
    parts = {re.sub(r"\d+", r"\\d+", re.escape(text)) for text in texts if ".rf." not in text}
    parts |= {r"\.rf\.[0-9a-f]+" for text in texts if ".rf." in text}
    return sorted(part.replace("\\ ", " ").replace("\\-", "-") for part in parts - {""})
