"""The Croissant descriptions of reference runs, those that come with the book among them."""

import pytest
from croissant_structure import described, problems_of

from rin.study import open_reference, open_results
from rin.study.croissant import describe_results
from rin.study.reference import reference_folder, reference_names

#: A description is read by people and by programs that look for datasets, and is no table.
LARGEST = 100_000


@pytest.mark.parametrize("name", reference_names())
def test_committed_description_fits_its_run_and_is_small(name):
    folder = reference_folder() / name
    assert problems_of(folder) == []
    assert (folder / "croissant.json").stat().st_size <= LARGEST


def test_description_written_again_is_the_committed_one(tmp_path):
    """From run.json and tables alone: no clock, no name of a machine."""
    folder = reference_folder() / "open"
    for path in folder.iterdir():
        if path.name != "croissant.json":
            (tmp_path / path.name).symlink_to(path)
    made = describe_results(tmp_path, open_results(folder))
    assert made.read_bytes() == (folder / "croissant.json").read_bytes()


def test_description_names_terms_of_every_dataset_and_says_what_tables_hold():
    told, facts = described(reference_folder() / "open"), open_reference("open").facts
    sources = {source["name"]: source["license"] for source in told["isBasedOn"]}
    datasets = [task.dataset for task in facts.tasks] + facts.corpora
    assert {data.title: data.licence for data in datasets}.items() <= sources.items()
    assert {f"{records['name']}.parquet" for records in told["recordSet"]} == {*facts.files}
    assert not [one["name"] for one in told["recordSet"] if one["description"] == "not stated"]


@pytest.mark.slow
def test_description_is_read_by_the_reference_implementation():
    mlcroissant = pytest.importorskip("mlcroissant")
    read = mlcroissant.Dataset(jsonld=str(reference_folder() / "open" / "croissant.json"))
    assert not read.metadata.ctx.issues.errors
    backbones = [record["pretraining/backbone"].decode() for record in read.records("pretraining")]
    assert backbones == [*open_reference("open").tables["pretraining"]["backbone"]]
