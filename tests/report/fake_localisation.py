"""Tasks with marked lesions and random maps, as the pages on localisation read them."""

import itertools
from types import SimpleNamespace

import numpy as np
import pandas as pd
from fake_tasks import INITS, SCENARIOS, inputs

SIDE, CASES = 32, 12


def marked(task, **settings):
    """A task of which every other case has a lesion, a square somewhere."""
    rng = np.random.default_rng(5)
    masks = np.zeros((CASES, SIDE, SIDE), bool)
    for mask in masks[::2]:
        top, left = rng.integers(0, SIDE - 12, 2)
        mask[top : top + 12, left : left + 12] = True
    one = inputs(task, masks=masks, used=CASES, **settings)
    labels = np.where(np.arange(CASES) % 2, "benign", "malignant")
    cases = pd.DataFrame({"case_id": [f"c{k}" for k in range(CASES)], "label": labels})
    cases["patient_id"] = [f"p{k // 4}" for k in range(CASES)]
    one.store = SimpleNamespace(
        cases=cases,
        size=SIDE,
        images=lambda: np.zeros((CASES, SIDE, SIDE), np.uint8),
        masks=lambda: masks,
    )
    return one


def maps_of(one):
    """Runs as `cam_arrays` yields them, with maps at the size of the masks."""
    rng = np.random.default_rng(6)
    labels = (one.store.cases["label"] == "malignant").astype(int)
    for scenario, init in itertools.product(SCENARIOS, (*INITS, "random")):
        backbone, unfreezing, rate = scenario.split("-", 2)
        named = {"task": one.task.name, "fold": 0, "scenario": scenario, "backbone": backbone}
        named |= {"unfreezing": unfreezing, "learning_rate": float(rate), "init": init, "seed": 0}
        rows = one.store.cases[["case_id"]].assign(
            patient_id=one.store.cases["patient_id"],
            label=labels,
            score=np.clip(labels * 0.4 + 0.3 + rng.normal(0, 0.1, CASES), 0, 1),
            **named,
        )
        yield rows, rng.normal(size=(CASES, SIDE, SIDE, 2)).astype(np.float32)
