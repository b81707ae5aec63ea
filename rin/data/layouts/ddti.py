"""The layout of DDTI: `314.xml` beside its pictures `314_1.jpg`, `314_2.jpg`, in one folder.

The XML file describes one case: its number, the radiologists' TI-RADS category, and a mark per
picture with the nodules' outlines, as a JSON list of regions.  Pedraza et al., An open access
thyroid ultrasound image database, Proc. SPIE 9287 (2015) 92870W.
"""

import json
from collections import defaultdict
from itertools import chain
from xml.etree.ElementTree import Element, ParseError

from defusedxml.ElementTree import fromstring

from rin.data.layouts.found import FoundCase, labelled_files, sort_files
from rin.data.manifest import DatasetManifest
from rin.data.pixels import POLYGON, shape_text
from rin.data.tree import Tree
from rin.errors import as_input_error, problem_of

UNRATED = "unrated"
REMEDY = (
    "Fetch the file again, or name the picture (as N_1) under known_bad in the manifest if only "
    "its outline is broken."
)


def find_cases(tree: Tree, manifest: DatasetManifest) -> list[FoundCase]:
    """Return the pictures of a DDTI tree; the case number is the patient.

    The source class is the TI-RADS category as written, `unrated` if the XML has none.
    Outlines of pictures that the manifest lists as bad are not read.
    """
    _, files = sort_files(tree, "ddti", tables=r"(\d+)\.xml", pictures=r"(\d+)_(\d+)\.jpg")
    pictures: dict[str, dict[str, str]] = defaultdict(dict)
    for key, name in files["pictures"].items():
        number, image = key.split("/")
        pictures[number][image] = name
    tables = files["tables"]
    numbers = labelled_files(tree, manifest, tables or ["any"], pictures, "XML files", "pictures")
    cases = []
    for number in numbers:
        place = tree.place(table := tables[number])
        with as_input_error(
            "the case cannot be read",
            where=place,
            remedy=REMEDY,
            kinds=(ParseError, LookupError, ValueError),  # defusedxml raises a kind of ValueError
        ):
            tirads, regions = _read_case(tree.read(table), number)
            if manifest.label_map and tirads not in manifest.label_map:
                raise ValueError(f"its TI-RADS category is {tirads!r}")
            lost = sorted(set(regions) - set(pictures[number]))
            if lost and not manifest.partial:
                raise ValueError(f"it marks pictures that are missing: {', '.join(lost)}")
            for image, name in pictures[number].items():
                case_id = f"{number}_{image}"
                texts = [] if case_id in manifest.known_bad else regions.get(image, [])
                masks = tuple(mask for text in texts for mask in _outlines(text, image))
                cases.append(FoundCase(case_id, number, tirads, tree.locator(name), masks))
    return cases


def _read_case(content: bytes, number: str) -> tuple[str, dict[str, list[str]]]:
    """Return the TI-RADS category, and the regions (JSON text) of each picture."""
    root = fromstring(content, forbid_dtd=True)
    stated = _only(root, "number")
    if stated != number:
        raise ValueError(f"it calls itself case {stated!r}")
    regions: dict[str, list[str]] = defaultdict(list)
    for mark in root.findall("mark"):
        texts = [text for svg in mark.findall("svg") if (text := svg.text or "").strip()]
        regions[_only(mark, "image")] += texts
    return _only(root, "tirads") or UNRATED, dict(regions)


def _only(parent: Element, tag: str) -> str:
    elements = parent.findall(tag)
    if len(elements) != 1:
        raise ValueError(f"it has {len(elements)} <{tag}> elements instead of one")
    return (elements[0].text or "").strip()


def _outlines(text: str, image: str) -> list[str]:
    """Return the outlines of a mark, as shapes in words."""
    try:
        outlines = [[(p["x"], p["y"]) for p in r["points"]] for r in json.loads(text)]
        # Strings and booleans would pass for numbers.
        if odd := [x for x in chain(*chain(*outlines)) if type(x) not in (int, float)]:
            raise TypeError(f"{odd[0]!r} is not a coordinate")
        return [shape_text(POLYGON, outline) for outline in outlines]
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise ValueError(
            f"image {image}: the outline cannot be read ({type(error).__name__}: "
            f"{problem_of(error)})"
        ) from error
