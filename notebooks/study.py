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
# # The study, and how to read this book
#
# *Answers* what the paper did, what was done here in its place, on which images,
# and what the words of this book mean. *Needs* nothing. *Takes* ten seconds:
# `rin run notebooks/study.py`.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import pandas as pd
import seaborn as sns
from IPython.display import Markdown

from rin.curation.taxonomy import MODALITIES, REGIONS, load_taxonomy
from rin.data.manifest import find_task, load_manifest
from rin.errors import counted
from rin.evidence import paper
from rin.report import words
from rin.report.banner import banner, image_kind
from rin.report.format import book_table
from rin.report.page import claim, picture
from rin.report.style import KIND_STYLE, use_style
from rin.study import open_reference, open_runs

use_style()
book = open_runs(profile, data_root=data_root, results=results)
runs = book.foremost  # one's own run where it is real, else the book's
banner(runs)

# %%
database = {name: fact.value for name, fact in paper.DATABASE.items()}
settings = {name: fact.value for name, fact in paper.SETTINGS.items()}
plan, corpora = runs.study.profile, runs.corpora()
facts = {task: runs.facts(task) for task in runs.tasks}
train = {task: row.split["train"] for task, row in facts.items()}
records = pd.concat(runs.records(task) for task in facts)
epochs = records.groupby("task")["epochs"].max()
sizes = [row.size for row in facts.values()]

# %% jupyter={"source_hidden": true} tags=["hide-input"]
question = words.question_asked(runs.inits, corpora)
Markdown(f"""
Mei and colleagues built a database of {database["images"] / 1e6:.2f} million
images of {database["patients"]:,} patients, trained four networks on it, and
compared them with networks trained on photographs in
{len(paper.COMPARISONS)} tasks {{cite:p}}`mei2022`. The database is available on
request only. This book checks the published numbers, compares them with what
others found, and asks the same question of {question}. The results shown here
are of {words.tasks_covered(runs.tasks)}.

One of the paper's authors is managing partner of RadImageNet, which provided
the images. The authors declared no funding for the work; one of them names a
seed fund of Mount Sinai.
""")

# %% [markdown]
# ## Four phases: the paper's Figure 1, and what was done here

# %% jupyter={"source_hidden": true} tags=["hide-input"]
phases = {
    "Annotation": (
        f"{database['radiologists']} radiologists label key images",
        "labels as published with the images",
    ),
    "Database": (
        f"{database['images']:,} images, {database['labels']} labels",
        words.corpora_here(len(corpora)),
    ),
    "Pretraining": (
        f"{len(paper.RELEASED_ACCURACY)} networks from random weights, 224 px",
        words.pretraining_here(len(runs.pretraining()), plan.pretraining),
    ),
    "Fine-tuning": (
        f"{settings['scenarios']} scenarios, {settings['image_size']} px,"
        f" {settings['epochs']} epochs",
        counted(records["scenario"].nunique(), "scenarios")
        + f", {words.range_of(sizes)} px, epochs: {words.range_of(epochs)},"
        f" on {words.range_of(train.values())} images",
    ),
}
phases = pd.DataFrame(phases, index=["The paper", "This book"]).T
book_table(phases.rename_axis(index="Phase").reset_index(), "", prose=True)

# %% [markdown]
# The first two phases cannot be repeated without the archive.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(
    words.architectures([*records["backbone"].unique()])
    + " "
    + words.phases_differ(runs.inits, corpora)
)

# %% [markdown]
# ## What is real, and what is not
#
# A page that shows runs opens with a line that says where its numbers come from; it
# unfolds to datasets, weights, dates and computers.
#
# | the line says | it means |
# |---|---|
# | **Real images** | images of the named dataset, checked against its manifest |
# | … *open substitute for* …, or *another cut* | real images of another dataset, or another cut of it, with the same question and labels |
# | **Stand-in images** | images made up in the layout of the real ones; the numbers show that the pipeline works |
#
# The default book shows the **reference run**: per-case predictions of a run on
# real images, kept with the book as numbers. Put the images of a task in the data
# folder and the same pages show your own run of it; the cover and this page then
# speak of that run alone, and name the reference run where they mean it. Stand-ins
# appear only in the part *How it is done, live*, in *A task of your own*, and in
# profiles that ask for them. Results of stand-in images or weights carry no verdict.
#
# Sentences with numbers are computed. The numbers of the paper come from
# `rin.evidence.paper`, which names the place of each. Where a sentence interprets
# numbers, an assertion guards it: the book does not build when the sentence is no
# longer true.
#
# ## Words
#
# **patient, case**: A person, and one image of that person with its label. Where the files name
# patients, all images of a patient are on one side of a split; where they do not (†),
# every image counts as a patient.
#
# **task, fold**: A question with two answers about the cases of one dataset, and one division of
# its patients into training, validation and test.
#
# **initialisation**: Where a network's weights come from before fine-tuning: radiologic (blue) or
# photographic (orange) pretraining, or random numbers (grey).
#
# **pretraining**: One training of one architecture on one corpus. Two pretrainings of the same
# kind differ in their seed: random weights, order of the images, split. Pretrainings of
# several backbones may share a seed; the headline allows for that.
#
# **scenario, unfreezing**: A scenario is a combination of architecture, trained layers and learning
# rate; there are 24. Unfreezing is the choice of layers (all, the last ten, the head alone), with
# eight scenarios each.
#
# **difference**: Radiologic minus photographic, in points of the area under the ROC curve (AUC):
# 0.80 against 0.78 is a difference of 2 points.
#
# **ahead**: Used only where P, adjusted by Holm's method, is below .05: of a *pretraining* with
# the pretraining as the unit, of *networks* with the patients as a sample. Otherwise
# there is *no clear difference*, which does not mean that the two are equal; a
# difference is *excluded* where two one-sided tests, adjusted in the same way, show that
# it is smaller; the paper's own where it lies outside the 95% interval. On an axis the
# word names a direction.
#
# **reference runs**: Two are kept with the book. *open*, “this book”, gives the main results. *first*,
# “the earlier run”, gives the side studies: its corpora had 26 classes, without
# ultrasound, and the inputs of each source were prepared as its released
# counterpart wants them.
#
# **these networks, new patients**: An interval that takes only the patients as a sample. It says
# nothing about another pretraining.
#
# **exploratory**: Based on one backbone, or on intervals over patients alone: an estimate without a
# verdict.
#
# ## What the database holds: the paper's Figure 2

# %%
taxonomy = load_taxonomy()  # 165 classes as the database spells them
regions = pd.DataFrame([vars(region) for region in REGIONS.values()])
regions["Classes"] = regions["name"].map(taxonomy.groupby("region").size())
regions["Images in the open subset"] = regions["subset_images"]
regions["Region"] = (
    regions["modality"].map(MODALITIES) + ", " + regions["title"].str.lower()
)
rows = regions.melt("Region", ["Classes", "Images in the open subset"])
grid = sns.catplot(
    rows.dropna(),
    kind="bar",
    x="value",
    y="Region",
    col="variable",
    color=KIND_STYLE["published"].color,
    **{"sharex": False, "height": 3.8, "aspect": 0.9},
)
for ax in grid.axes.flat:
    ax.bar_label(ax.containers[0], fmt="{:,.0f}", padding=3, fontsize=9)
    ax.set(xlabel="", xticks=[])
    ax.margins(x=0.2)
grid.set_titles("{col_name}").set_axis_labels("", "")
picture(grid.axes, "Classes of each region, and images of seven regions of MRI")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
subset = taxonomy[taxonomy["kind"] == "subset"].sort_values("images")
subset = subset.replace({"label": {"_": " "}}, regex=True)
least, most = subset.iloc[0], subset.iloc[-1]
Markdown(f"""
{len(taxonomy)} labels in {len(regions)} regions, as the paper says;
{(taxonomy["modality"] == "MR").sum()} are of MRI, and
{(taxonomy["label"] == "normal").sum()} are called normal. The paper shows the
number of images of each region in a figure and a supplementary table. Counts
are public only for an open subset of its MRI (RadImageNet-VQA, arXiv
2512.17396); they are lower bounds. Classes that can be counted there have
{least["images"]:,.0f} ({least["label"]}) to {most["images"]:,.0f}
({most["label"]}) images, so top-1 accuracy mainly reflects the large classes.
""")

# %% jupyter={"outputs_hidden": true} tags=["hide-output"]
labels = taxonomy.groupby("region", sort=False)["label"].agg(", ".join)
labels = labels.str.replace("_", " ").rename_axis("Region").reset_index()
labels["Region"] = labels["Region"].map(regions.set_index("name")["Region"])
book_table(labels, "Table E1: all classes", prose=True)

# %% [markdown]
# ## The data of the tasks

# %%
lines = []
for task in dict.fromkeys([*paper.COMPARISONS, *facts]):
    manifest, of_task = find_task(task)
    stated = {row.group: row for row in paper.CLASS_COUNTS.get(task, ())}
    images = facts[task].dataset if task in facts else None
    lines.append(
        {
            "Task": of_task.title,
            "Paper": f"{stated['all'].images:,}" if stated else "–",
            "Used here": f"{images.used:,}" if images else "–",
            "Trained on": f"{train[task]:,}" if images else "–",
            "Tested on": f"{facts[task].split['test']:,}" if images else "–",
            "Images are": image_kind(facts[task]) if images else "–",
        }
    )
book_table(pd.DataFrame(lines), "Images of each task", prose=True)

# %% [markdown]
# Substitutes show patients other than the paper's; another cut shows the paper's own
# images, cropped by others. Test sets contain all images used neither
# for training nor for validation, up to a limit for chest images. The paper's own
# counts contradict each other in places
# ([Discrepancies, and what readers asked](evidence/discrepancies));
# [Run it: images, GPU, cluster](use/run_it) says how to get each dataset.
#
# ## The two corpora of the reference run

# %% jupyter={"outputs_hidden": true} tags=["hide-output"]
radiologic = load_manifest("corpus_radiologic")
columns = ["name", "citation", "classes", "images"]
parts = pd.DataFrame(map(dict, radiologic.sources), columns=columns)
parts["images"] = parts["images"].map("{:,}".format)
parts = parts.rename(columns=str.capitalize).astype(str)
book_table(parts, "Sources of the radiologic corpus", prose=True)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
reference = open_reference().reference.facts
held = " or on ".join(
    f"{row.title.partition(', ')[2]} ({row.used:,} images)"
    for row in reference.corpora
)
modality = [find_task(task.name)[0].modality for task in reference.tasks]
Markdown(f"""
The networks of the reference run were pretrained on {held}. Both corpora have
the same number of classes, of the same sizes.
{words.ultrasound_seen(reference.corpora[0].title)};
{counted(modality.count("US"), "of its tasks are")} on ultrasound images.
""")

# %% [markdown]
# ## Was any test image seen in pretraining?
#
# All images of the tasks of the reference run were compared with all images of both
# its corpora, by the digest of their pixels and by difference hashes of 256 bits. As a positive
# control, reduced copies of 200 images of each task were searched for in the same
# way.

# %%
overlap = open_reference().reference.tables["corpus_overlap"]
by_task = overlap.groupby("task", sort=False)
SAID = {True: "yes", False: "no"}
table = pd.DataFrame(
    {
        "Modality in the corpus": by_task["in_corpus"].max().map(SAID),
        "Images": by_task["images"].first().map("{:,}".format),
        "Found": by_task["near"].sum() + by_task["equal"].sum(),
        "Nearest, bits": by_task["nearest"].min(),
        "Copies found": by_task["copies_found"].min(),
        "of": by_task["copies"].first(),
    }
)
table.index = [find_task(task)[1].title for task in table.index]
claim("no image of a task is in a corpus", int(table["Found"].sum()) == 0)
book_table(table, "Images of the tasks in the corpora", prose=True)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(f"""
None of {by_task["images"].first().sum():,} images was found in either corpus;
the nearest image of a corpus is {overlap["nearest"].min()} bits away. Of
{overlap["copies"].max()} reduced copies of a task,
{overlap["copies_found"].min()} to {overlap["copies_found"].max()} were found,
so a few copies may have been missed. Hashes do not find another slice of the
same patient, and no source publishes identifiers that could be compared. For
the released RadImageNet weights the question remains open: their training
images are not public.
""")

# %% [markdown]
# ## The reference run
#
# Its statistics are computed from its predictions whenever the book is built.

# %%
work = pd.DataFrame({name: vars(row) for name, row in reference.work.items()}).T
work["hours"] = (work["seconds"] / 3600).round(1)
added = [
    reference.hardware,
    *(addition.hardware for addition in reference.added),
]
computers = "; ".join(dict.fromkeys(hardware.text for hardware in added))
work[["runs", "hours"]].astype({"runs": int})

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(f"""
Its runs took {work["hours"].sum():.0f} hours, added up over processes that went
side by side ({computers}). To repeat it, put the datasets into one folder and
run
`rin study --profile open --data-root FOLDER`, then
`rin reference write open --data-root FOLDER`.
""")
