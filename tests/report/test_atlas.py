import datetime as dt

import pytest
from pydantic import ValidationError

from rin.report import atlas


def dump(part):
    return part.model_dump(mode="json", by_alias=True, exclude_none=True)


def test_fields_are_dumped_under_the_names_of_the_schema():
    dates = atlas.Dates(created=dt.date(2026, 3, 1), updated=dt.date(2026, 4, 2))
    assert dump(dates) == {"Created": "2026-03-01", "Updated": "2026-04-02"}
    scope = atlas.Scope(intended=("Researcher",), out_of_scope=("Patient",), excluded=("Nurse",))
    assert list(dump(scope)) == ["Intended", "Out-of-scope", "Excluded"]


def test_fields_without_content_are_left_out():
    assert dump(atlas.License(text="MIT")) == {"Text": "MIT"}
    full = atlas.License(text="CC BY 4.0", url="https://creativecommons.org/licenses/by/4.0/")
    assert dump(full)["URL"] == "https://creativecommons.org/licenses/by/4.0/"


def test_documents_may_be_read_back_by_the_names_of_the_schema():
    one = atlas.Reference(authors="A", title="T", source="S", date=2022, doi="10.1148/ryai.210315")
    assert atlas.Reference.model_validate(dump(one)) == one


@pytest.mark.parametrize(
    ("part", "values"),
    [
        (atlas.Person, {"name": "A", "email": "a@b.org"}),
        (atlas.Person, {"name": ""}),
        (atlas.License, {"text": "MIT", "url": "no address"}),
        (atlas.Indexing, {"content": ("CT", "XR"), "keywords": ("one",)}),
        (atlas.Indexing, {"content": ("CT", "CT"), "keywords": ("one",)}),
        (atlas.Indexing, {"content": (), "keywords": ("one",)}),
        (atlas.Indexing, {"content": ("CT",), "keywords": ("x" * 65,)}),
        (atlas.Imaging, {"modalities": ("CT",), "resolution": "1", "comments": "2"}),
        (atlas.Performance, {"metrics": ("top-1",), "comments": "1"}),
        (atlas.Performance, {"metrics": ("accuracy", "accuracy"), "comments": "1"}),
        (atlas.Scope, {"intended": ("Use",), "out_of_scope": ("Else",), "excluded": ("Other",)}),
        (atlas.Dates, {"created": "2026-13-01", "updated": "2026-01-01"}),
        (
            atlas.Reference,
            {"authors": "A", "title": "T", "source": "S", "date": 2022, "doi": "ryai.210315"},
        ),
    ],
)
def test_part_with_a_value_that_the_schema_forbids_is_refused(part, values):
    with pytest.raises(ValidationError):
        part(**values)
