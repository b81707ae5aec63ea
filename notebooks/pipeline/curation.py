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
# *Answers* how images of an outpatient archive become a labelled corpus: one study by hand, then
# all. *Needs* a DICOM archive with reports, which a stand-in replaces. *Takes* one to two minutes
# on two cores, seconds when run again: `rin run notebooks/pipeline/curation.py -p profile=demo`.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import hmac
from base64 import b32encode

import numpy as np
import pandas as pd
from IPython.display import Markdown, display
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.uid import CTImageStorage

from rin.curation import build
from rin.curation.deidentify import Pseudonyms, deidentify, display_window
from rin.curation.radiology_reports import screen_impression
from rin.report import live as shown
from rin.report.page import claim
from rin.study import corpora, open_runs

workspace = open_runs(profile, data_root=data_root, results=results).workspace
plan = corpora.curation_plan(workspace)  # which archive, where the corpus goes
shown.archive_line(workspace)

# %% [markdown]
# The images of the paper came from an outpatient practice in two ways: **key images** of abnormal
# studies, which the reading radiologist had chosen, labelled and outlined, and **all diagnostic
# images of normal studies**, found by a query of the reports and confirmed by a radiologist.
#
# ## One study by hand
#
# A key image is named in a *Key Object Selection* document (KO); its outline is in a *Grayscale
# Softcopy Presentation State* (PR). Both point to the image by its UID. Here is the CT study with
# the fewest outlines:

# %%
archive = build.index_archive(plan)  # what all headers say, and the reports
files = archive.files
counts = pd.crosstab(files["study_uid"], files["modality"])
chosen = counts.query("CT > 0 and KO == 1 and PR > 0")["PR"].idxmin()
paths = files.loc[files["study_uid"] == chosen, "path"]
documents = [dcmread(archive.root / path) for path in paths]
len(documents)

# %%
findings, outlines = {}, {}
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
# A finding uses the wording of the taxonomy, or a term of the site that the label map
# translates. Stored pixels become Hounsfield units, then 8 bits through the window of the region.
# The pseudonym of the patient is a keyed digest.

# %%
as_printed = True  # False once you change a line: nothing is checked then
terms = pd.read_csv(plan.label_map) if plan.label_map else pd.DataFrame()
translated = {term: kind for term, *kind in terms.to_numpy()}
finding = findings[key_uid]
region, name = translated.get(finding) or finding.split(": ")
names = Pseudonyms(corpora.pseudonym_key(plan))

image = next(d for d in documents if key_uid == d.SOPInstanceUID)
hounsfield = image.pixel_array * image.RescaleSlope + image.RescaleIntercept
centre, width = display_window("CT", region)
share = (hounsfield - (centre - 0.5)) / (width - 1) + 0.5
grey = np.rint(255 * np.clip(share, 0, 1)).astype("uint8")

points = np.reshape(outlines[key_uid], (-1, 2)) - 0.5  # centre of pixel: 0
secret = f"patient\0{image.PatientID}".encode()
pseudonym = b32encode(hmac.digest(names.key, secret, "sha256")[:10]).decode()

# %% [markdown]
# The package does the same for every study of the archive. Its corpus contains this image, pixel
# by pixel, with the same label, outline and pseudonym:

# %%
shown.outlined_image(grey, points, f"{region}: {name}")

# %%
corpus = build.curate(plan)
same_study = corpus.images["study_id"] == names.uid(chosen)
outlined = corpus.images[same_study & (corpus.images["roi"] != "")]
if as_printed and len(outlined) == 1:  # a real one may be left out
    row = outlined.iloc[0]
    exported = np.asarray(Image.open(corpus.folder / row["filename"]))
    corners = row["roi"].removeprefix("polygon:").split()
    recorded = np.loadtxt(corners, delimiter=",")
    assert np.array_equal(grey, exported)
    assert np.allclose(points[: len(recorded)], recorded)
    assert row["label"] == f"{region}-{name}"
    assert row["patient_id"] == f"P{pseudonym}"
assert len(outlined) == 1 or archive.provenance == "real"

# %% [markdown]
# ## The reports
#
# The paper flagged "studies with a report containing 'normal' or 'unremarkable' in the
# impression". In pandas, over the texts of the archive:

# %%
texts = archive.root.glob("reports/*.txt")
reports = pd.Series({path.stem: path.read_text() for path in texts})
impressions = reports.str.extract(r"(?s)IMPRESSION:\s*(.*)")[0].str.strip()
words = impressions.str.contains("normal|unremarkable", case=False, na=False)
screened = corpus.screened
invented = archive.provenance == "stand-in"  # others have other forms
if invented and as_printed:
    assert set(impressions[words].index) == {*screened["accession_number"]}

# %% [markdown]
# The query also flags “not normal”, and “normal heart size” beside a consolidation. Rules
# therefore look for negation, hedging, a second finding and advice to follow up, and state their
# reasons; a radiologist decides on each flagged study in `review_queue.csv`.

# %%
examples = impressions[words & invented].drop_duplicates().iloc[::9][:4]
rules = examples.rename("impression").to_frame().reset_index(drop=True)
judged = [screen_impression("", text) for text in examples]
rules["verdict"] = [screening.verdict for screening in judged]
rules["reasons"] = ["; ".join(screening.reasons) for screening in judged]
shown.rules_table(rules)

# %% [markdown]
# A stand-in archive records which of its studies are normal (1), so the rules can be checked; its
# wording is invented, so the counts say nothing about a hospital's reports. *Change a line*, say
# `as_printed = False`, and run all cells:
#
# - another window: `display_window("CT", region)` becomes `(40, 400)`;
# - a wider query: `"normal|unremarkable"` becomes `"normal|unremarkable|no acute"`;
# - an image as a negative: `255 * np.clip(share, 0, 1)` becomes `255 * np.clip(1 - share, 0, 1)`.

# %%
if invented:
    truth = pd.read_csv(plan.archive / "truth.csv", dtype=str)
    both = truth.merge(screened, how="left", on="accession_number")
    verdicts = both["verdict"].fillna("not flagged by the query")
    display(pd.crosstab(both["normal"], verdicts.rename("by the rules")))

# %% [markdown]
# ## The whole archive
#
# Files that remain after each step:

# %%
shown.files_left(shown.files_by_step(corpus))

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(shown.curated(corpus))

# %%
shown.excluded_table(corpus.excluded)

# %% [markdown]
# ## De-identification
#
# Headers are de-identified by the Basic Application Level Confidentiality Profile of DICOM PS3.15
# with its option Retain Longitudinal Temporal Information With Modified Dates: only listed attributes
# are kept, all dates of a patient are shifted by the same number of days, and identifiers become
# pseudonyms under a secret key. An invented header, before and after:

# %%
header = Dataset()
header.PatientName, header.PatientID = "Specimen^Ada", "SI-1"
header.StudyDate, header.InstitutionName = "20101213", "Invented Imaging"
header.SOPClassUID, header.SOPInstanceUID = CTImageStorage, "1.2.826.0.1.1"
header.StudyInstanceUID, header.SeriesInstanceUID = "1.2.826.2", "1.2.826.3"
after = deidentify(header, Pseudonyms(b"a key for this example only"))
changes = [(e.name, e.value, after.get(e.keyword, "removed")) for e in header]
columns = ["Attribute", "Before", "After"]
pd.DataFrame(changes, columns=columns).set_index("Attribute")

# %% [markdown]
# ## What the corpus holds

# %%
shown.images_by_region(corpus.images)

# %%
parts = corpus.images.groupby("part")[["patient_id", "label"]].nunique()
parts.columns = ["Patients", "Classes"]
parts["Images"] = corpus.images["part"].value_counts()
by_patient = corpus.images.groupby("patient_id")["part"].nunique()
claim("no patient is in two parts", by_patient.max() == 1)
parts.loc[["train", "validation", "test"]]

# %% [markdown]
# With the images and tables come a description in the Croissant format (`croissant.json`) and a
# dataset card (`dataset_card.json`): licence, counts, split, exclusions and de-identification:

# %%
shown.deidentified_table(corpus.card)

# %% [markdown]
# ## Exercises
#
# 1. How many studies would the words alone take for normal that are not?
#
# <details><summary>Solution</summary>
#
# ```python
# if invented:
#     flagged = truth.set_index("accession_number")["normal"][impressions[words].index]
#     wrong = (flagged != "1").sum()
#     assert 0 < wrong < len(flagged)
# ```
#
# </details>
#
# 2. Check that no identifier of the archive is among the pseudonyms of the corpus.
#
# <details><summary>Solution</summary>
#
# ```python
# original = {str(document.PatientID) for document in documents}
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
# # hospital.yaml: a copy of demo.yaml, with its name and both sections changed
# rin curate --profile hospital --data-root /path/to/images
# rin pretrain --profile hospital --data-root /path/to/images
# ```
#
# Curation can be interrupted and repeated, and reads only new files. The folder
# `results/hospital/curation/shared` may leave the institution after someone has checked it;
# everything beside it contains original identifiers or the key of the pseudonyms. Fill the column
# `confirmed` of `review_queue.csv` with yes or no, save it as `archive/reviewed.csv`, name it in
# the profile (`reviewed: reviewed.csv`) and curate again. `image_queue.csv` lists images whose
# pixels may show letters, in whatever script; they stay out until someone has entered `no` under
# `shows_text`. `problems.csv` lists all files that could not be used, with number, cause and
# remedy; numbers stay when other files go. `rin curate --leave-out unreadable` leaves files out
# by the kind of their problem (or the profile does: `curation: {leave_out: [unreadable]}`), and
# the dataset card counts them. Pretrained weights are written for Keras, as `_notop.h5` for older
# software, and as safetensors.
#
# </details>
