"""The Croissant description of a curated corpus: its tables, pictures and parts.

It contains counts, digests and the texts of the corpus card, but no identifier and no time: equal
corpora have equal descriptions.
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rin.data.croissant import file_object, write_croissant
from rin.files import read_facts

_TEXTS = read_facts(__file__)


def describe_corpus(folder: Path, card: Mapping[str, Any], tables: Iterable[str]) -> Path:
    """Write the description of a corpus beside its card and its tables; return its path.

    `tables` are the names of the folder's CSV files.
    """
    divided = ", ".join(f"{counts['images']} {part}" for part, counts in card["parts"].items())
    facts = {**card, "divided": divided}
    stated = {name: text.format(**facts) for name, text in _TEXTS["stated"].items()}
    files = [file_object(folder / name) for name in sorted(tables)]
    content = "".join(file["sha256"] for file in files)
    stated["version"] = f"1.0.0+{hashlib.sha256(content.encode()).hexdigest()[:12]}"
    return write_croissant(folder, stated, [*files, *_TEXTS["pictures"]], _TEXTS["records"])
