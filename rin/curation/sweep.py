"""Copying what may be kept: each value against its rule, UIDs and dates replaced on the way.

What breaks its rule is left out, not corrected: a value that is no word of its list, no number
of its range, no date or no UID claims to be something that it is not.
"""

from __future__ import annotations

import math
import re
from datetime import date, timedelta

import numpy as np
from pydicom import DataElement, Dataset, Sequence
from pydicom.errors import BytesLengthException
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag, Tag

from rin.curation.kept import Items, Numbers, Rule, Table, Uids, Words, kept_tags
from rin.curation.pseudonyms import Pseudonyms
from rin.errors import InputError

_DAY = re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})")
_WHOLE = ("IS", "US", "SS", "UL", "SL")
_DESCRIPTOR = Tag("LUTDescriptor")
# What pydicom raises for an element that breaks the rules of its own type.
_UNREADABLE = (
    ArithmeticError,
    AttributeError,
    BytesLengthException,
    LookupError,
    NotImplementedError,
    TypeError,
    ValueError,
)


def copy_kept(
    source: Dataset, names: tuple[tuple[str, Rule], ...], pseudonyms: Pseudonyms, shift: int
) -> Dataset:
    """Return a new data set of the attributes and values that the rules keep, at every level.

    Parameters
    ----------
    names
        Keywords and rules, as in :data:`rin.curation.kept.KEPT`.
    shift
        Days to add to every date.

    Raises
    ------
    InputError
        A look-up table of gray values that is none: without it the image would look another.
    """
    made = Dataset()
    for tag, kinds, rule in kept_tags(names):
        if tag not in source:
            continue
        if isinstance(rule, Items):
            items = [copy_kept(item, rule.kept, pseudonyms, shift) for item in _items(source, tag)]
            whole = [item for item in items if len(item) and not _half_a_table(item, rule)]
            if whole:
                made.add(DataElement(tag, "SQ", Sequence(whole)))
            continue
        vr, values = _read(source, tag, kinds)
        if isinstance(rule, Table):
            kept = _table(values, source)
        elif isinstance(rule, Words):
            kept = _known_words(values, rule)
        elif isinstance(rule, Numbers):
            kept = _plausible(values, rule, vr)
        elif isinstance(rule, Uids):
            kept = [pseudonyms.uid(uid) for uid in values if isinstance(uid, str)]
        else:
            kept = _moved(values, shift)
        if kept:
            made.add(DataElement(tag, vr, kept[0] if len(kept) == 1 else kept))
    return made


def _read(source: Dataset, tag: BaseTag, kinds: tuple[str, ...]) -> tuple[str, list]:
    """Return VR and values of an element; none where it cannot be read as what it claims."""
    try:
        element = source[tag]
        value = element.value
    except _UNREADABLE:
        return kinds[0], []
    vr = element.VR if element.VR in kinds else kinds[0]
    if isinstance(value, MultiValue | list | tuple):
        return vr, list(value)
    return vr, [] if value is None else [value]


def _items(source: Dataset, tag: BaseTag) -> list[Dataset]:
    _, values = _read(source, tag, ("SQ",))
    return [item for value in values if isinstance(value, Sequence) for item in value]


def _half_a_table(item: Dataset, rule: Items) -> bool:
    """Tell whether an item of look-up tables lacks its table."""
    names = [name for name, kept in rule.kept if isinstance(kept, Table)]
    return any(name not in item for name in names)


def _known_words(values: list, rule: Words) -> list[str]:
    """Return the words up to the first that is not known: their places have meanings."""
    kept = []
    for value in values:
        if str(value).strip() not in rule.known:
            break
        kept.append(str(value).strip())
    return kept


def _plausible(values: list, rule: Numbers, vr: str) -> list[int] | list[float]:
    """Return the numbers, or none where one of them is not plausible."""
    try:
        numbers = [float(value) for value in values]
    except (TypeError, ValueError):
        return []
    if not all(math.isfinite(n) and rule.low <= n <= rule.high for n in numbers):
        return []
    if vr in _WHOLE:
        return [int(number) for number in numbers]
    return [float(f"{number:.6g}") for number in numbers]


def _moved(values: list, shift: int) -> list[str]:
    """Return dates and the days of date-times moved by the shift; what is no date is left out."""
    moved = []
    for value in values:
        found = _DAY.match(str(value))
        try:
            day = date(*map(int, found.groups())) + timedelta(days=shift) if found else None
        except (OverflowError, ValueError):
            day = None
        if day:
            moved.append(f"{day.year:04d}{day.month:02d}{day.day:02d}")
    return moved


def _table(values: list, source: Dataset) -> list:
    """Return the data of a look-up table as it stands, or raise where it can be none."""
    _, descriptor = _read(source, _DESCRIPTOR, ("US", "SS"))
    if not values or len(descriptor) != 3:
        return []
    length = int(descriptor[0]) or 2**16
    if isinstance(values[0], bytes):
        entries = np.frombuffer(values[0], "u1" if len(values[0]) < 2 * length else "<u2")
    else:
        entries = np.asarray(values)
    steps = np.diff(entries[:length].astype(np.int64))
    if not (length <= len(entries) <= length + 1 and ((steps >= 0).all() or (steps <= 0).all())):
        raise InputError(
            f"the look-up table of gray values has {len(entries)} of {length} entries, or neither "
            "rises nor falls",
            where=getattr(source, "filename", None) or "LUTData",
            remedy="Leave the image out: without the table it would look another.",
        )
    return values
