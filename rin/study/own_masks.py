"""The names of somebody's own masks, and which of their values mark the lesion."""

import re
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from itertools import chain
from typing import Any

from rin.data.layouts import LESION, NO_LESION
from rin.data.masks import labels_in
from rin.data.tree import is_dicom
from rin.errors import InputError, counted, join_first_ten
from rin.study.own_files import IN_MASKS, Ask, NewTask, Places, join_name

#: The answer that every label of a mask marks the lesion.
ALL_LABELS = "all"
#: About how many masks are searched for labels if no values are named.
_SAMPLE = 64


def classes_in_masks(places: Places, made: NewTask) -> Counter[str]:
    """Return the two classes that masks distinguish; cases are counted when masks are read."""
    if not places.mask_files:
        remedy = "Name their folder with --masks, or name them like their pictures plus _mask."
        raise InputError("no masks were found", where=f"--label {IN_MASKS}", remedy=remedy)
    made.say("label", "a lesion where the mask marks anything, none where it is black or absent")
    made.notes["labels_in_masks"] = "lesion where a mask marks anything, as you said"
    return Counter({LESION: 1, NO_LESION: 1})


def check_masks(places: Places, made: NewTask) -> None:
    """Report how masks are named; InputError if no mask is named like a picture."""
    mask_files = places.mask_files
    if not places.mask_pattern:
        if mask_files and is_dicom(mask_files[0]):
            from rin.data.dicom import refuse_segmentation  # pydicom is slow to load

            name = join_name(places.masks or places.images, mask_files[0])
            refuse_segmentation(places.tree.root, places.tree.locator(name))
        example = mask_files[0] if mask_files else "none"
        problem = f"no mask is named like a picture (first mask: {example})"
        remedy = "Name masks like their pictures, plus _mask if you like, or list them in a "
        remedy += "column of a --table."
        raise InputError(problem, where=f"--masks {places.masks}", remedy=remedy)
    made.say("masks", f"{counted(len(mask_files), 'files')}, with names such as {mask_files[0]}")


def lesion_values(places: Places, said: str, made: NewTask, ask: Ask) -> dict[str, Any]:
    """Return the setting for the values of masks that mark the lesion; an empty dict for all.

    If a mask has several values, of which one may be an organ, the user is asked.
    """
    tree, folder = places.tree, places.masks or places.images
    files = [tree.locator(join_name(folder, name)) for name in places.mask_files]
    labels_of = [*_labels_of(places, files[:: 1 + len(files) // _SAMPLE])]
    if said and not {*map(str, chain(*labels_of))} >= {*_values_in(said)}:
        labels_of = [*_labels_of(places, files)]  # a rare label may be in no mask of the sample
    times = Counter(chain(*labels_of))
    is_plain = not said and all(len(labels) < 2 for labels in labels_of)
    if is_plain:
        return {}
    numbers = ", ".join(f"{label} in {times[label]:,}" for label in sorted(times))
    text = f"labels {numbers} of {counted(len(labels_of), 'masks')}"
    choices = [ALL_LABELS, *map(str, sorted(times))]
    answer = said or ask(f"{text}: which are the lesion", "--lesion-values", choices, ALL_LABELS)
    if answer == ALL_LABELS:
        text += (
            ": all count as the lesion. If one is an organ, give the others with --lesion-values"
        )
        made.say("LABELS", text, "bold red")
        return {}
    chosen = _values_in(answer)
    if strange := [value for value in chosen if value not in map(str, times)]:
        known = join_first_ten([*map(str, sorted(times))], ", ") or "only zero"
        problem = f"no mask contains the value {strange[0]}"
        remedy = (
            f"Masks contain {known}: give the values of the lesion, as in --lesion-values 2,3."
        )
        raise InputError(problem, where=f"--lesion-values {answer}", remedy=remedy)
    made.say("labels", f"{text}; lesion: {', '.join(chosen)}")
    made.notes["lesion_values"] = "values of masks that mark the lesion, as you said"
    return {"lesion_values": [*map(int, chosen)]}


def _values_in(answer: str) -> list[str]:
    return re.split(r"\s*,\s*", answer.strip())


def _labels_of(places: Places, files: Iterable[str]) -> Iterable[list[int]]:
    for file in files:
        with suppress(InputError):  # the inspection of all pictures reports broken ones
            yield labels_in(places.tree.root, file)
