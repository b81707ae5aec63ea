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
# # Pretraining: what was learnt, and does it help?
#
# **Radiologic networks name their own classes far more often than photographic ones theirs, and pretraining
# helps in short fine-tuning at the smaller learning rate, clearly on five of six tasks, and seldom at the
# larger one.** What the networks learnt before they were fine-tuned (the paper's Figure E1 and Table
# E2), and how much better they do than networks that learnt nothing.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# rin is the package of this checkout: pip install -e '.[study,book]' there
import pandas as pd
import seaborn as sns
from IPython.display import Markdown

from rin import stats
from rin.evidence import paper
from rin.report.banner import banner
from rin.report.factor import differences_at, factor_forest
from rin.report.figures import label_panels, task_names
from rin.report.format import book_table, format_range
from rin.report.page import claim, picture
from rin.report.style import INIT_COLORS, use_style
from rin.report.verdict import includes_zero, points
from rin.study import open_reference

use_style()
runs = open_reference("open")
banner(runs, study="from_random")

# %% [markdown]
# ## Figure E1 and Table E2: what was learnt
#
# Pairs of networks began from the same random weights and saw equally many images, radiologic or
# photographic: 36 classes each, four epochs. *Top-1* and *top-5* count test images of a
# network's own corpus whose class it names first, or among its first five.

# %%
a, b = runs.inits
networks = runs.table("pretraining")
learnt = 100 * networks.groupby(["init", "backbone"])[["top1", "top5"]].mean()

# %% jupyter={"source_hidden": true} tags=["hide-input"]
curves = runs.table("pretraining_histories")
curves = curves[curves["init"].isin((a, b))]
pairs = networks[networks["init"].isin((a, b))]
grid = sns.relplot(
    curves, x="epoch", y="val_accuracy", hue="init", units="pretraining",
    palette=INIT_COLORS, estimator=None,
    col="backbone", col_wrap=3, kind="line", linewidth=1, alpha=0.8,
    height=1.55, aspect=1.05, facet_kws={"legend_out": False},
)  # fmt: skip
label_panels(grid, "Epoch", "Accuracy")
picture(
    grid.axes,
    "Figure 1. Every radiologic network learnt its corpus better than any "
    "photographic one its own",
    f"Accuracy on validation images by epoch, a line for each of {len(pairs)} "
    "networks; the counterpart of the paper's Figure E1.",
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
released = {
    name: f"{model.top1} / {model.top5}"
    for name, model in paper.RELEASED_ACCURACY.items()
}
both = learnt.round(1).astype(str).agg(" / ".join, axis=1).unstack("init")
table = both[[a, b]].add_suffix(", top-1 / top-5")
table.insert(0, "Pairs", pairs[pairs["init"] == a].groupby("backbone").size())
table["RadImageNet as released, top-1 / top-5"] = pd.Series(released)
book_table(
    table.fillna("–").rename_axis("Backbone").reset_index(),
    "Table 1. Accuracy on test images of each network's own corpus, % (mean "
    "over pairs; the released models: 165 classes)",
    prose=True,
    rows=learnt.reset_index(),
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
most, least = (100 * pairs["top1"][pairs["init"] == init] for init in (a, b))
rise = curves.pivot_table("val_accuracy", "epoch", "init").diff()
larger = open_reference("fine_tuned_224")
longer = 100 * larger.table("pretraining").groupby("init")["top1"].mean()
ends = larger.table("pretraining_histories")
ends = ends.pivot_table("val_accuracy", "epoch", "init").diff(5)
gained = longer - learnt["top1"].xs("ResNet50", level="backbone")
claim(
    "no photographic network reaches the least radiologic one",
    least.max() < most.min() - 20,
)
claim(
    "three radiologic images in four, three photographs in ten",
    74 < most.mean() < 78 and 29 < least.mean() < 33,
)
claim(
    "both still rose, by two or three points",
    rise.loc[4].between(0.015, 0.035),
)
claim(
    "forty epochs of ResNet50 bring four points to photographs, little to "
    "radiologic images",
    3 < gained[b] < 6 and abs(gained[a]) < 2,
)
claim("and then end", ends.loc[40].abs() < 0.02)
Markdown(f"""
**Equal images do not give equal accuracy.** After the same number of steps
radiologic networks name the class of {most.mean():.0f}% of their test images
({format_range(most)}%), photographic ones of {least.mean():.0f}%
({format_range(least)}%). The problems differ: radiologic images come from
several sources, which may help to tell classes apart. Both were still improving
when training stopped, but more epochs do not close the gap: ResNet50,
pretrained for forty, ends at {longer[a]:.0f}% and {longer[b]:.0f}% and has
stopped rising.

So a difference in AUC may come from how much was learnt, not from what was
shown; a much shorter radiologic pretraining tests this ([What makes the
difference move](what_moves)). Accuracies of the released models are of
{paper.DATABASE["labels"].value} classes, and cannot be set against ours.
""")

# %% [markdown]
# ## Does pretraining help at all?
#
# The paper compares two pretrainings, and neither with random weights. Here ResNet50 and DenseNet121, one
# pretraining each, were fine-tuned from three starts with all layers trained, at each of the paper's two
# learning rates.


# %%
def gains_over_random(runs):
    """Return the gain of each start over random weights at each rate."""
    scores = runs.predictions("from_random")
    parts = (
        differences_at(scores, init, "random", "learning_rate").assign(
            kind=init
        )
        for init in (a, b)
    )
    return pd.concat(parts, ignore_index=True)


gains = gains_over_random(runs)
gains["p_holm"] = stats.holm(gains["p_value"])
gain = gains.set_index(["kind", "at", "task"]).sort_index()
arms = gain.loc[a].rename(columns={"auc_a": a, "auc_b": "random"})
arms[[a, "random"]].unstack("at").round(2)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
shown = gains.sort_values("at")
shown["at"] = shown["kind"].str.capitalize() + ", " + shown["at"]
picture(
    factor_forest(
        shown, task_names(runs.titles), ends=("random", "pretrained")
    ),
    "Figure 2. In short fine-tuning pretraining helps at the smaller learning "
    "rate; at the larger one, seldom",
    "Gain in mean AUC over random weights at learning rates 0.0001 and 0.001, "
    "two backbones; intervals over patients, for these networks; filled marks: "
    "P < .05 after Holm's adjustment over all 24 gains.",
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
slow, fast = (gain.xs(rate, level="at") for rate in ("0.0001", "0.001"))
clear = fast["estimate"][fast["p_holm"] < 0.05]
behind = fast.loc[(b, "breast")]
untaught = slow.loc[a, "auc_b"].drop("covid19")
claim("at the smaller rate every gain is positive", slow["estimate"] > 0.05)
claim(
    "and all but thyroid are clear",
    {*slow.index[slow["p_holm"] > 0.05].unique("task")} == {"thyroid"},
)
claim(
    "random networks hardly learnt at that rate, but for COVID-19",
    untaught.max() < 0.6 and untaught.mean() > 0.5,
)
caught = fast.loc[a, "auc_b"] - slow.loc[a, "auc_b"]
claim("except thyroid nodules", [*caught.index[caught < 0.01]] == ["thyroid"])
lost = slow.loc[b, "auc_a"] - fast.loc[b, "auc_a"]
claim("photographic ones fall on five tasks", lost.gt(0.07).sum() == 5)
claim(
    "at the larger rate radiologic weights gain on COVID-19 and pneumonia only",
    clear[a].gt(0).to_dict() == {"covid19": True, "pneumonia": True},
)
claim(
    "photographic weights lose on breast lesions, and gain nowhere clearly",
    behind["ci_high"] < -0.05 and [*clear[b].index] == ["breast"],
)
Markdown(f"""
**In short fine-tuning it helps at the smaller rate, and seldom at the larger
one.** At the
smaller rate both
pretrainings are ahead of random weights on every task, by
{format_range(100 * slow["estimate"])} points, and clearly so on all but thyroid
nodules. There random networks had hardly begun: but for COVID-19 their AUCs are
{format_range(untaught, 2)}. At the larger rate they do better, except on
thyroid nodules, and photographic ones worse on five tasks. Radiologic weights
then gain clearly on pneumonia
({points(fast.loc[(a, "pneumonia")])})
and COVID-19 ({points(fast.loc[(a, "covid19")])}) only, and photographic weights
are behind random ones on breast lesions ({points(behind)}).
""")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
far = gains_over_random(larger).set_index(["at", "task", "kind"]).loc["0.0001"]
best = far.loc["covid19"]
worst = far.loc["thyroid"]
claim(
    "both still gain on COVID-19 at AUCs above .94",
    [best["ci_low"] > 0, best["auc_b"] > 0.94],
)
claim("both lose on thyroid nodules", worst["ci_high"] < 0)
claim("no other is clear", includes_zero(far.loc[["breast", "hemorrhage"]]))
Markdown(f"""
A larger run, ResNet50 with images of 224 pixels until validation stopped
improving, points both ways at the smaller rate. On COVID-19, where slices of
one patient may be in training and test, random weights reach
{best.loc[a, "auc_b"]:.2f}, and pretraining adds {points(best.loc[a])}
(radiologic) or {points(best.loc[b])} (photographic). On thyroid nodules both
are behind random weights, {points(worst.loc[a])} and {points(worst.loc[b])},
on {larger.facts.task("thyroid").split["test"]} test images. On its two other
tasks nothing is clear. All these gains are of one pretraining of one or two
backbones, and exploratory. With few images and little
time, start from either source, at the smaller rate; if you train long, compare
with random weights, too.
""")

# %% [markdown]
# ## Try it
#
# `rin run notebooks/results/pretrainings.py` computes this page.
#
# 1. Draw the training loss in place of the accuracy. Which corpus is still being learnt?
#
#    ```python
#    sns.relplot(curves, x="epoch", y="loss", hue="init", col="backbone", col_wrap=3, kind="line").figure
#    ```
#
# 2. Compare the two pretrainings with each other. Is the difference smaller than either gain?
#
#    ```python
#    scores = runs.predictions("from_random")
#    differences_at(scores, a, b, "learning_rate")[["task", "at", "estimate", "ci_low", "ci_high"]]
#    ```
#
# 3. Take backbones one by one. How many of the signs survive?
#
#    ```python
#    differences_at(scores, b, "random", "backbone")[["task", "at", "estimate"]]
#    ```
