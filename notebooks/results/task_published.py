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
# # Tasks with published results only
#
# *Answers* what is published on the tasks whose images were not used here, and how
# to get them. *Needs* nothing. *Takes* five seconds:
# `rin run notebooks/results/task_published.py`.

# %% tags=["parameters", "remove-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
import pandas as pd
from IPython.display import Markdown

from rin.data.manifest import find_task, load_manifest
from rin.evidence import paper
from rin.evidence.audit import published_intervals
from rin.evidence.replications import like_for_like
from rin.report.forest import forest
from rin.report.format import book_table, listed
from rin.report.page import picture
from rin.report.style import use_style
from rin.study import open_runs

use_style()
runs = open_runs(profile, data_root=data_root, results=results)
# Where every task has results, all that is published is shown.
tasks = [task for task in paper.COMPARISONS if task not in runs.tasks]
tasks = tasks or list(paper.COMPARISONS)
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

# %% tags=["hide-input"]
gaps = [paper.COMPARISONS[task].estimate for task in tasks]
without = [titles[task] for task in tasks if task not in set(others["task"])]
Markdown(f"""
No images of these tasks were used, so nothing is computed for them here:
{listed(titles.values())}. The paper puts RadImageNet ahead by {min(gaps)} to
{max(gaps)} points of AUC. Independent comparisons that state both AUCs:
{others["label"].nunique()}; none was found on {listed(without)}.
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
# The second line of each task takes the interval from the printed standard
# deviations (SDs) of 24 AUCs by an unpaired t test ([The published numbers, checked](../evidence/audit)).
# Intervals of independent studies come from their SDs over folds; their knee
# images are of both knee tasks at once. † The study's code omits the official
# scaling by 1/255 ([What independent studies found](../evidence/replications)).
#
# ## Their images

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
# ## Get them

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
book_table(table, "What can be put into a folder of one's own", prose=True)

# %% [markdown]
# With the images in a folder, `make study DATA_ROOT=FOLDER PROFILE=paper` runs
# everything on a GPU, and `make book` with the same makes a page of results for
# each task.
