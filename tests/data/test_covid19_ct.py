"""The COVID-19 task's dataset, which is not public: its convention and its stand-in."""

import numpy as np
import pandas as pd
import pytest
from busi_files import picture, save
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rin.data.layouts import find_cases
from rin.data.manifest import load_manifest
from rin.data.standins import write_stand_in
from rin.data.standins.chest_ct import draw_covid19_patient as draw_patient
from rin.data.tree import open_tree
from rin.errors import InputError

COUNTS = {"positive": 6, "negative": 5}
MANIFEST = load_manifest("covid19_ct")


def cases_of(root):
    return find_cases(open_tree(root, "covid19_ct"), MANIFEST)


def test_find_cases_by_our_convention_reads_the_patient_before_the_slice(tmp_path):
    for number, name in enumerate(["A-7_001.png", "A-7_002.png", "b12_1.jpg"]):
        folder = "negative" if name.startswith("b") else "positive"
        save(tmp_path / "covid19_ct" / folder / name, picture(number))
    found = [(case.case_id, case.patient_id) for case in cases_of(tmp_path)]
    assert found == [
        ("negative/b12_1.jpg", "b12"),
        ("positive/A-7_001.png", "A-7"),
        ("positive/A-7_002.png", "A-7"),
    ]


def test_find_cases_with_a_name_without_patient_names_it(tmp_path):
    save(tmp_path / "covid19_ct/negative/b12_1.png", picture(1))
    save(tmp_path / "covid19_ct/positive/scan 1.png", picture(2))
    with pytest.raises(InputError, match=r"does not match 'positive/scan 1\.png'"):
        cases_of(tmp_path)


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory):
    return write_stand_in(MANIFEST, tmp_path_factory.mktemp("stand_ins"), COUNTS, seed=1)


def test_stand_in_has_three_slices_of_each_patient(stand_in):
    found = pd.DataFrame(cases_of(stand_in))
    assert found["source_class"].value_counts().to_dict() == {"positive": 18, "negative": 15}
    assert (found.groupby("patient_id").size() == 3).all()
    assert found["patient_id"].nunique() == 11


def test_stand_in_opacities_separate_the_classes_with_overlap():
    features, labels, patients = [], [], []
    for kind in ("negative", "positive"):
        for index in range(30):
            for image in draw_patient(kind, index, 5):
                inner = image[30:130, 25:135]
                features.append(np.histogram(inner, bins=8, range=(0, 200))[0])
                labels.append(kind == "positive")
                patients.append(f"{kind}{index}")
    model = make_pipeline(StandardScaler(), LogisticRegression())
    scores = cross_val_predict(
        model, features, labels, groups=patients, cv=GroupKFold(5), method="predict_proba"
    )[:, 1]
    assert 0.7 < roc_auc_score(labels, scores) < 0.95
