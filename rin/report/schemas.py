"""Content of the page on columns and settings, from the schemas and models that read them."""

import pandas as pd

from rin.data.layouts import LAYOUTS
from rin.data.layouts.folders import FolderOptions
from rin.data.layouts.table import GivenSplit, TableOptions
from rin.data.manifest import (
    DatasetManifest,
    Download,
    ExpectedCounts,
    Finding,
    FoldLists,
    PartSource,
    TaskManifest,
)
from rin.evidence.paper import COMPARISONS
from rin.files import settings_of
from rin.report.format import BookTable, book_table
from rin.tables import SCHEMAS, described

_MODELS = {
    "A dataset": DatasetManifest,
    "A task of it": TaskManifest,
    "Published folds of a task": FoldLists,
    "Its counts": ExpectedCounts,
    "What is known of it": Finding,
    "What it was gathered from": PartSource,
    "What is fetched": Download,
    "Options of the layout table": TableOptions,
    "Its split": GivenSplit,
    "Options of the layout folder_classes": FolderOptions,
}


def column_tables() -> dict[str, BookTable]:
    """Return a list of the columns of each table that passes between packages, by its name."""
    tables = {}
    for name, schema in SCHEMAS.items():
        columns = described(schema)
        optional = columns.pop("always").map({True: "", False: " (optional)"})
        columns["meaning"] += optional
        tables[f"**{name}**"] = book_table(columns, schema.description, prose=True)
    return tables


def setting_tables() -> dict[str, BookTable]:
    """Return a table of the settings of each part of a manifest, by title and description."""
    return {
        f"**{title}.** {' '.join(model.__doc__.split())}": book_table(
            pd.DataFrame(settings_of(model)), title, prose=True
        )
        for title, model in _MODELS.items()
    }


def known_names() -> str:
    """Return a text listing the layouts and the paper's tasks that a manifest can name."""
    return (
        f"**Layouts**: {', '.join(LAYOUTS)}. A folder of your own is `table` or "
        "`folder_classes`; the others are of the datasets that they are called by.\n\n"
        f"**Published tasks**: {', '.join(COMPARISONS)}."
    )
