# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: tags,jupyter,mystnb,-all
#     notebook_metadata_filter: -jupytext.text_representation.jupytext_version
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Images from another hospital
#
# *Answers* whether the comparison turns out the same on external images, by
# device, BI-RADS category and lesion size. *Needs* nothing: it reads finished
# runs. *Takes* half a minute: `rin run notebooks/results/external.py`.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
task: str = ""  # task with an external dataset; empty takes the first
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from IPython.display import Markdown

from rin import stats
from rin.report import hospitals
from rin.report.banner import banner
from rin.study import open_runs

runs = open_runs(profile, data_root=data_root, results=results)
of = hospitals.task_with_external(runs, task)
banner(runs, [of])

# %% [markdown]
# ## In short

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(hospitals.in_short(runs, of))

# %%
hospitals.difference_forest(runs, of)

# %% [markdown]
# *How to read it.* The same networks are tested twice: on held-out images of their own hospital,
# and on all images of another. A result that holds for patients in general should be on the same
# side in both; a wide interval in either group cannot say that it is not. Where the external
# images are a task of their own, a third group has networks that were trained there: it tells a
# harder dataset from a change of place.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(hospitals.datasets(runs, of))

# %% [markdown]
# ## Does the difference change from one test set to the other?
#
# The two test sets contain different patients, so the variances of the two
# differences are added. Within each test set all networks score the same images,
# which their covariance takes into account {cite:p}`obuchowski1997`.

# %%
a, b = runs.inits
scores = hospitals.test_sets(runs, of)
here, there = scores["internal"], scores["external"]
of_networks = stats.change_between(
    stats.init_differences(here, a, b).query("group == 'all'").iloc[0],
    stats.init_differences(there, a, b).query("group == 'all'").iloc[0],
)
of_pretrainings = stats.pretraining_changes(here, there, a, b)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(hospitals.change(runs, of, of_networks, of_pretrainings))

# %% [markdown]
# ## Every network
#
# Each mark is a network. The dashed line is the AUC of the radiologist's BI-RADS
# category on the same external images, where it is known.

# %%
stats.scenario_aucs(there).groupby("init")["auc"].agg(
    ["mean", "min", "max"]
).round(2)

# %%
hospitals.network_dots(runs, of)

# %% [markdown]
# ## Subgroups of the external images
#
# A network may recognise the device rather than the disease. Groups with at least twenty patients
# of each class are listed; lesion size is the lesion's share of the image, divided into thirds.
# Intervals describe these networks on new patients and are exploratory.

# %%
cases = hospitals.external_cases(runs, of)
groups = hospitals.subgroup_differences(there, cases, (a, b))
hospitals.subgroup_table(runs, of, groups)

# %% [markdown]
# ## Are the probabilities still calibrated?
#
# Order may survive a change of hospital while probabilities do not: the share of
# positive cases is another, and so are the images. On the dotted line a probability
# is right.

# %%
hospitals.calibration_on_both(runs, of)

# %%
hospitals.clinical_table(runs, of)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(hospitals.diverged(runs, of))

# %% [markdown]
# ## Try it
#
# 1. Keep small lesions. Which arm loses more, and is the difference between the arms
#    any clearer than among all?
#
#    ```python
#    small = cases.loc[cases["size"] == "small", "case_id"]
#    of_small = there[there["case_id"].isin(small)]
#    stats.init_differences(of_small, a, b)[["group", "auc_a", "auc_b", "estimate"]].round(3)
#    ```
#
# 2. Keep frozen networks. Training fewer layers leaves less room to learn a hospital: is
#    the fall smaller?
#
#    ```python
#    frozen = [rows.query("unfreezing == 'freeze_all'") for rows in (here, there)]
#    [stats.scenario_aucs(rows)["auc"].mean().round(2) for rows in frozen]
#    ```
#
# 3. Halve the external patients. Which of the two intervals of the change grows?
#
#    ```python
#    half = there["patient_id"].drop_duplicates().sample(frac=0.5, random_state=0)
#    fewer = there[there["patient_id"].isin(half)]
#    stats.pretraining_changes(here, fewer, a, b)[["estimate", "ci_low", "ci_high"]]
#    ```
