"""What pretraining leaves in the ledger, as literal tables; nothing is trained."""

import pandas as pd

INITS = ("radiologic", "photographic")
_CASES = {
    "case_id": list("uvwxyz"),
    "patient_id": ["p1", "p1", "p2", "p3", "p3", "p4"],
    "truth": ["a", "a", "a", "b", "b", "c"],
}


def predictions(predicted="aabbcc", init="radiologic", backbone="ResNet50", top5="111110"):
    """Six test images of four patients: class a has three of them, b two, c one."""
    return pd.DataFrame(
        _CASES | {"predicted": list(predicted), "in_top5": [digit == "1" for digit in top5]}
    ).assign(init=init, backbone=backbone, confidence=0.6, truth_probability=0.5)


def run(init="radiologic", backbone="ResNet50", **changed):
    """One row of `rin.study.pretrained`."""
    return {
        "init": init,
        "corpus": f"corpus_{init}",
        "provenance": "real",
        "backbone": backbone,
        "images": 80,
        "classes": 12,
        "epochs": 3,
        "steps": 12,
        "top1": 0.714,
        "top5": 0.95,
        "seconds": 60.0,
        "images_per_second": 40.0,
        "parameters": 23_587_712,
        "precision": "float32",
        "devices": 1,
        "resumed": 0,
        "finished": "2026-03-01T08:00:00+00:00",
        "run_id": f"{init}-{backbone}",
    } | changed


def history(init="radiologic", backbone="ResNet50", val_loss=(2.0, 1.0, 1.5)):
    """Three epochs."""
    return pd.DataFrame(
        {
            "epoch": [1, 2, 3],
            "loss": [2.0, 1.0, 0.5],
            "accuracy": [0.3, 0.6, 0.7],
            "val_loss": val_loss,
            "val_accuracy": [0.2, 0.5, 0.4],
            "learning_rate": [1e-3, 5e-4, 0.0],
            "images_per_second": [10.0, 50.0, 40.0],
        }
    ).assign(init=init, backbone=backbone)


def classes(init="radiologic"):
    """Sizes of the three classes; class a is ten times class c."""
    return pd.DataFrame(
        {
            "label": ["a", "b", "c"],
            "train": [400, 100, 40],
            "validation": [50, 12, 0],
            "test": [3, 2, 1],
            "patients": [200, 50, 7],
        }
    ).assign(init=init, corpus=f"corpus_{init}")
