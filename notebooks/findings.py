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
# # RadImageNet, re-examined
#
# *Answers* one question {cite:p}`mei2022`. *Needs* nothing. *Takes* 20 s:
# `rin run notebooks/findings.py`.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from IPython.display import Markdown, display

from rin import stats
from rin.evidence import replications
from rin.report import cover
from rin.report.banner import banner
from rin.report.page import claim
from rin.study import open_runs

book = open_runs(profile, data_root=data_root, results=results)
runs = book.foremost  # one's own run where it is real, else the book's
display(Markdown(cover.verdict(book)))
display(banner(runs))
display(cover.figure(runs))
Markdown(cover.advice(runs))

# %% [markdown]
# [Check the paper's numbers](evidence/audit) · [Run it](use/run_it) · [Your own
# images](use/your_images) · [Cite](../methods.md#cite)
#
# ## How to read the figure
#
# *Top:* intervals as printed. *Middle:* one group's fully fine-tuned comparisons with
# standard deviations (SDs), pooled; then further groups, where an error of the AUC is
# stated or follows. *Bottom:* diamonds, on which conclusions rest, have the
# pretraining as the unit; dots show uncertainty from patients only and describe these
# networks.

# %%
pooled = replications.pooled_fine_tuned()
same, every = pooled.loc["the paper's questions"], pooled.loc["all"]
claim("every pooled one lacks the scaling", pooled["scaling_missing"].all())
claim(
    "both pooled intervals of the one group include zero",
    all(row["ci_low"] < 0 < row["ci_high"] for row in (same, every)),
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(cover.others(same, every))

# %% [markdown]
# ## How these numbers are computed

# %%
a, b = runs.inits
scores = runs.predictions()
across = stats.pretraining_differences(scores, a, b)
networks = stats.init_differences(scores, a, b).query("group == 'all'")
cover.differences_table(runs, across, networks)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(cover.of_run(runs))

# %%
cover.backbones_heat(runs, stats.pair_differences(scores, a, b))

# %% [markdown]
# Difference in AUC points (blue: radiologic higher; orange: photographic),
# averaged over the pretrainings of a backbone
# ([All tasks](results/all_tasks) shows each pretraining).
#
# ## How small this run is

# %%
cover.sizes_table(runs, networks)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(cover.sizes_in_words(runs))

# %% [markdown]
# ## What this can and cannot say

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(cover.limits(runs))
