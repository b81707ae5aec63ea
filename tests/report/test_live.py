"""What the live pages say, and draw, of made numbers."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from rin.report import live

SAME = {"as_printed": True, "stored": "tensorflow", "backend": "tensorflow"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "by the package the scores differ by at most 2e-07."),
        ({"as_printed": False}, "A line was changed: nothing is checked. The scores differ by up"),
        ({"backend": "jax"}, "trained by TensorFlow and this page runs on JAX"),
        ({"stored": None}, "trained by another framework and this page runs on TensorFlow"),
    ],
)
def test_agreement_says_how_far_apart_or_why_nothing_is_compared(changes, said):
    assert said in live.agreement(2e-7, "scores", **SAME | changes)


@pytest.mark.parametrize(
    ("aucs", "said"),
    [
        ({"radiologic": 0.86, "photographic": 0.71, "random": 0.52}, "That is transfer learning."),
        ({"radiologic": 0.86, "random": 0.70}, "too weak to show much"),
        ({"radiologic": 0.74, "random": 0.52}, "too weak to show much"),
        ({"radiologic": 0.50, "random": 0.52}, "too little to show transfer"),
        ({"radiologic": 0.86, "photographic": 0.71}, "trains none from random weights"),
    ],
)
def test_transfer_is_claimed_only_of_networks_that_learnt_from_one_start_alone(aucs, said):
    sentence = live.transfer(aucs, 220)
    assert said in sentence
    assert sentence.startswith("On 220 test images the AUC is 0.")
    assert ("transfer learning" in said) == ("transfer learning" in sentence)


def test_transfer_lists_every_start_with_its_auc():
    aucs = {"radiologic": 0.86, "photographic": 0.71, "random": 0.52}
    listed = (
        "0.86 from radiologic weights and 0.71 from photographic weights, and 0.52 from random"
    )
    assert listed in live.transfer(aucs, 220)


@pytest.mark.slow
def test_every_figure_of_the_live_pages_is_drawn_with_an_alternative_text():
    grey = np.full((2, 8, 8), 100, np.uint8)
    mask = np.eye(8)[np.newaxis].repeat(2, 0)
    scenario, index = "ResNet50-freeze_all-1e-02", pd.MultiIndex.from_tuples
    networks = index([("radiologic", "ResNet50")], names=["init", "backbone"])
    aucs = [(scenario, "random", 0.5), (scenario, "radiologic", 0.8)]
    marks = index(
        [("radiologic", "freeze_all", scenario), ("photographic", "freeze_all", scenario)],
        names=["init", "unfreezing", "scenario"],
    )
    simulated = [(rho, "images", "AUC", 1.0) for rho in (0.0, 0.4)]
    corpus = pd.DataFrame({"region": ["lung", "lung"], "kind": ["key", "normal"]})
    scores = pd.DataFrame({"estimate": 0.8, "ci_low": 0.7, "ci_high": 0.9}, networks)
    columns = ["correlation", "units", "measure", "coverage"]
    figures = [
        live.transfer_figure(pd.DataFrame(aucs, columns=["scenario", "init", "auc"])),
        live.classes_row(grey, ["a", "b"]),
        live.accuracies(scores, "Top-1 test accuracy"),
        live.confusion(pd.DataFrame([[90.0, 10], [0, 100]], ["a", "b"], ["a", "b"])),
        live.outlined_image(grey[0], np.array([[1, 1], [4, 4]]), "lung: nodule"),
        live.files_left(pd.Series({"in the archive": 30, "in the corpus": 10})),
        live.images_by_region(corpus),
        live.best_maps(grey, grey, mask),
        live.dice_strip(
            pd.Series([0.1, 0.2], marks, name="dice"), pd.Series({"centre": 0.3}), ("radiologic",
            "photographic"),
        ),
        live.won_pairs(pd.DataFrame([[1.0, 0.5], [0, 1]])),
        live.coverage_lines(pd.DataFrame(simulated, columns=columns)),
    ]  # fmt: skip
    alts = [repr(figure) for figure in figures]
    assert len({*alts}) == len(figures)
    assert all(len(alt) > 20 for alt in alts)


@pytest.mark.parametrize(
    ("confirmed", "said"),
    [
        ({"rules": 1200}, "1,200 were accepted by rules alone; no radiologist confirmed them"),
        ({"rules": 2, "radiologist": 3}, "5 were accepted by rules and radiologist"),
        ({"radiologist": 3}, "3 were accepted by radiologist"),
        ({}, "0 were accepted by rules alone; no radiologist confirmed them"),
    ],
)
def test_who_accepted_normal_studies_is_said_and_that_no_radiologist_did(confirmed, said):
    assert live.accepted_by(confirmed) == said


# ---- the one map on the page on a task of one's own


def workspace_of(cases):
    """Two images of 4 × 4 pixels, the second marked, of the classes benign and malignant."""
    images = np.stack([np.zeros((4, 4), np.uint8), np.full((4, 4), 9, np.uint8)])
    table = pd.DataFrame({"case_id": cases, "label": ["benign", "malignant"]})
    store = SimpleNamespace(cases=table, size=4, images=lambda: images, masks=lambda: images)
    return SimpleNamespace(inputs=lambda task: SimpleNamespace(store=store, labels=[0, 1]))


def test_sentences_of_the_live_pages_hold_the_numbers_of_their_tables(monkeypatch):
    row = {"n_scenarios": 2, "auc_a": 0.86, "auc_b": 0.71, "estimate": 0.15, "ci_low": 0.1,
           "ci_high": 0.2, "p_value": 0.01, "n_cases": 220, "n_patients": 200}  # fmt: skip
    inits = ("radiologic", "photographic")
    text = live.on_one_task(row, inits, "Lesions", stand_ins=("images",))
    assert "the difference is **+15.0 (10.0, 20.0)** AUC points (P = .01, which only" in text
    networks = pd.MultiIndex.from_product([inits, ["ResNet50"]], names=["init", "backbone"])
    scores = pd.DataFrame(
        {"images": 12, "estimate": [0.5, 0.25], "classes": 4, "seconds": 60.0}, networks
    )
    assert "50% (radiologic; by guessing 25%) and 25%" in live.learnt(scores)
    assert "The 2 trainings took 2.0 minutes" in live.learnt(scores)
    nearest = pd.DataFrame(
        {"estimate": [0.5], "images": 12, "patients": 11, "chance": 0.2}, networks[:1]
    )
    text = live.alike_neighbours(nearest, inits)
    assert "50% of 12 images of 11 patients (radiologic; 20% by chance)" in text
    assert text.endswith("No photographic test class has two patients.")


def test_files_are_counted_down_from_the_archive_to_the_corpus():
    excluded = pd.DataFrame(
        {"rule": ["burned-in text", "rare class", "scout", "no key image"], "images": [3, 2, 4, 1]}
    )
    corpus = SimpleNamespace(
        excluded=excluded,
        images=pd.DataFrame(index=range(10)),
        card={"archive": {"instances": 20}},
    )
    steps = live.files_by_step(corpus)
    assert steps.index[0] == "files in the archive"
    assert [steps.iloc[0], *steps.iloc[2:]] == [20, 15, 12, 10]
