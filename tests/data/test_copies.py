"""Altered copies of pictures, which their names tell."""

import pytest

from rin.data.copies import are_divided, copies_of, copies_pattern, folders_of_copies
from rin.data.manifest import read_names


@pytest.mark.parametrize(
    ("originals", "copies"),
    [
        ("{}", ["{}_flip", "{}_rot90", "{} - Copy"]),
        ("benign ({})", ["benign ({})-rotated1", "benign ({})-sharpened"]),
        ("Y{}", ["rotated_Y{}", "flip_Y{}"]),
        ("scan{}", ["scan{} (1)"]),
        ("scan{}", ["Copy of scan{}"]),
        ("x{}_jpg.rf." + 32 * "a", ["x{}_jpg.rf." + 32 * "b"]),
        ("Y{}", ["aug_Y{}_0_1234", "aug_Y{}_0_77"]),
        ("a{}", ["b_original_a{}.jpg_0a1b2c3d-0000-1111-2222-0123456789ab"]),
    ],
)
def test_copies_are_joined_with_their_originals_and_with_nothing_else(originals, copies):
    names = [f"c/{of.format(n)}.jpg" for n in range(10, 20) for of in (originals, *copies)]
    assert [len(several) for several in copies_of(names).values()] == 10 * [1 + len(copies)]
    found = read_names(copies_pattern(names), names, "patient")
    assert len({*found}) == 10
    assert all(
        len({*found[n : n + 1 + len(copies)]}) == 1 for n in range(0, len(names), 1 + len(copies))
    )


@pytest.mark.parametrize(
    "name_of",
    [
        "benign ({}).png",
        "img_crop_{:03d}.png",
        "IM{}_left.png",
        "person{}_virus_1.jpeg",
        "flip{}.png",
    ],
)
def test_numbered_pictures_are_no_copies(name_of):
    names = [name_of.format(n) for n in range(60)]
    assert copies_of([*names, "benign.png"]) == {}


def test_copies_with_several_patients_are_divided():
    names = [f"{n}{end}.png" for n in range(9) for end in ("", "_flip")]
    assert are_divided({name: name[0] for name in names}) == []
    divided = are_divided({name: name[0] if name != "3_flip.png" else "7" for name in names})
    assert divided == [["3.png", "3_flip.png"]]


def test_pattern_is_empty_if_it_would_join_others():
    names = [*(f"benign ({n}).png" for n in range(1, 9)), *(f"img{n}.png" for n in range(9))]
    assert copies_pattern([*names, "img1 (1).png"]) == ""
    assert copies_pattern(names) == ""


def test_folders_are_those_of_copies_only_beside_others():
    assert folders_of_copies(["a/AugmentedSet/1.png", "a/Original/1.png"]) == ["AugmentedSet"]
    assert folders_of_copies(["a/augmented/1.png", "a/augmented/2.png"]) == []
    assert folders_of_copies(["August/1.png", "b/1.png"]) == []
