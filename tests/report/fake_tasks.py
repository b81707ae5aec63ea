"""Tasks with random scores, as the pages over all tasks read them; nothing is trained."""

import itertools
from types import SimpleNamespace

import numpy as np
import pandas as pd

from rin.paper import COMPARISONS
from rin.report.across import task_result

INITS = ("radiologic", "photographic")
SCENARIOS = [
    f"{backbone}-{condition}"
    for backbone, condition in itertools.product(
        ("ResNet50", "DenseNet121"), ("unfreeze_all-1e-04", "freeze_all-1e-02")
    )
]
CROSS_VALIDATED = {"thyroid", "breast", "acl", "meniscus"}


def scored(task, seed=0, n=30, inits=INITS, lead=0.3):
    """Predictions of two folds; the first init separates the classes a little better."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    tables = []
    for fold, scenario, init in itertools.product((0, 1), SCENARIOS, inits):
        shift = 0.8 + lead * (init == inits[0])
        named = {"task": task, "fold": fold, "scenario": scenario, "init": init, "seed": 0}
        cases = {
            "case_id": [f"{fold}-{k}" for k in range(n)],
            "patient_id": [f"{fold}-p{k // 2}" for k in range(n)],
            "part": "test",
            "label": labels,
        }
        scores = rng.normal(labels * shift)
        tables.append(pd.DataFrame(cases | {"score": scores}).assign(**named))
    return pd.concat(tables, ignore_index=True)


def inputs(task, *, title="", provenance="stand-in", replaced=None, used=60, available=60,
           paper_task="", masks=None):  # fmt: skip
    """What the pages read of `TaskInputs`."""
    key = paper_task or (task if task in COMPARISONS else None)
    manifest = SimpleNamespace(title=f"Images of {task}", mask_kind="outline")
    about = SimpleNamespace(
        name=task,
        title=title or task,
        paper_task=key,
        n_folds=5 if task in CROSS_VALIDATED else 1,
        positive_class="malignant",
    )
    store = SimpleNamespace(cases=pd.DataFrame({"case_id": range(used)}), masks=lambda: masks)
    return SimpleNamespace(
        task=about,
        manifest=manifest,
        store=store,
        provenance=provenance,
        substitute_for=replaced,
        available=available,
    )


def result(task, seed=0, inits=INITS, **settings):
    """The result of one task."""
    lead = settings.pop("lead", 0.3)
    return task_result(inputs(task, **settings), scored(task, seed, 30, inits, lead), inits)
