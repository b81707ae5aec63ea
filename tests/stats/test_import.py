import re
import tomllib

from rin.files import REPOSITORY


def test_book_names_every_package_that_the_statistics_need():
    stated = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["dependencies"]
    first_paragraph = (REPOSITORY / "book" / "api.md").read_text().split("\n\n")[1].lower()
    needed = {re.match(r"[\w-]+", requirement)[0] for requirement in stated}
    assert {name for name in needed if name not in first_paragraph} == set()
