"""The line of provenance: what it says at once, and what it unfolds."""

import re
import shutil
from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pytest

from rin.data.manifest import load_manifest
from rin.report.banner import (
    HEADLINES,
    banner,
    is_another_cut,
    pretraining_banner,
    provenance_line,
)
from rin.study import open_reference, open_workspace
from rin.study.pretraining import plan_pretraining
from rin.study.profile import Profile
from rin.training.identity import code_digest


@pytest.fixture(scope="module")
def demo():
    return open_reference("open")


def summary(html):
    return re.search("(?s)<summary>(.*?)</summary>", html.data)[1]


@pytest.mark.parametrize(
    ("provenances", "kind"),
    [
        (["real", "real"], "real"),
        (["real", "stand-in"], "mixed"),
        (["stand-in"], "stand-in"),
        (["real", "part"], "part"),
        (["part", "stand-in"], "mixed"),
    ],
)
def test_one_stand_in_is_enough_for_a_warning(provenances, kind):
    shown = provenance_line(provenances, ["profile x"], {"Images": "some"})
    assert f'class="rin-provenance rin-{kind}"' in shown.data
    assert HEADLINES[kind] in summary(shown)
    assert "profile x" in summary(shown)


def test_nothing_from_a_file_is_read_as_markup():
    shown = provenance_line(["real"], ["<b>x</b>"], {"<i>": "a & b <script>"}).data
    assert "<b>x</b>" not in shown
    assert "<script>" not in shown
    assert "a &amp; b &lt;script&gt;" in shown


def test_reference_run_tells_images_weights_computer_and_day(demo):
    shown = banner(demo, ["breast", "acl"])  # acl has no results
    facts = demo.facts
    assert "rin-real" in shown.data
    assert facts.last_finished[:10] in summary(shown)
    assert facts.task("breast").dataset.title in summary(shown)
    assert facts.hardware.text in shown.data
    assert "Weights: radiologic" in shown.data
    assert "MRNet" not in shown.data
    assert banner(demo).data.count("<dt>Images") == len(facts.tasks)


def test_line_tells_how_many_of_the_images_were_used(demo):
    data = demo.facts.task("pneumonia").dataset
    assert data.used < data.available
    assert f"real images, {data.used:,} of {data.available:,} images" in banner(demo).data


def test_additions_to_a_reference_run_are_listed_with_their_day_computer_and_commit():
    reference = open_reference("open")
    (added,) = re.findall("<dt>Added</dt><dd>(.*?)</dd>", banner(reference).data)
    for each in reference.facts.added:
        numbers = ", ".join(map(str, each.pretrainings))
        networks = f"pretraining {numbers} of {', '.join(each.backbones)}"
        named = networks if numbers else " and ".join(each.studies)
        assert f"{named} on {each.written[:10]}, from {each.hardware.text}" in added
        assert f"commit {each.commit[:12]}" in added
    assert "convergence from pretraining 2" in added
    alone = replace(reference, facts=reference.facts.model_copy(update={"added": []}))
    assert "<dt>Added" not in banner(alone).data


def test_line_names_tasks_whose_modality_the_corpus_lacks(demo):
    now = open_reference("open")
    assert "corpus without" not in summary(banner(now))

    def with_corpora_of(modality):
        corpora = [c.model_copy(update={"modality": modality}) for c in now.facts.corpora]
        return replace(now, facts=now.facts.model_copy(update={"corpora": corpora}))

    of_ultrasound = "breast lesions, thyroid nodules and breast lesions in BUS-BRA"
    shown = summary(banner(with_corpora_of("CT, MR and radiographs")))
    assert f"corpus without ultrasound ({of_ultrasound})" in shown
    assert "corpus without" not in summary(banner(with_corpora_of("")))


def test_crops_of_the_papers_images_are_no_substitute(demo):
    facts = {task.name: task for task in demo.facts.tasks}
    assert [name for name, task in facts.items() if is_another_cut(task)] == ["thyroid"]
    listed = banner(demo).data
    thyroid, pneumonia = (
        re.search(f"<dt>Images: {name}</dt><dd>(.*?)</dd>", listed)[1]
        for name in ("thyroid", "pneumonia")
    )
    assert "crops of nodules; another cut of the paper&#x27;s own images; real" in thyroid
    assert "open substitute for RSNA" in pneumonia


def test_line_of_a_part_of_a_dataset_says_so_at_once_and_in_its_details(demo):
    kept = demo.facts
    task = kept.task("breast")
    part = task.dataset.model_copy(update={"part": "11 of 780 images"})
    facts = kept.model_copy(update={"tasks": [task.model_copy(update={"dataset": part})]})
    shown = banner(replace(demo, facts=facts), ["breast"])
    assert "rin-part" in shown.data
    assert HEADLINES["part"] in summary(shown)
    assert f"only 11 of 780 images of {part.title}" in summary(shown)
    assert "11 of 780 images are there" in shown.data


SIZE = {"size": 32, "batch": 16, "epochs": 1}
CORPORA = {init: f"corpus_{init}" for init in ("radiologic", "photographic")}
SMALL = {
    "name": "small",
    "about": "For tests.",
    "tasks": ["breast"],
    "inits": list(CORPORA),
    "backbones": ["ResNet50"],
    "fine_tuning": SIZE,
    "pretraining": SIZE | {"corpora": CORPORA},
    "stand_ins": {name: {"class_count": 3, "per_class": 12} for name in CORPORA.values()},
}


def runs_below(results):
    return open_workspace(Profile.model_validate(SMALL), results=results)


@pytest.fixture(scope="module")
def planned_results(tmp_path_factory):
    """Folder with the images of two pretrainings that are planned."""
    results = tmp_path_factory.mktemp("planned")
    plan_pretraining(runs_below(results))
    return results


@pytest.fixture
def small_runs(planned_results, tmp_path):
    """Pretrainings of one backbone on two small stand-ins are planned, none is finished."""
    return runs_below(shutil.copytree(planned_results, tmp_path / "results"))


def test_no_pretraining_has_no_line(small_runs):
    assert pretraining_banner(small_runs) is None


@pytest.mark.parametrize(
    ("software", "warning"),
    [
        (["Keras 3.15", "Keras 3.15"], False),
        (["Keras 3.15", None], False),
        (["Keras 3.15", "Keras 3.16"], True),
    ],
)
def test_mixture_of_software_in_one_table_is_said_in_the_line(small_runs, software, warning):
    study = small_runs
    done = {"computer": "one core", "training_images": 9, "classes": 3, "epochs": 1, "top1": 0.5}
    for run, versions in zip(plan_pretraining(study), software, strict=True):
        record = done | {"software": versions}
        study.weights.commit(run.run_id, run.config, lambda folder, record=record: record)
    shown = pretraining_banner(small_runs)
    assert "pretrained here from random initialisation on 9 images of 3 classes" in shown.data
    assert ("2 different sets of software" in summary(shown)) == warning


@pytest.mark.parametrize(
    ("codes", "told"),
    [
        ([code_digest()] * 2, ""),
        ([code_digest(), "other"], "1 of 2 finished runs by other code, which was not shown"),
        (["other", "other"], "2 of 2 finished runs by other code, which was not shown"),
    ],
)
def test_runs_of_other_code_are_told_in_the_line(small_runs, codes, told):
    study = small_runs
    done = {"computer": "one core", "software": "Keras", "training_images": 9, "classes": 3}
    for run, code in zip(plan_pretraining(study), codes, strict=True):
        record = done | {"epochs": 1, "top1": 0.5, "code": code, "commit": f"{'c' * 40}+"}
        study.weights.commit(run.run_id, run.config, lambda folder, record=record: record)
    shown = pretraining_banner(small_runs)
    assert ("other code" in summary(shown)) is bool(told)
    assert told in summary(shown)
    assert f"<dt>Commit</dt><dd>{'c' * 40}+</dd>" in shown.data


def test_line_of_a_reference_run_tells_edited_code_and_runs_of_other_code():
    reference = open_reference("open")
    facts = reference.facts.model_copy(
        update={"commit": f"{'c' * 40}+", "code": {code_digest(): 3, "other": 2}, "added": []}
    )
    shown = banner(replace(reference, facts=facts))
    assert "commit cccccccccccc+; code" in shown.data
    assert "2 of 5 finished runs by other code" in summary(shown)


@pytest.mark.parametrize(
    ("provenance", "headline"), [("stand-in", HEADLINES["weights"]), ("real", HEADLINES["real"])]
)
def test_networks_of_stand_ins_beside_real_images_are_no_finding(
    demo, monkeypatch, provenance, headline
):
    network = {"init": "radiologic", "corpus": "some"}
    weights = pd.DataFrame([network | {"training_images": 9, "classes": 2, "epochs": 1}])
    corpus = SimpleNamespace(
        manifest=load_manifest("corpus_photographic"), provenance=provenance, part=""
    )
    monkeypatch.setattr("rin.report.banner.find_corpus", lambda study, name: corpus)
    records = pd.DataFrame(
        {"finished": ["2026-11-22"], "computer": ["one core"], "software": ["Keras"]}
    )
    own = SimpleNamespace(
        workspace=open_workspace("demo"),
        facts=demo.facts,
        pretraining=lambda: weights,
        records=lambda task, study: records,
    )
    assert headline in summary(banner(own, ["breast"]))


def test_line_of_the_committed_run_names_the_days_from_first_to_last(tmp_path):
    facts = open_reference("open").facts
    first, last = facts.first_finished[:10], facts.last_finished[:10]
    assert first < last
    html = banner(open_reference("open")).data
    assert f"networks trained {first} to {last}" in html
