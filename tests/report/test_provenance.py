import re
from html import unescape
from importlib.metadata import version
from types import SimpleNamespace

import pandas as pd
import pytest

from rin.data.manifest import load_manifest
from rin.report import provenance


def dataset(name, kind="stand-in"):
    place = f"{kind}-of-{name}"
    return SimpleNamespace(manifest=load_manifest(name), provenance=kind, location=place)


def fake_study(kinds=None):
    """What the banner reads of a study; `kinds` gives the provenance of its corpora."""
    profile = SimpleNamespace(name="tiny", about="For tests.", inits=["radiologic", "imagenet"])
    return SimpleNamespace(
        profile=profile, dataset=lambda name: dataset(name, (kinds or {}).get(name, "stand-in"))
    )


def fake_inputs(kind="stand-in", *, name="busi", used=4, available=4, substitute_for=None):
    manifest = load_manifest(name)
    return SimpleNamespace(
        manifest=manifest,
        task=SimpleNamespace(name="breast"),
        dataset=SimpleNamespace(**vars(dataset(name, kind)), cases=range(used)),
        available=available,
        substitute_for=substitute_for,
    )


PRETRAINED = {
    "init": "radiologic",
    "corpus": "corpus_radiologic",
    "provenance": "stand-in",
    "backbone": "ResNet50",
    "images": 36,
    "classes": 3,
    "epochs": 2,
    "finished": "2026-03-01T08:00:00+00:00",
}


@pytest.fixture
def ledger(monkeypatch):
    """Sets what the ledger holds: rows of `pretrained`, and times of the finished runs."""

    def hold(*own, finished=("2026-03-02T10:00:00+00:00", "2026-03-02T09:30:00+00:00")):
        monkeypatch.setattr(provenance, "pretrained", lambda study: pd.DataFrame(own))
        records = pd.DataFrame({"finished": list(finished)})
        monkeypatch.setattr(provenance, "run_records", lambda study, inputs: records)

    return hold


def listed(banner):
    """Terms and descriptions of a banner."""
    pairs = re.findall(r"<dt[^>]*>(.*?)</dt><dd[^>]*>(.*?)</dd>", banner.data)
    return {unescape(term): unescape(text) for term, text in pairs}


def test_task_banner_names_images_corpus_weights_profile_and_last_run(ledger):
    ledger(PRETRAINED)
    shown = listed(provenance.task_banner(fake_study(), fake_inputs()))
    assert shown[load_manifest("busi").title] == "stand-in images – stand-in-of-busi"
    assert load_manifest("corpus_radiologic").title in shown
    assert shown["Profile"] == "tiny: For tests."
    assert shown["Weights: radiologic"] == (
        "pretrained here from random initialisation on 36 stand-in images of 3 classes, 2 epochs"
    )
    assert shown["Weights: imagenet"].startswith("released weights")
    assert shown["Computed"] == "2026-03-02 10:00 UTC"


def test_task_banner_of_real_images_and_stand_in_corpus_warns(ledger):
    ledger(PRETRAINED)
    assert "rin-mixed" in provenance.task_banner(fake_study(), fake_inputs("real")).data


def test_study_banner_names_each_dataset_once_with_substitutes_and_draws(ledger):
    ledger()
    other = fake_inputs(
        "real", name="sarscov2_ct", used=64, available=2481, substitute_for="the other set"
    )
    inputs = {"acl": fake_inputs(), "breast": fake_inputs(), "covid19": other}
    shown = listed(provenance.study_banner(fake_study(), inputs))
    assert shown[load_manifest("sarscov2_ct").title] == (
        "real images – real-of-sarscov2_ct; open substitute for the other set; "
        "64 of 2,481 images drawn at random"
    )
    banner = provenance.study_banner(fake_study(), inputs).data
    assert banner.count(load_manifest("busi").title) == 1


def test_task_banner_when_all_images_are_real_does_not_warn(ledger):
    ledger(PRETRAINED | {"provenance": "real"})
    banner = provenance.task_banner(fake_study({"corpus_radiologic": "real"}), fake_inputs("real"))
    assert "rin-real" in banner.data
    assert "36 real images" in banner.data


def test_task_banner_from_released_weights_names_the_task_images_only(ledger):
    ledger()
    shown = listed(provenance.task_banner(fake_study(), fake_inputs("real")))
    titles = [term for term in shown if not term.startswith("Weights")]
    assert titles == [load_manifest("busi").title, "Profile", "Computed", "Hardware"]


def test_task_banner_of_untrained_page_reads_no_ledger():
    shown = listed(provenance.task_banner(fake_study(), fake_inputs(), trained=False))
    assert not any(term.startswith("Weights") for term in shown)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", shown["Computed"])


def test_pretraining_banner_gives_each_corpus_once_and_the_last_time(ledger):
    later = {"backbone": "DenseNet121", "finished": "2026-03-01T11:45:00+00:00"}
    ledger(PRETRAINED | later, PRETRAINED)
    banner = provenance.pretraining_banner(fake_study())
    assert banner.data.count(load_manifest("corpus_radiologic").title) == 1
    assert listed(banner)["Computed"] == "2026-03-01 11:45 UTC"


def test_pretraining_banner_without_pretraining_is_none(ledger):
    ledger()
    assert provenance.pretraining_banner(fake_study()) is None


def test_versions_are_those_of_the_environment_and_leave_out_what_is_absent(monkeypatch):
    monkeypatch.setattr(provenance, "PACKAGES", ("numpy", "no-such-package-of-anyone"))
    found = provenance.versions()
    assert found.index.tolist() == ["python", "numpy"]
    assert found["numpy"] == version("numpy")


def test_hardware_names_cores_without_a_host_name():
    assert re.fullmatch(r"\w+, \d+ CPU cores, \w+", provenance.hardware())
