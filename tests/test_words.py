"""One vocabulary: words that are banned from names and from prose.

Names are nouns that a stranger guesses; prose is that of the field.  Exceptions stand beside the
words.
"""

import ast
import re
from collections import Counter

import pytest

from rin.files import REPOSITORY

#: Verbs, pronouns and this project's former words, in names of variables, arguments and functions.
NAMES = {"told", "went", "looked", "away", "abroad", "contract", "contracts", "regime", "regimes"}
NAMES |= {"area_contrasts", "weighted_areas", "beyond_area", "beyond_curves"}
#: Pronouns and participles that name nothing, as names of variables and arguments.
VARIABLES = {"own", "one", "each", "found", "asked", "named"}
#: Prose that has a better word.
PROSE = {
    r"\bat home\b": "internal test set",
    r"\babroad\b": "external test set",
    r"outside oracle": "independent implementation",
    r"[Ii]nput contract": "preprocessing",
    r"\bunless told\b": "by default",
    r"\b[Rr]egimes?\b": "unfreezing",
    r"\bto be told\b|\bneed not be told\b": "stated",
}
#: A line's end within prose, in Python's comments too.
BROKEN = re.compile(r"[ \t]*\n[ \t]*#?[ \t]*")
# Where areas are AUCs; in images and DICOM headers an area is an area.
ABOUT_AUCS = ("rin/stats/", "rin/evidence/", "rin/report/", "rin/study/", "notebooks/", "book/")
AREA = re.compile(r"\bareas?\b(?! under| of high signal)")


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


NAMING = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.ExceptHandler | ast.MatchAs


def names_in(source):
    """Yield every name that a module gives: variables, arguments, functions, classes."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.alias) and node.asname:
            yield node.asname
        elif isinstance(node, NAMING) and node.name:
            yield node.name


def variables_in(source):
    """Yield every variable and argument that a module gives a name to."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg


def banned_names(source):
    names = [name.strip("_").lower() for name in names_in(source)]
    return Counter(name for name in names if NAMES & {name, *name.split("_")})


@pytest.mark.parametrize("file", PYTHON)
def test_names_are_nouns_of_the_field(file):
    found = banned_names(PYTHON[file])
    assert found.total() == 0, dict(found)


@pytest.mark.parametrize("file", PYTHON)
def test_variables_are_nouns(file):
    names = {name.strip("_").lower() for name in variables_in(PYTHON[file])}
    assert names & VARIABLES == set()


def test_a_banned_name_is_found_in_every_place_that_names():
    source = "def normal_told(away, *, went=1):\n    looked, (abroad, fine) = 1, (2, 3)\n"
    source += (
        "import os as contract\ntry:\n    fine.told_ = 1\nexcept OSError as away:\n    pass\n"
    )
    source += "match fine:\n    case abroad:\n        pass\nasync def went():\n    pass\n"
    found = {"abroad": 2, "away": 2, "contract": 1, "looked": 1, "told": 1, "went": 2}
    found["normal_told"] = 1
    assert banned_names(source) == found


@pytest.mark.parametrize("pattern", PROSE)
def test_prose_uses_the_words_of_the_field(pattern):
    hits = [
        f"{name}: …{hit.group()}…" for name, text in ALL.items()
        for hit in re.finditer(pattern, BROKEN.sub(" ", text))
    ]  # fmt: skip
    assert hits == [], f"better: {PROSE[pattern]}"


def test_an_auc_is_not_called_an_area():
    hits = [
        f"{name}: {line.strip()}"
        for name, text in ALL.items()
        if name.startswith(ABOUT_AUCS)
        for line in text.splitlines()
        if AREA.search(line)
    ]
    assert hits == []
