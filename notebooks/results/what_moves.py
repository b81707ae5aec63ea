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
# # What makes the difference move
#
# A comparison of two initialisations is one number out of many choices (which backbones, which layers,
# how long, which images) and of chance. Here one choice is changed at a time, then nothing at all.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# rin is the package of this checkout: pip install -e '.[study,book]' there
import pandas as pd
import seaborn as sns
from IPython.display import Markdown, display

from rin import stats
from rin.report.analyses import analyses, analyses_panels, committed_analyses
from rin.report.banner import banner
from rin.report.factor import differences_at, factor_forest
from rin.report.figures import label_panels, task_names
from rin.report.format import format_estimate, format_p, format_range
from rin.report.page import claim, picture
from rin.report.style import UNFREEZING_LABEL, use_style
from rin.report.verdict import includes_zero, points
from rin.study import open_reference

use_style()
run = open_reference("open")
larger = open_reference("fine_tuned_224")
a, b = run.inits
names = {task: task_names(run.titles)[task] for task in run.tasks}
banner(run)

# %% [markdown]
# ## One analysis is one choice of scores
#
# `pretraining_differences` takes pairs of pretrainings as the sample and answers for pretraining;
# `init_differences` takes patients as the sample and answers for these networks alone. `analyses` does
# the same for all rows of the figure.

# %%
scores = run.predictions()
unfrozen = scores[scores["unfreezing"] == "unfreeze_all"]
estimate = ["task", "estimate", "ci_low", "ci_high", "p_holm"]
rows = analyses(run, larger)
at = rows.set_index(["analysis", "task"])
stats.pretraining_differences(unfrozen, a, b)[estimate].round(3)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# The cover claims the title of the figure of the same numbers.
kept = committed_analyses().set_index(at.index.names)[estimate[1:4]]
claim("the cover has these numbers", (at[[*kept]] - kept).abs().max() < 1e-6)
picture(
    analyses_panels(rows, names),
    "Figure 1. No task keeps its sign; on four, whole intervals lie on either "
    "side of zero",
    "One point and 95% interval for each analysis of a task; a row that begins "
    "with … changes a choice of the last row that does not. Diamonds: over "
    "pairs of pretrainings and patients (18 pairs; 13 of the paper's "
    "backbones, 3 at 224 pixels). Circles: one pretraining of two backbones "
    "(equally accurate: of MobileNet), over patients alone. Tasks without a "
    "point were not part of that analysis.",
)

# %% [markdown]
# Every number of the figure is in [evidence.csv](../../evidence.csv), beside those of other studies.
#
# ## COVID-19 shows it best

# %% jupyter={"source_hidden": true} tags=["hide-input"]
covid = at.xs("covid19", level="task")
first = covid.loc["The paper's four backbones"]
every = covid.loc["All eight backbones"]
layers = covid.loc["… all layers trained"]
chosen = covid.loc["… settings by validation"]
wide = covid.loc["ResNet50, 224 pixels"]
arms = ["auc_a", "auc_b"]
at_larger = stats.scenario_aucs(larger.predictions(task="covid19"))
networks = ["pretraining", "scenario"]
at_larger = at_larger.pivot(index=networks, columns="init", values="auc")
fails = at_larger.lt(0.5)
failed = at_larger[fails.any(axis=1)].reset_index()
others = at_larger[~fails.any(axis=1)]
without_failed = (others[a] - others[b]).mean()
claim(
    "clear over all backbones", every["p_holm"] < 0.05 and every["estimate"] > 0
)
claim("not with the paper's", first["p_holm"] > 0.05)
claim("all layers give higher AUCs", layers[arms] > every[arms])
claim("with all layers nothing is clear", includes_zero(layers))
claim(
    "nor with chosen settings, and the sign is the other",
    includes_zero(chosen) and chosen["estimate"] < 0,
)
claim(
    "at 224 pixels one radiologic network of each pair failed, at 0.01",
    [*failed["pretraining"]] == [1, 2, 3]
    and failed["scenario"].str.endswith("-1e-02").all()
    and not fails[b].any(),
)
claim("without them little is left", 0 > without_failed > -0.02)
claim("not significant", wide["ci_high"] < 0 and wide["p_holm"] > 0.05)
Markdown(f"""
Over all eight backbones the radiologic start is ahead by {points(every)}, which
survives adjustment ({format_p(every["p_holm"])}); with the paper's four,
{points(first)}, it does not ({format_p(first["p_holm"])}). Training all layers,
which gives higher AUCs than all scenarios together,
leaves {points(layers)}. Choosing each network's
settings on validation cases, as one would in practice, leaves {points(chosen)}.
At 224 pixels the mean is {points(wide)} (adjusted {format_p(wide["p_holm"])}).
There three radiologic networks, one in each pair, fell below chance at a
learning rate of 0.01; without these three the mean of all six scenarios is
−{-100 * without_failed:.1f}.
""")

# %% [markdown]
# ## How long the networks are fine-tuned

# %%
longer = differences_at(run.predictions("convergence"), a, b)
longer = longer.set_index(["task", "at"])
repeats = run.predictions("repeats")
same = repeats[repeats["fold"] == 0]
spread = stats.training_spread(same, a, b).set_index("task")
longer.rename(columns={"auc_a": a, "auc_b": b})[
    [a, b, "estimate", "ci_low", "ci_high"]
].round(3)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
of = format_estimate(longer, unit="points")
sd = 100 * spread["sd"]
both = ["covid19", "pneumonia"]
short, long = (longer.xs(level, level="at") for level in ("fixed", "converged"))
claim("two are no longer clear", includes_zero(long.loc[both]))
claim("they were", short.loc[both, "ci_low"] > 0)
claim("breast lesions stay", long.loc["breast", "ci_low"] > 0)
claim("AUCs rise", long[arms] > short[arms])
claim("the SD is eight to nine points", sd.between(8, 9))
Markdown(f"""
ResNet50 and DenseNet121 were trained until their validation loss stopped
falling, for at most twelve epochs, and AUCs rose with either start. On COVID-19
and pneumonia the difference is no longer clear: from {of["covid19", "fixed"]}
to {of["covid19", "converged"]} points, and from {of["pneumonia", "fixed"]} to
{of["pneumonia", "converged"]}. On breast lesions it stays, from
{of["breast", "fixed"]} to {of["breast", "converged"]}. That does not show
that longer training removes a difference: each network was trained once, and
training again moves such a mean of twelve scenarios by an SD of about
{sd["breast"] / 12**0.5:.1f} points (breast lesions; not measured on these
two). It shows that a difference after three epochs need not last.
""")

# %% [markdown]
# ## How much the networks learnt from their corpus
#
# Radiologic networks classify more of their own test images than photographic ones do of theirs. So those of
# ResNet50 and MobileNet were pretrained again, on so few images, seen once, as should give the accuracy of
# the photographic ones.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
accuracy = (
    100 * run.table("pretraining").groupby(["backbone", "init"])["top1"].mean()
)
mobile = accuracy["MobileNet"]
residual = accuracy["ResNet50"]
whole = at.loc["ResNet50 and MobileNet"]
brief = at.loc["… pretraining cut short"]
alone = at.loc["… and equally accurate"]
few = run.table("pretraining").query("init == 'radiologic_brief'")
turned = whole["estimate"] * brief["estimate"] < 0
extremes = at["estimate"].abs().groupby("task").max()
claim("not within 5 points everywhere", extremes[both] > 0.05)
claim("three of five signs change", (turned.sum(), len(brief)) == (3, 5))
claim(
    "COVID-19 turns round",
    brief.loc["covid19", "ci_high"] < 0 < whole.loc["covid19", "ci_low"],
)
claim(
    "MobileNet is about equally accurate, and turns round too",
    abs(mobile["radiologic_brief"] - mobile[b]) < 3
    and alone.loc["covid19", "ci_high"] < 0,
)
claim("they saw few images once", [few["epochs"] == 1, few["steps"] < 100])
claim("ResNet50 is not", residual["radiologic_brief"] < 0.6 * residual[b])
Markdown(f"""
**The length of pretraining can turn the sign.** The sign changed
on three of five tasks: on COVID-19 from {points(whole.loc["covid19"])} to
{points(brief.loc["covid19"])}, after pretraining on
{format_range(few["training_images"])} images. Only MobileNet reached about
equal accuracy ({mobile["radiologic_brief"]:.0f}% against {mobile[b]:.0f}%);
ResNet50, with {residual["radiologic_brief"]:.0f}% against
{residual[b]:.0f}%, saw too few. With MobileNet alone the difference is
{points(alone.loc["covid19"])}. These are two backbones and one pretraining of
each: the choice can decide a comparison; which way is not known.
""")

# %% [markdown]
# ## Could this design see a difference?
#
# A positive control, [planned](../../methods.md#plan-and-history-of-the-committed-numbers) before it was
# computed: networks that saw the same radiologic images for twelve epochs should be ahead of those that saw
# them for four. MobileNet and MobileNetV2, taken as fixed, two pairs of each, on two tasks.

# %%
added = open_reference("open_added")
control = added.predictions("control")
lengths = f"{a}_long", a
by_length = stats.pretraining_differences(
    control, *lengths, fixed_backbones=True
)
by_length[estimate].round(3)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
of_pairs = stats.pair_differences(control, *lengths)
pretrained = added.table("pretraining").query(
    "backbone.str.startswith('MobileNet')"
)
learnt = 100 * pretrained.groupby("init")["top1"].mean()
breast, pneumonia = map(points, by_length.to_dict("records"))
claim("in this order", [*by_length["task"]] == ["breast", "pneumonia"])
claim("the control is not clearly ahead", includes_zero(by_length))
claim("5 of 8 are ahead", of_pairs["estimate"].gt(0).mean() == 5 / 8)
claim("little more was learnt", 0 < learnt[f"{a}_long"] - learnt[a] < 3)
claim("an SD of three points", by_length["sd_pretraining"].round(2) == 0.03)
claim("more than patients explain", by_length["q_p"] < 0.01)
Markdown(f"""
**The control is not clearly ahead.** Three times the pretraining gives {breast}
on breast lesions and {pneumonia} on pneumonia; the longer arm is ahead in five
of eight comparisons of a pair. Two reasons can be seen. The longer networks
learnt little more of their own corpus: they name the class of
{learnt[f"{a}_long"]:.0f}% of its test images in place of {learnt[a]:.0f}%. And
pairs scatter by an SD of three points on either task, more than the choice of
patients explains, which leaves the mean of four uncertain. The control is thus
no proof that this design sees a difference; only the intervals
of the main comparison, which has more pairs, show what it could have seen.
""")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
pair = of_pairs["pretraining"].map(", pair {}".format)
of_pairs["at"] = of_pairs["backbone"].astype(str) + pair
of_pairs["kind"] = "networks"
shown = pd.concat(
    [of_pairs, by_length.assign(at="All four", kind="pretrainings")]
)
picture(
    factor_forest(shown, names, ends=("four epochs", "twelve")),
    "Figure 2. Three times the pretraining is not clearly ahead",
    "Difference in AUC, twelve epochs of radiologic pretraining minus four, "
    "mean of six scenarios of a pair, with 95% intervals over patients. All "
    "four: over pretrainings of these backbones and patients.",
)

# %% [markdown]
# ## The chance of one training
#
# Two pairs of networks were fine-tuned three times from the same weights, on the same images, in the same
# settings. Only the order of the images and the random weights of the head differ.

# %%
key = ["task", "scenario", "seed"]
aucs = stats.scenario_aucs(same).pivot(index=key, columns="init", values="auc")
apart = (100 * (aucs[a] - aucs[b])).rename("points").reset_index()
(100 * spread[["sd", "sd_low", "sd_high"]]).round(1)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
of_scenarios = apart.groupby(["task", "scenario"])["points"]
either = (of_scenarios.min() * of_scenarios.max() < 0).groupby("task")
widest = (of_scenarios.max() - of_scenarios.min()).max()
claim(
    "either start may win in half of the scenarios",
    [either.size() == 12, either.sum().between(5, 8)],
)
claim("tens of points in one scenario", 30 < widest < 60)
variances = of_scenarios.var()["breast"].nlargest(12)
claim("three of twelve are most", variances[:3].sum() > 0.9 * variances.sum())
settings = ["scenario", "backbone", "unfreezing", "learning_rate"]
records = run.records("breast", "repeats")[settings].drop_duplicates()
labels = records.replace({"unfreezing": UNFREEZING_LABEL}).astype(str)
labels["setting"] = labels[settings[1:]].agg(", ".join, axis=1)
dots = apart.merge(labels, on="scenario")
grid = sns.catplot(
    dots.assign(title=dots["task"].map(names)),
    x="points",
    y="setting",
    col="title",
    kind="strip",
    jitter=False,
    color="0.25",
    alpha=0.7,
    height=3.4,
    aspect=0.7,
)
label_panels(grid, "AUC points", "")
grid.refline(x=0, linestyle="-", linewidth=1, zorder=0)
display(
    Markdown(f"""
**One training can choose the winner.** In {either.sum().sum()} of
{either.size().sum()} scenarios of two tasks the three trainings gave
differences on either side of zero, with a pooled SD of {sd["breast"]:.1f}
points on breast lesions, most of it of three scenarios, and
{sd["thyroid"]:.1f} on thyroid nodules; in one scenario the difference moved by
{widest:.0f} points. Whoever trains each network once and
reports one setting reports one dot of Figure 3.
""")
)
picture(
    grid.axes,
    "Figure 3. Equal settings, trained three times, give either sign",
    "Difference radiologic − photographic in one scenario; each dot is one "
    "training of both networks, three per scenario, 12 scenarios of one pair "
    "of MobileNet and one of ResNet50. No interval: the spread is the "
    "message.",
)

# %% [markdown]
# All runs of the main comparison share one set of training images per task. Two backbones were also trained on
# another division of the images, whose test set overlaps with the first.

# %%
number = same.groupby(key[:2])["seed"].rank("dense")
divisions = {
    f"first division, training {k}": same[number == k] for k in (1, 2, 3)
} | {"second division": repeats[repeats["fold"] == 1]}
divided = pd.concat(
    part.assign(images=name) for name, part in divisions.items()
)
divided = differences_at(divided, a, b, "images")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
means = divided.set_index(["task", "at"])["estimate"].unstack()
first = means.drop(columns="second division")
claim(
    "the second division is within three trainings on the first",
    (first.min(axis=1) < means["second division"])
    & (means["second division"] < first.max(axis=1)),
)
claim(
    "which have either sign on breast lesions",
    first.loc["breast"].min() < 0 < first.loc["breast"].max(),
)
picture(
    factor_forest(divided, names),
    "Figure 4. A second division of the images moves the difference no more "
    "than training again",
    "Mean of 12 scenarios of MobileNet and ResNet50, trained three times on "
    "one division and once on another; 95% intervals over patients, which "
    "contain neither the chance of training nor that of the division.",
)

# %% [markdown]
# ## Without one pair of networks

# %%
without = stats.leave_one_pair_out(scores, a, b)
lost = without.query("task == 'covid19' and p_holm >= 0.05")
lost[["backbone", "pretraining", "estimate", "p_holm"]].round(3)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
clear = without["p_holm"].lt(0.05).groupby(without["task"]).sum()
claim(
    "six of eighteen pairs decide COVID-19",
    (len(lost), clear["covid19"]) == (6, 12),
)
claim("no other task becomes significant", clear.drop("covid19") == 0)
Markdown(f"""
Leaving out any of {len(lost)} of the 18 pairs makes the result on COVID-19
non-significant. On the other tasks no single pair makes a difference
significant.
""")

# %% [markdown]
# Other reasonable analyses exist; these were chosen because the data existed, after the main results were known.
# `rin run notebooks/results/what_moves.py` computes this page.
#
# ## Try it
#
# 1. Leave out one backbone at a time. On how many does COVID-19 depend?
#
#    ```python
#    kept = {name: scores[scores["backbone"] != name] for name in scores["backbone"].unique()}
#    [(name, stats.pretraining_differences(some, a, b).loc[2, "p_holm"]) for name, some in kept.items()]
#    ```
#
# 2. Take the paper's backbones as a sample of backbones.
#
#    ```python
#    from rin.models.backbones import BACKBONES
#    four = scores[scores["backbone"].isin(BACKBONES)]
#    stats.pretraining_differences(four, a, b)[estimate]
#    ```
#
# 3. Choose the best of three trainings of each network, as is done where only one is reported. How far
#    does that move the mean AUC?
#
#    ```python
#    of_networks = stats.scenario_aucs(same).groupby(["task", "init", "scenario"], observed=True)["auc"]
#    (of_networks.max() - of_networks.mean()).groupby(["task", "init"]).mean().round(3)
#    ```
