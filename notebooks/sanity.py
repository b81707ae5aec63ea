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
# # Do the maps depend on what the network has learnt?
#
# **What this page answers.** If the weights of a trained network are put back to random ones, does
# its class activation map change? A map that stays as it was shows the image or the architecture,
# and explains nothing that the network has learnt.
#
# | | |
# |---|---|
# | command | `make book`, with a `sanity` section in the profile |
# | time and memory | under a minute and 1 GB here; the maps were recorded after training |
# | expected | similarity falls to that of different images' maps as soon as the head is random |

# %% tags=["parameters", "hide-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
import pandas as pd
from IPython.display import Markdown, display

from rin import paper
from rin.explain.sanity import MEASURES
from rin.report.figures import use_style
from rin.report.format import task_title
from rin.report.glued import glue_values
from rin.report.provenance import study_banner
from rin.report.sanity_rows import measure_row, strip_row
from rin.report.sanity_tables import similarity_summary, survival_table
from rin.report.tables import book_table
from rin.study import open_study, sanity_records, sanity_table, task_inputs

use_style()
study = open_study(profile, data_root=data_root, results=results)
every = {task: task_inputs(study, task) for task in study.profile.tasks}
inputs = {task: one for task, one in every.items() if one.store.masks() is not None}
records = [sanity_records(study, one) for one in inputs.values()]
inits = study.profile.inits

# %% tags=["remove-input"]
study_banner(study, inputs or every, records=pd.concat(records) if records else None)

# %% [markdown]
# The test is that of Adebayo and colleagues {cite:p}`adebayo2018`. First the head of a trained
# network gets random weights again, then, one after another, the stages of its backbone, the last
# stage first: layers whose outputs share one resolution form a stage, and what stands above the
# coarsest four is the first. Averages of batch normalisation go back too. After each step the map
# of the class that the trained network predicted is compared with the map that the trained network
# gave. Both starts get the same random weights. Only networks of the first fold are tested, in the
# scenarios that the profile names, on test images with a lesion.

# %% tags=["hide-input"]
tables = {task: sanity_table(study, one) for task, one in inputs.items()}
summaries = {task: similarity_summary(table) for task, table in tables.items()}
first = next(iter(tables.values()), None)
glue_values(
    n_tasks=len(tables),
    n_runs=sum(len(one) for one in records),
    n_images=0 if first is None else first["case_id"].nunique(),
    threshold=paper.SETTINGS["gradcam_threshold"].value,
)
if not tables:
    display(Markdown("No task of this profile has lesion masks, so nothing was recorded."))

# %% [markdown]
# Tasks tested: {glue:text}`n_tasks`; networks: {glue:text}`n_runs`; images of the first task:
# {glue:text}`n_images`.
#
# ## One image, weight by weight
#
# The first test image with a lesion, outlined in cyan. A step puts back the group of layers above
# the map and keeps those before it; the last map is that of a network that never trained. The white
# line is the region above {glue:text}`threshold`.

# %% tags=["hide-input"]
for task, one in inputs.items():
    for backbone in tables[task]["backbone"].unique()[:2]:
        threshold = paper.SETTINGS["gradcam_threshold"].value
        display(strip_row(study, one, backbone, inits, threshold=threshold))

# %% [markdown]
# ## Similarity against depth
#
# Four measures, each 1 for equal maps. *Rank correlation* orders the cells of two maps before the
# negative parts are cut off; *absolute*, it orders them by size, whatever their sign. *Structural
# similarity* compares the pictures that a reader sees, and the *Dice score* the regions above
# {glue:text}`threshold`. Bands are 95 % intervals of the mean over images, with patients resampled
# whole. Dotted lines compare the trained network's map of one image with the later map of the next
# image: what two maps share on that level, they do not share because they show the same picture.

# %% tags=["hide-input"]
for task, one in inputs.items():
    for measure in MEASURES:
        display(measure_row(summaries[task], measure, inits, one))

# %% [markdown]
# A map that explains what was learnt falls to the dotted line. If it stays above, the architecture
# and the picture alone decide part of it: the convolutions of a random network light up at edges
# and speckle too. A random head may also keep a map and merely turn it round, which the absolute
# rank correlation does not see.
#
# ## When every layer is random

# %% tags=["hide-input"]
for task, one in inputs.items():
    caption = f"{task_title(one.task)}: mean, its excess over another image (95% CI), images"
    display(book_table(survival_table(summaries[task]), caption, prose=True))

# %% [markdown]
# A measure is undefined for a map without structure: one that is the same everywhere has no order,
# and one without a positive value no region. Such images are left out; the table counts the others.
# Small images give maps of a few cells, whose order says little: read the intervals first.
