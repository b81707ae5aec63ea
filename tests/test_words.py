"""One vocabulary: words that are banned from names and from prose.

Names are nouns that a stranger guesses; prose is that of the field.  Exceptions stand beside the
words.
"""

import ast
import re

import pytest
from weight import nodes

from rin.files import REPOSITORY

#: Verbs, pronouns and this project's former words, in names of variables, arguments and functions.
NAMES = {"told", "went", "looked", "away", "abroad", "contract", "contracts", "regime", "regimes"}
NAMES |= {"area_contrasts", "weighted_areas", "beyond_area", "beyond_curves"}
#: Pronouns and participles that name nothing, as names of variables and arguments.
VARIABLES = {"own", "one", "each", "found", "asked", "named"}
#: Participles and prepositions as names of functions; attributes may be adjectives.
NO_VERB = re.compile(
    "_?((?!named|ended|untrained|feed|embed)[a-z]+ed|(of|at|with|without|over|by)(_[a-z_]+)?)"
)
# Where areas are AUCs; in images and DICOM headers an area is an area.
ABOUT_AUCS = ("rin/stats/", "rin/evidence/", "rin/report/", "rin/study/", "notebooks/", "book/")
AREA = r"\bareas?\b(?! under| of high signal)"
#: Prose that has a better word.
PROSE = {
    r"\bat home\b": "internal test set",
    r"\babroad\b": "external test set",
    r"outside oracle": "independent implementation",
    r"[Ii]nput contract": "preprocessing",
    r"\bunless told\b": "by default",
    r"\b[Rr]egimes?\b": "unfreezing",
    r"\bto be told\b|\bneed not be told\b": "stated",
    AREA: "AUC",
}
#: A line's end within prose, in Python's comments too.
BROKEN = re.compile(r"[ \t]*\n[ \t]*#?[ \t]*")


def texts(*patterns):
    for pattern in patterns:
        for path in sorted(REPOSITORY.glob(pattern)):
            name = path.relative_to(REPOSITORY).as_posix()
            if "reference_runs" not in name and not name.startswith("book/notebooks/"):
                yield name, path.read_text(encoding="utf-8")


PYTHON = dict(texts("rin/**/*.py", "notebooks/**/*.py"))
ALL = PYTHON | dict(
    texts(
        "*.md", "rin/**/*.yaml", "rin/*.md", "notebooks/**/*.yaml", "book/*.md", "data_manifests/*"
    )
)


def test_names_are_nouns_of_the_field():
    """Names of variables, arguments, functions and classes."""
    for file in PYTHON:
        tree = nodes(REPOSITORY / file)
        stored = [n for n in tree if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
        variables = {n.id for n in stored} | {n.arg for n in tree if isinstance(n, ast.arg)}
        defined = {n.name for n in tree if isinstance(n, ast.FunctionDef | ast.ClassDef)}
        parts = {part.lower() for name in variables | defined for part in (name, *name.split("_"))}
        banned = parts & NAMES | {name.strip("_").lower() for name in variables} & VARIABLES
        assert not banned, file
        assert not [*filter(NO_VERB.fullmatch, defined)], file


@pytest.mark.parametrize("pattern", PROSE)
def test_prose_uses_the_words_of_the_field(pattern):
    hits = [
        f"{name}: …{hit.group()}…" for name, text in ALL.items()
        if pattern != AREA or name.startswith(ABOUT_AUCS)
        for hit in re.finditer(pattern, BROKEN.sub(" ", text))
    ]  # fmt: skip
    assert hits == [], f"better: {PROSE[pattern]}"
