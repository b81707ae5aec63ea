"""The classes of somebody's own images, which of them is positive, and their names."""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import combinations
from pathlib import Path

from rin.data import discovery
from rin.data.layouts.table import UNLABELLED
from rin.errors import InputError, counted, join_first_ten, look_up
from rin.study.own_files import MOST_CLASSES, Ask, NewTask

_ALL_OTHERS = "all others"
#: Most numbers, from 0 on, that are grades of which 0 is none, and not ratings.
_LONGEST_GRADES = 5
#: Two names whose similarity, 0 to 1, is at least this may be one class, misspelt.
_ALIKE = 0.85


def read_labels(
    classes: Counter[str],
    positive: Sequence[str],
    negative: Sequence[str],
    column: str,
    where: Path,
    distinct: bool,
    made: NewTask,
    ask: Ask,
) -> dict[str, str | None]:
    """Return the label of each class, positive classes first; None for classes left out."""
    if names_unlabelled(negative) and UNLABELLED not in classes:
        classes = Counter({value or UNLABELLED: n for value, n in classes.items()})
    nothing = [value for value in classes if discovery.says_nothing(value)]
    present = sorted({*classes} - {*nothing})
    separator, findings = discovery.findings_of(present)
    choices = sorted(set().union(*findings.values()))
    _refuse_classes(classes, present, choices, bool(positive), where)
    # Of a column called benign, 1 is not what is looked for.
    is_unclear = discovery.is_of_absence(column) and discovery.are_codes(choices)
    guess = "" if positive or is_unclear else discovery.guess_positive(choices)
    chosen = _choose_classes(choices, present, positive, negative, guess, made, ask)
    others = chosen.negatives or [value for value in choices if value not in chosen.positives]
    label, other = _names_of(chosen, others, choices, column, ask)
    groups = {label: chosen.positives, other: chosen.negatives}
    labels = {value: _label_of(findings[value], groups, findings) for value in present}
    labels = dict(sorted(labels.items(), key=lambda item: item[1] != label))
    if len({*filter(None, labels.values())}) < 2:
        remedy = "Choose other classes with --positive and --negative."
        raise InputError("only one class would remain", where=where, remedy=remedy)
    if not distinct:
        counts = Counter(part for value in classes.elements() for part in findings.get(value, ()))
        single = {value: _label_of({value}, groups, findings) for value in choices}
        _refuse_alike_classes(counts, single, where)
    rest = "null is left out" if chosen.negatives else "all other classes are compared with it"
    made.notes["label_map"] = f"the positive class first; {rest}"
    _describe_labels(classes, labels, findings, separator, made)
    _doubt_zero(labels, negative, label, column, made)
    if nothing:
        n = sum(classes[value] for value in nothing)
        made.say("unlabelled", counted(n, "pictures are left out"), "yellow")
    return labels | {value or UNLABELLED: None for value in nothing}


def names_unlabelled(negative: Sequence[str]) -> bool:
    """Return whether ``--negative`` names rows without a label, as in ``0=none,unlabelled``."""
    values = [value for text in negative for value in text.split(",")]
    return any(value.partition("=")[0].strip() == UNLABELLED for value in values)


def _is_no(value: str) -> bool:
    """Return whether a code says that something is absent."""
    return discovery.code_of(value) in {"0", *discovery.NEGATIVE}


@dataclass
class _Chosen:
    """The positive classes, the negative classes (empty: all others), and names for classes."""

    positives: list[str]
    negatives: list[str]
    names: dict[str, str]


def _choose_classes(
    choices: list[str],
    present: list[str],
    positive: Sequence[str],
    negative: Sequence[str],
    guess: str,
    made: NewTask,
    ask: Ask,
) -> _Chosen:
    """Return the classes that were named, or those of a guess, or that are asked for."""
    known = [*dict.fromkeys([*choices, *present])]
    if not positive:
        answer = ask("The positive class", "--positive", choices, guess)
        positive = [answer] if answer in known else re.split(r"\s*,\s*", answer)
    reason = "by its name" if guess in positive else "as you said"
    made.notes["tasks"] = f"positive_class {reason}"
    positives, names = _named_classes(positive, "--positive", known)
    others = [value for value in choices if value not in positives]
    if not others:
        remedy = "Leave at least one class out, to compare the others with it."
        raise InputError("every class is positive", where="--positive", remedy=remedy)
    if not negative and len(others) > 1:
        answer = ask("Compared with", "--negative", [*others, _ALL_OTHERS], _ALL_OTHERS)
        if answer != _ALL_OTHERS:
            negative = [answer] if answer in known else re.split(r"\s*,\s*", answer)
    negatives, other_names = _named_classes(negative, "--negative", known)
    if both := sorted({*positives} & {*negatives}):
        problem = f"{both[0]} is both positive and negative"
        raise InputError(problem, where="--negative", remedy="Name each class once.")
    return _Chosen(positives, negatives, names | other_names)


def _names_of(
    chosen: _Chosen, others: list[str], choices: list[str], column: str, ask: Ask
) -> tuple[str, str]:
    """Return the names of the positive and the other class; for codes, ask for the names."""
    positives, names = chosen.positives, chosen.names
    spellings = [value.casefold() for value in positives]
    of_each = [v for n, v in enumerate(positives) if spellings.index(spellings[n]) == n]
    joined = "/".join(of_each)
    label = next((names[value] for value in positives if value in names), "")
    other = next((names[value] for value in others if value in names), "")
    codes = discovery.are_codes([value for value in choices if value != UNLABELLED])
    if codes and not label:
        proposed = discovery.name_of_code(column) or joined
        numbers = {*filter(str.isdecimal, map(discovery.code_of, choices))} - {"0", "1"}
        if proposed != joined and len(numbers) > 1:
            proposed = f"{proposed} {joined}"  # of grades and ratings, the column names none
        if proposed != joined and all(map(_is_no, positives)):  # 0 of malignant is not malignant
            label, other = f"not {proposed}", other or proposed
    if codes and not label:
        question = f"What to call class {', '.join(positives)}"
        label = ask(question, "--positive", ["any name"], proposed)
    label = label or joined
    plain_other = others[0] if len(others) == 1 else f"not {label}"
    if codes and not other:
        default = plain_other if label == joined else f"not {label}"
        question = f"What to call class {', '.join(others)}"
        other = ask(question, "--negative", ["any name"], default)
    other = other or plain_other
    if other == label:
        remedy = "Give the two classes different names."
        raise InputError(f"both classes are called {label}", where="--negative", remedy=remedy)
    return label, other


def _refuse_classes(
    classes: Counter[str], present: list[str], choices: list[str], is_said: bool, where: Path
) -> None:
    """Raise InputError for a single class, or for many classes of which none is named positive."""
    problem = ""
    if len(present) < 2:
        problem = f"there is only one class ({join_first_ten(present) or 'none'})"
        remedy = "Two are needed: name the label column with --label, or make a folder per class."
    elif len(choices) > MOST_CLASSES and not is_said:
        problem = f"there are {len(choices)} classes ({join_first_ten(choices, ', ')})"
        remedy = "Name a column of few classes with --label, or the positive classes with "
        remedy += "--positive; group numbers into classes first."
    elif UNLABELLED in present and "" in classes:
        problem = f"a class is called {UNLABELLED}, the name for rows without a label"
        remedy = "Rename that class, or fill the empty cells."
    if problem:
        raise InputError(problem, where=where, remedy=remedy)


def _named_classes(
    given: Sequence[str], flag: str, known: Sequence[str]
) -> tuple[list[str], dict[str, str]]:
    """Return the classes that a flag names, and the names given to them, as in 1=malignant."""
    values, names = [], {}
    for text in _separated(given, known):
        has_name = "=" in text and text not in known
        value, _, name = map(str.strip, text.rpartition("=")) if has_name else (text, "", "")
        # A number may be written otherwise, as 1 for 1.0.
        alike = [other for other in known if discovery.code_of(other) == discovery.code_of(value)]
        value = look_up(f"class ({flag})", alike[0] if len(alike) == 1 else value, known)
        values.append(value)
        if name:
            names[value] = name
    return values, names


def _separated(given: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return classes one by one, also those given together, as in 1=mass,2."""
    texts: list[str] = []
    for text in given:
        several = re.split(r"\s*,\s*", text)
        are_known = all(
            part in known or part.partition("=")[0].strip() in known for part in several
        )
        texts += several if are_known and text not in known else [text]
    return texts


def _label_of(
    parts: Collection[str], groups: dict[str, list[str]], findings: dict[str, frozenset[str]]
) -> str | None:
    """Return the label of a cell with these findings, or None if it is left out.

    It is the positive label if the cell has all findings of a positive class.  Otherwise it is the
    other label; if negatives are named, only if the cell has no other findings than theirs.
    """
    (label, positives), (other, negatives) = groups.items()
    if any(findings.get(value, {value}) <= {*parts} for value in positives):
        return label
    allowed = set().union(*(findings.get(value, {value}) for value in negatives))
    return other if not negatives or {*parts} <= allowed else None


def _describe_labels(
    classes: Counter[str],
    labels: dict[str, str | None],
    findings: dict[str, frozenset[str]],
    separator: str,
    made: NewTask,
) -> None:
    """Add to the screen which classes are joined, and which are left out."""
    if separator:
        n = sum(classes[value] for value in labels if len(findings[value]) > 1)
        text = f"{counted(n, 'rows')} with several, separated by “{separator}”: any of them counts"
        made.say("findings", text, "yellow")
    said = [f"{value} {classes[value]:,} as {labels[value]}" for value in sorted(labels)]
    if len(said) > 2 and not separator:
        kept = [text for text, value in zip(said, sorted(labels), strict=True) if labels[value]]
        below = [v for v in sorted(labels) if labels[v] and discovery.is_uncertain(v)]
        doubt = (
            f". Does {below[0]} mean uncertain? If so, name others by --negative" if below else ""
        )
        made.say("classes joined", ", ".join(kept) + doubt, "bold red" if below else "yellow")
    if left := [value for value in sorted(labels) if labels[value] is None]:
        n = sum(classes[value] for value in left)
        shown = join_first_ten([f"{value} {classes[value]:,}" for value in left], ", ")
        made.say("left out", f"{counted(n, 'pictures')} of other classes ({shown})", "yellow")


def _doubt_zero(
    labels: dict[str, str | None], negative: Sequence[str], label: str, column: str, made: NewTask
) -> None:
    """Report that 0 of ratings counts as negative, where it may mean unknown.

    Numbers are grades, of which 0 is none, if the column is called so, or if they end at 4, as
    grades of arthrosis and of retinopathy do; 0 of BI-RADS is incomplete.
    """
    codes = {discovery.code_of(value): value for value in labels}
    kind = discovery.scale_of(column)
    is_long = len(codes) > (2 if kind == "ratings" else _LONGEST_GRADES) and kind != "grades"
    # As a column of LIDC is called: Diagnosis 0=Unknown 1=benign.
    stated = re.search(r"\b0 ?= ?(\w+)", column)
    is_unknown = bool(stated and discovery.says_nothing(stated[1]))
    is_scale = (is_long or is_unknown) and all(map(str.isdigit, codes))
    if is_scale and "0" in codes and not negative and labels[codes["0"]] != label:
        others = [value for code, value in codes.items() if code != "0" and labels[value] != label]
        remedy = f"name the others: --negative {','.join(others)}"
        remedy = remedy if others else "name fewer classes with --positive"
        text = f"{codes['0']} counts as {labels[codes['0']]}. If it means unknown, {remedy}"
        made.say("CLASS 0", text, "bold red")


def _refuse_alike_classes(
    classes: Counter[str], labels: dict[str, str | None], where: Path
) -> None:
    """Raise InputError if two classes may be one class in two spellings."""
    present = sorted(label for label in classes if labels.get(label))
    for first, second in combinations(present, 2):
        plain = [unicodedata.normalize("NFKC", value).casefold() for value in (first, second)]
        numbers = [re.sub(r"\D", "", value) for value in plain]
        prefixed = plain[0].endswith(plain[1]) or plain[1].endswith(plain[0])  # abnormal, normal
        # If there are only two classes, they are the comparison; with one label, they are joined.
        matters = len(present) > 2 and labels[first] != labels[second] and numbers[0] == numbers[1]
        near = SequenceMatcher(None, plain[0], plain[1]).ratio() >= _ALIKE and not prefixed
        is_one = plain[0] == plain[1] and labels[first] != labels[second]
        if is_one or (matters and near):
            both = f"{first} ({classes[first]}) and {second} ({classes[second]})"
            remedy = "Name both with --positive, or both with --negative, to join them; spell "
            remedy += "each class in one way (capitals count); or give --distinct."
            raise InputError(f"{both} look like one class", where=where, remedy=remedy)
