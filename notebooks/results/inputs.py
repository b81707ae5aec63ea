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
# # What the inputs alone do
#
# *Answers* how much the preparation of the inputs changes an AUC and the comparison:
# the scaling of the official scripts, and padding. *Needs* nothing: it reads the reference
# run. *Takes* about 10 s: `rin run notebooks/results/inputs.py`.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import Markdown

from rin.errors import listed
from rin.evidence import paper
from rin.models.preprocessing import find_preprocessing
from rin.models.weights import load_entries
from rin.report import page
from rin.report import words_of_results as words
from rin.report.banner import banner
from rin.report.forest import forest
from rin.report.format import (
    book_table,
    design_table,
    format_estimate,
)
from rin.report.style import UNFREEZING_LABEL, init_style, use_style
from rin.stats import factor_effects, init_differences, scenario_aucs
from rin.study import open_runs

use_style()
runs = open_runs(profile, data_root=data_root, results=results)
runs = runs.keeping("preprocessing", "resize")
inits = runs.inits
a, b = (init_style(init).word for init in inits)
COLORS = {init_style(init).short: init_style(init).color for init in inits}
GROUPS = {"all": "All scenarios"} | UNFREEZING_LABEL
stand_ins = runs.stand_ins(study="preprocessing")
banner(runs, study="preprocessing")

# %%
fed_task = runs.tasks_of("preprocessing")[0]
scores = runs.predictions(study="preprocessing", task=fed_task)
padded = runs.predictions(study="resize")
design_table({"The scripts’ inputs": scores, "Padding": padded})

# %%
effects = factor_effects(scores, inits, ("native", "official_scripts"))
effect_of = effects.set_index(["group", "quantity", "init", "level"]).loc["all"]

# %% jupyter={"source_hidden": true} tags=["hide-input"]
fed = {init: effect_of.loc["effect", init, ""] for init in inits}
changes = listed(
    f"{format_estimate(row, unit='points')} points for the "
    f"{init_style(init).word} networks"
    for init, row in fed.items()
    if not row["same_networks"]
)
unchanged = [init_style(i).word for i in fed if fed[i]["same_networks"]]
before, after = (
    effect_of.loc["difference", "", level]
    for level in ("native", "official_scripts")
)
Markdown(f"""
**Exploratory.** On the task “{runs.titles[fed_task]}”, networks were given the
inputs of the official scripts in place of those that belong to their weights.
The mean AUC changed by {changes}{
    f"; the {listed(unchanged)} networks receive the same inputs either way"
    if unchanged
    else ""
}. The difference {a} − {b} went from {format_estimate(before, unit="points")}
to {format_estimate(after, unit="points")} points.
""")

# %%
shown = effects[effects["quantity"].isin(["effect", "interaction"])]
shown = shown[~shown["same_networks"]]  # fed the same at both levels
shown = shown.sort_values(
    "group", key=lambda group: group.map([*GROUPS].index), kind="stable"
)
shown = shown.assign(
    kind=shown["init"].replace("", "recomputed"),
    label=[init_style(i).short if i else "Difference" for i in shown["init"]],
)
axes = forest(
    shown, unit="points", label="label", group="group",
    names=GROUPS, xlabel="Effect of the scripts’ inputs, AUC points (95% CI)",
    ends=("smaller", "larger"), legend=False,
)  # fmt: skip
page.picture(
    axes, "Effect of the scripts' inputs on each source and their difference"
)

# %%
LEVELS = {
    "native": "As in pretraining",
    "official_scripts": "As in the scripts",
    "released": "As for the released counterpart",
}
shares = {}
for level in [level for level in LEVELS if level in set(scores["level"])]:
    fed_so = scores[scores["level"] == level]
    mean_auc = scenario_aucs(fed_so).groupby("init")["auc"].mean()
    difference = init_differences(fed_so, *inits).query("group == 'all'")
    shares[LEVELS[level]] = [
        *mean_auc[list(inits)].round(3),
        format_estimate(difference.iloc[0], unit="points"),
    ]
rows_of = [*COLORS, " − ".join(COLORS) + ", points (95% CI)"]
by_inputs = pd.DataFrame(shares, index=rows_of)
book_table(by_inputs.T.astype(str), "Mean AUC and difference, by inputs")

# %% [markdown]
# In the figure, “Difference” is radiologic − photographic, and an initialisation
# whose own inputs are those of the scripts has no row.
#
# ## What the scripts supply, and what the weights expect
#
# The
# [official scripts](https://github.com/BMEII-AI/RadImageNet) subtract the channel
# means of Caffe's models and divide by 255, for every network and for both sources
# of weights. The ImageNet weights of Keras expect other inputs.

# %%
scripts = find_preprocessing("caffe_unit")
black_white = np.array([[0.0] * 3, [255.0] * 3])
rows = []
for entry in load_entries():
    if entry.init == "imagenet" and entry.backbone in set(
        paper.RELEASED_ACCURACY
    ):
        wanted = find_preprocessing(entry.preprocessing)
        ends = [arm.apply(black_white) for arm in (wanted, scripts)]
        texts = [f"{end.min():.1f} to {end.max():.1f}" for end in ends]
        ranges = [text.replace("-", "−") for text in texts]
        ratio = np.mean(np.divide(wanted.scale, scripts.scale))
        rows.append((entry.backbone, *ranges, ratio))
names = ["Network", "ImageNet weights expect", "Scripts supply"]
names += ["Times too small"]
fit = pd.DataFrame(rows, columns=names)
book_table(fit.round(1).astype(str), "What pixels from 0 to 255 become")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
small = fit.set_index("Network")["Times too small"]
page.claim(
    "ResNet50 is fed 255 times too small", round(small["ResNet50"]) == 255
)
largest = max(stated.estimate for stated in paper.COMPARISONS.values())
fed_b = effect_of.loc["auc", inits[1], "official_scripts"]["estimate"]
as_in_scripts = scenario_aucs(scores[scores["level"] == "official_scripts"])
fed_networks = as_in_scripts[as_in_scripts["init"] == inits[1]]
Markdown(f"""
In the scripts, the inputs of ResNet50 with ImageNet weights are
{small["ResNet50"]:.0f} times too small; those of the other three networks are
{small.drop("ResNet50").min():.1f} to {small.drop("ResNet50").max():.1f} times
too small and have red and blue exchanged. With such inputs, the mean AUC of the
{b} ResNet50 is {fed_b:.2f} here. {words.spread_of_aucs(fed_networks)}
{words.beside_largest(fed[inits[1]], largest, stand_ins=stand_ins)}
No number here shows whether the published comparison
was run with these scripts, or what longer training would recover. What does
follow is that the comparison should be repeated with each source's own inputs.
""")

# %%
aucs = scenario_aucs(scores[scores["level"] == "native"]).assign(inputs="own")
lines = pd.concat([aucs, as_in_scripts.assign(inputs="scripts’")])
lines["unfreezing"] = lines["scenario"].map(
    scores.drop_duplicates("scenario").set_index("scenario")["unfreezing"]
)
lines["init"] = [init_style(init).short for init in lines["init"]]
order = [*UNFREEZING_LABEL].index
lines = lines.sort_values("unfreezing", key=lambda ways: ways.map(order))
grid = sns.relplot(
    lines.replace({"unfreezing": UNFREEZING_LABEL}), x="inputs", y="auc",
    hue="init", units="scenario", estimator=None, col="unfreezing", kind="line",
    marker="o", palette=COLORS, height=2.9, aspect=0.85,
)  # fmt: skip
grid.set_titles("{col_name}").set_axis_labels("Inputs", "AUC")
below = {"loc": "upper center", "bbox_to_anchor": (0.45, 0.03), "ncols": 2}
sns.move_legend(grid, **below, title="")
page.picture(
    grid.figure, "AUC of every scenario with own and with the scripts' inputs"
)

# %% [markdown]
# Each line is a scenario.
#
# ## Does squashing images to squares do harm?
#
# Networks need square inputs; most images are not square. Stretching, as here,
# changes shapes; padding keeps them and fills the rest with black.

# %%
padding = factor_effects(padded, inits, ("stretch", "pad"))
padding = padding[padding["group"] == "all"]
padding = padding[padding["quantity"].isin(["effect", "interaction"])]
padding = padding.assign(
    label=[init_style(i).short if i else "Difference" for i in padding["init"]],
    kind=padding["init"].replace("", "recomputed"),
)
axes = forest(
    padding, unit="points", label="label", legend=False, group="task",
    names=runs.titles, xlabel="Effect of padding, AUC points (95% CI)",
)  # fmt: skip
page.picture(
    axes, "Effect of padding on each initialisation and on their difference"
)

# %% [markdown]
# This comparison is exploratory (see the first table): it shows whether the choice
# can matter, not which is better.
