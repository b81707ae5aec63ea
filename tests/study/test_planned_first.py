"""What was added to the committed run was planned before it was computed (`book/plan.md`)."""

import re

import pandas as pd
import pytest

from rin.files import REPOSITORY
from rin.study import load_profile
from rin.study.reference import reference_folder

PLAN = (REPOSITORY / "book" / "plan.md").read_text("utf-8")
ADDED = load_profile("open_added")
WRITTEN = pd.Timestamp(re.search(r"Written on (.+ UTC), before", PLAN)[1])


def older_than_the_plan(folder):
    """The networks and runs of the added pairs below a folder that began before the plan."""
    tables = [
        pd.read_parquet(path).assign(file=path.relative_to(folder).as_posix())
        for name in ("runs", "pretraining")
        for path in sorted(folder.glob(f"*/{name}.parquet"))
    ]
    rows = pd.concat(tables)
    is_added = rows["pretraining"].isin(ADDED.pretrainings)
    is_added |= rows["file"].str.startswith(f"{ADDED.name}/")
    began = pd.to_datetime(rows["finished"]) - pd.to_timedelta(rows["seconds"], unit="s")
    return rows.loc[is_added & ~(began >= WRITTEN), ["file", "run_id", "finished"]]


def test_no_added_run_is_older_than_its_plan():
    assert f"`{ADDED.name}`" in PLAN
    assert older_than_the_plan(reference_folder()).to_dict("records") == []


@pytest.mark.parametrize(("minutes", "seconds", "n_older"), [(-1, 0, 1), (1, 30, 0), (1, 90, 1)])
def test_an_older_record_is_noticed(tmp_path, minutes, seconds, n_older):
    (tmp_path / "open").mkdir()
    finished = (WRITTEN + pd.Timedelta(minutes=minutes)).isoformat()
    rows = pd.DataFrame({"run_id": ["a", "b"], "pretraining": [5, 1]})
    rows = rows.assign(finished=finished, seconds=seconds)
    rows.to_parquet(tmp_path / "open" / "runs.parquet")
    assert [*older_than_the_plan(tmp_path)["run_id"]] == ["a"] * n_older
