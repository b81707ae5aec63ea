"""What the page of one's own run says: of released weights, of one pair, of stand-ins."""

import re

import numpy as np
import pytest
from computed_pages import outputs
from finished_study import commit_invented, ranked_files, write_images
from sklearn.metrics import roc_auc_score
from small_backbone import small_backbone
from tiny_study import BOTH, main_study, tiny_profile

from rin.errors import InputError
from rin.models.weights import load_entries
from rin.report.format import format_estimate
from rin.stats import pairwise_differences
from rin.study import consolidate, open_workspace

PAGE = "results/your_run"
CORPORA = "corpus_radiologic", "corpus_photographic"
VERDICT = r"too little learnt|not clear|within 5 points|behind|P [=<]"
pytestmark = pytest.mark.usefixtures("uncounted_manifests")


def shown(workspace, results):
    """Run the page on the folder of results of a finished study."""
    consolidate(workspace)
    texts = outputs(PAGE, {"profile": str(workspace.results / "tables"), "results": str(results)})
    return " ".join(texts)


def made_study(tmp_path, signals, *, marked=()):
    """Return a finished study of one task, and of one network of each init, pretrained here."""
    corpora = dict.fromkeys(signals, CORPORA[0]) | {"photographic": CORPORA[1]}
    changes = {
        "inits": [*signals],
        "pretraining.corpora": {name: corpora[name] for name in signals if name != "random"},
        "studies": [main_study(**BOTH)],
        "live": "breast",
        "stand_ins": {},
    }
    images = write_images(tmp_path / "data", marked=marked)
    workspace = open_workspace(tiny_profile(changes), data_root=images, results=tmp_path)
    commit_invented(workspace, ranked_files(signals))
    return workspace


def mean_auc(scores, init):
    runs = scores[scores["init"] == init].groupby("scenario", observed=True)
    return np.mean([roc_auc_score(run["label"], run["score"]) for _, run in runs])


def test_run_of_stand_ins_says_so_and_has_numbers_and_no_verdict(tmp_path):
    signals = {"radiologic": -1.5, "photographic": 6.0}
    text = shown(made_study(tmp_path, signals, marked=CORPORA), tmp_path)
    with pytest.raises(InputError, match=r"run\.json"):  # not that of one's own
        outputs(PAGE, {"profile": "opened/tiny", "results": str(tmp_path)})
    assert "weights from stand-ins" in text
    assert "AUC points (95% CI)" in text
    without_paper = text.replace("P &lt; .001", "")
    assert not re.search(VERDICT, re.sub(r"<p>.*?</p>", "", without_paper))


def test_run_of_three_inits_compares_each_with_each_and_draws_the_first_with_the_others(tmp_path):
    signals = {"mine": 3.0, "photographic": 1.0, "random": 0.2}
    workspace = made_study(tmp_path, signals)
    text = shown(workspace, tmp_path)
    assert "All differences, tasks × pairs, are one family" in text
    table = pairwise_differences(consolidate(workspace).predictions("main", "breast"), [*signals])
    (of_differences,) = re.findall(r"Differences and verdicts.*?</table>", text)
    lines = [re.sub(r"<[^>]*>| ", "", line) for line in of_differences.split("<tr>")[2:]]
    for line, row in zip(lines, table.itertuples(), strict=True):
        estimate = format_estimate(row, unit="points").replace(" ", "")
        assert f"{row.a}−{row.b}{estimate}patients" in line
    assert "Difference mine − the other" in text


INITS, BACKBONES = ("radimagenet", "imagenet"), ("ResNet50", "DenseNet121")


def test_run_of_released_weights_is_the_paper_recomputed_and_says_which_files_are_unverified(
    tmp_path, monkeypatch
):
    cache, images = tmp_path / "keras", write_images(tmp_path / "data")
    monkeypatch.setenv("KERAS_HOME", str(cache))
    monkeypatch.setattr("keras.applications.DenseNet121", small_backbone)
    for entry in load_entries():
        if entry.init in INITS and entry.backbone in BACKBONES:
            home = images / "weights" if entry.file else cache / "models"
            home.mkdir(parents=True, exist_ok=True)
            (home / (entry.file or entry.cached)).write_text(f"{entry.init} {entry.backbone}")
    changes = {"inits": [*INITS], "pretraining": None, "backbones": [*BACKBONES]}
    changes |= {"studies": [{"name": "main", "unfreezing": ["freeze_all"]}], "stand_ins": {}}
    workspace = open_workspace(tiny_profile(changes), data_root=images, results=tmp_path)
    commit_invented(workspace, ranked_files({"radimagenet": 0.5, "imagenet": 9.0}))
    text = shown(workspace, tmp_path)
    assert "unverified weights: radimagenet DenseNet121" in text
    scores = consolidate(workspace).predictions("main", "breast")
    lead = 100 * (mean_auc(scores, "imagenet") - mean_auc(scores, "radimagenet"))
    assert f"−{lead:.1f}" in text
    assert "Figure 3. Overlap of activation maps and lesions" in text
