"""What was added to the committed run was planned before it was computed (`book/plan.md`)."""

import re

import pandas as pd

from rin.files import REPOSITORY
from rin.study import load_profile
from rin.study.reference import reference_folder

PLAN = (REPOSITORY / "book" / "plan.md").read_text("utf-8")
ADDED = load_profile("open_added")
WRITTEN = pd.Timestamp(re.search(r"Written on (.+ UTC), before", PLAN)[1])


def test_no_added_run_is_older_than_its_plan():
    assert f"`{ADDED.name}`" in PLAN
    folder = reference_folder()
    rows = pd.concat(
        pd.read_parquet(path).assign(run=path.parent.name)
        for name in ("runs", "pretraining")
        for path in folder.glob(f"*/{name}.parquet")
    )
    rows = rows[
        rows["pretraining"].isin(ADDED.pretraining.pretrainings)
        | rows["run"].isin([ADDED.name, "converged"])
    ]
    began = pd.to_datetime(rows["finished"]) - pd.to_timedelta(rows["seconds"], unit="s")
    assert began.min() >= WRITTEN
