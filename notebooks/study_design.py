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
# # The study and its database
#
# **What this page answers.** What did the paper do, phase by phase, what does this book put in the
# place of each phase, and which classes does the database hold? The counterparts of the paper's
# Figures 1 and 2 and of its Table E1.
#
# | | |
# |---|---|
# | command | `make book`, after which this page alone re-runs in seconds |
# | time and memory | seconds and 0.5 GB on a laptop; no image is read |
# | expected | the same four phases on both sides, smaller here; 165 classes in 11 regions |

# %% tags=["parameters", "hide-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
from rin import paper
from rin.curation.taxonomy import load_taxonomy, totals
from rin.report.figures import use_style
from rin.report.figures_design import database_overview, study_flow
from rin.report.glued import glue_values
from rin.report.panels import picture
from rin.report.phases import counted, study_phases
from rin.report.tables import book_table
from rin.report.tables_supplement import label_table, region_table
from rin.study import open_study
from rin.study.scenarios import scenarios_of

use_style()
study = open_study(profile, data_root=data_root, results=results)
taxonomy = load_taxonomy()

# %% [markdown]
# ## Figure 1: four phases

# %% tags=["hide-input"]
glue_values(
    images=f"{paper.DATABASE['images'].value:,}",
    patients=f"{paper.DATABASE['patients'].value:,}",
    n_published_tasks=len(paper.COMPARISONS),
    n_published_scenarios=paper.SETTINGS["scenarios"].value,
    profile_name=study.profile.name,
    n_tasks=counted(len(study.profile.tasks), "task"),
    n_scenarios=len(scenarios_of(study.profile.backbones)),
)
picture(
    study_flow(study_phases(study)).figure,
    "Flow chart of the four phases, the paper on the left, this book on the right",
    width="36rem",
)

# %% [markdown]
# The paper took {glue:text}`images` images (rounded by the paper) of {glue:text}`patients` patients
# through all four phases. Its images are given out on request only, so the first two cannot be
# repeated here: pretraining starts from what is open, from stand-ins, or is left out and the
# released weights are loaded. The last phase is the same on both sides. The profile
# {glue:text}`profile_name` runs {glue:text}`n_tasks` in {glue:text}`n_scenarios` scenarios each;
# the paper, {glue:text}`n_published_tasks` tasks in {glue:text}`n_published_scenarios`.
#
# ## Figure 2: what the database holds

# %% tags=["hide-input"]
known = taxonomy[taxonomy["kind"] == "subset"].sort_values("images")
glue_values(
    n_labels=totals(taxonomy)["labels"],
    n_regions=totals(taxonomy)["regions"],
    n_mri=int((taxonomy["modality"] == "MR").sum()),
    n_normal=int((taxonomy["label"] == "normal").sum()),
    n_full=int((taxonomy["kind"] == "full set").sum()),
    n_subset=len(known),
    smallest=f"{known['images'].iloc[0]:,}",
    smallest_label=known["label"].iloc[0],
    largest=f"{known['images'].iloc[-1]:,}",
    largest_label=known["label"].iloc[-1],
)
picture(
    database_overview(taxonomy)[0].figure,
    "Bars: number of classes by modality, and by anatomic region within each modality",
    width="36rem",
)

# %% [markdown]
# The class map holds {glue:text}`n_labels` labels in {glue:text}`n_regions` regions, as many as the
# paper states; {glue:text}`n_mri` of them are of MRI. Not every label is a disease:
# {glue:text}`n_normal` classes are called normal, and most of those of ultrasound are organs. The
# paper's figure also states the images of each region; these numbers are in no text at hand.
#
# ## Table E1: the classes
#
# The supplement with Table E1 is not at hand either, so the layout is ours. Class names come from a
# class map that users of the database printed. Sizes are public for few classes and of two kinds,
# which are never added: those of the *full set*, and those of a *subset* published for other
# purposes (RadImageNet-VQA, arXiv 2512.17396), which are lower bounds.

# %% tags=["hide-input"]
book_table(
    region_table(taxonomy), "Table E1, in short: classes per region, and known sizes", prose=True
)

# %% [markdown]
# The full size is known of {glue:text}`n_full` classes, the size in the subset of
# {glue:text}`n_subset`. In the subset these go from {glue:text}`smallest` images
# ({glue:text}`smallest_label`) to {glue:text}`largest` ({glue:text}`largest_label`): classes are so
# unequal that top-1 accuracy is mostly that of the few large ones.

# %% tags=["hide-input", "hide-output"]
book_table(label_table(taxonomy), "Table E1: all classes, spelled as in the database")
