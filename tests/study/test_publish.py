"""A run is published for others to cite, and what others published is opened if it is whole."""

import hashlib
import io
import json
import shutil
import sys
import zipfile

import pytest
import yaml
from command_line import answer, refusal
from computed_pages import outputs
from croissant_structure import problems_of
from tiny_study import restated

from rin.errors import InputError
from rin.files import REPOSITORY
from rin.report.banner import banner
from rin.report.format import format_estimate
from rin.stats import pairwise_differences
from rin.study import open_results, publish
from rin.study.publish import names_shown, open_published, publish_results
from rin.study.reference import reference_folder

AUTHOR, ORCID = "Jäne Doe", "https://orcid.org/0000-0002-1825-0097"
SOURCE = reference_folder() / "fine_tuned_224"


def of_other_data(**values):
    """Return a change of what run.json states of the data of its first task."""
    return lambda stated: stated["tasks"][0]["dataset"].update(values)


@pytest.fixture
def copy(tmp_path):
    return shutil.copytree(SOURCE, tmp_path / "tables")


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    target = tmp_path_factory.mktemp("published") / "lent"
    return publish_results(SOURCE, target, AUTHOR, orcid=ORCID)


@pytest.fixture(scope="module")
def folder(archive):
    return archive.with_suffix("")


@pytest.mark.parametrize("kind", ["folder", "address"])
def test_published_run_is_opened_in_another_place_as_it_was(
    archive, folder, tmp_path, monkeypatch, kind
):
    place = str(shutil.copytree(folder, tmp_path / "lent.1"))
    if kind == "address":
        place = "https://example.org/records/1/files/lent.zip?download=1"
        monkeypatch.setattr(
            publish,
            "fetch_file",
            lambda url, name, root: {place: shutil.copy(archive, root / name)}[url],
        )
    opened = open_published(place, tmp_path)
    assert opened == tmp_path / "opened" / ("lent" if kind == "address" else "lent.1")
    original, again = open_results(SOURCE), open_results(opened)
    stated = {"author": AUTHOR, "licence": "CC-BY-4.0"}
    assert again.facts == original.facts.model_copy(update=stated)
    assert f"<dd>by {AUTHOR}, under CC-BY-4.0</dd>" in banner(again).data
    files = {path.name: path.read_bytes() for path in opened.iterdir()}
    assert {*files} == {*original.facts.files, "run.json"}
    assert files["run.json"] == (folder / "run.json").read_bytes()
    assert {(SOURCE / name).read_bytes() == files[name] for name in original.facts.files} == {True}


def test_crate_lists_every_file_with_its_hash_who_published_it_and_the_licence(folder):
    graph = json.loads((folder / "ro-crate-metadata.json").read_text("utf-8"))["@graph"]
    entities = {entity["@id"]: entity for entity in graph}
    assert len(entities) == len(graph)
    root = entities["./"]
    assert entities["ro-crate-metadata.json"]["about"] == {"@id": "./"}
    listed = {part["@id"]: entities[part["@id"]] for part in root["hasPart"]}
    assert {*listed} == {path.name for path in folder.iterdir()} - {"ro-crate-metadata.json"}
    for name, file in listed.items():
        assert file["@type"] == "File"
        assert file["sha256"] == hashlib.sha256((folder / name).read_bytes()).hexdigest()
    assert entities[root["author"]["@id"]] == {"@id": ORCID, "@type": "Person", "name": AUTHOR}
    assert entities[root["license"]["@id"]]["name"] == "CC-BY-4.0"
    assert problems_of(folder) == []


def test_crate_is_read_by_the_reference_implementation(archive):
    rocrate = pytest.importorskip("rocrate.rocrate")
    crate = rocrate.ROCrate(archive)
    facts = open_results(SOURCE).facts
    assert crate.name == f"Results of the study {facts.name}"
    assert {entity.id for entity in crate.data_entities} >= {"run.json", *facts.files}


def test_citation_file_has_what_its_format_needs(folder):
    stated = yaml.safe_load((folder / "CITATION.cff").read_text("utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= {*stated}
    assert (stated["cff-version"], stated["type"]) == ("1.2.0", "dataset")
    assert stated["authors"] == [{"name": AUTHOR, "orcid": ORCID}]
    assert stated["references"][0]["commit"] == open_results(SOURCE).facts.commit
    software = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text("utf-8"))
    assert stated["references"][0]["title"] == software["title"]


def test_readme_states_tasks_with_images_and_patients_weights_with_hashes_and_the_commit(folder):
    text, facts = (folder / "README.md").read_text("utf-8"), open_results(SOURCE).facts
    for task in facts.tasks:
        data = task.dataset
        assert f"**{task.name}**: {data.used:,} images of {data.patients:,} patients" in text
    assert {start.sha256 for start in facts.weights if start.sha256 not in text} == set()
    assert facts.commit in text
    assert "STAND-IN" not in text


def test_stand_ins_are_said_in_the_first_line_and_in_every_description(copy, tmp_path):
    restated(copy, of_other_data(provenance="stand-in"))
    made = publish_results(copy, tmp_path / "made", AUTHOR).with_suffix("")
    title = "STAND-INS (images), NO FINDINGS: results of the study fine_tuned_224"
    assert (made / "README.md").read_text("utf-8").splitlines()[0] == f"# {title}"
    assert yaml.safe_load((made / "CITATION.cff").read_text("utf-8"))["title"] == title
    graph = json.loads((made / "ro-crate-metadata.json").read_text("utf-8"))["@graph"]
    (root,) = [entity for entity in graph if entity["@id"] == "./"]
    assert root["description"].startswith(title)
    assert root["author"] == {"@id": "#J%C3%A4ne%20Doe"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--author", " "], "no name, or no ORCID"),
        (["--author", "X", "--orcid", "0000-0002-1825-0097"], "no name, or no ORCID"),
        (["--author", "X", "--licence", "CC BY 4.0"], "(did you mean CC-BY-4.0?)"),
        (["--author", "X", "--output", "taken"], "taken: it exists already"),
        (["--author", "X", "--output", "taken", "--replace"], "taken: it exists already"),
    ],
)
def test_what_cannot_be_published_is_refused_in_one_line(rin, tmp_path, options, said):
    (tmp_path / "taken").mkdir()
    status, _, err = rin("publish", SOURCE, "--yes", *options)
    assert status == 1
    (line,) = err.splitlines()
    assert said in line
    assert [path.name for path in tmp_path.rglob("*")] == ["taken"]


def test_damaged_results_are_not_published(rin, copy):
    with (copy / "predictions.parquet").open("ab") as file:
        file.write(b" ")
    line = refusal(rin, "publish", copy, "--author", "X", "--yes")
    assert "predictions.parquet: it is missing, or not as it was written" in line
    assert [path.name for path in copy.parent.iterdir()] == ["tables"]


def test_publication_replaces_an_earlier_one_and_a_failure_leaves_it(tmp_path, monkeypatch):
    def full(*_):
        raise OSError("full")

    publish_results(SOURCE, target := tmp_path / "made", "First")
    before = {path: path.read_bytes() for path in target.iterdir()}
    with pytest.raises(InputError, match="made: it exists already"):
        publish_results(SOURCE, target, "Second")
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "make_archive", full)
        with pytest.raises(InputError, match="full"):
            publish_results(SOURCE, target, "Second", replace=True)
    assert {path: path.read_bytes() for path in target.iterdir()} == before
    archive = publish_results(SOURCE, target, "Second", replace=True)
    assert zipfile.ZipFile(archive).read("README.md").decode().count("Second") == 1
    assert {path.name for path in tmp_path.iterdir()} == {"made", "made.zip"}


def test_names_that_are_not_open_are_published_only_when_somebody_agrees(rin, copy, monkeypatch):
    restated(copy, of_other_data(name="my_clinic", access="not public"))
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    status, out, _ = rin("publish", copy, "--author", "X")
    assert status == 1
    assert "(--yes says so)" in out
    assert "no name, or no ORCID" in refusal(rin, "publish", copy, "--author", " ")
    assert "The tables name images and patients of headct200, my_clinic and sarscov2_ct as" in out
    assert [path.name for path in copy.parent.iterdir()] == ["tables"]
    out = answer(rin, "publish", copy, "--author", "X", "--yes")
    assert "my_clinic" in out
    assert (copy.parent / "results/published/fine_tuned_224.zip").is_file()
    restated(copy, of_other_data(provenance="stand-in"))
    assert "my_clinic" not in names_shown(open_results(copy).facts)


def repacked(folder, path, *extra):
    """Write an archive of a folder, and members of other names or kinds."""
    with zipfile.ZipFile(path, "w") as packed:
        for file in sorted(folder.iterdir()):
            packed.write(file, file.name)
        for member, content in extra:
            packed.writestr(member, content)
    return path


def test_changed_byte_is_refused_by_the_name_of_its_file(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    content = bytearray((copy / "predictions.parquet").read_bytes())
    content[len(content) // 2] ^= 1
    (copy / "predictions.parquet").write_bytes(content)
    with pytest.raises(
        InputError, match=r"copy\.zip: predictions\.parquet: it is missing, or not as it"
    ):
        open_published(str(repacked(copy, tmp_path / "copy.zip")), tmp_path / "results")
    assert [*(tmp_path / "results" / "opened").iterdir()] == []


def test_members_that_cannot_be_checked_stay_in_the_archive(folder, tmp_path):
    extra = [("script.py", "x"), ("sub/README.md", "x")]
    opened = open_published(str(repacked(folder, tmp_path / "a.zip", *extra)), tmp_path)
    tables = open_results(folder).facts.files
    assert {path.name for path in opened.iterdir()} == {"run.json", *tables}


@pytest.mark.parametrize("place", ["absent", "absent.zip", "http://example.org/a.zip", "."])
def test_place_without_a_published_run_is_refused_in_one_line(rin, tmp_path, place):
    refusal(rin, "open", place)
    assert [*tmp_path.iterdir()] == []


def test_name_that_is_taken_is_refused_and_replaced_where_that_is_said(rin, folder, tmp_path):
    out = answer(rin, "open", folder)
    assert "run notebooks/results/your_run.py -p profile=results/opened/lent" in out
    (tmp_path / "results/opened/lent/run.json").write_text("mine")
    line = refusal(rin, "open", folder.with_suffix(".zip"))
    assert "results/opened/lent: it exists already" in line
    assert rin("open", folder.with_suffix(".zip"), "--replace")[0] == 0
    opened = tmp_path / "results/opened/lent/run.json"
    assert opened.read_bytes() == (folder / "run.json").read_bytes()


@pytest.mark.parametrize("name", [".zip", "...zip"])
def test_archive_without_a_name_does_not_replace_what_was_opened(archive, tmp_path, name):
    open_published(str(archive), tmp_path)
    with pytest.raises(InputError, match="its file has no name"):
        open_published(str(shutil.copy(archive, tmp_path / name)), tmp_path, replace=True)
    assert [path.name for path in (tmp_path / "opened").iterdir()] == ["lent"]


def test_every_table_that_results_may_have_is_opened():
    described = yaml.safe_load((REPOSITORY / "rin/study/croissant.yaml").read_text("utf-8"))
    tables = {f"{name}.parquet" for name in described["tables"]}
    known = yaml.safe_load((REPOSITORY / "rin/study/publish.yaml").read_text("utf-8"))["files"]
    assert {*known} == tables | {"run.json"}


def test_page_of_a_run_shows_one_that_was_opened_beside_it(folder, tmp_path):
    opened = open_published(str(folder), tmp_path)
    chosen = {"profile": "converged", "task": "breast", "beside": str(opened)}
    text = " ".join(outputs("results/your_run", chosen | {"results": str(tmp_path)}))
    results = open_results(opened)
    table = pairwise_differences(results.predictions(task="breast"), results.inits)
    assert "Other run" in text
    assert format_estimate(table, unit="points").item() in text
    assert "run “converged”" in text
    assert "run “fine_tuned_224”" in text


def test_task_that_is_not_known_here_keeps_its_title(folder, tmp_path, monkeypatch):
    manifests = shutil.copytree(REPOSITORY / "data_manifests", tmp_path / "data_manifests")
    (manifests / "busi.yaml").unlink()
    monkeypatch.setenv("RIN_MANIFESTS", str(manifests))
    results = open_results(folder)
    assert results.titles["breast"] == "Breast lesions, US"
