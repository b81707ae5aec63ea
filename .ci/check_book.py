"""Check the built book: computed values stand in its pages, and it opens without a network.

Values are read from the computed notebooks, as they were glued, and looked for in the HTML of the
same page.  `EXPECTED` names the keys that a page must have glued.
"""

import html
import json
import re
import sys
from pathlib import Path

from rin.report.book import external_resources

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "book" / "notebooks"
HTML = ROOT / "_build" / "html"

# Page -> glued keys whose text the page must show.
EXPECTED: dict[str, tuple[str, ...]] = {
    "pretraining": (),
    "breast_dataset_card": (),
    "breast_fine_tuning": (),
    "breast_statistics": (),
    "breast_gradcam": (),
}


def glued_texts(notebook: Path) -> dict[str, str]:
    """Return the plain text of every value that a computed notebook has glued."""
    found = {}
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", []):
            key = output.get("metadata", {}).get("scrapbook", {}).get("name")
            texts = output.get("data", {})
            plain = texts.get("application/papermill.record/text/plain", texts.get("text/plain"))
            if key and plain is not None:
                found[key] = "".join(plain).strip("'\"")
    return found


def page_text(page: Path) -> str:
    """Return what a reader sees of a page, with single spaces."""
    body = re.sub(r"(?s)<(script|style)\b.*?</\1>", " ", page.read_text(encoding="utf-8"))
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", "", body)))


def number_shown(value: str, text: str) -> bool:
    """Whether a text shows a glued value, a number possibly rounded to fewer digits."""
    try:
        forms = [f"{float(value):.{digits}f}" for digits in range(6, 1, -1)]
    except ValueError:
        forms = []
    # A digit on either side would make it another number.
    whole = "|".join(map(re.escape, [*forms, value]))
    return re.search(rf"(?<![\d.])(?:{whole})(?!\d)", text) is not None


def check_page(name: str, keys: tuple[str, ...]) -> list[str]:
    """Return the complaints about one page."""
    notebook, page = NOTEBOOKS / f"{name}.ipynb", HTML / "notebooks" / f"{name}.html"
    missing = [str(path.relative_to(ROOT)) for path in (notebook, page) if not path.is_file()]
    if missing:
        return [f"{name}: no {path}" for path in missing]
    glued, text = glued_texts(notebook), page_text(page)
    complaints = [f"{name}: nothing glued as {key!r}" for key in keys if key not in glued]
    complaints += [
        f"{name}: {key} = {glued[key]} is not on the page"
        for key in keys
        if key in glued and not number_shown(glued[key], text)
    ]
    if re.search(r"Traceback \(most recent call last\)", text):
        complaints.append(f"{name}: shows a traceback")
    return complaints


def main() -> int:
    """Print each complaint and how much was checked; return the exit status."""
    complaints = [line for name, keys in EXPECTED.items() for line in check_page(name, keys)]
    complaints += [
        f"{found.page} loads {found.url} ({found.element})" for found in external_resources(HTML)
    ]
    for line in complaints:
        print(f"FAILED {line}")
    values = sum(map(len, EXPECTED.values()))
    print(f"book: {len(EXPECTED)} pages, {values} values checked, {len(complaints)} complaints")
    return bool(complaints)


if __name__ == "__main__":
    sys.exit(main())
