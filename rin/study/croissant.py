"""The Croissant description of a folder of results, made from its `run.json` and its tables."""

from pathlib import Path
from typing import Any

from rin.data.croissant import file_object, table_records, write_croissant
from rin.errors import join_with_and
from rin.files import read_facts
from rin.study.results import RUN, Results
from rin.tables import SCHEMAS

_TEXTS = read_facts(__file__)


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
    files = [file_object(folder / name) for name in facts.files]
    records = []
    for name, table in results.tables.items():
        of_table = _TEXTS["tables"][name]
        schema = SCHEMAS[of_table["schema"]]
        description = of_table.get("description", schema.description)
        meanings = {
            label: f"{column.meaning} ({column.unit})" if column.unit else column.meaning
            for label, column in schema.columns.items()
        } | of_table.get("columns", {})
        records.append(table_records(f"{name}.parquet", table, description, meanings))
    facts_file["description"] = _TEXTS["facts"]
    return write_croissant(folder, stated, [facts_file, *files], records)
