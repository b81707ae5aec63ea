"""The one error class for bad input; programming errors stay ordinary Python exceptions."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any


class InputError(ValueError):
    """Bad input: a file, a value or a name that the study cannot use.

    `problem` holds the offending value, `where` names the file, folder or parameter at fault, and
    `remedy` says, as a full sentence, what the user can do about it.
    """

    def __init__(self, problem: str, *, where: str | Path, remedy: str) -> None:
        super().__init__(f"{where}: {problem}. {remedy}")
        self.problem, self.where, self.remedy = problem, str(where), remedy

    def __reduce__(self) -> tuple:
        """Keep the three parts when the error crosses a process border."""
        return partial(type(self), where=self.where, remedy=self.remedy), (self.problem,)


@contextmanager
def explained(
    problem: str, *, where: str | Path, remedy: str, kinds: type | tuple[type, ...]
) -> Iterator[None]:
    """Raise errors of some kinds as `InputError`: the problem, and what they say of it."""
    try:
        yield
    except InputError:
        raise
    except kinds as error:
        said = getattr(error, "strerror", None) or problem_of(error)
        raise InputError(f"{problem} ({said})", where=where, remedy=remedy) from error


def problem_of(error: Exception) -> str:
    """Return in one line what an error says is wrong."""
    problem = error.problem if isinstance(error, InputError) else " ".join(str(error).split())[:300]
    return problem or type(error).__name__


def named(texts: Sequence[str], between: str = "; ") -> str:
    """Return the first ten texts in one, and how many more there are."""
    more = [f"and {len(texts) - 10} more"] if len(texts) > 10 else []
    return between.join([*texts[:10], *more])


def unknown(kind: str, name: object, known: Sequence) -> InputError:
    """Return the error for an unknown name, listing the known ones."""
    return InputError(
        f"unknown {kind} {name!r}", where=kind, remedy="Known: " + ", ".join(map(str, known)) + "."
    )


def look_up(kind: str, name: object, known: Collection) -> Any:
    """Return what a table has under a name, or the name itself where a list has it.

    Any other name raises InputError, which lists the known ones.
    """
    if name not in known:
        raise unknown(kind, name, [*known])
    return known[name] if isinstance(known, Mapping) else name
