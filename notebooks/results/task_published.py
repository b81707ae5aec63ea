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
# # One task, as published

# %% tags=["parameters", "remove-input"]
task: str = "thyroid"  # name of a task of data_manifests/
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
import pandas as pd
from IPython.display import Markdown, display

from rin.data.manifest import find_task, load_manifest
from rin.evidence import paper
from rin.evidence.audit import TaskAudit
from rin.evidence.replications import REPLICATIONS, like_for_like
from rin.report.forest import forest
from rin.report.format import book_table, format_interval, format_mean_sd
from rin.report.page import glue_values, picture
from rin.report.style import use_style

use_style()
manifest, asked = find_task(task)
stated = paper.COMPARISONS[task]
audit = TaskAudit(stated)
independent = [one for one in REPLICATIONS if task in one.tasks]
glue_values(
    auc_a=stated.auc_radimagenet,
    auc_b=stated.auc_imagenet,
    difference=f"{stated.difference:+.1f} {format_interval(stated.ci_low, stated.ci_high, 1)}",
    implied=f"{audit.implied_half_width:.1f}",
    p_text=stated.p_text,
    n_independent=len(independent),
    n_studies=len({one.study for one in independent}),
    n_ahead=sum(one.direction == "RadImageNet" for one in independent),
    licence=manifest.licence,
)

# %% [markdown]
# No images of this task are at hand, so nothing is computed for it here. The paper reports a mean
# AUC of {glue:text}`auc_a:.2f` with RadImageNet and {glue:text}`auc_b:.2f` with ImageNet weights, a
# difference of {glue:text}`difference` AUC points (95% CI; {glue:text}`p_text`). Independent
# comparisons of the two kinds of weights on such images: {glue:text}`n_independent`, of
# {glue:text}`n_studies` studies; RadImageNet was ahead in {glue:text}`n_ahead`.

# %%
published = audit.intervals().assign(
    group="The paper", label=["as printed", "from its SDs"]
)
others = like_for_like()
others = others[[task in one.split("/") for one in others["task"]]]
marks = others["scaling_missing"].map({True: " †", False: ""})
others = others.assign(
    group="Independent studies",
    kind="independent",
    label=others["label"] + marks,
)
axes = forest(
    pd.concat([published, others]),
    xlabel="RadImageNet − ImageNet, AUC points (95% CI)",
    ends=("ImageNet ahead", "RadImageNet ahead"),
    width=8.4,
    legend=False,
)
picture(
    axes,
    "Forest plot of the published difference and of those of independent studies",
)

# %% [markdown]
# The second line takes the interval from the printed standard deviations of 24 AUCs each, by an
# unpaired t test: ± {glue:text}`implied` points. Intervals of independent studies come from their
# standard deviations over folds; a mark without an interval is a study that states none. † The
# study's code omits the official scaling of RadImageNet inputs by 1/255.
# [](../evidence/audit) checks the published numbers, [](../evidence/replications) lists all
# independent studies.


# %%
def score(mean: float | None, sd: float | None) -> str:
    """Return a score as its study prints it."""
    digits = 3 if mean is not None and mean < 1 else 1
    return (
        "–"
        if mean is None
        else format_mean_sd(mean, sd or float("nan"), digits)
    )


table = pd.DataFrame(
    {
        "Study": one.study,
        "RadImageNet": score(one.radimagenet, one.radimagenet_sd),
        "ImageNet": score(one.imagenet, one.imagenet_sd),
        "Score": one.metric,
        "Network": f"{one.network}, {one.setting}".removesuffix(", "),
        "Remark": "scaling by 1/255 missing" if one.scaling_missing else "",
    }
    for one in independent
)
if independent:
    display(
        book_table(table, "Independent comparisons on such images", prose=True)
    )

# %% [markdown]
# ## Its images

# %%
counts = manifest.for_task(asked).counts
stated_counts = [
    {
        "Class": one.group,
        "Images": f"{one.images:,}",
        "Stated in": f"paper, {one.place.split(', ')[0]}",
    }
    for one in paper.CLASS_COUNTS[task]
]
for source, found in (
    ("the authors", counts.authors),
    ("the files", counts.images),
):
    stated_counts += [
        {"Class": name, "Images": f"{n:,} {counts.unit}s", "Stated in": source}
        for name, n in found.items()
    ]
book_table(
    pd.DataFrame(stated_counts),
    "Images of each class, as stated and as counted",
    prose=True,
)

# %% tags=["hide-input"]
known = [f"- {one.kind.capitalize()}: {one.text}" for one in manifest.findings]
Markdown("\n".join(["What is known of the published files:", "", *known]))

# %% [markdown]
# ## Get them
#
# The licence of the paper's images: {glue:text}`licence`. What can be placed, by its name below a
# folder of one's own, and where it comes from:

# %% tags=["hide-input"]
places = [manifest, *(load_manifest(name) for name in asked.substitutes)]
Markdown(
    "\n".join(
        f"- {one.title}: `{one.locations[0]}`, <{one.home}> ({one.access})"
        for one in places
    )
)

# %% [markdown]
# With the images in place, build the book: `make book DATA_ROOT=FOLDER
# PROFILE=paper` runs all that is there on a GPU, `PROFILE=open` a small version on two cores. This
# page then shows that run, as the pages of the other tasks do.
#
# ## Run this page
#
# `rin run notebooks/results/task_published.py -p task=thyroid`, or by plain tools: `jupytext --to
# ipynb notebooks/results/task_published.py`, then `papermill` on the notebook that this writes. It
# takes a few seconds.
