"""The mutants of `tests/mutants.py` stay those that its texts describe."""

import re
from pathlib import Path

import pytest
from mutants import MUTANTS, place_of

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutant_has_one_place_and_its_tests_are_there(mutant):
    assert place_of(mutant, ROOT).is_file()
    for name in mutant.tests.split():
        file, _, test = name.partition("::")
        tests = (ROOT / "tests" / file).read_text(encoding="utf-8")
        assert re.search(rf"^def {test + '[(]' if test else 'test_'}", tests, re.MULTILINE)
