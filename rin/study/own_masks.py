"""The names of somebody's own masks, and which of their values mark the lesion."""

import re
import shlex
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain, islice, zip_longest
from random import Random
from typing import Any

from rin.data import discovery
from rin.data.layouts.found import LESION, NO_LESION
from rin.data.masks import count_values, labels_in, values_and_border
from rin.data.tree import is_dicom
from rin.errors import InputError, counted, join_first_ten
from rin.study.own_files import IN_MASKS, Ask, NewTask, Places, join_name

#: The answer that every label of a mask marks the lesion.
ALL_LABELS = "all"
#: About how many masks are searched for labels if no values are named, and how many pictures are
#: searched for masks.
_SAMPLE = 64
#: Share of masks with one bright border above which it may be their background.
_MOST_BRIGHT = 0.9
#: Fewest pictures among those with values of masks, of which one or two may be blank or broken.
_FEWEST = 3


def without_drawn(places: Places, made: NewTask, of_rows: Collection[str] = ()) -> Places:
    """Return places whose pictures do not include masks, which are recognised by their values.

    They are masks if one word names them, beside one picture each.  InputError for others, unless
    the user has selected the pictures, or ``of_rows``, those that a table names, contain no mask.
    """
    tree, pictures = places.tree, places.pictures
    some = _sample_of_kinds(pictures)
    names = {name: tree.locator(join_name(places.images, name)) for name in some}
    values = {name: count_values(tree.root, locator) for name, locator in names.items()}
    drawn = [name for name in some if values[name] > 1]
    plain = [name for name in some if not values[name]]
    are_mixed = len(drawn) >= _FEWEST and bool(plain)
    word = discovery.mask_word(drawn, pictures) if are_mixed and not places.mask_files else ""
    if word:
        stems = {name: discovery.file_stem(name).rpartition("/")[2] for name in pictures}
        masks = [name for name in pictures if re.fullmatch(word, stems[name])]
        others = [name for name in pictures if name not in {*masks}]
        return replace(places, pictures=others, mask_files=masks, mask_pattern=word)
    if not places.mask_files:
        _refuse_likely_masks(places)
    if not are_mixed or (of_rows and {*of_rows}.isdisjoint(drawn)):
        return places
    text = f"{len(drawn)} of {len(some)} pictures that were looked at have few values, as masks "
    text += f"have, such as {' and '.join(sorted(drawn)[:2])}"
    if places.only:
        made.say("MASKS", f"{text}; they count as pictures, as you said", "bold red")
        return places
    raise tree.error(text, remedy=_remedy_of_drawn(places, drawn, plain))


def _sample_of_kinds(pictures: Sequence[str]) -> list[str]:
    """Return some pictures, as many as there are kinds of names, which differ beside numbers.

    A few masks among many pictures are called otherwise than these.
    """
    kinds: dict[str, list[str]] = defaultdict(list)
    for name in Random(0).sample(pictures, len(pictures)):
        kinds[re.sub(r"\d+", "0", name)].append(name)
    in_turn = chain.from_iterable(zip_longest(*kinds.values()))
    return [*islice(filter(None, in_turn), _SAMPLE)]


def _refuse_likely_masks(places: Places) -> None:
    """Raise InputError if some of the pictures are named like masks."""
    tree, pictures = places.tree, places.pictures
    stems = {name: discovery.file_stem(name).rpartition("/")[2] for name in pictures}
    likely = [name for name, stem in stems.items() if discovery.are_called_as_masks(stem)]
    if likely and len(likely) < len(pictures):
        example = next(name for name in pictures if name not in likely)
        remedy = f"If they are masks of one kind of picture, such as {example}, select both by "
        remedy += "parts of their names: --only 'KIND|seg', or the pictures alone; or move masks "
        remedy += "into a folder of their own, and name it with --masks; rename them if they are "
        remedy += "pictures."
        inside = {name.rpartition("/")[0] for name in likely}
        folder = min(inside)
        below = [name for name in pictures if name.startswith(f"{folder}/")]
        if len(inside) == 1 and len(below) == len(likely):
            path = tree.root / tree.location / places.images / folder
            remedy = f"If they are masks, name their folder: --masks {shlex.quote(str(path))}; "
            remedy += "rename them if they are pictures."
        problem = "pictures are named like masks, and no picture matches them"
        tree.raise_if_any(likely, problem, remedy=remedy)


def _remedy_of_drawn(places: Places, drawn: Sequence[str], plain: Sequence[str]) -> str:
    """Return how masks among the pictures are told apart from these."""
    inner, outer = ({name.partition("/")[0] for name in names} for names in (drawn, plain))
    if len(inner) == len(outer) == 1 and inner != outer and "/" in drawn[0] and "/" in plain[0]:
        folder = places.tree.root / places.tree.location / places.images
        images, masks = (shlex.quote(str(folder / several.pop())) for several in (outer, inner))
        return f"Name both folders: --images {images} --masks {masks}."
    of_masks, of_pictures = ({*map(discovery.folder_of, names)} for names in (drawn, plain))
    if len(of_masks) > 1 and len(of_pictures) == 1 and of_masks.isdisjoint(of_pictures):
        kinds = "|".join(map(re.escape, [of_pictures.pop(), min(of_masks)])).replace("\\ ", " ")
        return f"Select pictures and masks of one kind, as with --only '/({kinds})/'."
    if remedy := _remedy_of_parts(places, of_masks, of_pictures):
        return remedy
    words = [word for word in re.findall(r"[^\W\d_]{2,}", drawn[0]) if f".{word}" not in drawn[0]]
    only = [
        word
        for word in words
        if all(word in name for name in drawn) and not any(word in name for name in plain)
    ]
    remedy = "Move masks out of that folder, or call them like their pictures plus _mask"
    if only:
        remedy = f"Leave them out with --only '^(?!.*{only[0]})', or call them like their "
        remedy += "pictures plus _mask"
    return f"{remedy}; if they are pictures, give --only '.', which takes all."


def _remedy_of_parts(places: Places, drawn: Collection[str], plain: Collection[str]) -> str:
    """Return how folders of pictures and masks of parts, as test-image and test-mask, are read.

    Each part gets a folder with links to both; parts stay apart, as their files may be called
    alike.  An empty string if folders are others.
    """
    ends = re.compile(r"(.+)([ _-][^ _-]+)").fullmatch
    kinds = [
        [match.groups() for name in names if (match := ends(name))] for names in (plain, drawn)
    ]
    pictures, masks = ({end for _, end in several} for several in kinds)
    parts, of_masks = ({part for part, _ in several} for several in kinds)
    if [*map(len, kinds)] != [len(plain), len(drawn)] or len(pictures) + len(masks) != 2:
        return ""
    if parts != of_masks or len(parts) < 2:
        return ""
    folder = places.tree.root / places.tree.location / places.images
    old, new = (
        shlex.quote(str(path)) for path in (folder, folder.with_name(f"{folder.name}_parts"))
    )
    links = [
        f'ln -s {old}/"$p{kind.pop()}" {new}/"$p"/{to}'
        for kind, to in ((pictures, "images"), (masks, "masks"))
    ]
    names = " ".join(map(shlex.quote, sorted(parts)))
    command = f'for p in {names}; do mkdir -p {new}/"$p"; {"; ".join(links)}; done'
    return f"Link both into a folder of each part: {command}; then give --images {new}."


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
        remedy = "Name masks like their pictures, plus _mask if you like, or with one word in "
        remedy += "place of another, as img7 and mask7; or list them in a column of a --table."
        raise InputError(problem, where=f"--masks {places.masks}", remedy=remedy)
    text = f"{counted(len(mask_files), 'files')}, with names such as {mask_files[0]}"
    start = discovery.start_lacked(places.mask_pattern, mask_files, places.pictures)
    word = discovery.word_lacked(places.mask_pattern, mask_files, places.pictures)
    if start or word or places.inner:
        pictures = {discovery.file_stem(name) for name in places.pictures}
        text += f", of pictures such as {min(pictures)}"
    made.say("masks", text, "yellow" if start or word or places.inner else "")
    _describe_folders(places, made)


def folders_lacked(places: Places) -> list[str]:
    """Return the folders inside that of the masks which paths of pictures lack."""
    is_apart = places.masks not in ("", places.images)
    return discovery.folders_lacked(places.mask_files, places.pictures) if is_apart else []


def folders_united(places: Places) -> list[str]:
    """Return such folders if files in them are called alike, as masks of one picture are."""
    folders = folders_lacked(places)
    called = {discovery.without_folders(name, folders) for name in places.mask_files}
    return folders if len(called) < len(places.mask_files) else []


def _describe_folders(places: Places, made: NewTask) -> None:
    """Report folders whose masks are united, in red unless they are of two sides."""
    folders = folders_united(places)
    words = [word for name in folders for word in re.findall("[A-Z]?[a-z]+|[A-Z]+", name)]
    if folders:
        others = "|".join(map(re.escape, folders[1:])).replace("\\ ", " ")
        text = f"masks of one picture in {', '.join(folders)} are united (for {folders[0]} alone, "
        text += f"give --only {shlex.quote(f'^(?!.*/({others})/)')})"
        is_of_sides = len(folders) == 2 and {*map(discovery.side_of, words)} >= {*discovery.SIDES}
        made.say("MASKS", text, "yellow" if is_of_sides else "bold red")


def lesion_values(places: Places, said: str, made: NewTask, ask: Ask) -> dict[str, Any]:
    """Return the setting for the values of masks that mark the lesion; an empty dict for all.

    If a mask has several values, of which one may be an organ, the user is asked.
    """
    tree, folder = places.tree, places.masks or places.images
    files = [tree.locator(join_name(folder, name)) for name in places.mask_files]
    dark = _values_on_bright(places, files[:: 1 + len(files) // _SAMPLE], said)
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
    if strange := [value for value in chosen if value not in map(str, {*times, *dark})]:
        known = join_first_ten([*map(str, sorted(times))], ", ") or "only zero"
        problem = f"no mask contains the value {strange[0]}"
        remedy = (
            f"Masks contain {known}: give the values of the lesion, as in --lesion-values 2,3."
        )
        raise InputError(problem, where=f"--lesion-values {answer}", remedy=remedy)
    made.say("labels", f"{text}; lesion: {', '.join(chosen)}")
    made.notes["lesion_values"] = "values of masks that mark the lesion, as you said"
    return {"lesion_values": [*map(int, chosen)]}


def _values_on_bright(places: Places, files: Sequence[str], said: str) -> list[int]:
    """Return the values of masks whose border is bright, other than that; none for dark borders.

    InputError if nothing is ``said`` of the lesion's values, as the border may be background.
    """
    values_of = []
    for file in files:
        with suppress(InputError):  # the inspection of all pictures reports broken ones
            values_of.append(values_and_border(places.tree.root, file))
    borders = Counter(border for _, border in values_of if border)
    border, n = borders.most_common(1)[0] if borders else (0, 0)
    if n < max(_FEWEST, _MOST_BRIGHT * len(values_of)):
        return []
    others = sorted({*chain(*(values for values, _ in values_of))} - {border})
    if others and not said:
        problem = f"{n} of {counted(len(values_of), 'masks')} that were looked at have the value "
        problem += f"{border} at their border, as if it were the background"
        remedy = (
            f"Give the values of the lesion, as in --lesion-values {','.join(map(str, others))}"
        )
        remedy += f"; or --lesion-values {ALL_LABELS} if {border} marks it."
        raise places.tree.error(problem, file=places.masks or places.images, remedy=remedy)
    return others


def _values_in(answer: str) -> list[str]:
    return re.split(r"\s*,\s*", answer.strip())


def _labels_of(places: Places, files: Iterable[str]) -> Iterable[list[int]]:
    for file in files:
        with suppress(InputError):  # the inspection of all pictures reports broken ones
            yield labels_in(places.tree.root, file)
