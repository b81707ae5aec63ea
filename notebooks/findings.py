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
# # RadImageNet, re-examined
#
# Does a network do better on radiologic images when it was pretrained on radiologic images rather
# than on photographs? An executable re-examination of the RadImageNet study {cite:p}`mei2022`,
# ready for the released weights.

# %% tags=["parameters", "remove-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
import pandas as pd
from myst_nb import glue

from rin.evidence.paper import COMPARISONS
from rin.evidence.replications import like_for_like
from rin.report.banner import reference_banner
from rin.report.forest import forest
from rin.report.format import book_table, format_estimate, format_number, listed
from rin.report.page import claim, glue_values, pictures
from rin.report.style import use_style
from rin.stats import (
    external_scores,
    init_differences,
    regime_interaction,
    training_spread,
    unpaired_t_from_summary,
    with_training_spread,
)
from rin.stats.synthesis import random_effects
from rin.study import open_reference

use_style()
runs = open_reference("open")
reference_banner(runs.reference)

# %% [markdown]
# **The paper** puts RadImageNet ahead of ImageNet on all {glue:text}`n_paper` tasks, by
# {glue:text}`paper_least:.1f` to {glue:text}`paper_most:.1f` points of AUC (area under the ROC
# curve, 0 to 100), yet {glue:text}`n_zero` of the {glue:text}`n_paper` printed intervals include
# zero beside a stated P < .001. **Independent like-for-like comparisons**, {glue:text}`n_others` of
# them by one group, put it ahead in {glue:text}`n_others_ahead`; those with full fine-tuning and
# SDs average {glue:text}`pooled`. **Our own run on real open images**, with networks pretrained
# here and not the released weights, finds mean differences over 24 scenarios of
# {glue:text}`run_least` to {glue:text}`run_most` points on {glue:text}`n_run` tasks, clear on
# {glue:text}`n_clear`; the mean over the {glue:text}`n_pooled` of them that the paper has is
# {glue:text}`run_pooled`. In one unfreezing regime or another, radiologic pretraining is clearly
# ahead on {glue:text}`ahead` and clearly behind on {glue:text}`behind`. On breast images of another
# hospital, which nothing was trained on, the difference is {glue:text}`abroad`.

# %% [markdown]
# ```{glue} headline
# ```
#
# *Left: the paper's differences as printed and with the interval that its SDs allow, and those of
# our run, with patients as the units. Right: every like-for-like comparison of others, fine-tuned
# above frozen first, their mean below; open marks come without SDs. † The code left out the
# scaling by 1/255 that the RadImageNet weights expect.*
#
# ## How the figure comes about

# %%
scores = runs.predictions(study="main")
found = init_differences(scores, *runs.inits)
overall = found[found["group"] == "all"]

# %%
names = {task: one.title.partition(",")[0] for task, one in COMPARISONS.items()}
names |= {
    "acl": "ACL tear",
    "hemorrhage": "Hemorrhage",
    "busbra": "Breast, BUS-BRA",
}
marks = []
for task, one in COMPARISONS.items():
    arms = (
        (one.auc_radimagenet, one.sd_radimagenet),
        (one.auc_imagenet, one.sd_imagenet),
    )
    again = unpaired_t_from_summary(*arms[0], 24, *arms[1], 24)
    marks.append(
        (names[task], "published", one.difference, one.ci_low, one.ci_high)
    )
    ends = (again.estimate, again.ci_low, again.ci_high)
    marks.append((names[task], "recomputed", *(100 * end for end in ends)))
    for row in overall[overall["task"] == task].itertuples():
        ends = (row.estimate, row.ci_low, row.ci_high)
        marks.append((names[task], "reference", *(100 * end for end in ends)))
marks = pd.DataFrame(
    marks, columns=["label", "kind", "estimate", "ci_low", "ci_high"]
)

# %%
others = like_for_like()
others["label"] = others["label"].str.replace(
    ", (fine-tuned|frozen first)$", "", regex=True
)
others["label"] += others["scaling_missing"].map({True: " †", False: ""})
alone = others["folds"] == 0  # printed without SDs: one line a study
others.loc[alone, "label"] = others["study"] + ", no SDs"
others = others.sort_values(
    ["folds", "study", "label"], ascending=[False, True, True]
)
tuned = others[others["setting"] == "fine-tuned"]
pooled = random_effects(
    tuned["estimate"],
    (tuned["radimagenet_sd"] ** 2 + tuned["imagenet_sd"] ** 2) / tuned["folds"],
)

# %%
look = {"width": 4.9, "xlabel": "Difference, AUC points (95% CI)"}
left = forest(
    marks.assign(group="Radiologic minus photographic", note=""), **look
)
group = "Others: RadImageNet minus ImageNet"
mean = {
    "label": f"Mean of {pooled['k']}, random effects",
    "estimate": pooled["estimate"],
}
mean |= {
    "ci_low": pooled["ci_low"],
    "ci_high": pooled["ci_high"],
    "group": "Pooled, fine-tuned",
}
right = pd.concat(
    [others.assign(group=group), pd.DataFrame([mean])], ignore_index=True
)
right = forest(
    right.assign(kind="independent", note=""), limits=(-32, 15), **look
)
figure = pictures(
    {
        "The paper's eight differences with printed and recomputed intervals, and those of the "
        "real run beside them": left,
        "Differences found by independent studies, one by one": right,
    }
)
glue("headline", figure, display=False)

# %% tags=["hide-input"]
printed = marks[marks["kind"] == "published"]
zero = (printed["ci_low"] <= 0) & (printed["ci_high"] >= 0)
regimes = found[found["group"] != "all"]
clear = regimes[regimes["p_holm"] < 0.05]
ahead = clear["estimate"] > 0
own = overall[overall["task"].isin(list(COMPARISONS))]
(place,) = runs.external("breast")
elsewhere = external_scores(runs.predictions(task="breast", part=place))
elsewhere = (
    init_differences(elsewhere, *runs.inits).set_index("group").loc["all"]
)
mean_of_tasks = random_effects(
    100 * own["estimate"], (100 * own["standard_error"]) ** 2
)
glue_values(
    n_pooled=len(own),
    n_paper=len(printed),
    paper_least=printed["estimate"].min(),
    paper_most=printed["estimate"].max(),
    n_zero=int(zero.sum()),
    n_others=len(others),
    n_others_ahead=int((others["ahead"] == "RadImageNet").sum()),
    pooled=format_estimate(pooled, digits=1),
    n_run=len(overall),
    run_least=format_number(100 * overall["estimate"].min(), 1, signed=True),
    run_most=format_number(100 * overall["estimate"].max(), 1, signed=True),
    run_pooled=format_estimate(mean_of_tasks, digits=1),
    n_clear=int((overall["p_holm"] < 0.05).sum()),
    abroad=format_estimate(elsewhere, unit="points"),
    ahead=listed(names[task] for task in clear.loc[ahead, "task"].unique()),
    behind=listed(names[task] for task in clear.loc[~ahead, "task"].unique()),
)
claim(
    "RadImageNet is ahead on all tasks of the paper",
    (printed["estimate"] > 0).all(),
)

# %% [markdown]
# ## The same differences, by unfreezing regime
#
# A mean over 24 scenarios hides the regimes. The radiologic initialisation has the higher AUC on
# {glue:text}`higher_frozen` of {glue:text}`n_run` tasks with frozen layers, on
# {glue:text}`higher_ten` with ten layers unfrozen and on {glue:text}`higher_all` with all. The
# regimes differ clearly on {glue:text}`n_interactions` tasks ([](results/regimes)).

# %%
regime = {
    "freeze_all": "Frozen",
    "unfreeze_top10": "Top 10",
    "unfreeze_all": "All layers",
}
shown = found.assign(
    Task=found["task"].map(names),
    Scenarios=found["group"].map({"all": "Mean of 24"} | regime),
    text=[
        format_estimate(row, unit="points") + ("*" if row.p_holm < 0.05 else "")
        for row in found.itertuples()
    ],
)
table = shown.pivot(index="Task", columns="Scenarios", values="text")
table = table.loc[shown["Task"].unique(), ["Mean of 24", *regime.values()]]
book_table(
    table,
    "Radiologic − photographic, AUC points (95% CI); * Holm P < .05",
    prose=True,
)

# %% tags=["hide-input"]
interaction = regime_interaction(scores, *runs.inits)
higher = regimes[regimes["estimate"] > 0]["group"].value_counts()
glue_values(
    n_interactions=int((interaction["p_holm"] < 0.05).sum()),
    higher_frozen=int(higher.get("freeze_all", 0)),
    higher_ten=int(higher.get("unfreeze_top10", 0)),
    higher_all=int(higher.get("unfreeze_all", 0)),
)

# %% [markdown]
# ## What this can and cannot say
#
# - The real run compares networks that were pretrained here, from random weights, on two open
#   corpora of equal size. No released RadImageNet file has been loaded yet, so nothing in this book
#   confirms or refutes the released weights. The book takes them as soon as they lie in the data
#   folder.
# - {glue:text}`n_cases_least` to {glue:text}`n_cases_most` images of a task are tested. Intervals
#   speak of other patients; they do not include the variance of training the networks again. Where
#   ResNet50 was trained with other seeds, the difference in one scenario varied from training to
#   training with an SD of {glue:text}`sd_training` points; that would make the interval of the mean
#   over 24 scenarios wider by {glue:text}`wider` (“The same networks, trained again”).
# - The photographic networks learnt their corpus less well than the radiologic ones
#   ([](results/random)), so “which pretraining” and “how well pretrained” are not separated.
# - {glue:text}`n_substitutes` of the tasks run on open substitutes for the paper's images, and
#   {glue:text}`n_without` tasks of the paper have no real run; their pages say how to get the
#   images.
#
# ## Where to go
#
# - [](results/all_tasks): every scenario on every task, as in the paper's Figures 3 and 4.
# - [](evidence/audit): what follows from the published numbers, and what does not.
# - [](evidence/replications): what other groups found.
# - [](results/inputs): how much the inputs of the official scripts matter by themselves.
# - [](use/own_task): your own images in the same harness.

# %% tags=["hide-input"]
repeats = runs.predictions(study="repeats")
repeats = repeats[repeats["fold"] == 0]  # other folds have other training cases
spread = with_training_spread(
    overall, training_spread(repeats, *runs.inits)
).set_index("task")
glue_values(
    sd_training=listed(
        f"{100 * sd:.1f} ({names[task]})" for task, sd in spread["sd"].items()
    ),
    wider=listed(
        f"{100 * by:.0f} % ({names[task]})"
        for task, by in spread["wider"].items()
    ),
)
glue_values(
    n_cases_least=int(overall["n_cases"].min()),
    n_cases_most=int(overall["n_cases"].max()),
)
weights = runs.pretraining().groupby("init")["top1"].mean()
claim(
    "photographic networks learnt less well",
    weights["photographic"] < weights["radiologic"],
)
glue_values(
    n_substitutes=sum(runs.kind(task) == "substitute" for task in runs.tasks),
    n_without=len(COMPARISONS) - len(own),
)

# %% [markdown]
# ## Run this page
#
# `rin run notebooks/findings.py` computes it anew, in seconds and without training, from the
# predictions of the reference run.
