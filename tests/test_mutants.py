"""What `tests/mutants.py` changes: code, never words."""

import ast

from mutants import changed_nodes, mutated

SOURCE = '''
def share(hits: int, n: int = 1) -> float:
    """Return 100 % of hits."""
    if n < 2 and not hits:
        problem = f"{n + 1} hits"
        raise ValueError(problem + " of " + 3 * "many")
    return -hits / n
'''


def test_operators_numbers_and_conditions_are_changed_one_at_a_time_and_words_never():
    places = len([*changed_nodes(ast.parse(SOURCE))])
    texts, changes = zip(*(mutated(SOURCE, place) for place in range(places)), strict=True)
    assert [change.partition(" → ")[2] for change in changes] == [
        "2",  # the default
        "not (n < 2 and (not hits))",
        "n < 2 or not hits",
        "n <= 2",
        "3",
        "-hits * n",
        "+hits",
    ]
    assert changes[3] == "4: n < 2 → n <= 2"
    assert len({*texts}) == places
    assert all("Return 100 % of hits" in text and "n + 1" in text for text in texts)
