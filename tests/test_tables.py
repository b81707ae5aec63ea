"""Schemas of tables: those of the reference run fit, and a wrong one is a clear error."""

import numpy as np
import pandas as pd
import pytest

from rin.errors import InputError
from rin.stats import init_differences
from rin.study.results import write_table
from rin.tables import (
    SCHEMAS,
    as_categories,
    check_table,
    describe_columns,
    drop_unused_categories,
)

#: Tables in which other columns stand beside those of the schema.
FREE = {"Overlap", "RunRecords", "Pretrained"}


@pytest.fixture(scope="module")
def tables(runs):
    predictions = runs.predictions(task="breast")
    return {
        "Predictions": predictions,
        "Differences": init_differences(predictions, *runs.inits),
        "Overlap": runs.overlap("breast"),
        "RunRecords": runs.tables["runs"],
        "Pretrained": runs.table("pretraining"),
    }


@pytest.mark.parametrize("name", [name for name in SCHEMAS if name != "Cases"])
def test_tables_of_the_reference_run_have_their_schema_and_no_column_that_it_leaves_out(
    tables, name
):
    check_table(tables[name], SCHEMAS[name], where=name)
    unexplained = {*tables[name]} - {*SCHEMAS[name].columns}
    assert not unexplained or name in FREE, f"add them to {name} in rin/tables.yaml"


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_column_says_its_type_and_meaning(name):
    table = describe_columns(SCHEMAS[name])
    assert table["column"].tolist() == [*SCHEMAS[name].columns]
    assert table["type"].isin(["text", "texts", "integer", "number", "yes or no"]).all()
    assert table["meaning"].str.len().gt(2).all()


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("label", 2, r"column 'label': 1 of 6 values are not 0 or 1; the first: .*2.*positive"),
        ("fold", -1, r"column 'fold': 1 of 6 values are not counts from 0; the first: .*-1"),
        ("init", None, r"column 'init': 1 of 6 values are not there; the first: .* in row 2"),
        ("seed", "x", r"column 'seed': .*not numbers; the first: .* type object"),
    ],
)
def test_a_wrong_value_is_an_error_with_column_value_and_remedy(tables, column, value, problem):
    table = tables["Predictions"].head(6).reset_index(drop=True).astype({column: object})
    table.loc[2, column] = value
    with pytest.raises(InputError, match=f"^my table: {problem}"):
        check_table(table.infer_objects(), SCHEMAS["Predictions"], where="my table")


@pytest.mark.parametrize(
    ("schema", "needed", "problem"),
    [
        (
            "Predictions",
            ["task", "fold"],
            r"columns \['fold'\] are missing. Needed: \['task', 'fold'",
        ),
        ("Cases", ["case_id"], r"column 'case_id': 2 of 3 values .*; the first: 'b' in row 1"),
    ],
)
def test_missing_column_or_repeated_id_is_an_error_and_others_may_stand_beside(
    schema, needed, problem
):
    table = pd.DataFrame({"task": "breast", "case_id": ["a", "b", "b"], "mine": np.nan})
    check_table(table, SCHEMAS["Predictions"], ["task"], where="table")
    with pytest.raises(InputError, match=problem):
        check_table(table, SCHEMAS[schema], needed, where="table")


def test_text_of_predictions_is_in_categories_of_what_a_row_has(tables):
    breast = tables["Predictions"]
    texts = breast.select_dtypes("category")
    assert sorted(texts) == sorted(
        name for name in breast if SCHEMAS["Predictions"].columns[name].type == "text"
    )
    assert [*texts["task"].cat.categories] == ["breast"]
    assert texts["case_id"].cat.categories.size == breast["case_id"].nunique()
    assert breast.memory_usage(deep=True).sum() / len(breast) < 80


def test_predictions_of_several_tasks_have_all_rows_and_their_text_in_sorted_categories(runs):
    tasks = runs.tasks_of("repeats")
    parts = [runs.predictions("repeats", task) for task in tasks]
    every = runs.predictions("repeats")
    assert len(tasks) > 1
    rows = pd.concat([part[["case_id", "score"]].astype({"case_id": str}) for part in parts])
    assert (every[["case_id", "score"]].to_numpy() == rows.to_numpy()).all()
    assert [*every["case_id"].cat.categories] == sorted({*every["case_id"]})


def test_file_of_a_table_names_no_patient_whose_rows_were_dropped(tmp_path):
    cases = ["Kept_1", "Dropped_2", "Kept_3"] * 20  # a dictionary is written
    rows = as_categories(pd.DataFrame({"case_id": cases, "label": range(60)}))
    kept = rows[rows["case_id"] != "Dropped_2"]
    assert "Dropped_2" in kept["case_id"].cat.categories
    assert "Dropped_2" not in drop_unused_categories(kept)["case_id"].cat.categories
    write_table(kept, tmp_path / "kept.parquet")
    read = pd.read_parquet(tmp_path / "kept.parquet")
    assert read["case_id"].tolist() == ["Kept_1", "Kept_3"] * 20
    assert [*read["case_id"].cat.categories] == ["Kept_1", "Kept_3"]
