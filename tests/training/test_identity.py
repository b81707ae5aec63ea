"""What decides that code trains alike: its digest, and the list of those that were shown to."""

import shutil
from pathlib import Path

import pytest
import yaml

from rin.training import identity
from rin.training.identity import code_digest, digests_alike, source_digest, trains_alike

SOURCE = '''"""What it is."""
from dataclasses import dataclass


@dataclass
class Recipe:
    rate: float


def fit(rate: float, steps=3):
    """Train."""
    kind = "adam"
    problem, remedy = None, "Raise it."
    if rate <= 0:
        problem = f"a rate of {rate}"
    elif steps < 1:
        problem, remedy = "no steps", "Take more."
    if problem:
        raise InputError(problem, where="rate", remedy=remedy)
    with as_input_error(f"{kind} fails", where="here", remedy="Wait.", kinds=OSError):
        made: list = [rate * k for k in range(steps)]
    return f"{rate:.2f}", kind, made
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Train."""', "# no more words"),
        ("What it is", "Something else"),
        ("steps=3", "steps =  3"),
        ("rate: float, steps=3", "rate, steps: int = 3"),
        ("steps=3):", "steps=3) -> tuple:"),
        ("made: list = ", "made = "),
        ("rate: float\n", "rate: int\n"),
        ("Raise it.", "Give a larger rate."),
        ("a rate of {rate}", "the rate {rate:.3f} is not positive"),
        ('"no steps", "Take more."', '"nothing to do", "Ask for more."'),
        ("{kind} fails", "it fails"),
    ],
)
def test_digest_of_sources_when_only_words_change_stays(tmp_path, old, new):
    assert changed(tmp_path, old, new) is False


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("steps=3", "steps=4"),
        ("rate * k", "rate + k"),
        (":.2f", ":.3f"),
        ("rate * k", 'rate * "k"'),
        ('"adam"', '"sgd"'),
        ("rate <= 0", "rate < 0"),
        ("InputError(", "ValueError("),
        ("    rate: float\n", "    rate: float\n    steps: int\n"),
    ],
)
def test_digest_of_sources_when_a_computation_changes_is_another(tmp_path, old, new):
    assert changed(tmp_path, old, new) is True


def changed(folder, old, new):
    path = folder / "code.py"
    path.write_text(SOURCE)
    before = source_digest([path])
    assert old in SOURCE
    path.write_text(SOURCE.replace(old, new))
    return source_digest([path]) != before


@pytest.mark.slow
def test_digest_of_code_covers_every_source_of_training_and_nothing_beside_it(
    tmp_path, monkeypatch
):
    """In a copy of the package, whose sources change one after the other."""
    package = shutil.copytree(Path(identity.__file__).parents[1], tmp_path / "rin")
    monkeypatch.setattr(identity, "__file__", package / "training/identity.py")
    beside = {package / "models/probe.py", package / "training/identity.py"}
    needed = {*package.glob("models/*.py"), *package.glob("training/*.py")} - beside
    texts = [path.read_text() for path in package.glob("training/*.py")]
    for path in package.glob("explain/*.py"):
        if any(f"from rin.explain.{path.stem} import" in text for text in texts):
            needed.add(path)

    def digest_once_changed(path):
        path.write_text(path.read_text() + "changed = True")
        return code_digest.__wrapped__()

    before = code_digest.__wrapped__()
    others = [*beside, *package.glob("study/*.py")]
    assert {*map(digest_once_changed, others)} == {before}
    assert len({*map(digest_once_changed, needed)} - {before}) == len(needed)


def test_code_of_today_was_shown_to_train_alike():
    assert code_digest() in digests_alike(), (
        f"code that trains has changed: run the tests of tests/training, slow ones too; then add "
        f"{code_digest()} to rin/training/trained_alike.yaml, or raise RESULTS_VERSION where "
        "results are others"
    )


def test_list_of_code_that_trains_alike_says_of_each_how_it_was_shown():
    path = Path(identity.__file__).with_name("trained_alike.yaml")
    entries = [code for each in yaml.safe_load(path.read_text()) for code in each["code"]]
    assert all(len(code["digest"]) == 16 and code["shown"] for code in entries)


@pytest.mark.parametrize(
    ("today", "of_run", "alike"),
    [("a", "a", True), ("a", "b", True), ("a", "x", False), ("x", "x", True), ("x", "a", False),
     ("a", None, False)],
)  # fmt: skip
def test_run_of_other_code_trains_alike_only_where_both_are_listed(
    monkeypatch, today, of_run, alike
):
    monkeypatch.setattr(identity, "code_digest", lambda: today)
    monkeypatch.setattr(identity, "digests_alike", lambda: frozenset("ab"))
    assert trains_alike(of_run) is alike
