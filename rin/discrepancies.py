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
from rin.data.manifest import find_task, load_manifest, manifest_names
from rin.models.preprocessing import find_preprocessing
from rin.models.weights import load_entries
from rin.stats.audit import TaskAudit, audit_tasks, rounded
from rin.strict_yaml import read_yaml

_READ = read_yaml(Path(__file__).with_suffix(".yaml"))
KINDS: dict[str, str] = _READ["kinds"]
STATUSES = ("open", "explained")
ENTRIES: tuple[dict, ...] = tuple(_READ["entries"])
#: What sources outside the paper state, by name.
FACTS = dict(chain.from_iterable(facts.items() for facts in _READ["facts"].values()))
_PLACES = _READ["places"] | _READ["sources"]
_TEXTS = ("title", "finding", "consequence", "handling")

#: Entry, values for its texts, and whether those that should agree do not.
Check = tuple[str, Mapping[str, object], bool]


def ledger(entries: Iterable[Mapping] = ENTRIES) -> pd.DataFrame:
    """Return the ledger with every number in place.

    Returns
    -------
    pandas.DataFrame
        One row an entry: `id`, `kind` (key of `KINDS`), `status`, `computed` (whether numbers are
        compared), `disagree` (whether they still differ), `title`, `says` (pairs of a place and
        what it says), `finding` (may be empty), `consequence`, `handling`.
    """
    found, rows = checks(), []
    for entry in entries:
        values, disagree = found.get(entry["id"], ({}, True))
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


def places() -> frozenset[str]:
    """Return every place that an entry may name: of the paper, of others, of the manifests."""
    manifests = (f"data_manifests/{name}.yaml" for name in manifest_names())
    return frozenset((*paper.PLACES, *_READ["sources"].values(), *manifests))


def checks() -> dict[str, tuple[Mapping[str, object], bool]]:
    """Return by entry the values for its texts, and whether those that should agree do not."""
    found = chain(_in_the_paper(), _by_the_authors(), _in_the_data(), _by_distributors())
    return {entry: (values, disagree) for entry, values, disagree in found}


def _short(task: str) -> str:
    return paper.COMPARISONS[task].title.split(",")[0]


def _titles(tasks: Iterable[str]) -> str:
    return ", ".join(map(_short, tasks))


def _counts(task: str) -> dict[str, int]:
    """Return images by class, their sum, and the totals in order, as the paper states them."""
    counts = paper.CLASS_COUNTS[task]
    first, second = (count.images for count in counts if count.group != "all")
    totals = [count.images for count in counts if count.group == "all"]
    ends = {"all": totals[0], "last": totals[-1]}
    return {"first": first, "second": second, "sum": first + second} | ends


def _images(task: str, group: str) -> int:
    return next(count.images for count in paper.CLASS_COUNTS[task] if count.group == group)


def _files(task: str) -> Mapping[str, int]:
    return find_task(task)[0].counts.images


def _in_the_paper() -> Iterator[Check]:
    setting = {name: fact.value for name, fact in paper.SETTINGS.items()}
    database = {name: fact.value for name, fact in paper.DATABASE.items()}
    for task in ("acl", "pneumonia", "hemorrhage"):
        counts = _counts(task)
        yield f"{task}-images", counts, counts["sum"] != counts["all"]

    # One disease under two names, and two control groups under one.
    groups = [
        [count.group for count in paper.CLASS_COUNTS[task] if count.group != "all"]
        for task in ("covid19", "sarscov2")
    ]
    sums = {"first_sum": _counts("covid19")["sum"], "second_sum": _counts("sarscov2")["sum"]}
    same = all(group[0].startswith("COVID-19") for group in groups)
    values = sums | {"second_control": groups[1][1]}
    yield "covid-names", values, same and groups[0][1] != groups[1][1]

    stated, audits = paper.COMPARISONS["acl"], audit_tasks()
    acl, n = TaskAudit(stated), len(audits)
    values = {"stated": stated.difference, "low": stated.ci_low, "high": stated.ci_high}
    values |= {"middle": (stated.ci_low + stated.ci_high) / 2}
    values |= {"means_low": acl.means.low, "means_high": acl.means.high}
    values |= {"radimagenet": stated.auc_radimagenet, "imagenet": stated.auc_imagenet}
    yield "acl-difference", values, not any(map(acl.difference.meets, (acl.middle, acl.means)))

    zero = [audit for audit in audits if audit.contains_zero]
    values = {"n": len(zero), "all": n, "alpha": setting["alpha"], "p": stated.p_text}
    values |= {"tasks": _titles(audit.task for audit in zero)}
    yield "zero-and-p", values, any(audit.stated_p <= setting["alpha"] for audit in zero)

    wide = [audit.task for audit in audits if audit.too_wide_for_delong]
    values = {"agree": sum(audit.agrees for audit in audits), "all": n, "wide": _titles(wide)}
    values |= {"scenarios": setting["scenarios"], "tested": setting["split_percent"][-1]}
    yield "interval-method", values, bool(wide)

    tasks = paper.CLAIMS["comparable"].value
    p_texts = {paper.COMPARISONS[task].p_text for task in tasks}
    values = {"tasks": _titles(tasks), "p": paper.COMPARISONS[tasks[0]].p_text}
    yield "comparable", values, len(p_texts) == 1

    first, gain = audits[0], audits[0].relative_gain
    apart = sum(not audit.relative_gain.meets(audit.difference) for audit in audits)
    values = {"stated": first.published.difference, "low": gain.low, "high": gain.high}
    values |= {"apart": apart, "all": n, "dice": paper.DICE["thyroid"].gain_percent}
    yield "percents", values, apart > 0

    folds, split = setting["folds_small_tasks"], setting["split_percent"]
    images = FACTS["acl_list_tear"] + FACTS["acl_list_no_tear"]
    values = {"folds": folds, "tested": split[-1], "covered": folds * split[-1]}
    values |= {"share": 100 * FACTS["acl_test_images"] / images}
    values |= {"split": " / ".join(map(str, split))}
    yield "five-folds", values, values["covered"] != 100

    titles = [region.title for region in REGIONS.values()]
    values = {"stated": database["regions"], "distinct": len(set(titles))}
    values |= {"repeated": titles.count("Abdomen and pelvis")}
    yield "regions", values, values["distinct"] != values["stated"]

    abstract, results = (set(fact.value) for fact in paper.PATHOLOGIES.values())
    values = {"n_abstract": len(abstract), "n_results": len(results)}
    values |= {"extra": ", ".join(sorted(abstract - results))}
    yield "pathologies", values, abstract != results

    sets = {find_task(task)[0].name for task in paper.COMPARISONS}
    yield "independent-tasks", {"tasks": n, "sets": len(sets)}, n != len(sets)

    found = [name for name in dir(statsmodels_tests) if "shapiro" in name.lower()]
    values = {"stated": setting["normality_software"], "n": len(found)}
    yield "normality-software", values | {"here": statsmodels.__version__}, not found

    normal = database["normal_images"]
    total = rounded(database["images"], 10_000)  # "1.35 million"
    values = {"normal": normal, "studies": database["normal_studies"]}
    values |= {"low": 100 * normal / total.high, "high": 100 * normal / total.low}
    yield "normal-images", values, normal > 0


def _by_the_authors() -> Iterator[Check]:
    setting = {name: fact.value for name, fact in paper.SETTINGS.items()}
    weights, scripts = list(load_entries()), FACTS["scripts_preprocessing"]
    contracts = [
        entry.contract
        for entry in weights
        if entry.init == "imagenet" and entry.backbone in paper.RELEASED_ACCURACY
    ]
    unit = next(entry.contract for entry in weights if entry.preprocessing == scripts)
    caffe = next(
        entry.contract
        for entry in weights
        if entry.init == "imagenet" and entry.backbone == "ResNet50"
    )
    other = sum(contract.name != scripts for contract in contracts)
    values = {"other": other, "all": len(contracts), "factor": caffe.scale[0] / unit.scale[0]}
    yield "imagenet-inputs", values, other > 0

    rates = sorted({rate for _, some in setting["learning_rates"] for rate in some})
    size, rate = FACTS["covid_image_size"], FACTS["covid_learning_rate"]
    values = {"size": size, "stated_size": setting["image_size"], "rate": rate}
    values |= {"batch": FACTS["covid_batch"], "other_batch": FACTS["scripts_batch"]}
    values |= {"rates": ", ".join(f"{rate:g}" for rate in rates)}
    yield "covid-script", values, size != setting["image_size"] and rate not in rates

    small, large = FACTS["augmentation_small"], FACTS["augmentation_large"]
    unstated = len({"augmentation", "optimizer", "batch"} - set(setting))
    values = {"small": ", ".join(small), "unstated": unstated, "batch": FACTS["scripts_batch"]}
    values |= {"extra": " and ".join(step for step in small if step not in large)}
    values |= {"optimizer": FACTS["scripts_optimizer"]}
    yield "unstated-settings", values, set(small) != set(large) and unstated == 3

    models = paper.RELEASED_ACCURACY.values()
    first = sorted(models, key=lambda model: -model.top1)
    fifth = sorted(models, key=lambda model: -model.top5)
    values = {"best1": first[0].backbone, "top1": first[0].top1, "best5": fifth[0].backbone}
    values |= {"top5": fifth[0].top5, "last5": fifth[-1].backbone}
    values |= {"place": 1 + [model.backbone for model in first].index("InceptionV3")}
    yield "ranks", values, first != fifth

    gains = FACTS["preprint_gains"]
    stated = {task: paper.COMPARISONS[task].difference for task in gains}
    before, now = (
        "; ".join(f"{_short(task)} {gain:g}" for task, gain in some.items())
        for some in (gains, stated)
    )
    values = {"before": before, "now": now, "images": FACTS["preprint_images"]}
    values |= {"images_now": paper.DATABASE["images"].value}
    yield "preprint-gains", values, all(gain != stated[task] for task, gain in gains.items())

    script = FACTS["scripts_weights_file"]
    released = next(
        entry.file
        for entry in weights
        if entry.init == "radimagenet" and entry.backbone == "ResNet50"
    )
    yield "weights-file-name", {"script": script, "released": released}, script != released

    closed = [task for task in paper.COMPARISONS if find_task(task)[0].access == "not public"]
    values = {"stated": FACTS["readme_public_sets"], "links": FACTS["readme_links"]}
    values |= {"tasks": len(paper.COMPARISONS), "closed": _titles(closed)}
    yield "public-sets", values, values["stated"] != values["links"]


def _in_the_data() -> Iterator[Check]:
    stated, files = _images("hemorrhage", "no hemorrhage"), _files("hemorrhage")
    values = {"stated": stated, "files": files["none"], "positive": files["hemorrhage"]}
    yield "hemorrhage-selection", values, stated != files["none"]

    stated, listed = _images("acl", "tear"), FACTS["acl_list_tear"]
    values = {"stated": stated, "listed": listed, "exams": FACTS["acl_negative_exams"]}
    yield "ligament-lists", values, stated != listed

    images, cases = _images("thyroid", "all"), FACTS["thyroid_cases"]
    yield "thyroid-independence", {"images": images, "cases": cases}, cases < images

    stated, files = _images("breast", "benign"), _files("breast")
    values = {"stated": stated, "benign": files["benign"], "normal": files["normal"]}
    yield "breast-benign", values, stated != files["benign"]

    files, patients = _files("pneumonia"), FACTS["pneumonia_patients"]
    images = sum(files.values())
    yield "radiograph-patients", {"images": images, "patients": patients}, patients < images

    negative, normal = _images("pneumonia", "no pneumonia"), files["Normal"]
    values = {"negative": negative, "normal": normal}
    values |= {"abnormal": files["No Lung Opacity / Not Normal"]}
    yield "radiograph-labels", values, negative != normal

    images, patients = _images("covid19", "all"), FACTS["covid_patients"]
    values = {"images": images, "patients": patients, "each": images / patients}
    yield "covid-slices", values, patients < images

    stated, slices = _images("sarscov2", "all"), FACTS["ccccii_slices"]
    yield "ccccii-selection", {"stated": stated, "slices": slices}, stated != slices

    radimagenet = load_manifest("radimagenet")
    values = {"title": paper.CITATION.title.split(":")[1].strip(), "access": radimagenet.access}
    yield "open-data", values | {"readme": FACTS["readme_open"]}, radimagenet.access != "open"

    taxonomy, stated = load_taxonomy(), paper.DATABASE["labels"].value
    normal = int((taxonomy["label"] == "normal").sum())
    values = {"stated": stated, "normal": normal, "abnormal": len(taxonomy) - normal}
    yield "labels", values, values["abnormal"] != stated

    copies = next(finding for finding in radimagenet.findings if finding.kind == "duplicates")
    blank, named = FACTS["blank_pictures"], len(copies.case_ids)
    yield "duplicates", {"blank": blank, "named": named}, blank > 0 and named > 0


def _by_distributors() -> Iterator[Check]:
    stated = ("scripts_preprocessing", "pytorch_preprocessing", "hugging_face_preprocessing")
    pixels = np.full((1, 3), 128.0)
    gray = [float(find_preprocessing(FACTS[name]).apply(pixels).mean()) for name in stated]
    values = {"n": len(stated), "grey": " / ".join(f"{value:.2f}" for value in gray)}
    apart = min(abs(a - b) for a, b in combinations(gray, 2))
    yield "four-preprocessings", values, apart > 0.01

    digests = {FACTS["pytorch_resnet50_sha256"], FACTS["hugging_face_resnet50_sha256"]}
    official, card = FACTS["pytorch_preprocessing"], FACTS["hugging_face_preprocessing"]
    values = {"sha256": min(digests)[:8], "official": official, "card": card}
    yield "one-file-two-inputs", values, len(digests) == 1 and official != card

    variance, equal, aligned = (
        FACTS[name] for name in ("running_variance", "tensors_equal", "tensors_aligned")
    )
    values = {"keras": variance["Keras"], "pytorch": variance["PyTorch"]}
    yield "two-trainings", values | {"equal": equal, "aligned": aligned}, equal < aligned

    keras, pytorch = paper.RELEASED_ACCURACY, FACTS["pytorch_networks"]
    missing = [name for name in keras if name not in pytorch]
    values = {"keras": len(keras), "pytorch": len(pytorch), "missing": ", ".join(missing)}
    yield "missing-network", values, bool(missing)

    licences = FACTS["licences"]
    values = {"readme": licences["README"], "atlas": licences["ATLAS"]}
    values |= {"converted": licences["WARVITO"]}
    yield "licences", values, len(set(values.values())) > 1
