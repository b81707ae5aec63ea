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
# **Inputs alone can reverse the comparison, either way, and a weights file often shows which inputs
# it wants.** The official scripts prepare images in one way for every network and for both sources of
# weights. First, nothing but the numbers at the input is changed.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# rin is the package of this checkout: pip install -e '.[study,book]' there
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import Markdown

from rin import stats
from rin.evidence import paper
from rin.models.preprocessing import find_preprocessing
from rin.models.probe import (
    CANDIDATES,
    LARGEST_DIVERGENCE,
    judge,
    load_distributions,
    scaling_of,
)
from rin.models.weights import load_entries
from rin.report.banner import banner
from rin.report.figures import label_panels
from rin.report.forest import forest
from rin.report.format import book_table, format_range
from rin.report.page import claim, picture
from rin.report.style import INIT_COLORS, use_style
from rin.report.verdict import includes_zero, points
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
extremes = np.array([[0.0] * 3, [255.0] * 3])  # black and white
wanted = {
    entry.backbone: find_preprocessing(entry.preprocessing)
    for entry in load_entries()
    if entry.init == "imagenet" and entry.backbone in paper.RELEASED_ACCURACY
}
ranges = pd.DataFrame.from_dict(
    {
        name: {
            "lowest": float(native.apply(extremes).min()),
            "highest": float(native.apply(extremes).max()),
            "times too small": np.divide(native.scale, scripts.scale).mean(),
            "wants BGR": native.bgr,
        }
        for name, native in wanted.items()
    },
    orient="index",
)
ranges.round(1)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
small = ranges["times too small"]
supplied = scripts.apply(extremes)
others = ranges.drop("ResNet50")
claim("ResNet50 is fed 255 times too small", round(small["ResNet50"]) == 255)
claim(
    "the others two to five times, with colours swapped",
    [others["times too small"].between(1.9, 5), ~others["wants BGR"]],
)
Markdown(f"""
The scripts supply numbers from {format_range(supplied.ravel(), 2)}. To ResNet50
with ImageNet weights these are {small["ResNet50"]:.0f} times too small; to the
other networks {format_range(others["times too small"], 1)} times, with red and
blue exchanged. If the paper's ImageNet networks were fed so, they were
handicapped. Nothing public shows whether they were.
""")

# %% [markdown]
# ## The effect on a comparison
#
# Two backbones, one pretraining each, in six scenarios on breast lesions, with their own inputs
# (`native`) and with those of the scripts. Our networks were pretrained on inputs of `[-1, 1]`; those of the
# scripts are half as large, with red and blue swapped.

# %%
a, b = runs.inits
scores = runs.predictions(study="preprocessing")


def effects_of(scores, before, after):
    """Return the effects of a factor by quantity, init and level."""
    effects = stats.factor_effects(scores, (a, b), (before, after))
    every = effects.query("group == 'all'")
    return every.set_index(["quantity", "init", "level"])


networks = scores.groupby("backbone")
effects = networks.apply(effects_of, "native", "official_scripts")
shown = ["estimate", "ci_low", "ci_high"]  # of the change of the difference
moves = effects.xs("interaction", level="quantity")[shown].round(3)
moves.droplevel(["init", "level"])

# %% jupyter={"source_hidden": true} tags=["hide-input"]
fed = {"native": "own", "official_scripts": "scripts'"}
inputs = scores["level"].map(fed).rename("inputs")
aucs = scores.groupby(["backbone", inputs]).apply(stats.scenario_aucs)
aucs = aucs.reset_index()
look = {
    "x": "inputs", "y": "auc", "hue": "init", "hue_order": (a, b),
    "palette": INIT_COLORS,
}  # fmt: skip
grid = sns.relplot(
    aucs, kind="line", col="backbone", units="scenario", estimator=None,
    alpha=0.3, height=2.9, aspect=0.8, facet_kws={"legend_out": False}, **look,
)  # fmt: skip
grid.map_dataframe(sns.pointplot, errorbar=None, **look)
label_panels(grid, "Inputs", "AUC")
picture(
    grid.axes,
    "Figure 1. The scripts' inputs turn the order round, either way",
    f"AUC on {scores['case_id'].nunique()} test images of breast lesions; "
    "pale: each of six scenarios, "
    "strong: their mean.",
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
dense = effects.loc["DenseNet121"]
res = effects.loc["ResNet50"]
native, scripted = (("difference", "", level) for level in fed)
moved = ("interaction", "", "")
cells = aucs.pivot_table("auc", ["backbone", "scenario"], ["init", "inputs"])
lead = cells[a] - cells[b]
change = lead["scripts'"] - lead["own"]
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
    [change["DenseNet121"] < 0, change["ResNet50"] > 0],
)
claim(
    "by six to nine points",
    0.06 < res.loc[moved, "estimate"] < -dense.loc[moved, "estimate"] < 0.09,
)
Markdown(f"""
**Inputs alone reverse the comparison.** Fed as they were trained, DenseNet121's
radiologic networks are ahead by {points(dense.loc[native])}; fed as in the
scripts the difference is {points(dense.loc[scripted])}. With ResNet50 it is
the other way round, from {points(res.loc[native])} to
{points(res.loc[scripted])}. The shift has the same sign in all six scenarios of
a backbone. Intervals are over patients; these are two backbones and one
pretraining each, so the direction is theirs alone. That shared inputs can turn
a comparison is reason enough to repeat the paper's with each source's own
inputs.
""")

# %% [markdown]
# ## Padding, and the size of the images
#
# Networks need square inputs. Stretching, as in the paper and here, changes shapes; padding keeps them
# and fills the rest with black. A larger run, three pairs of ResNet50 with most layers frozen, was
# fine-tuned with images of 224 and of 96 pixels; its pretraining had seen images of 64, enlarged to 96.

# %%
padded = runs.predictions(study="resize")
larger = open_reference("fine_tuned_224")
covid = larger.predictions(study="sizes", task="covid19")
padding = effects_of(padded, "stretch", "pad")
sizes = effects_of(covid, "224", "96")
factors = {"stretch, pad": padding, "224, 96 pixels": sizes}
factors = pd.concat(factors, names=["study"])
moves = factors.xs("interaction", level="quantity")[shown].round(3)
moves.droplevel(["init", "level"])

# %% jupyter={"source_hidden": true} tags=["hide-input"]
both = padding.loc["effect"].droplevel("level")
at_224 = stats.scenario_aucs(covid[covid["level"] == "224"])
at_224 = at_224.pivot(
    index=["scenario", "pretraining"], columns="init", values="auc"
)
failed = at_224[a] < 0.5
without = 100 * (at_224[a] - at_224[b])[~failed].mean()
claim(
    "padding costs both about four points",
    [both["estimate"].between(-0.045, -0.03), both["ci_high"] < 0],
)
claim("and the difference nothing", includes_zero(padding.loc[moved]))
claim(
    "photographs ahead with 224, not with 96",
    sizes.loc[("difference", "", "224"), "ci_high"] < -0.1
    and includes_zero(sizes.loc[("difference", "", "96")]),
)
claim("a clear change", sizes.loc[moved, "ci_low"] > 0)
claim(
    "three radiologic networks of twelve failed, and no photographic one",
    (failed.sum(), len(failed)) == (3, 12) and at_224[b].min() > 0.8,
)
claim("little is left without them", -3 < without < -2)
Markdown(f"""
**Padding does worse here.** On breast lesions (ResNet50 and MobileNet, one
pair each, three scenarios) padding changes the AUC by {points(both.loc[a])}
(radiologic) and {points(both.loc[b])} (photographic), and their difference by
{points(padding.loc[moved])}.

**Size matters more, mostly by failed training.** On COVID-19 the difference is
{points(sizes.loc[("difference", "", "96")])} with 96 pixels and
{points(sizes.loc[("difference", "", "224")])} with 224 (over patients).
Three of twelve radiologic networks with 224 pixels fell below chance; without
these the difference in these four scenarios is −{-without:.1f}.
""")

# %% [markdown]
# ## What a weights file wants
#
# Distributors of RadImageNet's weights state different scalings, or none. The file itself often
# gives the answer away:
#
# ```bash
# rin weights probe FILE                        # with stand-in images
# rin weights probe FILE --images my_pictures/  # a folder, a zip archive, or a dataset
# rin weights convert FILE.pt                   # writes FILE.safetensors, needs PyTorch
# rin weights add FILE --name mine --preprocessing caffe  # for inits: [mine, …] of a profile
# ```
#
# Every backbone but VGG19 begins with a convolution and a batch normalisation, which stores a moving mean $m_k$
# and variance $v_k$ of each channel $k$ over the images of pretraining. Sample images run through the
# same kernels under a candidate scaling give $\hat m_k$ and $\hat v_k$. The two are compared by the
# divergence of two Gaussians, averaged over both directions and the $K$ channels:
#
# $$
# D = \frac{1}{4K}\sum_{k=1}^{K}\left[\frac{v_k}{\hat v_k} + \frac{\hat v_k}{v_k} - 2
# + (m_k-\hat m_k)^2\left(\frac{1}{v_k}+\frac{1}{\hat v_k}\right)\right].
# $$
#
# Backbones were pretrained here under several scalings, all else equal, and probed with images of their
# corpus that no training step used, and with images of other datasets.

# %%
tried = runs.table("probe").query("kind == 'probe'")
files = tried.groupby(["backbone", "init", "trained_with", "source", "seen"])
verdicts = files.apply(lambda part: pd.Series(judge(part))).reset_index()
scalings = [scaling.name for scaling in CANDIDATES]
verdicts["hit"] = verdicts["verdict"] == verdicts["trained_with"]
verdicts["wrong"] = verdicts["verdict"].isin(scalings) & ~verdicts["hit"]
verdicts["images"] = verdicts["seen"].map({True: "own", False: "other"})
verdicts.groupby("images")[["hit", "wrong"]].agg(["sum", "size"])

# %% jupyter={"source_hidden": true} tags=["hide-input"]
label = tried["candidate"].map(scaling_of).rename("label")
trained = ("Trained with " + tried["trained_with"]).rename("group")
logs = np.log10(tried["divergence"]).groupby([trained, label, tried["seen"]])
rows = logs.agg(estimate="median", ci_low="min", ci_high="max").reset_index()
rows["kind"] = rows["seen"].map({True: "recomputed", False: "published"})
axes = forest(rows.assign(note=""), zero=np.log10(LARGEST_DIVERGENCE))
axes.figure.legends.clear()
axes.set_xlabel("Divergence from the stored means and variances (log scale)")
axes.set_xticks([-2, 0, 2, 4], ["0.01", "1", "100", "10,000"])
picture(
    axes,
    "Figure 2. On images of its own corpus every file names its scaling",
    "Divergence of each candidate scaling (those of Methods; "
    "raw: 0 to 255; unit: 0 to 1): median and range over files and datasets. "
    "Squares: images of the training corpus; circles: of other datasets. "
    "Right of the line a candidate is said not to fit.",
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
seen = verdicts[verdicts["seen"]]
unseen = verdicts[~verdicts["seen"]]
low, high = stats.share_interval(seen["hit"], range(len(seen)))
misnamed = verdicts[verdicts["wrong"]]
claim("all files are named on their own images", seen["hit"])
claim(
    "wrong names come from the thyroid images alone",
    {*misnamed["source"]} == {"ddti_crops"},
)
Markdown(f"""
On images of their own corpus all {len(seen)} files are named correctly
(Wilson's 95% interval of the share: {100 * low:.0f} to {100 * high:.0f}%), on
those of other datasets in {unseen["hit"].sum()} of {len(unseen)} probes. A
wrong scaling was named {len(misnamed)} times, always with crops of thyroid
nodules. **None of these files is a released one.** The verdict is *none fits*
where even the
nearest candidate diverges by more than the line of the figure, *too close to
call* where the second is nearly as near.
""")

# %% [markdown]
# ## What distributors state
#
# Files of the same name do not come from the same training: the ResNet50 of the TensorFlow release and
# that of the PyTorch release have no tensor in common. With the files in place, the profile `releases`
# compares both, and RadiologyNET's.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
held = pd.DataFrame([row.model_dump() for row in load_distributions()])
held["stated_preprocessing"] = held["stated_preprocessing"].fillna("not stated")
keys = ["distributor", "stated_preprocessing", "release"]
listed = held.drop_duplicates([*keys, "backbone"])
listed = listed.groupby(keys, sort=False)["backbone"].agg(", ".join)
listed = listed.reset_index()
listed.columns = [
    "Distributor", "Inputs stated or coded", "Training", "Networks"
]  # fmt: skip
book_table(
    listed,
    "Who distributes RadImageNet weights; inputs of the Zenodo record are "
    "those that its users code",
    prose=True,
)

# %% [markdown]
# The probe also reports layers whose running variances lie more than 1,000 times apart, as a user of the
# PyTorch release found ([issue 20](https://github.com/BMEII-AI/RadImageNet/issues/20)). It reads the first
# layer alone: it says nothing about resizing or augmentation, mistakes a scaling that is not among the
# candidates for the nearest one, and cannot tell RGB from BGR on grey images. VGG19 has no batch
# normalisation and cannot be probed.
#
# ## Try it
#
# `rin run notebooks/results/inputs.py` computes this page in half a minute.
#
# 1. Compare each network's own inputs with those that the released weights of its kind want, which are far too
#    large. Which arm loses?
#
#    ```python
#    resnet = scores[scores["backbone"] == "ResNet50"]
#    large = stats.factor_effects(resnet, (a, b), ("native", "released"))
#    large.query("group == 'all'")[["quantity", "init", "estimate", "ci_low", "ci_high"]]
#    ```
#
# 2. Keep frozen networks: nothing but the head can adapt to wrong inputs. Is the loss larger?
#
#    ```python
#    frozen = aucs[aucs["scenario"].astype(str).str.contains("freeze_all-1e-0[23]")]
#    frozen.groupby(["backbone", "init", "inputs"])["auc"].mean().unstack()
#    ```
#
# 3. Look at the spread of the scores. What do inputs far too large do to a network's certainty?
#
#    ```python
#    scores.groupby(["backbone", "init", "level"], observed=True)["score"].std().unstack().round(1)
#    ```
