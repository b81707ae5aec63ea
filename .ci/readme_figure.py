"""Keep the README's figure the same as the figure on the cover.

`python .ci/readme_figure.py` fails if they differ; with `--write` it renews the files.
"""

import argparse
import base64
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COVER = ROOT / "book" / "notebooks" / "findings.ipynb"
FILES = [ROOT / "book" / "_static" / name for name in ("headline.svg", "what_moves.svg")]


def cover_figures(notebook: Path) -> list[bytes]:
    """Return the first figures of a computed cover as SVG, one for each file."""
    text = json.dumps(json.loads(notebook.read_text(encoding="utf-8"))["cells"])
    # A narrow version for small screens may be next to it, in a `source`.
    found = re.findall(r'<img [^>]*src=\\"data:image/svg\+xml;base64,([\w+/=]+)', text)
    return [base64.b64decode(data) for data in found[: len(FILES)]]


def main() -> int:
    """Compare or renew the files; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="renew the files")
    arguments = parser.parse_args()
    found = cover_figures(COVER)
    if len(found) != len(FILES):
        print(f"{COVER.name}: {len(found)} figures, not {len(FILES)}: run make book first")
        return 1
    stale = [file for file, svg in zip(FILES, found, strict=True) if not same(file, svg)]
    for file, svg in zip(FILES, found, strict=True):
        if arguments.write:
            file.write_bytes(svg)
    for file in stale if not arguments.write else []:
        print(f"{file.name}: not the cover's figure; run python .ci/readme_figure.py --write")
    return int(bool(stale) and not arguments.write)


def same(file: Path, svg: bytes) -> bool:
    """Return whether a file contains this figure."""
    return file.is_file() and file.read_bytes() == svg


if __name__ == "__main__":
    sys.exit(main())
