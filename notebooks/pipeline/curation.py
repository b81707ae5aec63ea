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
# # From an archive to a corpus

# %% tags=["parameters", "remove-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
from itertools import islice

import matplotlib.pyplot as plt
import mlcroissant
import numpy as np
import pandas as pd
from IPython.display import display
from PIL import Image
from pydicom import Dataset
from pydicom.uid import CTImageStorage
from statsmodels.stats.proportion import proportion_confint

from rin.curation.build import AT_RISK, CROISSANT, RARE, curate, index_archive
from rin.curation.deidentify import Pseudonyms, deidentify
from rin.curation.index import RULES, read_table
from rin.curation.radiology_reports import normal_studies, screen_impression
from rin.curation.taxonomy import MODALITIES, REGIONS, load_taxonomy
from rin.data.pixels import rasterise
from rin.evidence.paper import DATABASE, SETTINGS
from rin.report.banner import provenance_line
from rin.report.format import book_table, format_interval
from rin.report.page import claim, glue_values, picture
from rin.report.style import init_style, use_style
from rin.study import open_runs
from rin.study.corpora import curation_plan, real_archive

use_style()
shorten = "{:.24}".format  # identifiers are long
blue, pale = init_style("radiologic").color, "#CFE4F3"
runs = open_runs(profile, data_root=data_root, results=results)
real, used = real_archive(runs.study), runs.study.profile
provenance_line(
    ["real" if real else "stand-in"],
    [f"profile {used.name}"],
    {
        "Archive": real.name
        if real
        else "written by a program, with the profile's seed",
        "Profile": f"{used.name}: {used.about}",
    },
)

# %% [markdown]
# A query of the reports of {glue:text}`studies:,` studies flags {glue:text}`flagged:,` as normal;
# rules that read each report keep {glue:text}`normal:,`. After exclusions, de-identification and
# export, {glue:text}`kept:,` of {glue:text}`files:,` files form a corpus of {glue:text}`classes`
# classes in the layout of RadImageNet, divided by patient.
#
# The paper's images came from the archive of an outpatient practice in two ways: **key images** of
# abnormal studies, which the reading radiologist had chosen, labelled and outlined, and **all
# diagnostic images of normal studies**, found by a query of the reports and confirmed by a
# radiologist. Two lines repeat both:

# %%
plan = curation_plan(
    runs.study
)  # which archive, which database, where the corpus goes
archive = index_archive(plan)  # headers and reports, in a relational database
corpus = curate(plan)  # select, exclude, de-identify, export, divide
images, screened = corpus.images, corpus.screened

# %% [markdown]
# What is left after each step:

# %%
left_out = corpus.excluded.groupby("rule")["images"].sum()
from_normal = images[images["kind"] == "normal"]
selection = corpus.card["selection"]
held, confirmed_by = (
    selection["archive"],
    selection["normal studies"]["confirmed by"],
)
studies = {
    "in the archive": held["studies"],
    "flagged by the query": len(screened),
    "pass the rules": (screened["verdict"] == "normal").sum(),
    "confirmed as normal": sum(confirmed_by.values()),
    "with images in the corpus": from_normal["study_id"].nunique(),
}
divisible = len(images) + left_out.get(RARE, 0)
files = {
    "in the archive": held["instances"],
    "diagnostic images": held["instances"]
    - left_out[left_out.index.isin(RULES)].sum(),
    "key, or of normal studies": divisible + left_out.get(AT_RISK, 0),
    "without burned-in text": divisible,
    "in the corpus": len(images),
}

figure, axes = plt.subplots(2, 1, figsize=(6.4, 4.4))
for ax, (title, steps) in zip(
    axes, {"Normal studies": studies, "Image files": files}.items(), strict=True
):
    bars = ax.barh(list(steps), list(steps.values()), color=blue)
    ax.bar_label(bars, fmt="{:,.0f}", padding=4)
    ax.set(title=title, xticks=[], xlim=(0, 1.15 * max(steps.values())))
    ax.spines["bottom"].set_visible(False)
    ax.invert_yaxis()
picture(
    figure,
    "Bars: studies and files that are left after each step of the curation",
)

# %% tags=["hide-input"]
glue_values(
    studies=studies["in the archive"],
    flagged=studies["flagged by the query"],
    normal=studies["confirmed as normal"],
    files=files["in the archive"],
    kept=len(images),
    classes=images["label"].nunique(),
    confirmed_by=" and ".join(confirmed_by) or "nobody",
    keys=int((images["kind"] == "key").sum()),
    outlined=int((images["roi"] != "").sum()),
)

# %% [markdown]
# ## The archive is a database
#
# Headers and reports are indexed once, after which a question about the archive is a query.
# Documents (KO key object selections, PR presentation states, SR structured reports) are series of
# their own.

# %%
per_modality = """
    SELECT series.modality AS "Modality", count(DISTINCT patient_id) AS "Patients",
           count(DISTINCT study_uid) AS "Studies", count(*) AS "Files"
    FROM studies JOIN series USING (study_uid) JOIN instances USING (series_uid)
    GROUP BY series.modality ORDER BY series.modality
"""
book_table(
    read_table(archive, per_modality), "What the archive holds, by modality"
)

# %% [markdown]
# ## Normal studies: query, rules, review
#
# The paper flagged "studies with a report containing 'normal' or 'unremarkable' in the impression",
# and a radiologist confirmed that the report indicates "a completely normal study". The query:

# %%
query = """
    SELECT accession_number FROM reports
    WHERE lower(impression) LIKE '%normal%' OR lower(impression) LIKE '%unremarkable%'
"""
found = read_table(archive, query)["accession_number"]
claim(
    "the query flags the studies that were screened",
    set(found) == {*screened.accession_number},
)

# %% [markdown]
# It also flags “not normal”, “probably normal” and “normal heart size” beside a consolidation.
# Rules therefore look for negation, hedging, a second finding and advice to follow up, and give
# their reasons:

# %%
impressions = [
    "The MRI of the wrist is normal.",
    "Not normal: tear of a tendon.",
    "Probably normal; a small lesion cannot be excluded.",
    "Consolidation. Normal heart size.",
    "Normal as far as can be assessed.",
]
judged = [screen_impression("", impression) for impression in impressions]
table = {
    "Impression": impressions,
    "Verdict": [one.verdict for one in judged],
    "Reasons": ["; ".join(one.reasons) for one in judged],
}
book_table(pd.DataFrame(table), "The rules at work", prose=True)

# %% [markdown]
# Each flagged study goes into `review_queue.csv`, where a radiologist confirms or refuses it; from
# then on the radiologist decides. Confirmed here by: {glue:text}`confirmed_by`.
#
# A stand-in archive knows which of its studies are normal, so query and rules can be measured. Its
# reports are written by a program: the shares tell how the rules work on known wording, and nothing
# about the reports of a hospital. The truth of a real archive is not known before review.

# %%
if archive.provenance == "stand-in":
    truth = pd.read_csv(plan.archive / "truth.csv", dtype=str)
    steps = {
        "the paper's query": screened,
        "query and rules": normal_studies(screened, None),
    }
    if plan.reviewed is not None:
        steps["after review"] = normal_studies(screened, plan.reviewed)
    reported = read_table(
        archive, "SELECT accession_number, study_uid FROM reports"
    )
    normal = set(reported.merge(truth[truth["normal"] == "1"])["study_uid"])
    rows = []
    for step, found in steps.items():
        n, hits = len(found), int(found["study_uid"].isin(normal).sum())
        interval = 100 * np.array(proportion_confint(hits, n, method="wilson"))
        precision = f"{100 * hits / n:.1f} {format_interval(*interval, 1)}"
        rows.append(
            (step, n, hits, precision, f"{100 * hits / len(normal):.1f}")
        )
    columns = [
        "After",
        "Studies",
        "Truly normal",
        "Precision, % (95% CI)",
        "Recall, %",
    ]
    table = pd.DataFrame(rows, columns=columns)
    display(
        book_table(table, "Query and rules against the truth of the stand-in")
    )

# %% [markdown]
# ## Key images and their outlines
#
# A reader marks key images in a *Key Object Selection* document, whose description holds the
# finding, such as `lung: Nodule`; a label map translates a site's own terms. What the reader draws
# on the image is a *Grayscale Softcopy Presentation State*. The corpus holds {glue:text}`keys:,`
# key images; {glue:text}`outlined:,` have an outline.

# %%
outlined = images[(images["kind"] == "key") & (images["roi"] != "")]
shuffled = outlined.sample(frac=1, random_state=runs.study.profile.seed)
examples = shuffled.drop_duplicates("region")[:6]
figure, axes = plt.subplots(2, 3, figsize=(6.4, 5.2))
for ax in axes.flat:
    ax.set_axis_off()
for ax, row in zip(axes.flat, examples.itertuples(), strict=False):
    pixels = np.asarray(Image.open(corpus.folder / row.filename).convert("L"))
    ax.imshow(pixels, cmap="gray", vmin=0, vmax=255)
    ax.contour(
        rasterise(row.roi, pixels.shape),
        [0.5],
        colors="#00E5FF",
        linewidths=1.6,
    )
    place = f"{MODALITIES[row.modality]}, {REGIONS[row.region].title.lower()}"
    ax.set_title(f"{place}\n{row.name}", fontsize=9, fontweight="normal")
picture(
    figure,
    "Key images of different regions, each with the outline that its reader drew",
)

# %% [markdown]
# ## What is left out

# %%
why = corpus.excluded.sort_values("images", ascending=False).set_axis(
    ["Rule", "Files", "Why"], axis=1
)
book_table(
    why.reset_index(drop=True),
    "Files that are not in the corpus, by rule",
    prose=True,
)

# %% [markdown]
# ## De-identification
#
# By the Basic Application Level Confidentiality Profile of DICOM PS3.15. Only attributes on a list
# stay, and none that the profile removes; dates move by one number of days a patient; UIDs and
# patient ids become pseudonyms under a secret key, equal in all files, so that studies still belong
# together. An invented header, before and after:

# %%
header = Dataset()
header.PatientName, header.PatientID, header.PatientBirthDate = (
    "Specimen^Ada",
    "SI-1",
    "19850215",
)
header.StudyDate, header.InstitutionName = (
    "20101213",
    "Invented Outpatient Imaging",
)
header.Modality, header.BodyPartExamined, header.PixelSpacing = (
    "CT",
    "CHEST",
    [0.7, 0.7],
)
header.SOPClassUID, header.SOPInstanceUID = CTImageStorage, "1.2.826.0.1.1"
header.StudyInstanceUID, header.SeriesInstanceUID = (
    "1.2.826.0.1.2",
    "1.2.826.0.1.3",
)

after = deidentify(header, Pseudonyms(b"a key for this example only"))
rows = [
    (
        one.name,
        str(one.value),
        str(after[one.tag].value) or "empty" if one.tag in after else "removed",
    )
    for one in header
]
columns = ["Attribute", "Before", "After"]
book_table(
    pd.DataFrame(rows, columns=columns), "A header, de-identified", prose=True
)

# %% [markdown]
# What pixels show is another matter: images whose header or border suggests burned-in text are left
# out (see the table above).
#
# ## What the corpus holds
#
# The counterpart of the paper's Figure 2: images by region, and how many of the classes of the
# RadImageNet taxonomy occur. The whole taxonomy (Table E1) stands on the page about the study.

# %%
known = load_taxonomy().groupby("region").size()
present = images.groupby("region")["name"].nunique()
kinds = images.groupby(["region", "kind"]).size().unstack(fill_value=0)
kinds = kinds.reindex(index=REGIONS, columns=["key", "normal"], fill_value=0)
names = [
    f"{MODALITIES[one.modality]}, {one.title.lower()}"
    for one in REGIONS.values()
]

figure, ax = plt.subplots(figsize=(6.4, 4.4))
ax.barh(names, kinds["key"], color=blue, label="key images")
bars = ax.barh(
    names,
    kinds["normal"],
    left=kinds["key"],
    color=pale,
    label="of normal studies",
)
ax.bar_label(
    bars,
    [f"{present.get(name, 0)} of {known[name]} classes" for name in REGIONS],
    padding=4,
)
ax.set(xlabel="Images", xlim=(0, 1.35 * kinds.sum(axis=1).max()))
ax.invert_yaxis()
ax.legend(loc="lower right")
picture(
    figure,
    "Bars: images of each region by kind, with the number of classes that occur",
)

# %%
here = {
    "patients": images["patient_id"].nunique(),
    "images": len(images),
    "normal_studies": from_normal["study_id"].nunique(),
    "normal_images": len(from_normal),
    "labels": images["label"].nunique(),
    "regions": images["region"].nunique(),
}
rows = [
    (k.replace("_", " "), f"{DATABASE[k].value:,}", f"{n:,}")
    for k, n in here.items()
]
table = pd.DataFrame(
    rows, columns=["Number of", "RadImageNet (paper)", "This corpus"]
)
book_table(table, "The paper's database beside the corpus curated here")

# %% [markdown]
# Patients, not images, are divided, {glue:text}`shares` % as in the paper. Some patients have many
# images, so the shares of images differ.

# %%
claim(
    "no patient stands in two parts",
    images.groupby("patient_id")["part"].nunique().max() == 1,
)
parts = images.groupby("part").agg(
    Patients=("patient_id", "nunique"),
    Images=("label", "size"),
    Classes=("label", "nunique"),
)
glue_values(
    shares="/".join(map(str, SETTINGS["pretraining_split_percent"].value))
)
book_table(
    parts.loc[["train", "validation", "test"]],
    "Parts of the corpus, divided by patient",
)

# %% [markdown]
# ## Card and metadata
#
# The corpus brings a dataset card (`dataset_card.json`) for readers and Croissant metadata
# (JSON-LD) for machines. The reference validator of MLCommons reads the metadata and, through
# them, the images:

# %%
metadata = mlcroissant.Dataset(
    jsonld=str(corpus.folder / CROISSANT)
)  # raises if not valid
first = pd.DataFrame(islice(metadata.records("images"), 3)).map(
    lambda cell: cell.decode()
)
first.columns = first.columns.str.removeprefix("images/")
book_table(first, "First images, read by the metadata")

# %% [markdown]
# Only the folder `shared` of the results may leave the house, once somebody has looked at it. The
# folder above holds reports, identifiers and the key of the pseudonyms, and stays. How to put an
# archive of your own in the place of the stand-in: [](../../use_it).
#
# ## Run this page
#
# ```console
# rin run notebooks/pipeline/curation.py -p profile=demo
# rin curate --profile hospital --data-root /path/to/images    # the curation alone
# ```
#
# Two minutes on two cores, 17 seconds when nothing is new; it may be stopped and called again. With
# plain tools: `jupytext --to ipynb notebooks/pipeline/curation.py`, then
# `papermill notebooks/pipeline/curation.ipynb out.ipynb -p profile demo`.
