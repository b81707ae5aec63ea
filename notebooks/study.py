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
# # The study and its data

# %% tags=["parameters", "remove-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import pandas as pd

from rin.curation.taxonomy import MODALITIES, REGIONS, load_taxonomy
from rin.data.manifest import find_task, load_manifest
from rin.evidence import paper
from rin.report.banner import banner
from rin.report.format import book_table
from rin.report.page import claim, glue_values, picture
from rin.report.style import INIT_STYLE, KIND_STYLE, use_style
from rin.study import open_reference, open_runs

use_style()
runs = open_runs(profile, data_root=data_root, results=results)
banner(runs, runs.tasks)

# %% [markdown]
# The authors built a database of {glue:text}`images` radiologic images of {glue:text}`patients`
# patients, trained four networks on it, and compared them with networks trained on photographs in
# {glue:text}`n_paper_tasks` tasks. The database is given out on request only. This book therefore
# asks the same question of two smaller corpora of equal size, one radiologic and one photographic,
# and answers it for {glue:text}`n_tasks` of the {glue:text}`n_paper_tasks` tasks and
# for {glue:text}`n_others` more. Released RadImageNet weights among those compared:
# {glue:text}`released`.
#
# ## Figure 1: four phases, and what stands here in their place

# %% tags=["hide-input"]
database = {name: fact.value for name, fact in paper.DATABASE.items()}
setting = {name: fact.value for name, fact in paper.SETTINGS.items()}
# What the results of this book were made with: the reference run, or the profile itself.
shown = (open_reference() if runs.is_reference else runs).study.profile
tuned = [shown.tuning(task) for task in runs.tasks if task in shown.tasks]
sizes = " or ".join(
    f"{one} × {one} px" for one in sorted({one.size for one in tuned})
)
own = shown.pretraining

paper_side = [
    f"{database['radiologists']} radiologists label\nthe key images they chose",
    f"{database['images'] / 1e6:.2f} million images,\n{database['labels']} labels",
    f"{len(paper.RELEASED_ACCURACY)} networks, random weights,\n224 × 224 px",
    f"RadImageNet or ImageNet,\n{len(paper.COMPARISONS)} tasks, {setting['scenarios']} scenarios,\n"
    f"{setting['image_size']} × {setting['image_size']} px, {setting['epochs']} epochs",
]
our_side = [
    "nothing is labelled: labels\nas published with the images",
    (
        f"{len(own.corpora)} corpora,\n"
        + (f"about {own.cases:,} images each" if own.cases else "whole")
    )
    if own
    else "no database is built",
    f"{len(shown.backbones)} networks, random weights,\n{own.size} × {own.size} px, "
    f"{own.epochs} epochs"
    if own
    else "released weights are loaded",
    f"{' or '.join(runs.inits)},\n{len(runs.tasks)} tasks, {6 * len(shown.backbones)} scenarios,\n"
    f"{sizes}, {max(one.epochs for one in tuned)} epochs",
]
names = ["Annotation", "Database", "Pretraining", "Comparison"]

figure, ax = plt.subplots(figsize=(7.2, 5.4))
ax.set(xlim=(0, 2), ylim=(-3.65, 0.8))
ax.set_axis_off()
columns = {
    "The paper": ("#767676", paper_side),
    "This book": (INIT_STYLE["radiologic"].color, our_side),
}
look = {"ha": "center", "fontsize": 12}
for x, (heading, (color, texts)) in enumerate(columns.items()):
    box = {
        "boxstyle": "round,pad=0.5",
        "facecolor": "white",
        "edgecolor": color,
        "linewidth": 1.8,
    }
    ax.text(x + 0.5, 0.7, heading, ha="center", fontsize=14, fontweight="bold")
    for row, text in enumerate(texts):
        ax.text(
            x + 0.5,
            0.2 - row,
            text,
            va="top",
            linespacing=1.4,
            bbox=box,
            **look,
        )
for row, name in enumerate(names):
    ax.text(1, 0.38 - row, f"{row + 1}  {name}", fontweight="bold", **look)
picture(
    figure,
    "Four phases of the study; on the left what the paper did, on the right this book",
)

# %% [markdown]
# The first two phases cannot be repeated without the archive, so they are replaced. Everything
# after that is done as described: the same four architectures, the same three ways of unfreezing,
# the same learning rates. Images are smaller and trainings shorter.
#
# ## Figure 2: what the database holds

# %%
taxonomy = load_taxonomy()  # 165 classes as the database spells them
regions = pd.DataFrame([vars(region) for region in REGIONS.values()])
regions["classes"] = regions["name"].map(taxonomy.groupby("region").size())
regions["label"] = (
    regions["modality"].map(MODALITIES) + ", " + regions["title"].str.lower()
)
known = regions.dropna(subset="subset_images")

# %%
figure, axes = plt.subplots(
    2, 1, figsize=(7.2, 6.6), height_ratios=[len(regions), len(known) + 1]
)
for ax, rows, column, xlabel in (
    (axes[0], regions, "classes", "Classes"),
    (axes[1], known, "subset_images", "Images in the open subset"),
):
    marks = ax.barh(
        rows["label"],
        rows[column],
        height=0.7,
        color=KIND_STYLE["published"].color,
    )
    ax.bar_label(marks, fmt="{:,.0f}", padding=4, fontsize=9.5)
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.set(xlabel=xlabel, xlim=(0, 1.16 * rows[column].max()))
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x")
    ax.invert_yaxis()
axes[1].set_xticks(range(0, 200_000, 50_000))
picture(
    figure,
    "Bars: classes in each of 11 regions, and images in 7 regions of MRI",
)

# %% tags=["hide-input"]
sized = taxonomy[taxonomy["kind"] == "subset"].sort_values("images")
glue_values(
    released="yes" if "radimagenet" in shown.inits else "none yet",
    images=f"{database['images'] / 1e6:.2f} million",
    patients=f"{database['patients']:,}",
    n_paper_tasks=len(paper.COMPARISONS),
    n_tasks=len(set(runs.tasks) & set(paper.COMPARISONS)),
    n_others=len(set(runs.tasks) - set(paper.COMPARISONS)),
    n_labels=len(taxonomy),
    n_regions=len(regions),
    n_mri=int((taxonomy["modality"] == "MR").sum()),
    n_normal=int((taxonomy["label"] == "normal").sum()),
    subset=f"{int(known['subset_images'].sum()):,}",
    smallest=f"{sized['label'].iloc[0]} ({sized['images'].iloc[0]:,} images)",
    largest=f"{sized['label'].iloc[-1]} ({sized['images'].iloc[-1]:,})",
)

# %% [markdown]
# {glue:text}`n_labels` labels in {glue:text}`n_regions` regions, as the paper says;
# {glue:text}`n_mri` are of MRI, and {glue:text}`n_normal` are called normal. The paper prints the
# images of each region in its Figure 2 only, which no text at hand gives. Public are the counts of
# an open subset (RadImageNet-VQA, arXiv 2512.17396): {glue:text}`subset` MRI images, a lower bound
# of the whole. Where a class can be counted in it, sizes run from {glue:text}`smallest` to
# {glue:text}`largest`: top-1 accuracy is mostly that of a few large classes.

# %% tags=["hide-output"]
listed = taxonomy.groupby("region", sort=False)["label"].agg(", ".join)
listed.index = [
    f"{MODALITIES[REGIONS[name].modality]}, {REGIONS[name].title.lower()}"
    for name in listed.index
]
book_table(
    listed.str.replace("_", " ").to_frame("Classes"),
    "Table E1: all classes",
    prose=True,
)

# %% [markdown]
# ## The data of the eight tasks

# %%
rows = []
for task, published in paper.COMPARISONS.items():
    manifest, settings = find_task(task)
    label = manifest.label_map | settings.label_map
    stated = {one.group: one.images for one in paper.CLASS_COUNTS[task]}
    counted = manifest.counts.images if manifest.counts.unit == "image" else {}
    positive = sum(
        n
        for name, n in counted.items()
        if label.get(name) == settings.positive_class
    )
    facts = runs.facts(task) if task in runs.tasks else None
    rows.append(
        {
            "Task": published.title,
            "Shown here": "–"
            if facts is None
            else f"{facts.dataset.used:,} of {facts.dataset.available:,}",
            "Images are": "–" if facts is None else runs.kind(task),
            "Paper": f"{stated['all']:,} ({stated[settings.positive_class]:,})",
            "Files": f"{sum(counted.values()):,} ({positive:,})"
            if counted
            else "–",
        }
    )
book_table(
    pd.DataFrame(rows),
    "Images used here; images (positive ones) as the paper states them and in the files",
    prose=True,
)

# %% tags=["hide-input"]
totals = {
    one.title: (
        sum(
            count.images
            for count in paper.CLASS_COUNTS[task]
            if count.group != "all"
        ),
        {
            count.images
            for count in paper.CLASS_COUNTS[task]
            if count.group == "all"
        },
    )
    for task, one in paper.COMPARISONS.items()
}
unequal = [
    name for name, (classes, stated) in totals.items() if stated != {classes}
]
glue_values(n_unequal=len(unequal), unequal="; ".join(unequal))

# %% [markdown]
# For {glue:text}`n_unequal` tasks the paper's class sizes do not add up to every total that it
# states: {glue:text}`unequal`. A dash under *Files* marks images that are not public, or files
# that count exams. A *substitute* is an open dataset with the same question, of other patients: it
# bears on the question, not on the published number. [The page on data](use/data_status) says how
# to get each dataset, and each task's page shows its classes and split.
#
# ## The two corpora
#
# The photographic corpus is 26 classes of mini-ImageNet. The radiologic one has as many classes of
# the same sizes, from six public datasets; none of its images is of ultrasound.

# %%
radiologic = load_manifest("corpus_radiologic")
parts = pd.DataFrame([source.model_dump() for source in radiologic.sources])
parts["images"] = parts["images"].map("{:,}".format)
parts.columns = ["Source", "Origin", "Classes", "Images"]
parts = parts[["Source", "Images", "Classes", "Origin"]]
book_table(
    parts,
    "Radiologic corpus: at most 400 images a class, 64 × 64 px, grey",
    prose=True,
)

# %% [markdown]
# ## Was any test image seen in pretraining?
#
# All images of the tasks with a real run, not only the test cases, were compared with all
# images of both corpora: by the digest of their pixels, and by difference hashes of 256 bits. As a
# positive control, 200 images of each task were reduced to the corpus' 64 × 64 pixels and compared
# with themselves.

# %%
overlap = open_reference().reference.tables["corpus_overlap"]
nearest = overlap.pivot(
    index="task", columns="corpus", values="nearest"
).reindex(overlap["task"].unique())
by_task = overlap.groupby("task", sort=False)
table = pd.DataFrame(
    {
        "Found": by_task["near"].sum() + by_task["equal"].sum(),
        "Nearest radiologic": nearest["corpus_radiologic"],
        "Nearest photograph": nearest["corpus_photographic"],
        "Farthest reduced copy": by_task["farthest_copy"].max(),
        "Images": by_task["images"].first().map("{:,}".format),
    }
)
table.index = [find_task(task)[1].title for task in table.index]
book_table(
    table,
    "Images of the tasks in the corpora; distances in bits of 256",
    prose=True,
)

# %% tags=["hide-input"]
claim(
    "no image of a task stands in a corpus",
    bool((overlap[["equal", "near"]] == 0).all().all()),
)
claim(
    "copies lie nearer than any corpus image",
    overlap["farthest_copy"].max() < overlap["nearest"].min(),
)
glue_values(
    n_compared=int(overlap.groupby("task")["images"].first().sum()),
    farthest_copy=int(overlap["farthest_copy"].max()),
    nearest=int(overlap["nearest"].min()),
)

# %% [markdown]
# None of {glue:text}`n_compared:,` images was found in either corpus. Reduced copies lie within
# {glue:text}`farthest_copy` bits of their originals, so a copy would have been recognised; the
# nearest image of a corpus is {glue:text}`nearest` bits away: two chest radiographs, by eye of
# different persons. Hashes do not find another slice of the same patient, and no source publishes
# identifiers that could be compared.
#
# For the released RadImageNet weights the same question stays open: their training images are not
# public.
#
# ## Run this page
#
# ```console
# rin run notebooks/study.py -p profile=demo
# jupytext --to ipynb notebooks/study.py
# papermill notebooks/study.ipynb study_out.ipynb -p profile demo
# ```
#
# It takes seconds and reads no image of the tasks. The last table is made anew, from the images
# themselves, by `corpus_overlap` of `rin.study.corpora` when a reference run is written.
