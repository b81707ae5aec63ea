import pytest
import yaml

from rin.errors import InputError
from rin.models.distributions import distributions_of, load_distributions
from rin.models.weights import load_entries

ONE = {
    "distributor": "A",
    "release": "B",
    "backbone": "ResNet50",
    "file": None,
    "sha256": "ab" * 32,
    "format": "h5",
    "licence": "C",
    "home": "https://a.org",
    "stated_preprocessing": None,
    "statement": "nothing",
    "probed": None,
}
PROBED = {"contract": "caffe", "date": "2026-01-02", "images": "64 of BUSI", "divergence": 0.1}


def written(path, **changes):
    file = path / "weights.yaml"
    file.write_text(yaml.safe_dump({"distributions": [ONE | changes]}), encoding="utf-8")
    return file


def test_known_distributions_hold_one_file_under_two_names_and_disagree_about_it():
    found = distributions_of(
        "08629f7e7bd3e29b8ee9522ca3f65ce4d010a7ddf74f0ea3c7e3f3d0bbab0734", load_distributions()
    )
    stated = {one.distributor: one.stated_preprocessing for one in found}
    assert stated == {
        "RadImageNet's authors": "symmetric_bgr",
        "Lab-Rasool (Hugging Face)": "standardised",
    }
    assert not any(one.readable for one in found)


def test_entries_and_distributions_agree_on_the_file_that_both_name():
    (entry,) = [one for one in load_entries() if one.sha256]
    (one,) = distributions_of(entry.sha256, load_distributions())
    assert (one.file, one.backbone, one.stated_preprocessing, one.readable) == (
        entry.file,
        entry.backbone,
        entry.preprocessing,
        True,
    )


def test_a_probed_distribution_is_read(tmp_path):
    (one,) = load_distributions(written(tmp_path, probed=PROBED))
    assert (one.probed.contract, one.probed.date.year) == ("caffe", 2026)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"stated_preprocessing": "torch"}, "unknown candidate 'torch'"),
        ({"backbone": "ResNet51"}, "unknown backbone"),
        ({"sha256": "ab"}, "sha256"),
        ({"probed": PROBED | {"divergence": -1}}, "divergence"),
        ({"probed": PROBED, "sha256": None}, "must be named by its SHA-256"),
        ({"statement": ""}, "statement"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_distribution_that_does_not_validate_raises(tmp_path, changes, said):
    with pytest.raises(InputError) as raised:
        load_distributions(written(tmp_path, **changes))
    assert said in str(raised.value)


def test_a_list_that_is_missing_raises(tmp_path):
    with pytest.raises(InputError, match="no readable list of distributions"):
        load_distributions(tmp_path / "absent.yaml")
