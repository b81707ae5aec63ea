# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A question of your own: fork me
#
# *Answers* a question that this book does not ask, in ten cells: copy them and change them.
# *Needs* nothing: the predictions of the reference run on real images come with the book. *Takes*
# half a minute: `rin run notebooks/use/fork_me.py`, or open a copy in Jupyter.

# %% tags=["parameters", "remove-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
import numpy as np
import seaborn as sns
from IPython.display import Markdown

from rin.report.banner import banner
from rin.report.page import picture
from rin.report.style import INIT_STYLE, use_style
from rin.study import open_reference, open_runs

use_style()
runs = open_runs(profile, data_root=data_root, results=results)
if "breast" not in runs.tasks:  # the profile has no results of this task
    runs = open_reference()
banner(runs, ["breast"])

# %% [markdown]
# ## The predictions
#
# One row for each test image and network: `label` is 1 for the positive class, `score` its
# log-odds. Every page of the results starts from this table.

# %%
predictions = runs.predictions(task="breast")
predictions.head(3).T

# %% [markdown]
# ## A metric of your own
#
# *Sensitivity at 90% specificity*: the share of cancers found if one benign lesion in ten may be
# called suspicious. The threshold belongs to one network, so it is set within each.

# %%
network = ["init", "scenario", "fold"]


def sensitivity(table, specificity=0.9):
    benign = table.loc[table["label"] == 0, "score"]
    threshold = benign.quantile(specificity, interpolation="higher")
    return (table.loc[table["label"] == 1, "score"] > threshold).mean()


found = predictions.groupby(network)[["label", "score"]].apply(sensitivity)
by_scenario = found.groupby(["init", "scenario"]).mean().unstack("init")
a, b = runs.inits
by_scenario.head(4).round(2)

# %% [markdown]
# ## An interval over patients
#
# Conclusions must hold for new patients, so patients are resampled, with all their images and in
# every network at once.

# %%
rng = np.random.default_rng(1)
patients = predictions["patient_id"].unique()
rows_of = predictions.groupby("patient_id").indices
narrow = predictions[[*network, "label", "score"]]
differences = []
for _ in range(60):  # 1,000 for a paper
    drawn = rng.choice(patients, len(patients))
    sample = narrow.iloc[np.concatenate([rows_of[name] for name in drawn])]
    means = sample.groupby(network)[["label", "score"]].apply(sensitivity)
    means = means.groupby("init").mean()
    differences.append(means[a] - means[b])
estimate = (by_scenario[a] - by_scenario[b]).mean()
# A draw of a small cohort may lack a class: it has no sensitivity.
low, high = np.nanquantile(differences, [0.025, 0.975])

# %% tags=["hide-input"]
Markdown(f"""
At 90% specificity the networks find {by_scenario[a].mean():.0%} of the cancers
from {a} and {by_scenario[b].mean():.0%} from {b} weights, averaged over
{len(by_scenario)} scenarios: a difference of **{100 * estimate:+.1f} points
(95% CI {100 * low:.1f}, {100 * high:.1f})** over {len(patients)} patients. The
interval reflects patient sampling only.
""")

# %% [markdown]
# ## A figure of your own
#
# One dot a scenario; above the line the first initialisation finds more.

# %%
regimes = predictions.drop_duplicates("scenario").set_index("scenario")
ax = sns.scatterplot(
    by_scenario.join(regimes["unfreezing"]), x=b, y=a, style="unfreezing", s=70
)
ax.axline((0.5, 0.5), slope=1, color="0.5", linestyle=":")
ax.set(
    xlabel=f"Sensitivity, {INIT_STYLE[b].short}",
    ylabel=f"Sensitivity, {INIT_STYLE[a].short}",
    aspect="equal",
)
picture(ax, "Sensitivity of each scenario from both initialisations")

# %% [markdown]
# ## A table of Dice scores
#
# `runs.overlap` has one row for each map: how well the region above the threshold of the paper
# covers the lesion.

# %%
overlap = runs.overlap("breast")
dice = overlap.pivot_table(index="unfreezing", columns="init", values="dice")
dice.assign(difference=dice[a] - dice[b]).round(3)

# %% [markdown]
# ## Your own predictions
#
# Any table with the columns above will do: read yours in place of `runs.predictions`, and all cells
# run. Whether two columns of scores differ is answered by `rin.stats` alone, without this study:
# [](tests_alone). A new scenario, loss or confounder is an entry of a profile, and a page is a
# notebook in `notebooks/` with a line in `rin/report/pages.py`.
