"""The one error that users see: one readable line, whatever is quoted in it."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rin.errors import InputError, amount, look_up, printable


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("left\u202eright", r"left\u202eright"),
        ("file\udcff.png", r"file\udcff.png"),
        ("Übelkeit, 頭", "Übelkeit, 頭"),
        ("two\nlines", "two\nlines"),
    ],
)
def test_error_with_control_characters_shows_them_written_out(label, shown):
    error = InputError(f"no class {label}", where=f"{label}.csv", remedy=f"Known: {label}.")
    assert str(error) == f"{shown}.csv: no class {shown}. Known: {shown}."
    assert (error.problem, error.where) == (f"no class {shown}", f"{shown}.csv")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@given(st.text())
def test_printable_text_stays_as_it_is_when_it_is_written_out_again(text):
    assert printable(printable(text)) == printable(text)
    assert printable(text).encode("utf-8").isascii() or not text.isascii()


STOPS = st.sampled_from(["", ".", "..", ". ", "...", " Known: thyroid.", ": Mend it.."])


@given(st.lists(st.sampled_from(["a", "b", ". ", ".. ", "../x"])), STOPS, STOPS)
def test_error_has_no_doubled_full_stop_whatever_ends_its_parts(words, end, last):
    inner = InputError("".join(words) + end, where="x", remedy=f"Mend it{last}")
    outer = InputError(str(inner), where="y", remedy=f"Try again{last}")
    for error in (inner, outer):
        text = str(error).replace("...", "")
        assert ".. " not in text
        assert not text.endswith("..")


def test_error_keeps_points_that_stand_for_what_goes_on():
    error = InputError("see ../x: '..', 1, 2, ...", where="x", remedy="Write 'x1,y1 ...'.")
    assert str(error) == "x: see ../x: '..', 1, 2, ... Write 'x1,y1 ...'."


@pytest.mark.parametrize(
    ("plural", "singular"),
    [
        ("classes have no folder", "1 class has no folder"),
        ("rows repeat", "1 row repeats"),
        ("near-duplicate pairs are divided", "1 near-duplicate pair is divided"),
        ("finished runs", "1 finished run"),
        ("names are not UTF-8", "1 name is not UTF-8"),
        ("pictures were replaced as they do", "1 picture was replaced as they do"),
    ],
)
def test_noun_and_verb_agree_with_one(plural, singular):
    assert amount(1, plural) == singular
    assert amount(2, plural) == f"2 {plural}"


def test_look_up_returns_a_tables_value_or_the_listed_name():
    assert look_up("unit", "points", {"points": 100}) == 100
    assert look_up("task", "breast", ["breast", "acl"]) == "breast"
    with pytest.raises(InputError, match=r"unknown task 'brest' \(did you mean breast\?\)"):
        look_up("task", "brest", ["breast", "acl"])
