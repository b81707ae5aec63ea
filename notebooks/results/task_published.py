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
# # Tasks with published results only
#
# *Answers* what is published on the tasks whose images were not used here, and how
# to get those images. *Needs* nothing. *Takes* five seconds:
# `rin run notebooks/results/task_published.py`.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import pandas as pd
from IPython.display import Markdown

from rin.data.manifest import find_task, load_manifest
from rin.evidence import paper
from rin.evidence.audit import published_intervals
from rin.evidence.replications import like_for_like
from rin.report.forest import forest
from rin.report.format import book_table, inline_title, listed
from rin.report.page import picture
from rin.report.style import use_style
from rin.study import open_runs

use_style()
runs = open_runs(profile, data_root=data_root, results=results)
# Where every task has results, all that is published is shown.
unused = [task for task in paper.COMPARISONS if task not in runs.tasks]
tasks = unused or list(paper.COMPARISONS)
titles = {task: find_task(task)[1].title for task in tasks}

# %%
published = pd.concat(
    published_intervals(paper.COMPARISONS[task]).assign(
        group=titles[task], label=["as printed", "from its SDs"]
    )
    for task in tasks
)
others = like_for_like()
others["task"] = others["task"].str.split("/")
others = others.explode("task").query("task in @tasks")
marks = others["scaling_missing"].map({True: " †", False: ""})
others = others.assign(
    group=others["task"].map(titles),
    kind="independent",
    label=others["label"] + marks,
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
inside = {task: inline_title(title) for task, title in titles.items()}
gaps = [paper.COMPARISONS[task].estimate for task in tasks]
compared = [inside[task] for task in tasks if task in set(others["task"])]
lacking = [name for name in inside.values() if name not in compared]
Markdown(f"""
{
    f"No images were used here for {listed(inside.values())}, hence no "
    "results are computed."
    if unused
    else "Every task of the paper has results in this book; this page shows "
    "what is published on them all."
}
On {"this task" if len(tasks) == 1 else "these tasks"} the paper reports
RadImageNet ahead by
{" to ".join(str(gap) for gap in sorted({min(gaps), max(gaps)}))} points of AUC.
Independent comparisons that state both AUCs were found for
{listed(compared) if compared else "none of them"}{
    f", but not for {listed(lacking)}" if compared and lacking else ""
}.
""")

# %%
axes = forest(
    pd.concat([published, others]),
    xlabel="RadImageNet − ImageNet, AUC points (95% CI)",
    ends=("ImageNet ahead", "RadImageNet ahead"),
    limits=(-35, 20),
)
picture(axes, "Published differences and those of independent studies")

# %% [markdown]
# The interval on the second line of each task is that of an unpaired t test on the
# printed standard deviations (SDs) of 24 AUCs
# ([The published numbers, checked](../evidence/audit)). Intervals of independent
# studies come from their SDs over folds; their knee images concern both knee tasks.
# † The study's code omits the official scaling by 1/255
# ([What independent studies found](../evidence/replications)).
#
# ## Images of these tasks

# %%
rows = []
for task in tasks:
    manifest, settings = find_task(task)
    for count in paper.CLASS_COUNTS[task]:
        where = f"paper, {count.place.split(', ')[0]}"
        rows.append((titles[task], count.group, f"{count.images:,}", where))
    counts = manifest.for_task(settings).counts
    for place, classes in (
        ("the dataset's authors", counts.authors),
        ("the files", counts.images),
    ):
        for name, n in classes.items():
            rows.append((titles[task], name, f"{n:,} {counts.unit}s", place))
columns = ["Task", "Class", "Count", "As stated by"]
stated = pd.DataFrame(rows, columns=columns)
stated["Task"] = stated["Task"].mask(stated["Task"].duplicated(), "")
book_table(stated, "Images of each class, as stated and as counted", prose=True)

# %% [markdown]
# ## Where to get them

# %%
places = {}
for task in tasks:
    manifest, settings = find_task(task)
    for dataset in [manifest, *map(load_manifest, settings.substitutes)]:
        places[dataset.title] = (
            dataset.locations[0],
            dataset.home,
            dataset.access,
        )
table = pd.DataFrame(places.values(), columns=["Folder", "Home", "Access"])
table.insert(0, "Dataset", list(places))
book_table(table, "Datasets, and their folders under DATA_ROOT", prose=True)

# %% [markdown]
# With these images and the released weights in a folder,
# `make study DATA_ROOT=FOLDER PROFILE=paper` trains everything on a GPU; `make book`
# with the same settings then builds a page of results for each task.
