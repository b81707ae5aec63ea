"""The line of provenance: what it says at once, and what it unfolds."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from rin.report.banner import (
    HEADLINES,
    banner,
    is_another_cut,
    pretraining_banner,
    provenance_line,
)
from rin.study import open_workspace
from rin.training.identity import code_digest


def summary(html):
    return re.search("(?s)<summary>(.*?)</summary>", html.data)[1]


def with_facts(runs, **changes):
    return replace(runs, facts=runs.facts.model_copy(update=changes))


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
    shown = provenance_line(provenances, ["<b>x</b>"], {"<i>": "a & b <script>"})
    assert f'class="rin-provenance rin-{kind}"' in shown.data
    assert HEADLINES[kind] in summary(shown)
    for text in ("&lt;b&gt;x", "a &amp; b &lt;script&gt;"):  # nothing is read as markup
        assert text in shown.data


def test_line_of_the_committed_run_tells_images_weights_computer_days_and_additions(runs):
    shown, facts = banner(runs, ["breast", "acl"]), runs.facts  # acl has no results
    first, last = facts.first_finished[:10], facts.last_finished[:10]
    assert first < last
    for text in (f"networks trained {first} to {last}", facts.task("breast").dataset.title):
        assert text in summary(shown)
    assert ("rin-real" in shown.data, "MRNet" in shown.data) == (True, False)
    whole, added = banner(runs).data, facts.added[-1]
    assert whole.count("<dt>Images") == len(facts.tasks)
    data = facts.task("pneumonia").dataset
    for text in (
        f"real images, {data.used:,} of {data.available:,} images",
        facts.hardware,
        "Weights: radiologic",
        "convergence from pretraining 2",
        f"on {added.written[:10]}, from {added.hardware}, commit {added.commit[:12]}",
    ):
        assert text in whole
    assert "<dt>Added" not in banner(with_facts(runs, added=[])).data


def test_crops_of_the_papers_images_are_no_substitute(runs):
    facts = {task.name: task for task in runs.facts.tasks}
    assert [name for name, task in facts.items() if is_another_cut(task)] == ["thyroid"]
    listed = dict(re.findall("<dt>Images: (.*?)</dt><dd>(.*?)</dd>", banner(runs).data))
    assert (
        "crops of nodules; another cut of the paper&#x27;s own images; real" in listed["thyroid"]
    )
    assert "open substitute for RSNA" in listed["pneumonia"]


def test_line_says_what_keeps_numbers_from_being_findings(runs):
    task, corpus = runs.facts.task("breast"), runs.facts.corpora[0]
    part = task.dataset.model_copy(update={"part": "11 of 780 images"})
    shown = banner(with_facts(runs, tasks=[task.model_copy(update={"dataset": part})]), ["breast"])
    assert HEADLINES["part"] in summary(shown)
    assert f"only 11 of 780 images of {part.title}" in summary(shown)
    stand_in = corpus.model_copy(update={"provenance": "stand-in"})
    shown = banner(with_facts(runs, corpora=[stand_in]), ["breast"])
    assert HEADLINES["weights"] in summary(shown)


def test_line_tells_edited_code_and_runs_of_other_code(runs):
    code = {code_digest(): 3, "other": 2}
    shown = banner(with_facts(runs, commit=f"{'c' * 40}+", code=code, added=[]))
    assert "commit cccccccccccc+; code" in shown.data
    assert "2 of 5 finished runs by other code" in summary(shown)


def test_line_of_a_pretraining_names_its_corpora_before_any_network_is_trained(tmp_path):
    profile = Path(__file__).parents[1] / "book/tiny_live.yaml"
    shown = pretraining_banner(open_workspace(profile, results=tmp_path))
    assert HEADLINES["stand-in"] in summary(shown)
    corpora = ["corpus_radiologic", "corpus_photographic"]
    assert re.findall("<dt>Corpus: (.*?)</dt>", shown.data) == corpora
