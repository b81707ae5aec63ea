"""The page on columns and settings: it leaves out none, and its file has what it shows."""

import pytest

from rin.data.layouts.folders import FolderOptions
from rin.data.manifest import DatasetManifest
from rin.report.schemas import column_tables, known_names, setting_tables
from rin.tables import SCHEMAS


def test_every_column_of_every_table_is_listed():
    tables = column_tables()
    assert [*tables] == [f"**{name}**" for name in SCHEMAS]
    for table, schema in zip(tables.values(), SCHEMAS.values(), strict=True):
        assert [*table.data["column"]] == [*schema.columns]
        assert schema.description in table.to_html()


def test_column_that_need_not_be_there_is_called_optional():
    for table, schema in zip(column_tables().values(), SCHEMAS.values(), strict=True):
        for row in table.data.itertuples():
            assert row.meaning.endswith(" (optional)") != schema.columns[row.column].always


@pytest.mark.parametrize(
    ("place", "model"), [(0, DatasetManifest), (-1, FolderOptions)], ids=["dataset", "folders"]
)
def test_every_setting_of_a_model_is_listed_under_what_it_is(place, model):
    words, table = [*setting_tables().items()][place]
    assert {*table.data["Setting"]} == {*model.model_fields}
    assert words.endswith(" ".join(model.__doc__.split()))


def test_layouts_and_published_tasks_are_named():
    said = known_names()
    assert "folder_classes" in said
    assert "pneumonia" in said
