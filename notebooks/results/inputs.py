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
# **Inputs alone can reverse the comparison, either way.** The official scripts prepare images in one
# way for every network and for both sources of weights. Here nothing but the numbers at the input was
# changed, to see what that can do to a comparison.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Markdown

from rin import stats
from rin.evidence import paper
from rin.models.preprocessing import find_preprocessing
from rin.models.weights import load_entries
from rin.report.banner import banner
from rin.report.forest import forest
from rin.report.page import claim, picture
from rin.report.style import INIT_STYLE, use_style
from rin.report.verdict import points
from rin.study import open_reference

use_style()
runs = open_reference("open")
banner(runs, study="preprocessing")

# %% [markdown]
# ## The inputs of the scripts, and those that the weights expect
#
# The [official scripts](https://github.com/BMEII-AI/RadImageNet) swap red and blue, subtract the channel
# means of Caffe's models and divide by 255. Keras' ImageNet weights were trained on other inputs.

# %%
scripts = find_preprocessing("caffe_unit")
rows = []
for entry in load_entries():
    if entry.init == "imagenet" and entry.backbone in paper.RELEASED_ACCURACY:
        expected = find_preprocessing(entry.preprocessing)
        ends = expected.apply(np.array([[0.0] * 3, [255.0] * 3]))
        ratio = np.mean(np.divide(expected.scale, scripts.scale))
        rows.append(
            (entry.backbone, ends.min(), ends.max(), ratio, expected.bgr)
        )
ranges = pd.DataFrame(
    rows,
    columns=["network", "lowest", "highest", "times too small", "swapped, too"],
)
ranges.round(1)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
small = ranges.set_index("network")["times too small"]
others = small.drop("ResNet50")
supplied = scripts.apply(np.array([[0.0] * 3, [255.0] * 3]))
claim("ResNet50 is fed 255 times too small", round(small["ResNet50"]) == 255)
claim(
    "the others two to five times, with colours swapped",
    others.between(1.9, 5).all()
    and not ranges.set_index("network")["swapped, too"].drop("ResNet50").any(),
)
Markdown(f"""
The scripts supply numbers from −{-supplied.min():.2f} to {supplied.max():.2f}.
To ResNet50 with ImageNet weights these are {small["ResNet50"]:.0f} times too
small; to the other three networks they are {others.min():.1f} to
{others.max():.1f} times too small and have red and blue exchanged. If the
paper's ImageNet networks were fed so, they were handicapped. Nothing public
shows whether they were.
""")

# %% [markdown]
# ## The effect on a comparison
#
# Two backbones, one pretraining each, in six scenarios on breast lesions (BUSI), with their own inputs
# (`native`) and with those of the scripts. Our networks were pretrained on inputs of `[-1, 1]`, to which
# the scripts' are half as large and swapped. Intervals are over patients, for these networks.

# %%
a, b = runs.inits
scores = runs.predictions(study="preprocessing")
effects = (
    pd.concat(
        stats.factor_effects(
            of_backbone, (a, b), ("native", "official_scripts")
        )
        .query("group == 'all'")
        .assign(backbone=backbone)
        for backbone, of_backbone in scores.groupby("backbone", observed=True)
    )
    .set_index(["backbone", "quantity", "init", "level"])
    .sort_index()
)
effects[["estimate", "ci_low", "ci_high"]].round(3)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
fed = {"native": "own", "official_scripts": "scripts’"}
aucs = pd.concat(
    stats.scenario_aucs(scores[scores["level"] == level]).assign(level=level)
    for level in fed
)
aucs["backbone"] = aucs["scenario"].astype(str).str.partition("-")[0]
figure, panels = plt.subplots(1, 2, figsize=(4.9, 3), sharey=True)
for panel, (backbone, of_one) in zip(
    panels, aucs.groupby("backbone"), strict=True
):
    for init in (a, b):
        lines = of_one[of_one["init"] == init].pivot(
            index="level", columns="scenario", values="auc"
        )
        color = INIT_STYLE[init].color
        panel.plot(
            [*fed.values()],
            lines.loc[[*fed]],
            color=color,
            alpha=0.3,
            linewidth=1,
        )
        panel.plot(
            [*fed.values()],
            lines.loc[[*fed]].mean(axis=1),
            "o-",
            color=color,
            linewidth=2,
            label=init,
        )
    panel.set_title(backbone)
    panel.set(xlim=(-0.3, 1.3), xlabel="Inputs")
panels[0].set_ylabel("AUC")
panels[0].legend(loc="lower left")
picture(
    figure,
    "Figure 1. The scripts’ inputs turn the order round, either way",
    "AUC on 476 test images of breast lesions; pale: each of six scenarios, "
    "strong: their mean.",
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
dense, res = effects.loc["DenseNet121"], effects.loc["ResNet50"]
native, scripted = (
    ("difference", "", "native"),
    ("difference", "", "official_scripts"),
)
moved = ("interaction", "", "")
wide = aucs.assign(
    sign=aucs["init"].map({a: 1, b: -1})
    * aucs["level"].map({"native": -1, "official_scripts": 1})
)
change = (
    (wide["auc"] * wide["sign"])
    .groupby([wide["backbone"], wide["scenario"]], observed=True)
    .sum()
)
claim(
    "DenseNet121 from radiologic ahead to behind",
    dense.loc[native, "ci_low"] > 0 > dense.loc[scripted, "ci_high"],
)
claim(
    "ResNet50 the other way",
    res.loc[native, "ci_high"] < 0 < res.loc[scripted, "ci_low"],
)
claim(
    "in all six scenarios of each",
    (change["DenseNet121"] < 0).all() and (change["ResNet50"] > 0).all(),
)
claim(
    "by six to nine points",
    0.06 < res.loc[moved, "estimate"] < -dense.loc[moved, "estimate"] < 0.09,
)
Markdown(f"""
**Inputs alone reverse the comparison.** Fed as they were trained, DenseNet121's
radiologic networks are ahead by {points(dense.loc[native])}; fed as in the
scripts they are behind by {points(dense.loc[scripted])}. With ResNet50 it is
the other way round, from {points(res.loc[native])} to
{points(res.loc[scripted])}. The shift ({points(dense.loc[moved])} and
{points(res.loc[moved])}) has the same sign in all six scenarios of a backbone.
These are two backbones and one pretraining each, so the direction is theirs
alone. That a comparison with shared inputs can come out either way, whatever
was learnt in pretraining, is general enough to ask that the paper's be repeated
with each source's own inputs.
""")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
resnet = scores[scores["backbone"] == "ResNet50"]
large = stats.factor_effects(resnet, (a, b), ("native", "released")).query(
    "group == 'all'"
)
large = large.set_index(["quantity", "init", "level"])
scale = np.mean(find_preprocessing("caffe").scale) / np.mean(
    find_preprocessing("symmetric").scale
)
loss = large.loc[("effect", b, "")]
claim(
    "about 128 times too large, with caffe's inputs",
    {*resnet.query("level == 'released' and init == @b")["preprocessing"]}
    == {"caffe"}
    and 127 < scale < 128,
)
claim(
    "it loses more than ten points",
    loss["estimate"] > -0.2 and loss["ci_high"] < -0.1,
)
Markdown(f"""
A grosser error costs more. Given {scale:.0f} times too large, the inputs of its
released counterpart take the photographic ResNet50 from an AUC of
{large.loc[("auc", b, "native"), "estimate"]:.2f} to
{large.loc[("auc", b, "released"), "estimate"]:.2f} ({points(loss)}).
""")

# %% [markdown]
# ## Does squashing images to squares do harm?
#
# Networks need square inputs; most images are not square. Stretching, as in the paper and here, changes
# shapes; padding keeps them and fills the rest with black.

# %%
padded = stats.factor_effects(
    runs.predictions(study="resize"), (a, b), ("stretch", "pad")
)
padding = (
    padded.query("group == 'all'")
    .set_index(["quantity", "init", "level"])
    .sort_index()
)
padding.loc[["effect", "interaction"], ["estimate", "ci_low", "ci_high"]].round(
    3
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
both = padding.loc["effect"].droplevel("level")
claim(
    "padding costs both about four points",
    both["estimate"].between(-0.045, -0.03).all()
    and (both["ci_high"] < 0).all(),
)
claim(
    "and the difference nothing",
    padding.loc[moved, "ci_low"] < 0 < padding.loc[moved, "ci_high"]
    and abs(padding.loc[moved, "estimate"]) < 0.005,
)
Markdown(f"""
No. Padding costs both arms: {points(both.loc[a])} with radiologic and
{points(both.loc[b])} with photographic weights, on breast lesions with two
backbones. Their difference stays ({points(padding.loc[moved])}).
""")

# %% [markdown]
# ## The size of the images, when most layers are frozen
#
# A larger run, ResNet50 in three pairs on a GPU, was fine-tuned until validation stopped improving, with
# images of 224 pixels and of 96. Its pretraining had seen images of 64 pixels, enlarged to 96.

# %%
larger = open_reference("fine_tuned_224")
covid = larger.predictions(study="sizes", task="covid19")
by_rate = pd.concat(
    stats.init_differences(part, a, b)
    .query("group == 'all'")
    .assign(level=level, rate=rate)
    for (level, rate), part in covid.groupby(
        ["level", "learning_rate"], observed=True
    )
)
by_pretraining = pd.Series(
    {
        (number, rate): stats.factor_effects(part, (a, b), ("224", "96"))
        .query("group == 'all' and quantity == 'interaction'")["estimate"]
        .item()
        for (number, rate), part in covid.groupby(
            ["pretraining", "learning_rate"]
        )
    }
)
by_pretraining.unstack().round(3)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
names = {
    0.001: "Learning rate 0.001",
    0.01: "Learning rate 0.01",
    "224": "224 pixels",
    "96": "96 pixels",
}
picture(
    forest(
        by_rate.drop(columns=["p_holm", "group"]).sort_values("rate"),
        unit="points",
        label="level",
        group="rate",
        names=names,
        ends=(f"{b} ahead", f"{a} ahead"),
    ),
    "Figure 2. With 224 pixels photographs are ahead, most at the larger rate",
    "COVID-19, radiologic − photographic, ResNet50 with frozen layers or the "
    "top ten trained, three pairs; "
    "900 test images; intervals over patients, for these networks.",
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
whole = stats.factor_effects(covid, (a, b), ("224", "96")).query(
    "group == 'all'"
)
whole = whole.set_index(["quantity", "init", "level"])
gentle, steep = by_pretraining.groupby(level=1).mean()
spread = (
    covid.query("level == '224' and learning_rate == 0.01")
    .groupby(["unfreezing", "init"], observed=True)["score"]
    .std()
)
all_layers = larger.predictions(task="covid19").query(
    "unfreezing == 'unfreeze_all'"
)
trained = stats.pretraining_differences(all_layers, a, b).iloc[0]
claim(
    "none with all layers trained",
    trained["ci_low"] < 0 < trained["ci_high"]
    and abs(trained["estimate"]) < 0.02,
)
claim(
    "photographs ahead with 224, not with 96",
    whole.loc[("difference", "", "224"), "ci_high"] < -0.1
    and whole.loc[("difference", "", "96"), "ci_low"]
    < 0
    < whole.loc[("difference", "", "96"), "estimate"],
)
claim(
    "one sign in all six",
    (by_pretraining > 0).all() and len(by_pretraining) == 6,
)
claim(
    "most at the larger rate, where scores ran away",
    steep > 4 * gentle > 0.16 and spread["freeze_all", a] > 100,
)
Markdown(f"""
On COVID-19 the difference is {points(whole.loc[("difference", "", "96")])} with
96 pixels and {points(whole.loc[("difference", "", "224")])} with 224. The
change has one sign in all three pretrainings at both learning rates, so it is
no accident of one network. Its size is: at the larger rate it is
{100 * steep:.0f} points, with radiologic log-odds of an SD of
{spread["freeze_all", a]:.0f}, which means that training ran away; at the
smaller rate {100 * gentle:.1f} points are left. A likely reason is that frozen
layers, and their batch-normalisation statistics, do not fit images so much
larger than those of pretraining; with all layers trained, no difference is
left: {points(trained)} ([What makes the difference move](what_moves)).
""")

# %% [markdown]
# ## Try it
#
# `rin run notebooks/results/inputs.py` computes this page in 15 seconds.
#
# 1. Compare own inputs with those of the released counterparts. Which arm moves now?
#
#    ```python
#    large.loc[["effect", "interaction"], ["estimate", "ci_low", "ci_high"]].round(3)
#    ```
#
# 2. Keep frozen networks: nothing but the head can adapt to wrong inputs. Is the loss larger?
#
#    ```python
#    frozen = aucs[aucs["scenario"].astype(str).str.contains("freeze_all-1e-0[23]")]
#    frozen.groupby(["backbone", "init", "level"])["auc"].mean().unstack()
#    ```
#
# 3. Look at the spread of the scores. What do inputs far too large do to a network's certainty?
#
#    ```python
#    scores.groupby(["backbone", "init", "level"], observed=True)["score"].std().unstack().round(1)
#    ```
