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
# # Discrepancy ledger

# %% tags=["hide-input"]
from html import escape
from itertools import combinations

import numpy as np
import pandas as pd
import statsmodels
from IPython.display import HTML
from statsmodels.stats import api as statsmodels_tests

from rin.curation.taxonomy import REGIONS, load_taxonomy
from rin.data.manifest import find_task, load_manifest
from rin.evidence import paper
from rin.evidence.audit import audit_tasks, rounded
from rin.evidence.discrepancies import FACTS, KINDS, STATED, ledger
from rin.models.preprocessing import find_preprocessing
from rin.models.weights import load_entries
from rin.report.format import book_table
from rin.report.page import claim, glue_values


def unfold(entries):
    """Each entry as one line that unfolds to places, consequence and what this book does."""
    lines = []
    for one in entries.itertuples():
        said = "".join(
            f"<li><b>{escape(place)}</b>: {escape(text)}</li>"
            for place, text in one.says
        )
        lines.append(
            f'<details id="{one.id}" style="margin:0.5em 0"><summary><b>{escape(one.title)}</b> '
            f"({one.status}). {escape(one.finding)}</summary>"
            f'<div style="margin:0.3em 0 0.9em 1.2em;overflow-wrap:anywhere"><ul>{said}</ul>'
            f"<p><b>What it changes.</b> {escape(one.consequence)} "
            f"<b>In this book.</b> {escape(one.handling)}</p></div></details>"
        )
    return HTML("".join(lines))


# %% [markdown]
# The paper, its authors' files and the public data contradict one another in
# {glue:text}`n` places. {glue:text}`n_open` are open: nothing public says which side is right. The
# other {glue:text}`n_explained` are explained by the files. {glue:text}`n_computed` are computed:
# their numbers are compared whenever this page is built, and the build fails when an entry has
# nothing left to say.
#
# Five matter most for a reader of the results: <a href="#zero-and-p">intervals that include zero
# beside P < .001</a>, <a href="#imagenet-inputs">inputs that do not fit the ImageNet weights</a>,
# images of one patient treated as independent (<a href="#thyroid-independence">thyroid</a>,
# <a href="#covid-slices">COVID-19</a>), and
# <a href="#four-preprocessings">four statements of how to prepare inputs</a> for RadImageNet
# weights.
#
# ## The ledger in numbers
#
# An entry says that two places do not agree, not how that came about. Numbers come from the paper
# {cite:p}`mei2022`, from its authors' scripts and lists, and from the dataset manifests. No image
# and no network stands behind them.
#
# A computed entry takes its numbers from a check, which returns them, and whether the sides still
# differ.


# %% tags=["hide-input"]
def task_titles(tasks):
    return ", ".join(
        paper.COMPARISONS[task].title.split(",")[0] for task in tasks
    )


def image_counts(task):
    """Return images by class, their sum, and the totals in order, as the paper states them."""
    counts = paper.CLASS_COUNTS[task]
    first, second = (count.images for count in counts if count.group != "all")
    totals = [count.images for count in counts if count.group == "all"]
    ends = {"all": totals[0], "last": totals[-1]}
    return {"first": first, "second": second, "sum": first + second} | ends


def images_of(task):
    return find_task(task)[0].counts.images


def in_the_paper():
    for task in ("acl", "pneumonia", "hemorrhage"):
        counts = image_counts(task)
        yield f"{task}-images", counts, counts["sum"] != counts["all"]

    # One disease under two names, and two control groups under one.
    (first, control), (second, other_control) = (
        [
            count.group
            for count in paper.CLASS_COUNTS[task]
            if count.group != "all"
        ]
        for task in ("covid19", "sarscov2")
    )
    values = {
        f"{task}_sum": image_counts(task)["sum"]
        for task in ("covid19", "sarscov2")
    }
    same = all(group.startswith("COVID-19") for group in (first, second))
    yield (
        "covid-names",
        values | {"control": other_control},
        same and control != other_control,
    )

    audits = audit_tasks()
    acl, n = next(audit for audit in audits if audit.task == "acl"), len(audits)
    stated = acl.published
    values = {
        "acl": stated,
        "middle": (stated.ci_low + stated.ci_high) / 2,
        "means": acl.means,
    }
    yield (
        "acl-difference",
        values,
        not any(map(acl.difference.meets, (acl.middle, acl.means))),
    )

    zero = [audit for audit in audits if audit.contains_zero]
    values = {"n": len(zero), "all": n, "p": stated.p_text}
    values |= {"tasks": task_titles(audit.task for audit in zero)}
    yield (
        "zero-and-p",
        values,
        any(audit.stated_p <= STATED["alpha"] for audit in zero),
    )

    wide = [audit.task for audit in audits if audit.too_wide_for_delong]
    values = {
        "agree": sum(audit.agrees for audit in audits),
        "all": n,
        "wide": task_titles(wide),
    }
    yield "interval-method", values, bool(wide)

    tasks = paper.CLAIMS["comparable"].value
    p_texts = [paper.COMPARISONS[task].p_text for task in tasks]
    yield (
        "comparable",
        {"tasks": task_titles(tasks), "p": p_texts[0]},
        len(set(p_texts)) == 1,
    )

    apart = sum(
        not audit.relative_gain.meets(audit.difference) for audit in audits
    )
    values = {
        "stated": audits[0].published.difference,
        "gain": audits[0].relative_gain,
    }
    values |= {
        "apart": apart,
        "all": n,
        "dice": paper.DICE["thyroid"].gain_percent,
    }
    yield "percents", values, apart > 0

    covered = STATED["folds_small_tasks"] * STATED["split_percent"][-1]
    images = FACTS["acl_list_tear"] + FACTS["acl_list_no_tear"]
    values = {
        "covered": covered,
        "share": 100 * FACTS["acl_test_images"] / images,
    }
    values |= {"split": " / ".join(map(str, STATED["split_percent"]))}
    yield "five-folds", values, covered != 100

    titles = [region.title for region in REGIONS.values()]
    values = {
        "distinct": len(set(titles)),
        "repeated": titles.count("Abdomen and pelvis"),
    }
    yield "regions", values, values["distinct"] != STATED["regions"]

    abstract, results = (set(fact.value) for fact in paper.PATHOLOGIES.values())
    values = {"n_abstract": len(abstract), "n_results": len(results)}
    values |= {"extra": ", ".join(sorted(abstract - results))}
    yield "pathologies", values, abstract != results

    sets = {find_task(task)[0].name for task in paper.COMPARISONS}
    yield "independent-tasks", {"tasks": n, "sets": len(sets)}, n != len(sets)

    found = [
        name for name in dir(statsmodels_tests) if "shapiro" in name.lower()
    ]
    yield (
        "normality-software",
        {"here": statsmodels.__version__, "n": len(found)},
        not found,
    )

    normal, total = (
        STATED["normal_images"],
        rounded(STATED["images"], 10_000),
    )  # "1.35 million"
    values = {
        "low": 100 * normal / total.high,
        "high": 100 * normal / total.low,
    }
    yield "normal-images", values, normal > 0


def by_the_authors():
    weights, scripts = list(load_entries()), FACTS["scripts_preprocessing"]
    contracts = {
        entry.backbone: entry.contract
        for entry in weights
        if entry.init == "imagenet"
        and entry.backbone in paper.RELEASED_ACCURACY
    }
    unit = next(
        entry.contract for entry in weights if entry.preprocessing == scripts
    )
    other = sum(contract.name != scripts for contract in contracts.values())
    values = {"factor": contracts["ResNet50"].scale[0] / unit.scale[0]}
    yield (
        "imagenet-inputs",
        values | {"other": other, "all": len(contracts)},
        other > 0,
    )

    rates = sorted(
        {rate for _, some in STATED["learning_rates"] for rate in some}
    )
    differs = FACTS["covid_image_size"] != STATED["image_size"]
    values = {"rates": ", ".join(f"{rate:g}" for rate in rates)}
    yield (
        "covid-script",
        values,
        differs and FACTS["covid_learning_rate"] not in rates,
    )

    small, large = FACTS["augmentation_small"], FACTS["augmentation_large"]
    unstated = len({"augmentation", "optimizer", "batch"} - set(paper.SETTINGS))
    values = {"small": ", ".join(small), "unstated": unstated}
    values |= {
        "extra": " and ".join(step for step in small if step not in large)
    }
    yield (
        "unstated-settings",
        values,
        set(small) != set(large) and unstated == 3,
    )

    models = paper.RELEASED_ACCURACY.values()
    first = sorted(models, key=lambda model: -model.top1)
    fifth = sorted(models, key=lambda model: -model.top5)
    values = {"best1": first[0], "best5": fifth[0], "last5": fifth[-1]}
    values |= {
        "place": 1 + [model.backbone for model in first].index("InceptionV3")
    }
    yield "ranks", values, first != fifth

    gains = FACTS["preprint_gains"]
    stated = {task: paper.COMPARISONS[task].difference for task in gains}
    before, now = (
        "; ".join(
            f"{task_titles([task])} {gain:g}" for task, gain in some.items()
        )
        for some in (gains, stated)
    )
    differ = all(gain != stated[task] for task, gain in gains.items())
    yield "preprint-gains", {"before": before, "now": now}, differ

    files = {(entry.init, entry.backbone): entry.file for entry in weights}
    released = files["radimagenet", "ResNet50"]
    yield (
        "weights-file-name",
        {"released": released},
        FACTS["scripts_weights_file"] != released,
    )

    closed = [
        task
        for task in paper.COMPARISONS
        if find_task(task)[0].access == "not public"
    ]
    values = {"tasks": len(paper.COMPARISONS), "closed": task_titles(closed)}
    yield (
        "public-sets",
        values,
        FACTS["readme_public_sets"] != FACTS["readme_links"],
    )


def in_the_data():
    stated, files = (
        image_counts("hemorrhage")["second"],
        images_of("hemorrhage"),
    )
    values = {
        "stated": stated,
        "files": files["none"],
        "positive": files["hemorrhage"],
    }
    yield "hemorrhage-selection", values, stated != files["none"]

    stated = image_counts("acl")["first"]
    yield "ligament-lists", {"stated": stated}, stated != FACTS["acl_list_tear"]

    images = image_counts("thyroid")["all"]
    yield (
        "thyroid-independence",
        {"images": images},
        FACTS["thyroid_cases"] < images,
    )

    stated, files = image_counts("breast")["second"], images_of("breast")
    yield "breast-benign", {"stated": stated} | files, stated != files["benign"]

    files = images_of("pneumonia")
    images = sum(files.values())
    yield (
        "radiograph-patients",
        {"images": images},
        FACTS["pneumonia_patients"] < images,
    )

    negative, normal = image_counts("pneumonia")["second"], files["Normal"]
    values = {"abnormal": files["No Lung Opacity / Not Normal"]}
    yield (
        "radiograph-labels",
        values | {"negative": negative, "normal": normal},
        negative != normal,
    )

    images, patients = image_counts("covid19")["all"], FACTS["covid_patients"]
    yield (
        "covid-slices",
        {"images": images, "each": images / patients},
        patients < images,
    )

    stated = image_counts("sarscov2")["all"]
    yield (
        "ccccii-selection",
        {"stated": stated},
        stated != FACTS["ccccii_slices"],
    )

    radimagenet = load_manifest("radimagenet")
    values = {
        "title": paper.CITATION.title.split(":")[1].strip(),
        "access": radimagenet.access,
    }
    yield "open-data", values, radimagenet.access != "open"

    taxonomy = load_taxonomy()
    normal = int((taxonomy["label"] == "normal").sum())
    abnormal = len(taxonomy) - normal
    yield (
        "labels",
        {"normal": normal, "abnormal": abnormal},
        abnormal != STATED["labels"],
    )

    copies = next(
        finding
        for finding in radimagenet.findings
        if finding.kind == "duplicates"
    )
    named = len(copies.case_ids)
    yield (
        "duplicates",
        {"named": named},
        FACTS["blank_pictures"] > 0 and named > 0,
    )


def by_distributors():
    stated = (
        "scripts_preprocessing",
        "pytorch_preprocessing",
        "hugging_face_preprocessing",
    )
    pixels = np.full((1, 3), 128.0)
    gray = [
        float(find_preprocessing(FACTS[name]).apply(pixels).mean())
        for name in stated
    ]
    values = {
        "n": len(stated),
        "grey": " / ".join(f"{value:.2f}" for value in gray),
    }
    apart = min(abs(a - b) for a, b in combinations(gray, 2))
    yield "four-preprocessings", values, apart > 0.01

    digests = {
        FACTS["pytorch_resnet50_sha256"],
        FACTS["hugging_face_resnet50_sha256"],
    }
    differ = (
        FACTS["pytorch_preprocessing"] != FACTS["hugging_face_preprocessing"]
    )
    yield (
        "one-file-two-inputs",
        {"sha256": min(digests)[:8]},
        len(digests) == 1 and differ,
    )

    yield "two-trainings", {}, FACTS["tensors_equal"] < FACTS["tensors_aligned"]

    missing = [
        name
        for name in paper.RELEASED_ACCURACY
        if name not in FACTS["pytorch_networks"]
    ]
    values = {
        "keras": len(paper.RELEASED_ACCURACY),
        "pytorch": len(FACTS["pytorch_networks"]),
    }
    yield (
        "missing-network",
        values | {"missing": ", ".join(missing)},
        bool(missing),
    )

    yield "licences", {}, len(set(FACTS["licences"].values())) > 1


checks = {
    entry: (values, differ)
    for some in (in_the_paper, by_the_authors, in_the_data, by_distributors)
    for entry, values, differ in some()
}

# %%
checks["acl-images"]

# %%
entries = ledger(checks)

counts = pd.DataFrame(
    {
        "Entries": entries.groupby("kind").size(),
        "Computed": entries.groupby("kind")["computed"].sum(),
        "Open": (entries["status"] == "open").groupby(entries["kind"]).sum(),
    }
).loc[list(KINDS)]
book_table(
    counts.rename(index=KINDS).rename_axis("Kind"),
    "Entries by kind",
    prose=True,
)

# %% tags=["hide-input"]
claim("every entry still has something to say", bool(entries["disagree"].all()))
important = {"zero-and-p", "imagenet-inputs", "thyroid-independence", "covid-slices",
             "four-preprocessings"}  # fmt: skip
claim("the entries named above are there", important <= set(entries["id"]))
glue_values(
    n=len(entries),
    n_open=int((entries["status"] == "open").sum()),
    n_explained=int((entries["status"] == "explained").sum()),
    n_computed=int(entries["computed"].sum()),
)

# %% [markdown]
# ## Within the paper
#
# Unfold a line for the places, what it changes for a reader, and how this book handles it.

# %%
unfold(entries[entries["kind"] == "paper"])

# %% [markdown]
# ## Between the paper and its authors' scripts, README and preprint

# %%
unfold(entries[entries["kind"] == "authors"])

# %% [markdown]
# ## Between the paper and the public data

# %%
unfold(entries[entries["kind"] == "data"])

# %% [markdown]
# ## Between distributors of the weights

# %%
unfold(entries[entries["kind"] == "distributors"])

# %% [markdown]
# ## Run this page
#
# `rin run notebooks/evidence/discrepancies.py`, or
# `jupytext --to ipynb notebooks/evidence/discrepancies.py` and then papermill. It takes seconds and
# needs no images. Entries stand in `rin/evidence/discrepancies.yaml`.
