"""`rin reference write` on the command line: bad input ends in one line."""

import json

import pytest

TINY = {
    "name": "tiny",
    "about": "For tests.",
    "tasks": ["breast"],
    "inits": ["radimagenet", "imagenet"],
    "backbones": ["ResNet50"],
    "folds": 1,
    "fine_tuning": {"size": 32, "batch": 16, "epochs": 1},
    "stand_ins": {"busi": {"benign": 30, "malignant": 24, "normal": 6}},
}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["absent"], "unknown profile 'absent'"),
        (["tiny.yaml", "--data-root", "absent"], "absent: there is no such data root"),
        (["tiny.yaml", "--folder", "there"], "there/tiny: there is a reference run already"),
        (["tiny.yaml", "--folder", "runs"], "stand-ins: images of breast. Only real data"),
    ],
)
def test_what_makes_no_reference_run_exits_with_one_line(rin, tmp_path, arguments, said):
    (tmp_path / "tiny.yaml").write_text(json.dumps(TINY), encoding="utf-8")
    (tmp_path / "there" / "tiny").mkdir(parents=True)
    status, out, err = rin("reference", "write", *arguments)
    assert status == 1
    (line,) = err.splitlines()
    assert line.startswith("rin: ")
    assert said in line
    assert out == ""
    assert not (tmp_path / "runs").exists()
