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
from IPython.display import Markdown

from rin.evidence import paper
from rin.report import study_tables
from rin.report.banner import banner
from rin.report.page import claim
from rin.study import open_runs

book = open_runs(profile, data_root=data_root, results=results)
runs = book.foremost  # one's own run where it is real, else the book's
banner(runs)

# %%
facts = {task: runs.facts(task) for task in runs.tasks}
records = pd.concat(runs.records(task) for task in facts)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(study_tables.what_was_asked(runs))

# %% [markdown]
# One of the paper's authors is managing partner of RadImageNet, which provided
# the images. The authors declared no funding for the work; one of them names a
# seed fund of Mount Sinai.

# %% [markdown]
# ## The paper's items, and their counterparts

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(study_tables.mirror("study"))

# %% [markdown]
# ## Figure 1: four phases, and what was done here

# %%
study_tables.phases_table(runs, records)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(study_tables.phases_differ(runs, records))

# %% [markdown]
# ## What is real, and what is not
#
# A page that shows runs opens with a line that says where its numbers come from; it
# unfolds to datasets, weights, dates and computers.
#
# | the line says | it means |
# |---|---|
# | **Real images** | images of the named dataset, checked against its manifest |
# | … *open substitute for* …, or *another cut* | real images of other patients, or the paper's own cropped by others, with the same question and labels |
# | **Stand-in images** | images made up in the layout of the real ones; the numbers show that the pipeline works |
#
# The default book shows the **reference run**, called *open* in banners and “this
# book” in figures: per-case predictions of a run on real images, kept with the book
# as numbers. Put the images of a task in the data folder and the same pages show
# your own run of it. Stand-ins appear only in *How it is done, live*, in *A task of
# your own*, and in profiles that ask for them; they carry no verdict.
#
# Sentences with numbers are computed; `rin.evidence.paper` names the place of each number of the
# paper. The book does not build when a sentence that interprets numbers is no longer true.
#
# ## Words
#
# **patient, case**: A person, and one image of that person with its label. Where the files
# name no patients (†), every image counts as one, and images of one person may be on
# both sides of a split.
#
# **task, fold**: A question with two answers about the cases of one dataset, and one
# division of its patients into training, validation and test.
#
# **initialisation**: Where a network's weights come from before fine-tuning: radiologic
# (blue) or photographic (orange) pretraining, or random numbers (grey).
#
# **pretraining**: One training of one architecture on one corpus. Another differs in its
# seed: random weights, order of the images, split. Several backbones may share a seed; the
# headline allows for that.
#
# **scenario, unfreezing**: A scenario is a combination of architecture, trained layers and
# learning rate; the paper has 24. Unfreezing is the choice of layers: all, the last ten,
# the head alone.
#
# **difference**: Radiologic minus photographic, in points of the area under the ROC curve
# (AUC): 0.80 against 0.78 is a difference of 2 points.
#
# **ahead**: Used only where P, adjusted by Holm's method, is below .05: of a *pretraining* with
# the pretraining as the unit, of *networks* with the patients as a sample. *No clear difference*
# does not mean equal. A difference is *excluded* where two one-sided tests, adjusted alike, show
# that it is smaller; the paper's own where it lies outside the 95% interval. On an axis the word
# names a direction.
#
# **these networks, new patients**: An interval that takes only the patients as a sample. It
# says nothing about another pretraining.
#
# **exploratory**: Based on one backbone, or on intervals over patients alone: an estimate
# without a verdict.
#
# ## Figure 2: what the database holds

# %%
taxonomy = study_tables.load_taxonomy()  # as the database spells its classes
study_tables.regions_bars(taxonomy)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
subset = taxonomy[taxonomy["kind"] == "subset"].sort_values("images")
subset = subset.replace({"label": {"_": " "}}, regex=True)
least, most = subset.iloc[0], subset.iloc[-1]
Markdown(f"""
{len(taxonomy)} labels in {taxonomy["region"].nunique()} regions, as the paper
says; {(taxonomy["modality"] == "MR").sum()} are of MRI, and
{(taxonomy["label"] == "normal").sum()} are called normal. Images are counted in
public only for an open subset of its MRI (RadImageNet-VQA, arXiv 2512.17396);
the counts are lower bounds. Classes there have {least["images"]:,.0f}
({least["label"]}) to {most["images"]:,.0f} ({most["label"]}) images, so top-1
accuracy mainly reflects the large classes.
""")

# %% [markdown]
# ### Table E1: all classes

# %% jupyter={"outputs_hidden": true} tags=["hide-output"]
study_tables.classes_table(taxonomy)

# %% [markdown]
# ## The data of the tasks

# %%
study_tables.images_table(facts)

# %% [markdown]
# Test sets contain all images used neither for training nor for validation, up to a
# limit for chest images. [Run it: images, GPU, cluster](use/run_it) says how to get each
# dataset.
#
# ### Tables E3 and E4: classes of the eight datasets

# %% jupyter={"outputs_hidden": true} tags=["hide-output"]
small = ["thyroid", "breast", "acl", "meniscus"]
study_tables.distribution_table(small, facts, "Table E3")

# %% jupyter={"outputs_hidden": true} tags=["hide-output"]
larger = [task for task in paper.COMPARISONS if task not in small]
study_tables.distribution_table(larger, facts, "Table E4")

# %% [markdown]
# *Paper*: its Methods. *Authors*: those of the dataset. *Counted*: in the public files.
# *Used here*: perhaps of a substitute or another cut. Where two disagree, [Discrepancies](evidence/discrepancies) has it.
#
# ## The two corpora of the reference run

# %% jupyter={"outputs_hidden": true} tags=["hide-output"]
study_tables.sources_table("corpus_radiologic")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
reference = runs.or_reference_with("corpus_overlap").reference
Markdown(study_tables.two_corpora(reference.facts))

# %% [markdown]
# ## Was any test image seen in pretraining?
#
# All images of the tasks of the reference run were compared with all images of both its corpora,
# by the digest of their pixels and by difference hashes of 256 bits; as a positive control,
# reduced copies of 200 images of each task were searched for alike.

# %% jupyter={"outputs_hidden": true} tags=["hide-output"]
overlap = reference.tables["corpus_overlap"]
matches = overlap[["near", "equal"]].sum().sum()
claim("no image of a task is in a corpus", int(matches) == 0)
study_tables.corpus_overlap_table(overlap)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
searched = overlap.groupby("task")["images"].first().sum()
Markdown(f"""
None of {searched:,} images was found in either corpus; the nearest image of a
corpus is {overlap["nearest"].min()} bits away.
{study_tables.copies_missed(overlap)}
Hashes do not find another slice of the same patient, and no source publishes
identifiers that could be compared. For the released RadImageNet weights the
question remains open: their training images are not public.
""")

# %% [markdown]
# ## The reference run

# %%
work = pd.DataFrame(
    {name: vars(row) for name, row in reference.facts.work.items()}
).T
work["hours"] = (work["seconds"] / 3600).round(1)
work[["runs", "hours"]].astype({"runs": int})

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(f"""
Its runs took {work["hours"].sum():.0f} hours, added up over processes that went
side by side ({study_tables.computers(reference.facts)}). For such a run of your
own (three pretrainings of the paper's four backbones), put the datasets into
one folder and run `rin study --profile open --data-root FOLDER`, then
`rin reference write open --data-root FOLDER`.
""")
