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
# # Does pretraining help at all?
#
# *Answers* whether either pretraining beats random weights.
# *Needs* nothing: it reads finished runs. *Takes* ten seconds:
# `rin run notebooks/results/from_random.py`.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import pandas as pd
import seaborn as sns
from IPython.display import Markdown

from rin.report import words_of_results as words
from rin.report.banner import banner
from rin.report.forest import forest
from rin.report.format import (
    book_table,
    design_table,
    inline_title,
    listed,
)
from rin.report.page import picture
from rin.report.style import init_style, use_style
from rin.stats import holm, init_differences, scenario_aucs
from rin.study import open_runs

use_style()
runs = open_runs(profile, data_root=data_root, results=results)
runs = runs.keeping("from_random")
titles = runs.titles
stand_ins = runs.stand_ins(study="from_random")
banner(runs, study="from_random")

# %%
scores = runs.predictions(study="from_random")
gains = pd.concat(
    init_differences(rows, init, "random").assign(kind=init, learning_rate=rate)
    for rate, rows in scores.groupby("learning_rate")
    for init in runs.inits
)
gains = gains[gains["group"] == "all"].reset_index(drop=True)
gains["p_holm"] = holm(gains["p_value"])
inside = {task: inline_title(title) for task, title in titles.items()}

# %% jupyter={"source_hidden": true} tags=["hide-input"]
at_rates = [
    "- " + words.gains_at_rate(rows, inside, stand_ins=stand_ins)
    for _, rows in gains.groupby("learning_rate")
]
Markdown(
    """
The paper compares two pretrainings with each other but neither with random
weights. Learning rates are shown one by one: an average would hide a rate at
which random weights hardly learn.

"""
    + "\n".join(at_rates)
    + words.if_real(
        """

Adjusted over all of them {cite:p}`holm1979`. Exploratory: intervals are over
patients alone.
""",
        stand_ins=stand_ins,
    )
)

# %%
design_table({"Random weights": scores})

# %%
order = list(runs.tasks_of("from_random"))
rows = gains.sort_values(
    "task", key=lambda task: task.map(order.index), kind="stable"
)
shorts = rows["kind"].map(lambda init: init_style(init).short)
rows["label"] = shorts + rows["learning_rate"].map(", rate {:g}".format)
axes = forest(
    rows, unit="points", label="label", group="task", names=titles,
    xlabel="Gain over random weights, AUC points (95% CI)",
    ends=("lower", "higher than random"), tested=not stand_ins,
)  # fmt: skip
picture(axes, "Gain of each pretraining over random weights, by task and rate")

# %% [markdown]
# Within a comparison only the initial weights differ. All layers are trained,
# because with frozen random weights only the head would learn. A gain at a rate at
# which random weights have hardly begun to learn shows that pretraining is faster, not
# that it reaches more.
#
# ## Every network

# %%
aucs = scenario_aucs(scores).assign(
    title=lambda table: table["task"].map(titles),
    rate=lambda table: table["scenario"].str[-5:],
)
grid = sns.catplot(
    aucs,
    x="auc",
    y="title",
    order=[titles[task] for task in order],
    hue="init",
    col="rate",
    palette={init: init_style(init).color for init in aucs["init"].unique()},
    height=3.2,
    aspect=1.15,
    s=60,
    jitter=False,
)
grid.refline(x=0.5)
grid.set_axis_labels("AUC", "").set_titles("learning rate {col_name}")
sns.move_legend(
    grid, "upper center", ncols=3, title="", bbox_to_anchor=(0.5, 0.04)
)
picture(grid.axes, "AUC of each network, by task and initial weights")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
network = list(aucs.columns[: aucs.columns.get_loc("auc")])
log_odds = scores.groupby(network)["score"].std().rename("sd").reset_index()
inverted = aucs[aucs["ci_high"] < 0.5].merge(log_odds)
listing = "; ".join(
    f"{init_style(row.init).word} weights on “{row.title}”, AUC {row.auc:.2f}"
    f" ({row.ci_low:.2f}, {row.ci_high:.2f}), SD of the log-odds {row.sd:.2f}"
    for row in inverted.itertuples()
)
Markdown(f"""
An interval wholly below 0.5, as of a network that ranks cases the wrong way
round, was found for {len(inverted) or "none"} of {len(aucs)} networks;
{0.025 * len(aucs):.1f} would be expected if all were at chance{
    f": {listing}. Where the SD is near zero, a network has learnt nothing "
    "yet, and its random weights decide the sign."
    if listing
    else "."
}
""")

# %% [markdown]
# ## What pretraining learnt
#
# The gain may depend on how much a network learnt in pretraining. The table shows
# the share of test images of its own corpus that it classified correctly.

# %%
learnt = runs.pretraining().reindex(columns=["backbone", "init", "top1"])
accuracy = 100 * learnt.pivot_table(
    index="backbone", columns="init", values="top1"
)
sources = [init_style(init).word for init in accuracy]
accuracy.columns = [init_style(init).short for init in accuracy]
table = accuracy.map("{:.0f}".format, na_action="ignore").fillna("–")
table = table.rename_axis("Backbone").reset_index()
book_table(table, "Test images of the corpus classified correctly, %")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
ends = accuracy.agg(["min", "max"]).round()
ends.columns = sources
shares = listed(
    (f"{low:.0f} to {high:.0f}%" if low < high else f"{low:.0f}%")
    + f" ({word})"
    for word, (low, high) in ends.items()
)
Markdown(f"""
The share of test images of their own corpus that networks classified correctly
is {shares}. A difference between the initialisations may therefore reflect how
much was learnt rather than what. Short fine-tuning also leaves random weights
little time to catch up.
""")
