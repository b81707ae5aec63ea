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

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# rin is the package of this checkout: pip install -e '.[study,book]' there
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import Markdown

from rin.curation.taxonomy import REGIONS, load_taxonomy
from rin.data.manifest import find_task, load_manifest
from rin.evidence import paper
from rin.report.banner import banner
from rin.report.figures import task_names
from rin.report.format import book_table, format_range
from rin.report.page import claim, picture
from rin.report.style import use_style
from rin.report.tables import image_table
from rin.study import open_reference

use_style()
run = open_reference("open")
facts = {task: run.facts.task(task) for task in run.tasks}
names = task_names(run.titles)
banner(run)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
database = {name: fact.value for name, fact in paper.DATABASE.items()}
corpora = run.facts.corpora
equal = {(len(corpus.counts), corpus.used) for corpus in corpora}
claim("both corpora have the same classes and size", equal == {(36, 11780)})
claim(
    "six tasks, five of them the paper's",
    len(run.tasks) == 6 and len({*run.tasks} & {*paper.COMPARISONS}) == 5,
)
smaller = database["images"] / corpora[0].used
claim("a hundred times smaller", 100 < smaller < 130)
Markdown(f"""
Mei and colleagues built RadImageNet, {database["images"] / 1e6:.2f} million
images of {database["patients"]:,} patients with {database["labels"]} labels,
trained four networks on it, and compared them with networks trained on
photographs in eight tasks {{cite:p}}`mei2022`. This book checks the published
numbers, compares them with those of others, and asks the same question on a
small scale: networks pretrained here on {corpora[0].used:,} radiologic images,
{smaller:.0f} times fewer, and on equally many photographs in equally many
classes, fine-tuned on five of the paper's eight tasks and on BUS-BRA.

The database is available on request; the weights are linked from the authors'
repository. One author is
managing partner of RadImageNet, which provided the images; no funding is
declared, and one author names a seed grant of Mount Sinai.
""")

# %% [markdown]
# ## Figure 1: four phases, and what was done here

# %% jupyter={"source_hidden": true} tags=["hide-input"]
records = pd.concat(map(run.records, run.tasks))
trained = [fact.split["train"] for fact in facts.values()]
pretrained = run.table("pretraining")
claim(
    "38 networks, two of them briefly",
    (len(pretrained), pretrained["init"].str.endswith("_brief").sum())
    == (38, 2),
)
claim(
    "four epochs of pretraining, three of fine-tuning",
    pretrained.loc[pretrained["epochs"] > 1, "epochs"].eq(4).all()
    and {*records["epochs"]} == {1, 3},
)
claim(
    "48 scenarios, 84 to 1,323 images",
    (records["scenario"].nunique(), min(trained), max(trained))
    == (48, 84, 1323),
)
theirs = {name: fact.value for name, fact in paper.SETTINGS.items()}
ours = run.facts.profile
sides = [of["size"] for of in (ours.fine_tuning, *ours.fine_tuning_of.values())]
phases = {
    "Curation": [
        f"{database['radiologists']} radiologists mark\n"
        f"key images, {'–'.join(map(str, database['years']))}",
        "public images with\npublished labels",
    ],
    "Database": [
        f"{database['images'] / 1e6:.2f} million images,\n"
        f"{database['labels']} labels",
        f"{corpora[0].used:,} images each,\n{len(corpora[0].counts)} classes",
    ],
    "Pretraining": [
        f"{len(paper.RELEASED_ACCURACY)} networks, random\n"
        f"start, {theirs['pretraining_image_size']} px",
        "36 networks of 8 back-\nbones, "
        f"{ours.pretraining['size']} px, 4 epochs",
    ],
    "Fine-tuning": [
        f"{theirs['scenarios']} scenarios, {len(paper.COMPARISONS)} tasks,\n"
        f"{theirs['image_size']} px, {theirs['epochs']} epochs",
        f"48 scenarios, {len(run.tasks)} tasks,\n"
        f"{format_range(sides)} px, 1 or 3 epochs",
    ],
}
_, ax = plt.subplots(figsize=(4.9, 4.2))
for (depth, side), text in np.ndenumerate([*phases.values()]):
    color = "#E3D7EF" if side else "#E4E4E4"
    ax.annotate(
        text, (side, depth - 0.7), (side, depth), ha="center", va="center",
        bbox={"boxstyle": "round,pad=0.5", "fc": color, "ec": "none"},
        arrowprops={"arrowstyle": "<-"} if depth else None,
    )  # fmt: skip
ax.set_yticks(range(4), phases, fontweight="bold")
ax.set_xticks([0, 1], ["The paper", "This book"], fontweight="bold")
ax.set(xlim=(-0.5, 1.5), ylim=(3.5, -0.75))
ax.tick_params(length=0, labeltop=True, labelbottom=False)
ax.spines[:].set_visible(False)
picture(
    ax,
    "Figure 1. The same four phases, with a hundredth of the images to "
    "pretrain on",
    "What the paper did, left, and what was done here, right. The "
    "first two phases cannot be repeated without the archive; the live pages "
    "do each phase on made-up or small open data.",
)

# %% [markdown]
# ## Figure 2: what the database holds

# %% jupyter={"source_hidden": true} tags=["hide-input"]
taxonomy = load_taxonomy()  # as the database spells its classes
titles = {
    name: f"{REGIONS[name]['title']}, {REGIONS[name]['modality']}"
    for name in REGIONS
}
classes = (
    taxonomy["region"].map(titles).value_counts(sort=False).rename("classes")
)
images = pd.Series(corpora[0].counts)
images = images.groupby(
    lambda name: name[:2].upper() + " " + name.split("_")[1], sort=False
).sum()
figure, (left, right) = plt.subplots(1, 2, figsize=(4.9, 4.2))
sns.barplot(x=classes.to_numpy(), y=classes.index, color="#8A8A8A", ax=left)
sns.barplot(x=images.to_numpy(), y=images.index, color="#6A3D9A", ax=right)
left.set(title="RadImageNet", xlabel="Classes", ylabel="")
right.set(title="Corpus here", xlabel="Images", ylabel="")
of_modality = taxonomy["modality"].value_counts()
claim(
    "3, 11, 165",
    (len(of_modality), len(REGIONS), len(taxonomy)) == (3, 11, 165),
)
claim(
    "MRI is the smaller part here",
    images.filter(regex="^MR").sum() < images.sum() / 2,
)
claim(
    "most classes are MRI's",
    of_modality.idxmax() == "MR" and of_modality["MR"] == 116,
)
picture(
    left,
    "Figure 2. Most classes of the database are of MRI; most images of the "
    "corpus here are not",
    "Left: 165 classes of RadImageNet in 11 regions of 3 modalities; counts of "
    "images by class are not public. Right: 11,780 images of the radiologic "
    "corpus of this book by modality and part.",
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
subset = taxonomy.query("kind == 'subset'").sort_values("images")
subset = subset.replace({"label": {"_": " "}}, regex=True)
least = subset.iloc[0]
most = subset.iloc[-1]
claim(
    "the largest class has hundreds of times the images of the smallest",
    most["images"] > 200 * least["images"],
)
Markdown(f"""
Of {len(taxonomy)} labels {of_modality["CT"]} are of CT, {of_modality["MR"]} of
MRI, {of_modality["US"]} of ultrasound. Images are counted in public only for an
open subset of its MRI (RadImageNet-VQA, arXiv 2512.17396): from
{least["images"]:,.0f} ({least["label"]}) to {most["images"]:,.0f}
({most["label"]}), so that top-1 accuracy mainly reflects the large classes.
""")

# %% [markdown]
# ### Table E1: all classes
#
# Labels are spelt and shortened as in the database.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
labels = taxonomy.groupby("region", sort=False)["label"].agg(", ".join)
labels = labels.replace({"_,": ",", "_": " "}, regex=True)
labels = labels.rename(index=titles).rename_axis("Region")
book_table(
    labels.reset_index(name="Classes"), "All classes of RadImageNet", prose=True
)

# %% [markdown]
# ## The images of the tasks

# %% jupyter={"source_hidden": true} tags=["hide-input"]
image_table(facts.values(), records, names, "Images of each task")

# %% [markdown]
# *The paper*: its images. *Substitute*: other images with the same question; *another cut*: the paper's own,
# cropped by others. All images used neither for training nor for validation are tested, up to a limit for chest images.
#
# ### Tables E3 and E4: classes of the eight datasets

# %% jupyter={"source_hidden": true} tags=["hide-input"]
of_classes = {}
for name in paper.COMPARISONS:
    manifest, of_task = find_task(name)
    sources = {
        "Authors": manifest.counts.authors,
        "Counted": manifest.counts.images,
    }
    groups = {count.group: count.images for count in paper.CLASS_COUNTS[name]}
    listed = pd.DataFrame(sources).rename(
        manifest.label_map | of_task.label_map
    )
    listed = listed.groupby(level=0).sum(min_count=1)
    listed["Here"] = pd.Series(
        facts[name].dataset.counts if name in facts else {}, dtype=float
    )
    stated = pd.Series(groups, name="Paper").drop("all", errors="ignore")
    of_classes[names[name]] = stated.to_frame().join(listed)
distribution = pd.concat(of_classes, names=["Task", "Class"])
book_table(
    distribution.map("{:,.0f}".format).replace("nan", "–").reset_index(),
    "Classes: small datasets (Table E3), then larger ones (Table E4)",
    prose=True,
    rows=distribution.reset_index(),
)

# %% [markdown]
# *Paper*: its Methods. *Authors*: those of the dataset. *Counted*: in the public files (of the knee, exams).
# *Here*: images used in this book, of a substitute where there is one. [Discrepancies](evidence/discrepancies) lists where two disagree.
#
# ## The two corpora

# %% jupyter={"source_hidden": true} tags=["hide-input"]
sources_here = pd.DataFrame(
    map(dict, load_manifest("corpus_radiologic").sources)
)
sources_here = sources_here[["name", "classes", "images"]].rename(
    columns=str.capitalize
)
book_table(
    sources_here.astype(str), "Sources of the radiologic corpus", prose=True
)

# %% [markdown]
# The photographic corpus has 36 classes of mini-ImageNet with the same numbers of images.
#
# ## Was any test image seen in pretraining?
#
# All images of the tasks were compared with both corpora, by the digest of their pixels and by difference
# hashes; as a control, reduced copies of 200 images of each task were searched for in the same way.

# %%
overlap = run.tables["corpus_overlap"]
columns = ["images", "equal", "near", "copies", "copies_found"]
least = overlap.groupby("task")[columns].min()
least.rename(columns=lambda name: name.replace("_", " "), index=names)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
claim("no image of a task is in a corpus", overlap[["near", "equal"]] == 0)
claim(
    "almost all copies are found",
    overlap["copies_found"] >= 0.9 * overlap["copies"],
)
searched = overlap.groupby("task")["images"].first().sum()
Markdown(f"""
None of {searched:,} images was found in either corpus; of 200 copies of each
task, {format_range(overlap["copies_found"])} were.
Hashes do not find another slice of the same patient, and no source publishes
identifiers that could be compared. For the released weights the question
remains open, as their training images are not public.
""")

# %% [markdown]
# ## Words
#
# **scenario**: a backbone with the layers that are trained and a learning rate; the paper has 24, this
# book 48.
#
# **initialisation, start**: the weights before fine-tuning: radiologic (blue) or photographic (orange)
# pretraining, or random numbers (grey).
#
# **pair**: one backbone, pretrained once on each corpus from the same seed.
#
# **difference**: radiologic minus photographic, in points of the area under the ROC curve (AUC): 0.80
# against 0.78 is 2 points. Numbers are rounded last: a difference may not be that of the rounded AUCs.
#
# **ahead, behind, within 5 points, too little learnt, not clear**: the five verdicts ([Methods](../methods) has
# the rules). “Not clear” does not mean equal.
#
# **these networks**: an interval over patients alone; it says nothing about another pretraining.
#
# **committed run**: the run `open`, whose predictions come with this book; **reference run**: any that is kept so.
#
# **fold**: one division of the patients of a task into training, validation and test.
#
# **diverged**: a network whose scores run away, or are all alike; *collapsed*: all alike.
#
# A line below the title of a page says where its numbers come from, and unfolds. Stand-in images are made
# up in the layout of real ones: they show that the pipeline works, and get no verdict.
#
# ## The paper's items, and their counterparts
#
# | in the paper | shows | in this book |
# |---|---|---|
# | Figure 1 | the four phases of the study | above |
# | Figure 2, Table E1 | modalities, regions, classes | above |
# | Figures 3 and 4 | AUCs of 24 scenarios, mean ROC curves | [All tasks](results/all_tasks) |
# | Results, AUCs | means, SDs, differences, P values | [All tasks](results/all_tasks) |
# | Figure 5 | activation maps and Dice scores | [Where the networks look](results/localisation) |
# | Figure E1, Table E2 | pretraining: curves, accuracies | [Pretraining](results/pretrainings) |
# | Tables E3, E4 | classes of the datasets | above |
# | Abstract, Key Points, Discussion | its claims, judged | [The published numbers, checked](evidence/audit) |
#
# The run can be [repeated](use/run_it) with the same files; of both corpora and of the thyroid crops no public
# address is known. `rin run notebooks/study.py` computes this page.
