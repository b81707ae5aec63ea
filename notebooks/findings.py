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
# {{ byline }}

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book]' there
profile: str = "demo"  # name of a profile, or path of its YAML file
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import json
from pathlib import Path

import pandas as pd
from IPython.display import Markdown

from rin import stats
from rin.evidence import paper, replications
from rin.report.analyses import analyses_panels, committed_analyses
from rin.report.figures import task_names
from rin.report.forest import forest
from rin.report.format import (
    book_table,
    format_estimate,
    format_p,
    format_range,
)
from rin.report.page import claim, picture
from rin.report.tables import verdict_table
from rin.report.verdict import includes_zero, points
from rin.study import open_reference

# Computed from the runs on the page "What makes the difference move".
analyses = committed_analyses()
headline = analyses[analyses["analysis"] == "The paper's four backbones"]
table = headline.set_index("task")
moves = analyses.set_index(["analysis", "task"])
names = task_names({"busbra": "BUS-BRA"})

published = paper.comparison_table()
zero = includes_zero(published)
same = replications.pooled_groups().loc["… the paper's questions"]
comparisons = replications.like_for_like().query("folds > 0 and of_the_paper")
lowest = comparisons.loc[comparisons["estimate"].idxmin()]
groups = replications.other_groups()
single = groups.query("metric == 'AUC'").set_index("data")["estimate"]
covid = moves.xs("covid19", level="task")
longer = covid.loc["… until validation stops"]
brief = covid.loc["… pretraining cut short"]
claim("the paper is ahead on all tasks", published["estimate"] > 0)
claim(
    "four of its eight intervals include zero",
    (zero.sum(), len(zero)) == (4, 8),
)
claim(
    "others on the same questions: zero included, inputs without the scaling",
    includes_zero(same) and comparisons["scaling_missing"].all(),
)
claim("the lowest has layers frozen", lowest["setting"] == "frozen first")
claim(
    "single studies range from bone tumours to supernumerary teeth",
    single.idxmax() == "bone tumours on radiographs"
    and single.idxmin().startswith("supernumerary teeth"),
)
claim("eighteen pairs", moves.loc["All eight backbones", "pairs"] == 18)
claim("thirteen of the paper's backbones", table["pairs"] == 13)
claim("none significant", table["p_holm"] > 0.05)
largest = 100 * table["estimate"].abs()
claim(
    "COVID-19 has the largest, radiologic ahead",
    largest.idxmax() == table["estimate"].idxmax() == "covid19",
)
claim("longer fine-tuning leaves no clear difference", includes_zero(longer))
claim("briefer pretraining gives the other sign", brief["ci_high"] < 0)
added = open_reference("open_added")
control = stats.pretraining_differences(
    added.predictions("control"),
    "radiologic_long",
    "radiologic",
    fixed_backbones=True,
)
breast, pneumonia = map(points, control.to_dict("records"))
claim("in this order", [*control["task"]] == ["breast", "pneumonia"])
claim("the positive control is not clearly ahead", includes_zero(control))
pretrained = added.table("pretraining").query(
    "backbone.str.startswith('MobileNet')"
)
learnt = pretrained.groupby("init")["top1"].mean()
more = learnt["radiologic_long"] - learnt["radiologic"]
claim("the longer networks learnt little more", 0 < more < 0.03)
own_run = Path(results, Path(profile).stem, "tables")
aside = ""
if (own_run / "run.json").is_file():
    read = json.loads((own_run / "run.json").read_text("utf-8"))["tasks"]
    if any(task["dataset"]["provenance"] == "real" for task in read):
        aside = "*On your images: [your run](results/your_run).*"
Markdown(f"""
{aside}

**Do radiologic images make better pretraining than photographs? Not
established.** The released RadImageNet weights were not tested here: we
pretrained our own networks, on a small scale.

- **The paper** {{cite:p}}`mei2022` reports RadImageNet ahead on all eight
  tasks, by {format_range(published["estimate"], 1)} points of AUC. Four of its
  intervals include zero; all equal, within rounding, intervals over ways of
  fine-tuning (scenarios), which say nothing about new patients.
- **Others** disagree with one another. One group's fully fine-tuned
  comparisons on the paper's questions, with inputs that by its public code are
  scaled otherwise than the weights expect, average
  {format_estimate(same, digits=1)} points,
  dominated by one set of chest radiographs; where layers were frozen first, the
  lowest is −{-lowest["estimate"]:.1f}. In AUC, single studies of other groups
  range from +{single.max():.1f} (bone tumours) to −{-single.min():.1f}
  (supernumerary teeth).
- **We** pretrained 18 pairs of networks on equally many images of either kind.
  With the paper's four backbones the mean AUCs differ on no task by more than
  {largest.max():.1f} points, and no difference is significant after adjustment.
  On COVID-19, where it is largest, it does not hold throughout: with longer
  fine-tuning, {points(longer)}; with far less radiologic pretraining,
  {points(brief)} (two backbones each, trained once, over patients).
- **Could we have seen one?** As a [positive control](results/what_moves),
  radiologic pretraining of three times the length should be ahead. With four
  pairs it is not clearly so: it gives {breast} on breast lesions and
  {pneumonia} on pneumonia. The longer networks had learnt little more of their
  corpus.
""")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
estimate = ["estimate", "ci_low", "ci_high"]
rows = {"published": published[estimate] / 100, "pretrainings": table[estimate]}
rows = pd.concat(rows, names=["kind"]).reset_index("kind")
rows = rows.loc[table.index].reset_index()
claim(
    "every interval of ours includes zero but one",
    includes_zero(table).sum() == len(table) - 1,
)
picture(
    forest(
        rows, unit="points", names=names, ends=("photographs", "radiologic")
    ),
    "Figure 1. No difference is significant after adjustment",
    "Difference in AUC with 95% interval. Purple, numbers: our run, the "
    "paper's four backbones, 13 pairs of pretrainings, mean of 24 scenarios; "
    "intervals are over pretrainings and patients, before adjustment over the "
    "six tasks. Grey: the paper's difference with its interval, over 24 "
    "scenarios.",
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown("""
**If you choose weights tomorrow**

1. Try both on your own validation images, train each at least three times, and
   report an interval over patients.
2. Feed each file the inputs that it was trained on; a wrong scale can decide
   the comparison ([inputs](results/inputs)).
3. Where all layers of one of the paper's backbones are trained, use the smaller
   learning rate, as the paper advises: 1e-4 beats 1e-3 on [six of six
   tasks](results/all_tasks), in the mean of both starts. With others, try both.

[The published numbers, checked](evidence/audit) · [Run it](use/run_it) · [Your
own images](use/your_images) · [Cite](../methods.md#cite)
""")

# %% [markdown]
# ## What makes the difference move

# %% jupyter={"source_hidden": true} tags=["hide-input"]
signs = moves["estimate"].groupby("task").agg(["min", "max"])
claim("no task keeps its sign", signs["min"] * signs["max"] < 0)
beyond = {"above": moves["ci_low"] > 0, "below": moves["ci_high"] < 0}
sides = pd.DataFrame(beyond).groupby("task").any().all(axis=1)
claim("on four tasks intervals lie on either side of zero", sides.sum() == 4)
picture(
    analyses_panels(analyses, {task: names[task] for task in table.index}),
    "Figure 2. No task keeps its sign; on four, whole intervals lie on either "
    "side of zero",
    "One point and 95% interval for each analysis of a task; a row that begins "
    "with … changes a choice of the last row that does not. Diamonds: over "
    "pairs of pretrainings and patients (18 pairs; 13 of the paper's "
    "backbones, 3 at 224 pixels). Circles: one pretraining of two backbones "
    "(equally accurate: of MobileNet), over patients alone. Tasks without a "
    "point were not part of that analysis.",
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
every = covid.loc["All eight backbones"]
larger_images = covid.loc["ResNet50, 224 pixels"]
claim(
    "over all backbones COVID-19 is clear",
    every["p_holm"] < 0.05 and every["estimate"] > 0,
)
claim(
    "at 224 pixels the mean is below zero, not significantly",
    larger_images["ci_high"] < 0 and larger_images["p_holm"] > 0.05,
)
Markdown(f"""
Single rows point in opposite directions. On COVID-19 the difference is
{points(every)} over all eight backbones (adjusted {format_p(every["p_holm"])})
and {points(larger_images)} at 224 pixels (adjusted
{format_p(larger_images["p_holm"])}). [What makes the difference
move](results/what_moves) explains the rows, failed trainings among them, and
shows how far two trainings of the same networks lie apart.
""")

# %% [markdown]
# ## The six tasks
#
# The unit is the pair, one backbone pretrained once on each corpus: intervals allow for other pretrainings
# as well as for new patients.

# %%
book_table(
    verdict_table(headline, names, ("radiologic", "photographic")),
    "Mean of 24 scenarios; P after Holm. †: files name no patients",
    rows=headline,
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
verdicts = table["verdict"].to_dict()
claim(
    "the verdicts are these",
    verdicts
    == {
        "thyroid": "too little learnt",
        "busbra": "too little learnt",
        "breast": "not clear",
        "hemorrhage": "not clear",
        "covid19": "within 5 points",
        "pneumonia": "within 5 points",
    },
)
weak = table.loc[["thyroid", "busbra"], ["auc_a", "auc_b"]].stack()
of_paper = published["estimate"].reindex(table.index) / 100
outside = (of_paper < table["ci_low"]) | (of_paper > table["ci_high"])
claim(
    "the paper's estimate is outside on two tasks",
    [*table.index[outside]] == ["thyroid", "covid19"],
)
claim("thyroid and BUS-BRA networks learnt little", weak < 0.66)
Markdown(f"""
*Ahead* and *behind* need an adjusted P below .05; *within 5 points* needs two
one-sided tests that exclude a larger difference, and a mean AUC of 0.70 in both
arms. On thyroid nodules and BUS-BRA these networks learnt too little to
say anything (mean AUCs of {format_range(weak, 2)}); on breast lesions and
haemorrhage the intervals are too wide. On COVID-19 the paper's estimate is
outside our interval, with other weights and other images (on thyroid nodules,
too, which means little there). [All tasks](results/all_tasks) has every number
beside the published one.
""")

# %% [markdown]
# ## What this cannot say
#
# - Nothing about the released RadImageNet weights, pretrained on a hundred times as many images.
#   [Run it](use/run_it) says how to test them.
# - All runs of the comparison share one set of training images per task, so that its chance is in no
#   interval; a second set is [planned](../methods.md#plan-and-history-of-the-committed-numbers).
# - Training sets are small, and networks were fine-tuned briefly on small images.
# - Pairs were added one by one and the results looked at each time; P values are not corrected for this.
#   Margins and the rule of 0.70 were chosen after results were known ([Methods](../methods)).
# - Where files name no patients (COVID-19, breast lesions, haemorrhage), images of one patient may be in
#   training and test.
#
# `rin run notebooks/findings.py` computes this page.
