from weight import AGREED, weights


def test_no_part_of_the_code_weighs_5_percent_more_than_was_agreed_on():
    found = weights()
    assert found.keys() == AGREED.keys()
    heavier = {part: nodes for part, nodes in found.items() if nodes > 1.05 * AGREED[part]}
    assert heavier == {}, "remove as much as you add, or say in pyproject.toml what it now weighs"


def test_package_is_light_and_its_tests_weigh_a_tenth_more_at_most():
    found = weights()
    package = sum(nodes for part, nodes in found.items() if part.startswith("rin"))
    assert found["tests"] <= 1.1 * package <= 1.1 * 190_000
