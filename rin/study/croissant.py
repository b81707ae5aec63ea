"""The Croissant description of a folder of results, made from its `run.json` and its tables."""

from pathlib import Path
from typing import Any

import pandas as pd

from rin.data.croissant import file_object, table_records, write_croissant
from rin.errors import join_with_and
from rin.files import read_yaml
from rin.study.results import RUN, Results
from rin.tables import SCHEMAS

_TEXTS = read_yaml(Path(__file__).with_suffix(".yaml"))


def describe_results(folder: Path, results: Results) -> Path:
    """Write the description of a folder that contains `results`; return its path."""
    facts = results.facts
    tasks = join_with_and(task.name for task in facts.tasks)
    stated: dict[str, Any] = {
        name: text.format(facts=facts, tasks=tasks) for name, text in _TEXTS["stated"].items()
    }
    facts_file = file_object(folder / RUN)
    stated["version"] = f"{facts.format}.0.0+{facts_file['sha256'][:12]}"
    datasets = [task.dataset for task in facts.tasks]
    datasets += [site for task in facts.tasks for site in task.external] + facts.corpora
    stated["isBasedOn"] = [
        {
            "@type": "sc:Dataset",
            "name": data.title,
            "url": data.home,
            "license": data.licence or _TEXTS["not_stated"],
        }
        for data in {data.name: data for data in datasets}.values()
    ]
    files = [file_object(folder / name) for name in sorted(facts.files)]
    records = [_records(file["name"], results.tables[Path(file["name"]).stem]) for file in files]
    facts_file["description"] = _TEXTS["facts"]
    return write_croissant(folder, stated, [facts_file, *files], records)


def _records(file: str, table: pd.DataFrame) -> dict[str, Any]:
    """Return the record set of a table, with the descriptions of its columns."""
    stated, meanings = _TEXTS["tables"].get(Path(file).stem, {}), {}
    description = stated.get("description", _TEXTS["not_stated"])
    if "schema" in stated:
        schema = SCHEMAS[stated["schema"]]
        description = stated.get("description", schema.description)
        for name, column in schema.columns.items():
            meanings[name] = f"{column.meaning} ({column.unit})" if column.unit else column.meaning
    return table_records(file, table, description, meanings | stated.get("columns", {}))
