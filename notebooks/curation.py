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
# # From an archive to a database
#
# **What this page answers.** How do the studies of an archive, with their reports, become a
# database of labelled images in the layout of RadImageNet: what is found, what is left out at each
# step and why, and what comes out?
#
# | | |
# |---|---|
# | command | `make book`, or `rin curate --profile demo` for the curation alone |
# | time and memory | two minutes on two cores, 17 s when nothing is new; 0.4 GB a process; no GPU |
# | expected | every step with its count; the query alone far less precise than query and rules |

# %% tags=["parameters", "hide-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
from IPython.display import Markdown, display

from rin.curation.archive import modality_counts
from rin.curation.taxonomy import load_taxonomy
from rin.report.corpus_tables import (
    corpus_label_table,
    corpus_region_table,
    label_reading,
    label_rows,
    part_reading,
    part_rows,
    part_table,
    region_rows,
)
from rin.report.curation_examples import (
    card_rows,
    croissant_rows,
    example_pictures,
    exported_pair,
    header_reading,
    header_table,
    impression_table,
    record_table,
)
from rin.report.curation_figures import corpus_overview, example_sheet, query_dots, step_bars
from rin.report.curation_query import (
    performance_reading,
    performance_rows,
    performance_table,
    verdict_table,
)
from rin.report.curation_tables import (
    curation_banner,
    curation_steps,
    excluded_reading,
    excluded_table,
    modality_table,
    published_table,
    steps_reading,
    steps_table,
)
from rin.report.figures import use_style
from rin.report.panels import picture
from rin.report.tables import book_table
from rin.study import open_study
from rin.study.curation import archive_truth, curated_corpus, curation_plan, study_archive

use_style()
study = open_study(profile, data_root=data_root, results=results)
corpus = curated_corpus(study)
archive = study_archive(study)
truth = archive_truth(study)
taxonomy = load_taxonomy()
withheld = Markdown("The archive is real, so what its reports and headers say is not shown here.")

# %% tags=["remove-input"]
curation_banner(study, archive, corpus)

# %% [markdown]
# ## From step to step
#
# The paper's images came out of the archive of an outpatient practice in two ways: **key images**
# of abnormal studies, which the reading radiologist had picked, labelled and outlined, and **all
# diagnostic images of normal studies**, found by a query of the reports and confirmed by a
# radiologist.

# %% tags=["hide-input"]
steps = curation_steps(corpus)
picture(
    step_bars(steps)[0].figure,
    "Bars: what is left after every step, for normal studies, key images, and all images",
)

# %% tags=["remove-input"]
steps_reading(corpus)

# %% tags=["hide-input"]
book_table(steps_table(steps), "Counts at every step, beside those that the paper states")

# %% tags=["hide-input"]
book_table(published_table(corpus), "The paper's database beside the corpus curated here")

# %% [markdown]
# ## The archive
#
# Headers and reports are indexed into a relational database, after which a question about the
# archive is a query. Documents (KO, PR, SR) are series of their own.

# %% tags=["hide-input"]
book_table(modality_table(modality_counts(archive)), "What the archive holds, by modality")

# %% [markdown]
# ## Normal studies
#
# The paper flagged "studies with a report containing 'normal' or 'unremarkable' in the impression"
# and had a radiologist confirm that the reports indicate "a completely normal study". The query is
# the same here. What the radiologist did is first done by rules, which look for negation ("not
# normal"), hedging ("probably"), another finding beside the normal one, and advice to follow up. A
# study with a harmless finding is not completely normal, as in the paper.

# %% tags=["hide-input"]
if truth is None:
    display(Markdown("Nobody knows which studies of a real archive are normal before review."))
else:
    performance = performance_rows(archive, corpus, truth, curation_plan(study).reviewed)
    alt = "Precision and recall of the query, and of query and rules, with 95% intervals"
    display(picture(query_dots(performance).figure, alt))
    display(performance_reading(performance))

# %% tags=["hide-input"]
if truth is not None:
    caption = "Query and rules against the truth of the stand-in, with Wilson's intervals"
    display(book_table(performance_table(performance), caption))
    caption = "What becomes of each kind of report of the stand-in"
    display(book_table(verdict_table(corpus, truth), caption))

# %% [markdown]
# Rules show their reasons, so that whoever reviews can disagree.

# %% tags=["hide-input"]
if corpus.provenance == "stand-in":
    caption = "Impressions, written by a program, with verdicts and reasons"
    display(book_table(impression_table(corpus), caption, prose=True))
else:
    display(withheld)

# %% [markdown]
# **The review.** Every flagged study goes into `review_queue.csv` with its report, verdict and
# reasons. A radiologist fills the column `confirmed` with yes or no and saves it in the folder
# of the archive; the profile names it (`reviewed: reviewed.csv`). From then on the radiologist
# decides, and the page says how many studies were confirmed by whom. Until then the rules do.
#
# ## Key images and their outlines
#
# Readers mark key images in a *Key Object Selection* document. Its description holds the finding,
# such as `lung: Nodule`; a site's own terms are translated by a label map. An outline comes as
# *Grayscale Softcopy Presentation State*: that is what a workstation writes when a reader draws on
# a displayed image. It holds pixel coordinates, so that it fits ultrasound too, which has no frame
# of reference, as a radiotherapy structure set would need.

# %% tags=["hide-input"]
examples = example_pictures(corpus, study.profile.seed)
picture(
    example_sheet(examples)[0, 0].figure,
    "A key image of each region, with the outline that its reader drew",
)

# %% tags=["remove-input"]
Markdown(
    f"{len(examples)} regions have key images; drawn is one of each, exported from DICOM to PNG, "
    f"with its outline in {sum(one.region is not None for one in examples)} of them."
)

# %% [markdown]
# ## What is left out

# %% tags=["hide-input"]
book_table(excluded_table(corpus), "Files that are not in the corpus, by rule", prose=True)

# %% tags=["remove-input"]
excluded_reading(corpus)

# %% [markdown]
# ## De-identification
#
# By the Basic Application Level Confidentiality Profile of DICOM PS3.15, with dates moved by one
# number of days per patient. Only attributes on a list stay, and none that the profile removes;
# UIDs and patient ids become pseudonyms under a secret key, equal in all files, so that studies
# still belong together. What pixels show is another matter: images that say or look as if text
# were burned in are counted above and left out.

# %% tags=["hide-input"]
if corpus.provenance == "stand-in":
    before, after = exported_pair(archive, corpus, curation_plan(study).key)
    caption = "A header of the stand-in, all names invented, before and after"
    display(book_table(header_table(before, after), caption, prose=True))
    display(header_reading(before, after))
else:
    display(withheld)

# %% [markdown]
# ## Figure 2: what the corpus holds
#
# The counterpart of the paper's Figure 2, by modality, anatomic region and class. On the left the
# classes of the paper's database (pale) and those of them that occur here (dark); on the right the
# images of each region, a piece a class.

# %% tags=["hide-input"]
regions, labels = region_rows(corpus.images, taxonomy), label_rows(corpus.images, taxonomy)
picture(
    corpus_overview(regions, labels)[0, 0].figure,
    "Bars: classes of each region here and in the paper's database, and images by class",
)

# %% tags=["remove-input"]
label_reading(labels)

# %% [markdown]
# ## Table E1: the classes

# %% tags=["hide-input"]
book_table(corpus_region_table(regions), "Table E1, in short: the regions of the corpus")

# %% tags=["hide-input", "hide-output"]
book_table(corpus_label_table(labels), "Table E1: all classes of the taxonomy, with what is here")

# %% [markdown]
# ## The split

# %% tags=["hide-input"]
book_table(part_table(part_rows(corpus.images)), "Parts of the corpus, divided by patient")

# %% tags=["remove-input"]
part_reading(corpus.images)

# %% [markdown]
# ## Card and metadata
#
# The corpus brings a dataset card for readers, to be unfolded here, and Croissant metadata
# (JSON-LD) for machines, which the reference validator of MLCommons reads back.

# %% tags=["hide-input", "hide-output"]
book_table(card_rows(corpus), "Dataset card", prose=True)

# %% tags=["hide-input"]
book_table(croissant_rows(corpus), "Croissant metadata, as the validator reads them", prose=True)

# %% tags=["hide-input"]
book_table(record_table(corpus), "First images, read through the metadata")

# %% [markdown]
# ## With an archive of your own
#
# Put the export below the data root: DICOM files in any folders, and `reports/<accession>.txt` with
# `FINDINGS:` and `IMPRESSION:`. Then name it in the profile.
#
# ```yaml
# curation:
#   archive: archive               # folder below the data root
#   database: ""                   # SQLite beside the results; or postgresql+psycopg://user@host/name
#   label_map: label_map.csv       # finding,region,label: a site's own terms
#   reviewed: reviewed.csv         # the review queue, filled in
#   encoding: utf-8                # of the reports
# ```
#
# ```console
# rin curate --profile hospital --data-root /path/to/images
# ```
#
# It may be killed and called again, and reads only files that are new. The folder `shared` of the
# results is what may leave the house once somebody has looked at it. The folder above it holds
# reports, identifiers and the key of the pseudonyms, and stays. The corpus is then one that the
# pretraining reads by name, `curated_archive`.
