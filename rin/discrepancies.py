"""The discrepancy ledger: where the paper, its authors' files and public data do not agree.

Entries stand in `discrepancies.yaml`, with their places.  Their numbers come from the checks here,
which compare `rin.paper`, the manifests and what others state; so no number of an entry is typed,
and an entry whose numbers agree again is found out by a test::

    from rin.discrepancies import ledger

    ledger()[["title", "finding"]]
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, combinations
from pathlib import Path

import numpy as np
import pandas as pd
import statsmodels
from statsmodels.stats import api as statsmodels_tests

from rin import paper
from rin.curation.taxonomy import REGIONS, load_taxonomy
from rin.data.manifest import find_task, load_manifest
from rin.files import read_yaml
from rin.models.preprocessing import find_preprocessing
from rin.models.weights import load_entries
from rin.stats.audit import audit_tasks, rounded

_READ = read_yaml(Path(__file__).with_suffix(".yaml"))
KINDS: dict[str, str] = _READ["kinds"]
ENTRIES: tuple[dict, ...] = tuple(_READ["entries"])
#: What sources outside the paper state, by name; and beside it the paper's settings and database.
FACTS = dict(chain.from_iterable(facts.items() for facts in _READ["facts"].values()))
STATED = FACTS | {name: fact.value for name, fact in (paper.SETTINGS | paper.DATABASE).items()}
_PLACES = _READ["places"] | _READ["sources"]
_TEXTS = ("title", "finding", "consequence", "handling")

#: Entry, values for its texts beside `STATED`, and whether those that should agree do not.
Check = tuple[str, Mapping[str, object], bool]


def ledger(entries: Iterable[Mapping] = ENTRIES) -> pd.DataFrame:
    """Return the ledger with every number in place, one row an entry.

    Columns: `id`, `kind` (key of `KINDS`), `status`, `computed` (whether numbers are compared),
    `disagree` (whether they still differ), `title`, `says` (pairs of a place and what it says),
    `finding` (may be empty), `consequence`, `handling`.
    """
    found, rows = checks(), []
    for entry in entries:
        values, disagree = found.get(entry["id"], ({}, True))
        values = STATED | values
        said = chain.from_iterable(pair.items() for pair in entry["says"])
        rows.append(
            {
                **{name: entry[name] for name in ("id", "kind", "status")},
                "computed": entry["id"] in found,
                "disagree": disagree,
                "says": [(_PLACES.get(at, at), text.format_map(values)) for at, text in said],
                **{name: entry.get(name, "").format_map(values) for name in _TEXTS},
            }
        )
    return pd.DataFrame(rows)


def checks() -> dict[str, tuple[Mapping[str, object], bool]]:
    """Return by entry the values for its texts, and whether those that should agree do not."""
    found = chain(_in_the_paper(), _by_the_authors(), _in_the_data(), _by_distributors())
    return {entry: (values, disagree) for entry, values, disagree in found}


def _titles(tasks: Iterable[str]) -> str:
    return ", ".join(paper.COMPARISONS[task].title.split(",")[0] for task in tasks)


def _counts(task: str) -> dict[str, int]:
    """Return images by class, their sum, and the totals in order, as the paper states them."""
    counts = paper.CLASS_COUNTS[task]
    first, second = (count.images for count in counts if count.group != "all")
    totals = [count.images for count in counts if count.group == "all"]
    ends = {"all": totals[0], "last": totals[-1]}
    return {"first": first, "second": second, "sum": first + second} | ends


def _files(task: str) -> Mapping[str, int]:
    return find_task(task)[0].counts.images


def _in_the_paper() -> Iterator[Check]:
    for task in ("acl", "pneumonia", "hemorrhage"):
        counts = _counts(task)
        yield f"{task}-images", counts, counts["sum"] != counts["all"]

    # One disease under two names, and two control groups under one.
    (first, control), (second, other_control) = (
        [count.group for count in paper.CLASS_COUNTS[task] if count.group != "all"]
        for task in ("covid19", "sarscov2")
    )
    values = {f"{task}_sum": _counts(task)["sum"] for task in ("covid19", "sarscov2")}
    same = all(group.startswith("COVID-19") for group in (first, second))
    yield "covid-names", values | {"control": other_control}, same and control != other_control

    audits = audit_tasks()
    acl, n = next(audit for audit in audits if audit.task == "acl"), len(audits)
    stated = acl.published
    values = {"acl": stated, "middle": (stated.ci_low + stated.ci_high) / 2, "means": acl.means}
    yield "acl-difference", values, not any(map(acl.difference.meets, (acl.middle, acl.means)))

    zero = [audit for audit in audits if audit.contains_zero]
    values = {"n": len(zero), "all": n, "p": stated.p_text}
    values |= {"tasks": _titles(audit.task for audit in zero)}
    yield "zero-and-p", values, any(audit.stated_p <= STATED["alpha"] for audit in zero)

    wide = [audit.task for audit in audits if audit.too_wide_for_delong]
    values = {"agree": sum(audit.agrees for audit in audits), "all": n, "wide": _titles(wide)}
    yield "interval-method", values, bool(wide)

    tasks = paper.CLAIMS["comparable"].value
    p_texts = [paper.COMPARISONS[task].p_text for task in tasks]
    yield "comparable", {"tasks": _titles(tasks), "p": p_texts[0]}, len(set(p_texts)) == 1

    apart = sum(not audit.relative_gain.meets(audit.difference) for audit in audits)
    values = {"stated": audits[0].published.difference, "gain": audits[0].relative_gain}
    values |= {"apart": apart, "all": n, "dice": paper.DICE["thyroid"].gain_percent}
    yield "percents", values, apart > 0

    covered = STATED["folds_small_tasks"] * STATED["split_percent"][-1]
    images = FACTS["acl_list_tear"] + FACTS["acl_list_no_tear"]
    values = {"covered": covered, "share": 100 * FACTS["acl_test_images"] / images}
    values |= {"split": " / ".join(map(str, STATED["split_percent"]))}
    yield "five-folds", values, covered != 100

    titles = [region.title for region in REGIONS.values()]
    values = {"distinct": len(set(titles)), "repeated": titles.count("Abdomen and pelvis")}
    yield "regions", values, values["distinct"] != STATED["regions"]

    abstract, results = (set(fact.value) for fact in paper.PATHOLOGIES.values())
    values = {"n_abstract": len(abstract), "n_results": len(results)}
    values |= {"extra": ", ".join(sorted(abstract - results))}
    yield "pathologies", values, abstract != results

    sets = {find_task(task)[0].name for task in paper.COMPARISONS}
    yield "independent-tasks", {"tasks": n, "sets": len(sets)}, n != len(sets)

    found = [name for name in dir(statsmodels_tests) if "shapiro" in name.lower()]
    yield "normality-software", {"here": statsmodels.__version__, "n": len(found)}, not found

    normal, total = STATED["normal_images"], rounded(STATED["images"], 10_000)  # "1.35 million"
    values = {"low": 100 * normal / total.high, "high": 100 * normal / total.low}
    yield "normal-images", values, normal > 0


def _by_the_authors() -> Iterator[Check]:
    weights, scripts = list(load_entries()), FACTS["scripts_preprocessing"]
    contracts = {
        entry.backbone: entry.contract
        for entry in weights
        if entry.init == "imagenet" and entry.backbone in paper.RELEASED_ACCURACY
    }
    unit = next(entry.contract for entry in weights if entry.preprocessing == scripts)
    other = sum(contract.name != scripts for contract in contracts.values())
    values = {"factor": contracts["ResNet50"].scale[0] / unit.scale[0]}
    yield "imagenet-inputs", values | {"other": other, "all": len(contracts)}, other > 0

    rates = sorted({rate for _, some in STATED["learning_rates"] for rate in some})
    differs = FACTS["covid_image_size"] != STATED["image_size"]
    values = {"rates": ", ".join(f"{rate:g}" for rate in rates)}
    yield "covid-script", values, differs and FACTS["covid_learning_rate"] not in rates

    small, large = FACTS["augmentation_small"], FACTS["augmentation_large"]
    unstated = len({"augmentation", "optimizer", "batch"} - set(paper.SETTINGS))
    values = {"small": ", ".join(small), "unstated": unstated}
    values |= {"extra": " and ".join(step for step in small if step not in large)}
    yield "unstated-settings", values, set(small) != set(large) and unstated == 3

    models = paper.RELEASED_ACCURACY.values()
    first = sorted(models, key=lambda model: -model.top1)
    fifth = sorted(models, key=lambda model: -model.top5)
    values = {"best1": first[0], "best5": fifth[0], "last5": fifth[-1]}
    values |= {"place": 1 + [model.backbone for model in first].index("InceptionV3")}
    yield "ranks", values, first != fifth

    gains = FACTS["preprint_gains"]
    stated = {task: paper.COMPARISONS[task].difference for task in gains}
    before, now = (
        "; ".join(f"{_titles([task])} {gain:g}" for task, gain in some.items())
        for some in (gains, stated)
    )
    differ = all(gain != stated[task] for task, gain in gains.items())
    yield "preprint-gains", {"before": before, "now": now}, differ

    files = {(entry.init, entry.backbone): entry.file for entry in weights}
    released = files["radimagenet", "ResNet50"]
    yield "weights-file-name", {"released": released}, FACTS["scripts_weights_file"] != released

    closed = [task for task in paper.COMPARISONS if find_task(task)[0].access == "not public"]
    values = {"tasks": len(paper.COMPARISONS), "closed": _titles(closed)}
    yield "public-sets", values, FACTS["readme_public_sets"] != FACTS["readme_links"]


def _in_the_data() -> Iterator[Check]:
    stated, files = _counts("hemorrhage")["second"], _files("hemorrhage")
    values = {"stated": stated, "files": files["none"], "positive": files["hemorrhage"]}
    yield "hemorrhage-selection", values, stated != files["none"]

    stated = _counts("acl")["first"]
    yield "ligament-lists", {"stated": stated}, stated != FACTS["acl_list_tear"]

    images = _counts("thyroid")["all"]
    yield "thyroid-independence", {"images": images}, FACTS["thyroid_cases"] < images

    stated, files = _counts("breast")["second"], _files("breast")
    yield "breast-benign", {"stated": stated} | files, stated != files["benign"]

    files = _files("pneumonia")
    images = sum(files.values())
    yield "radiograph-patients", {"images": images}, FACTS["pneumonia_patients"] < images

    negative, normal = _counts("pneumonia")["second"], files["Normal"]
    values = {"abnormal": files["No Lung Opacity / Not Normal"]}
    yield "radiograph-labels", values | {"negative": negative, "normal": normal}, negative != normal

    images, patients = _counts("covid19")["all"], FACTS["covid_patients"]
    yield "covid-slices", {"images": images, "each": images / patients}, patients < images

    stated = _counts("sarscov2")["all"]
    yield "ccccii-selection", {"stated": stated}, stated != FACTS["ccccii_slices"]

    radimagenet = load_manifest("radimagenet")
    values = {"title": paper.CITATION.title.split(":")[1].strip(), "access": radimagenet.access}
    yield "open-data", values, radimagenet.access != "open"

    taxonomy = load_taxonomy()
    normal = int((taxonomy["label"] == "normal").sum())
    abnormal = len(taxonomy) - normal
    yield "labels", {"normal": normal, "abnormal": abnormal}, abnormal != STATED["labels"]

    copies = next(finding for finding in radimagenet.findings if finding.kind == "duplicates")
    named = len(copies.case_ids)
    yield "duplicates", {"named": named}, FACTS["blank_pictures"] > 0 and named > 0


def _by_distributors() -> Iterator[Check]:
    stated = ("scripts_preprocessing", "pytorch_preprocessing", "hugging_face_preprocessing")
    pixels = np.full((1, 3), 128.0)
    gray = [float(find_preprocessing(FACTS[name]).apply(pixels).mean()) for name in stated]
    values = {"n": len(stated), "grey": " / ".join(f"{value:.2f}" for value in gray)}
    apart = min(abs(a - b) for a, b in combinations(gray, 2))
    yield "four-preprocessings", values, apart > 0.01

    digests = {FACTS["pytorch_resnet50_sha256"], FACTS["hugging_face_resnet50_sha256"]}
    differ = FACTS["pytorch_preprocessing"] != FACTS["hugging_face_preprocessing"]
    yield "one-file-two-inputs", {"sha256": min(digests)[:8]}, len(digests) == 1 and differ

    yield "two-trainings", {}, FACTS["tensors_equal"] < FACTS["tensors_aligned"]

    missing = [name for name in paper.RELEASED_ACCURACY if name not in FACTS["pytorch_networks"]]
    values = {"keras": len(paper.RELEASED_ACCURACY), "pytorch": len(FACTS["pytorch_networks"])}
    yield "missing-network", values | {"missing": ", ".join(missing)}, bool(missing)

    yield "licences", {}, len(set(FACTS["licences"].values())) > 1
