"""What the API reference promises under “What you get”, from `capabilities.yaml`.

    python tests/capabilities.py

prints that section of book/api.md, to which README links; it is never written by hand.
"""

from pathlib import Path

import yaml

LIST = Path(__file__).with_suffix(".yaml")
HEADING = "## What you get\n"
MARK = "\n<!-- `python tests/capabilities.py` writes this section from capabilities.yaml -->\n"


POINTS = yaml.safe_load(LIST.read_text(encoding="utf-8"))
#: What a reader can do, the command, page or function for it (`use`), and the test that shows it.
CAPABILITIES = [shown for point in POINTS for shown in point["shown"]]


def section() -> str:
    """Return the section, the points of the list in their lines."""
    points = ["- " + point["says"].replace("\n", "\n  ") for point in POINTS]
    return "\n".join([HEADING + MARK, *points, ""])


if __name__ == "__main__":
    print(section(), end="")
