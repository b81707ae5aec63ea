"""The one error class for bad input; programming errors stay ordinary Python exceptions."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from functools import partial
from importlib.metadata import PackageNotFoundError, requires
from importlib.util import find_spec
from pathlib import Path
from typing import Any

#: Modules whose package has another name.
_BROUGHT_BY = {"PIL": "pillow", "skimage": "scikit-image"}
# Two full stops; three are an ellipsis and are left alone.
_DOUBLED = re.compile(r"(?<!\.)\.\.(?=\s|$)")
_LAST_STOP = re.compile(r"(?<!\.)\.$")


def printable(text: str) -> str:
    """Return a text with its control characters escaped, except for line ends."""
    return "".join(
        sign if sign.isprintable() or sign == "\n" else sign.encode("unicode_escape").decode()
        for sign in text
    )


class InputError(ValueError):
    """Bad input: a file, a value or a name that the study cannot use.

    `problem` contains the offending value, `where` names the file, folder or parameter at fault,
    and `remedy` says in a full sentence what the user can do about it.  Control characters, which
    a label may contain, are escaped, and no full stop is doubled.
    """

    def __init__(self, problem: str, *, where: str | Path, remedy: str) -> None:
        self.where = printable(str(where))
        self.remedy = _DOUBLED.sub(".", printable(remedy))
        # The problem may end with the full stop of another error's sentence.
        self.problem = _LAST_STOP.sub("", _DOUBLED.sub(".", printable(problem)))
        stop = "" if self.problem.endswith("...") else "."
        super().__init__(f"{self.where}: {self.problem}{stop} {self.remedy}")

    def __reduce__(self) -> tuple:
        """Keep the three parts when the error is passed to another process."""
        return partial(type(self), where=self.where, remedy=self.remedy), (self.problem,)


class NotLoadedError(InputError, ImportError):
    """A package that is missing or does not load.

    It is also an ImportError, so that libraries that can do without the package carry on.
    """


class FileError(ValueError):
    """A problem inside a file, described without quoting any text of the file."""


def redact(error: Exception) -> str:
    """Return what is wrong with a file about patients, without quoting any of its text.

    For errors other than `InputError` and `FileError` only the kind of error is named.
    """
    if isinstance(error, InputError | FileError):
        return problem_of(error)
    return f"it cannot be read ({getattr(error, 'strerror', None) or type(error).__name__})"


@contextmanager
def as_input_error(
    problem: str, *, where: str | Path, remedy: str, kinds: type | tuple[type, ...] = OSError
) -> Iterator[None]:
    """Raise errors of these kinds as `InputError`, with the original message after the problem.

    By default they are those of the file system.
    """
    try:
        yield
    except InputError:
        raise
    except kinds as error:
        said = getattr(error, "strerror", None) or problem_of(error)
        raise InputError(f"{problem} ({said})", where=where, remedy=remedy) from error


def problem_of(error: Exception) -> str:
    """Return an error's message in one line."""
    if isinstance(error, InputError):
        return error.problem
    return " ".join(str(error).split())[:300] or type(error).__name__


def join_first_ten(texts: Sequence[str], between: str = "; ") -> str:
    """Return the first ten texts as one text, followed by how many more there are."""
    more = [f"and {len(texts) - 10:,} more"] if len(texts) > 10 else []
    return between.join([*texts[:10], *more])


def join_with_and(names: Iterable[str]) -> str:
    """Return names joined for a sentence, ``A, B and C``, or ``none`` if there are none."""
    *first, last = list(names) or ["none"]
    return f"{', '.join(first)} and {last}" if first else last


_SINGULAR = {
    "are": "is",
    "have": "has",
    "do": "does",
    "fit": "fits",
    "mark": "marks",
    "name": "names",
    "repeat": "repeats",
    "were": "was",
}


def amount(n: int, plural: str) -> str:
    """Return a number with a phrase that agrees: ``2 rows are empty``, but ``1 row is empty``."""
    if n != 1:
        return f"{n:,} {plural}"
    verbs = rf"\b({'|'.join(_SINGULAR)})\b"
    agreeing = re.sub(verbs, lambda verb: _SINGULAR[verb[0]], plural, count=1)
    return "1 " + re.sub(r"(?<=ss)es\b|s\b", "", agreeing, count=1)


def did_you_mean(name: object, known: Collection) -> str:
    """Return a question that suggests the nearest known name, or an empty string."""
    folded = {str(text).casefold(): text for text in known}
    # Among a hundred thousand names it would search for a minute.
    near = get_close_matches(str(name).casefold(), folded if len(folded) < 10_000 else (), 1)
    return f" (did you mean {folded[near[0]]}?)" if near else ""


def unknown(kind: str, name: object, known: Sequence) -> InputError:
    """Return the error for an unknown name, listing the known ones."""
    return InputError(
        f"unknown {kind} {name!r}{did_you_mean(name, known)}",
        where=kind,
        remedy=f"Known: {', '.join(map(str, known)) or 'none'}.",
    )


def look_up(kind: str, name: Any, known: Collection) -> Any:
    """Return a mapping's value for a name, or the listed name; InputError for an unknown name."""
    if name not in known:
        raise unknown(kind, name, list(known))
    return known[name] if isinstance(known, Mapping) else name


def missing_resource_error(kind: str, said: str) -> InputError | None:
    """Return the InputError for missing memory, a missing package or an unknown framework.

    `kind` and `said` are the name and the text of Python's error.  None for any other error, and
    for a module that no extra of this package installs.
    """
    if kind == MemoryError.__name__:
        return InputError(
            "its memory has ended",
            where="this computer",
            remedy="Close other programs, or set fewer workers in the profile; then run it again.",
        )
    if said.startswith("Unable to import backend"):
        return InputError(
            said,
            where="KERAS_BACKEND",
            remedy="Set it to tensorflow or jax, or to nothing: then it is tensorflow.",
        )
    if kind != ModuleNotFoundError.__name__:
        return None
    named_module = re.search(r"No module named '(\w+)", said)
    module = named_module[1] if named_module else ""
    try:
        stated = requires("rin") or []
    except PackageNotFoundError:  # run from the checkout, without an installation
        return None
    brought = _BROUGHT_BY.get(module, module).replace("_", "[-_.]")
    extras = re.findall(rf"(?im)^{brought}(?![\w.-]).*extra == .([\w-]+)", "\n".join(stated))
    if not extras:
        return None
    names = " or ".join(dict.fromkeys(extras))
    return NotLoadedError(
        "it is not installed",
        where=f"Python package {module}",
        remedy=f"It comes with the extra {names}: pip install -e '.[{extras[0]}]' in the "
        "checkout.",
    )


def require(*modules: str) -> None:
    """Raise ModuleNotFoundError now for a module that a long computation would miss later."""
    for module in modules:
        if find_spec(module) is None:
            raise ModuleNotFoundError(f"No module named {module!r}", name=module)
