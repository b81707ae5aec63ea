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
# # From an archive to a corpus
#
# A hospital's archive holds millions of images and no labels. The paper labelled without annotating again:
# **key images**, which the reading radiologist had marked and named, and **normal studies**, found by a
# query of the reports and confirmed by a radiologist. This page does both by hand on an archive (or its
# stand-in), then lets `rin` curate the rest.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book,curation]' there
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import hmac
import re
from base64 import b32encode
from importlib.resources import files as package_files

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import yaml
from IPython.display import Markdown, display
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.uid import CTImageStorage

from rin.curation.build import curate, index_archive
from rin.curation.deidentify import (
    Pseudonyms,
    deidentify,
    display_window,
    load_key,
)
from rin.report.banner import provenance_line
from rin.report.format import book_table
from rin.report.page import claim, picture
from rin.report.style import use_style
from rin.study import open_workspace
from rin.study.corpora import curation_plan

use_style()
workspace = open_workspace(profile, data_root=data_root, results=results)
plan = curation_plan(workspace)  # which archive, where the corpus goes
archive = index_archive(plan)
provenance_line(
    [archive.provenance],
    [f"profile {workspace.profile.name}"],
    {"Archive": archive.root.name},
)

# %% [markdown]
# ## 1. One study, by its documents
#
# A key image is named in a *Key Object Selection* document (KO); its outline is in a *Grayscale Softcopy
# Presentation State* (PR). Both point to the image by its UID. Here is the CT study with the fewest
# outlines:

# %%
files = archive.files  # what all headers say, a row a file
counts = pd.crosstab(files["study_uid"], files["modality"])
chosen = counts.query("CT > 0 and KO == 1 and PR > 0")["PR"].idxmin()
paths = files.loc[files["study_uid"] == chosen, "path"]
documents = [dcmread(archive.root / path) for path in paths]
counts.loc[[chosen]].reset_index(drop=True)

# %%
findings = {}
outlines = {}
for document in documents:
    if document.Modality == "KO":
        items = document.ContentSequence
        text = next(i.TextValue for i in items if i.ValueType == "TEXT")
        for item in (i for i in items if i.ValueType == "IMAGE"):
            uid = item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
            findings[uid] = text
    if document.Modality == "PR":
        for drawn in document.GraphicAnnotationSequence:
            uid = drawn.ReferencedImageSequence[0].ReferencedSOPInstanceUID
            outlines[uid] = drawn.GraphicObjectSequence[0].GraphicData
key_uid = next(uid for uid in findings if uid in outlines)
findings[key_uid]

# %% [markdown]
# ## 2. Label, picture, pseudonym
#
# A finding uses the wording of the taxonomy, or a term that the site's label map translates. Stored pixels
# become Hounsfield units, then 8 bits through the window of the region. The pseudonym of the patient is a
# keyed digest: nobody without the key can try names.

# %%
as_printed = True  # False once you change a line: nothing is checked then
terms = pd.read_csv(plan.label_map) if plan.label_map else pd.DataFrame()
translated = {term: kind for term, *kind in terms.to_numpy()}
finding = findings[key_uid]
region, name = translated.get(finding) or finding.split(": ")

image = next(d for d in documents if key_uid == d.SOPInstanceUID)
hounsfield = image.pixel_array * image.RescaleSlope + image.RescaleIntercept
centre, width = display_window("CT", region)
share = (hounsfield - (centre - 0.5)) / (width - 1) + 0.5
grey = np.rint(255 * np.clip(share, 0, 1)).astype("uint8")
points = np.reshape(outlines[key_uid], (-1, 2)) - 0.5  # centre of pixel: 0

key = plan.key or load_key(plan.output / "pseudonym.key")
secret = f"patient\0{image.PatientID}".encode()
pseudonym = "P" + b32encode(hmac.digest(key, secret, "sha256")[:10]).decode()
f"{region}: {name}, window {centre:g} ± {width / 2:g}, patient {pseudonym}"

# %% jupyter={"source_hidden": true} tags=["hide-input"]
figure, ax = plt.subplots(figsize=(2.8, 2.9))
ax.imshow(grey, cmap="gray")
ax.plot(*points.T, color="#00E5FF")
ax.set_axis_off()
picture(
    figure,
    "Figure 1. A key image with the outline of its reader",
    f"One study of the archive; finding: {finding}.",
)

# %% [markdown]
# ## 3. The query for normal studies, and why it is not enough
#
# The paper flagged “studies with a report containing 'normal' or 'unremarkable' in the impression”. In
# pandas, over the texts of the archive:

# %%
texts = archive.root.glob("reports/*.txt")
reports = pd.Series({path.stem: path.read_text() for path in texts})
impressions = reports.str.extract(r"(?s)IMPRESSION:\s*(.*)")[0].str.strip()
words = impressions.str.contains("normal|unremarkable", case=False, na=False)
f"{words.sum()} of {len(reports)} reports are flagged"

# %% [markdown]
# It also flags “not normal”, and “normal heart size” beside a consolidation. Rules therefore look, sentence
# by sentence, for negation, hedging, findings, and advice to follow up. In their simplest form:

# %%
FINDING = r"\babnormal\b|consolidation|nodule|mass|fracture|tear|lesion"
HEDGE = r"probabl|possib|likely|suggest|cannot exclude|may\b|grossly"
ADVICE = r"recommend|follow[ -]?up|correlat|biops|further evaluation"


def judge(impression):
    """Return whether an impression is that of a normal study, and why not."""
    for sentence in re.split(r"[.;]\s+", impression.lower()):
        negated = re.sub(r"\b(no|without|free of)\b[^,]*", "", sentence)
        if re.search(r"\bnot (normal|unremarkable)", sentence):
            return "not normal: denied"
        for reason, pattern in {"finding": FINDING, "hedge": HEDGE}.items():
            if phrase := re.search(pattern, negated):
                return f"not normal: {reason} “{phrase[0]}”"
        if re.search(ADVICE, sentence):
            return "not normal: advice"
    return "normal"


simple = impressions[words].map(judge)
by_hand = simple.str.partition(":")[0].rename("by hand")
by_hand.value_counts().to_frame("reports")

# %% [markdown]
# The package uses a lexicon of radiologic English (NegEx {cite:p}`chapman2001`). A word that it does not know
# makes a verdict *unclear*, never normal. Each flagged study is in `review_queue.csv`: where a radiologist
# answers there, the answer counts, and elsewhere the rules do.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
lexicon = yaml.safe_load(
    (package_files("rin.curation") / "lexicon.yaml").read_text("utf-8")
)
EFFECT = {
    "normality": "states normality: without it, unclear",
    "hedges": "not normal",
    "follow_up": "not normal",
    "findings": "not normal, unless a negation governs it",
    "exceptions": "unclear, as what is excepted is not said",
    "limits": "unclear, as the study shows less than all",
    "negations": "governs the findings up to the end of its clause",
    "no_negations": "looks like a negation and is none",
    "ends": "ends the reach of a negation",
}
listed = pd.Series(EFFECT, name="Effect").rename_axis("Kind").reset_index()
phrases = listed["Kind"].map(lexicon["phrases"]).str.split(", ").str[:4]
listed.insert(1, "Such as", phrases.str.join(", "))
listed["Kind"] = listed["Kind"].str.replace("_", " ")
book_table(listed, "The rules for reports", prose=True)

# %%
corpus = curate(plan)
queue = plan.output / "review_queue.csv"
screened = pd.read_csv(queue, dtype=str, index_col="accession_number")
invented = archive.provenance == "stand-in"  # reports of patients stay unseen
different = screened[invented & ~screened["impression"].duplicated()]
of_verdict = different.groupby("verdict")[["verdict", "impression", "reasons"]]
examples = of_verdict.head(2).reset_index(drop=True)
book_table(examples, "Verdicts of the rules, and why", prose=True)

# %% [markdown]
# A stand-in archive records which of its studies are normal (1); its wording is invented, so the counts say
# nothing about a hospital's reports.

# %%
if invented:
    of_archive = {"dtype": str, "index_col": "accession_number"}
    truth = pd.read_csv(plan.archive / "truth.csv", **of_archive)
    truth = truth["normal"][simple.index]
    by_rin = screened["verdict"].reindex(simple.index).rename("by rin")
    display(pd.crosstab(truth, by_hand), pd.crosstab(truth, by_rin))

# %% [markdown]
# *Change a line*, say `as_printed = False`, and run all cells:
#
# - another window: `display_window("CT", region)` becomes `(40, 400)`;
# - a wider query: `"normal|unremarkable"` becomes `"normal|unremarkable|no acute"`;
# - an image as a negative: `255 * np.clip(share, 0, 1)` becomes `255 * np.clip(1 - share, 0, 1)`.
#
# ## 4. De-identification
#
# Headers follow the Basic Application Level Confidentiality Profile of DICOM PS3.15 with its option Retain
# Longitudinal Temporal Information With Modified Dates: only listed attributes are kept, each with the
# values that it may have; all dates of a patient are shifted by the same number of days; identifiers become
# pseudonyms under the secret key. An invented header, before and after:

# %%
header = Dataset()
header.PatientName = "Specimen^Ada"
header.PatientID = "SI-1"
header.StudyDate = "20101213"
header.InstitutionName = "Invented Imaging"
header.SOPClassUID = CTImageStorage
header.SOPInstanceUID = "1.2.826.0.1.1"
header.StudyInstanceUID = "1.2.826.2"
header.SeriesInstanceUID = "1.2.826.3"
names = Pseudonyms(b"a key for this example only")
after = deidentify(header, names)
changes = [(e.name, e.value, after.get(e.keyword, "removed")) for e in header]
columns = ["Attribute", "Before", "After"]
pd.DataFrame(changes, columns=columns).set_index("Attribute")

# %% [markdown]
# ## 5. The whole archive
#
# The package does the same for every study. What it leaves out, and by which rule:

# %%
left_out = corpus.excluded.set_axis(["Rule", "Files", "Why"], axis=1)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# By hand and by the package alike, where nothing was changed.
of_study = corpus.images["study_id"] == Pseudonyms(key).uid(chosen)
outlined = corpus.images[of_study & (corpus.images["roi"] != "")]
assert len(outlined) == 1 or archive.provenance == "real"  # may be left out
if as_printed and len(outlined) == 1:
    row = outlined.iloc[0]
    assert np.array_equal(grey, Image.open(corpus.folder / row["filename"]))
    corners = row["roi"].removeprefix("polygon:").split()
    kept = np.loadtxt(corners, delimiter=",")
    assert np.allclose(points[: len(kept)], kept)
    assert row["label"] == f"{region}-{name}"
    assert row["patient_id"] == pseudonym
if as_printed and invented:  # others have other forms
    assert {*impressions[words].index} == {*screened.index}
book_table(left_out, "Files that are not in the corpus, by rule", prose=True)

# %%
parts = corpus.images.groupby("part").agg(
    Patients=("patient_id", "nunique"),
    Classes=("label", "nunique"),
    Images=("label", "size"),
)
by_patient = corpus.images.groupby("patient_id")["part"].nunique()
claim("no patient is in two parts", by_patient.max() == 1)
parts.loc[["train", "validation", "test"]]

# %% jupyter={"source_hidden": true} tags=["hide-input"]
held = corpus.card["archive"]
confirmed = corpus.card["normal studies"]["confirmed by"]
Markdown(f"""
Of {held["studies"]:,} studies the query flags {len(screened):,}, and the rules
judge {(screened["verdict"] == "normal").sum():,} of them to be normal;
{sum(confirmed.values()):,} were accepted, confirmed by
{", ".join(confirmed) or "nobody"}. On a stand-in the rules are enough; in a
hospital, review the queue before the corpus is used. {len(corpus.images):,} of
{held["instances"]:,} files form a corpus of {corpus.images["label"].nunique()}
classes in RadImageNet's own layout, with a description in the Croissant format
and a dataset card.
""")

# %% [markdown]
# ## Summary
#
# - Labels can come from what readers already marked, and from reports that say nothing is wrong.
# - A query for words is not enough: negation, hedges and second findings decide, and doubt goes to a
#   radiologist.
# - Keep what is on a list, drop all else; shift dates, replace identifiers under a key that stays.
#
# ## Exercises
#
# 1. How many studies would the words alone take for normal that are not?
#
# <details><summary>Solution</summary>
#
# ```python
# if invented:
#     wrong = (truth != "1").sum()
#     assert 0 < wrong < len(truth)
# ```
#
# </details>
#
# 2. Check that no identifier of the archive is among the pseudonyms of the corpus.
#
# <details><summary>Solution</summary>
#
# ```python
# original = {*archive.files["patient_id"].astype(str)}
# assert not original & {*corpus.images["patient_id"]}
# ```
#
# </details>
#
# 3. Which share of the pixels is black or white in the window of the lung, and in a narrow one?
#
# <details><summary>Solution</summary>
#
# ```python
# saturated = {}
# for middle, wide in ((-600, 1500), (40, 80)):
#     scaled = (hounsfield - middle) / wide + 0.5
#     saturated[wide] = ((scaled <= 0) | (scaled >= 1)).mean()
# assert saturated[1500] < saturated[80]
# ```
#
# </details>
#
# ## An archive of your own
#
# <details><summary>What it holds, the commands, and what curation leaves</summary>
#
# A hospital has an export of its archive: DICOM files in any folders, and a text file for each
# report.
#
# ```text
# /path/to/images/
# └── archive/
#     ├── …/…/….dcm        images, key object documents, presentation states
#     ├── reports/         4711.txt, …: named by accession number
#     ├── label_map.csv    finding,region,label: the site's own terms
#     └── reviewed.csv     normal studies that a radiologist has read
# ```
#
# A report has sections that begin with FINDINGS: and IMPRESSION:.
#
# ```yaml
# curation: {archive: archive, label_map: label_map.csv}
# pretraining:
#   corpora: {radiologic: curated_archive, photographic: corpus_photographic}
# ```
#
# ```console
# # notebooks/profiles/hospital.yaml: a copy of demo.yaml with its own name and these settings, without
# # corpus_photographic under stand_ins, as drawings would take the place of missing photographs
# rin curate --profile hospital --data-root /path/to/images
# rin study --only pretraining --profile hospital --data-root /path/to/images
# ```
#
# Curation can be interrupted and repeated, and reads only new files. The folder
# `results/hospital/curation/shared` may leave the institution after someone has checked it;
# everything beside it contains original identifiers or the key of the pseudonyms. Fill the column
# `confirmed` of `review_queue.csv` with yes or no, save it as `archive/reviewed.csv`, name it in
# the profile (`reviewed: reviewed.csv`) and curate again. `image_queue.csv` lists images whose
# pixels may show letters, in whatever script; they stay out until someone has entered `no` under
# `shows_text`. `problems.csv` lists all files that could not be used, with cause and remedy. The
# profile may leave files out by the kind of their problem (`curation: {leave_out: [unreadable]}`), and
# the dataset card counts them.
#
# </details>
#
# This page runs in one to two minutes on two cores, in seconds when run again:
# `rin run notebooks/pipeline/curation.py -p profile=demo`.
