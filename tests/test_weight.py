from weight import AGREED, weights


def test_no_part_of_the_code_weighs_5_percent_more_than_was_agreed_on():
    found = weights()
    assert found.keys() == AGREED.keys()
    heavier = {part: nodes for part, nodes in found.items() if nodes > 1.05 * AGREED[part]}
    assert heavier == {}, "remove as much as you add, or say in pyproject.toml what it now weighs"
