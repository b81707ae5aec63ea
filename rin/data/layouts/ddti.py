"""The layout of DDTI: ``314.xml`` beside its pictures ``314_1.jpg``, ``314_2.jpg``, all flat.

The XML file holds one case: its number, the radiologists' TI-RADS category, and a mark per
picture with the nodules' outlines, as a JSON list of regions.  Pedraza et al., An open access
thyroid ultrasound image database, Proc. SPIE 9287 (2015) 92870W.
"""

import json
import re
from collections import defaultdict
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError

from defusedxml.ElementTree import fromstring

from rin.data.layouts.found import (
    STAND_IN_NOTE,
    FoundCase,
    ReaderOptions,
    reader_options,
    unknown_file,
)
from rin.data.manifest import DatasetManifest
from rin.data.pixels import polygon_text
from rin.data.tree import Tree
from rin.errors import InputError

NAME = re.compile(r"(?P<number>\d+)(?:\.xml|_(?P<image>\d+)\.jpg)")
UNRATED = "unrated"


@dataclass(frozen=True)
class _Case:
    """What an XML file tells: the TI-RADS category, and regions (JSON text) per picture."""

    tirads: str
    regions: dict[str, list[str]]


def find_cases(tree: Tree, manifest: DatasetManifest) -> list[FoundCase]:
    """Return the pictures of a DDTI tree; the case number is the patient.

    The source class is the TI-RADS category as written, ``unrated`` where the XML has none.
    A picture without an outline has no mask.  Outlines of pictures that the manifest knows to
    be bad are not read.

    Raises
    ------
    InputError
        Files of another name, XML without pictures or pictures without XML; XML that is
        broken, declares a document type, bears another case's number, or marks a picture that
        is not there; a TI-RADS category that the label map lacks; a broken outline.
    """
    reader_options(ReaderOptions, manifest)
    tables, pictures = _sort_files(tree)
    _check_pairs(tree, set(tables), set(pictures))
    cases = []
    for number, table in tables.items():
        place = tree.place(table)
        case = _read_case(tree.read(table), number, place)
        if manifest.label_map and case.tirads not in manifest.label_map:
            raise _broken(place, f"its TI-RADS category is {case.tirads!r}")
        if lost := sorted(set(case.regions) - set(pictures[number])):
            raise _broken(place, f"it marks pictures that are not there: {', '.join(lost)}")
        for image, name in pictures[number].items():
            case_id = f"{number}_{image}"
            texts = [] if case_id in manifest.known_bad else case.regions.get(image, [])
            masks = [mask for text in texts for mask in _outlines(text, f"{place}, image {image}")]
            cases.append(FoundCase(case_id, number, case.tirads, tree.locator(name), tuple(masks)))
    return cases


def _sort_files(tree: Tree) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Return the XML file per case, and the picture per case and image number."""
    tables, pictures = {}, defaultdict(dict)
    folder = None
    for name in tree.names:
        parent, _, last = name.rpartition("/")
        if last == STAND_IN_NOTE:
            continue
        match = NAME.fullmatch(last)
        folder = parent if folder is None else folder
        if match is None or parent != folder or "/" in parent:
            raise unknown_file(tree, name, "ddti")
        if match["image"] is None:
            tables[match["number"]] = name
        else:
            pictures[match["number"]][match["image"]] = name
    return tables, dict(pictures)


def _check_pairs(tree: Tree, tables: set[str], pictures: set[str]) -> None:
    problem = "" if tables or pictures else "there is no case in it"
    if alone := sorted(tables - pictures, key=int):
        problem = f"{len(alone)} XML files without a picture: {', '.join(alone[:5])}"
    if alone := sorted(pictures - tables, key=int):
        problem = f"{len(alone)} cases with pictures but without XML: {', '.join(alone[:5])}"
    if problem:
        raise InputError(
            problem,
            where=tree.place(),
            remedy="Fetch the dataset again; N.xml belongs to N_1.jpg and higher.",
        )


def _read_case(content: bytes, number: str, place: str) -> _Case:
    try:
        root = fromstring(content, forbid_dtd=True)
    except (ParseError, ValueError, LookupError) as error:
        # What defusedxml forbids comes as a ValueError.
        raise _broken(place, f"the XML cannot be read ({type(error).__name__}: {error})") from error
    stated = _only(root, "number", place)
    if stated != number:
        raise _broken(place, f"it calls itself case {stated!r}")
    regions = defaultdict(list)
    for mark in root.findall("mark"):
        image = _only(mark, "image", place)
        regions[image] += [svg.text for svg in mark.findall("svg") if (svg.text or "").strip()]
    return _Case(_only(root, "tirads", place) or UNRATED, dict(regions))


def _only(parent: Element, tag: str, place: str) -> str:
    found = parent.findall(tag)
    if len(found) != 1:
        raise _broken(place, f"it holds {len(found)} elements <{tag}> where one belongs")
    return (found[0].text or "").strip()


def _outlines(text: str, place: str) -> list[str]:
    """Return the outlines of one mark, as shapes in words."""
    try:
        regions = json.loads(text)
        points = [[(_number(p["x"]), _number(p["y"])) for p in r["points"]] for r in regions]
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        problem = f"the outline cannot be read ({type(error).__name__}: {error})"
        raise _broken(place, problem) from error
    try:
        return [polygon_text(outline) for outline in points]
    except InputError as error:
        raise _broken(place, error.problem) from error


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is no coordinate")
    return float(value)


def _broken(place: str, problem: str) -> InputError:
    return InputError(
        problem,
        where=place,
        remedy="Fetch the file again, or name the picture (as N_1) under known_bad in the "
        "manifest if only its outline is broken.",
    )
