"""The discrepancy ledger: where the paper, its authors' files and public data do not agree.

Entries stand in `discrepancies.yaml`, with their places.  Their numbers come from the checks here,
one small function an entry, which compare `rin.paper`, the manifests and what others state; so no
number of an entry is typed, and an entry whose numbers agree again is found out by a test::

    from rin.discrepancies import ledger

    ledger()[["title", "finding"]]
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from rin import paper
from rin.curation.taxonomy import REGIONS, load_taxonomy
from rin.data.manifest import find_task, load_manifest, manifest_names
from rin.models.preprocessing import find_preprocessing
from rin.models.weights import load_entries
from rin.stats.audit import TaskAudit, audit_tasks, rounded

FACTS = Path(__file__).with_suffix(".yaml")
_READ = yaml.safe_load(FACTS.read_text(encoding="utf-8"))
KINDS: dict[str, str] = _READ["kinds"]
STATUSES = ("open", "explained")
ENTRIES: tuple[dict, ...] = tuple(_READ["entries"])
_PLACES = _READ["places"] | _READ["sources"]
_STATED = {name: value for facts in _READ["facts"].values() for name, value in facts.items()}
_TEXTS = ("title", "finding", "consequence", "handling")

#: Values for the texts of an entry, and whether those that should agree do not.
Computed = tuple[Mapping[str, object], bool]
CHECKS: dict[str, Callable[[], Computed]] = {}


def ledger(entries: Iterable[Mapping] = ENTRIES) -> pd.DataFrame:
    """Return the ledger with every number in place.

    Returns
    -------
    pandas.DataFrame
        One row an entry: `id`, `kind` (key of `KINDS`), `status`, `computed` (whether numbers are
        compared), `disagree` (whether they still differ), `title`, `says` (pairs of a place and
        what it says), `finding` (may be empty), `consequence`, `handling`.
    """
    return pd.DataFrame([_written(entry) for entry in entries])


def places() -> frozenset[str]:
    """Return every place that an entry may name: of the paper, of others, of the manifests."""
    manifests = (f"data_manifests/{name}.yaml" for name in manifest_names())
    return frozenset((*paper.PLACES, *_READ["sources"].values(), *manifests))


def fact(name: str) -> object:
    """Return what a source outside the paper states, by its name in the file."""
    return _STATED[name]


def _written(entry: Mapping) -> dict:
    check = CHECKS.get(entry["id"])
    values, disagree = check() if check else ({}, True)
    said = [pair for one in entry["says"] for pair in one.items()]
    return {
        **{name: entry[name] for name in ("id", "kind", "status")},
        "computed": check is not None,
        "disagree": disagree,
        "says": [(_PLACES.get(place, place), text.format_map(values)) for place, text in said],
        **{name: entry.get(name, "").format_map(values) for name in _TEXTS},
    }


def _check(*ids: str) -> Callable:
    """Register a check under the entries that it serves; one that serves several takes the id."""

    def register(check: Callable) -> Callable:
        for name in ids:
            CHECKS[name] = check if len(ids) == 1 else lambda name=name: check(name)
        return check

    return register


def _short(task: str) -> str:
    return paper.COMPARISONS[task].title.split(",")[0]


def _titles(tasks: Iterable[str]) -> str:
    return ", ".join(map(_short, tasks))


def _counts(task: str) -> dict[str, int]:
    """Return images by class, their sum, and the totals in order, as the paper states them."""
    counts = paper.CLASS_COUNTS[task]
    first, second = (one.images for one in counts if one.group != "all")
    totals = [one.images for one in counts if one.group == "all"]
    return {"first": first, "second": second, "sum": first + second, "all": totals[0],
            "last": totals[-1]}  # fmt: skip


def _images(task: str, group: str) -> int:
    return next(one.images for one in paper.CLASS_COUNTS[task] if one.group == group)


def _files(task: str) -> Mapping[str, int]:
    return find_task(task)[0].counts.images


@cache
def _entries() -> tuple:
    return tuple(load_entries())


# Within the paper.


@_check("acl-images", "pneumonia-images", "hemorrhage-images")
def _sums(entry: str) -> Computed:
    values = _counts(entry.removesuffix("-images"))
    return values, values["sum"] != values["all"]


@_check("covid-names")
def _covid_names() -> Computed:
    groups = {task: [one.group for one in paper.CLASS_COUNTS[task] if one.group != "all"]
              for task in ("covid19", "sarscov2")}  # fmt: skip
    values = {"first_sum": _counts("covid19")["sum"], "second_sum": _counts("sarscov2")["sum"],
              "second_control": groups["sarscov2"][1]}  # fmt: skip
    # One disease under two names, and two control groups under one.
    same = all(group[0].startswith("COVID-19") for group in groups.values())
    return values, same and groups["covid19"][1] != groups["sarscov2"][1]


@_check("acl-difference")
def _acl_difference() -> Computed:
    stated = paper.COMPARISONS["acl"]
    one = TaskAudit(stated)
    values = {"stated": stated.difference, "low": stated.ci_low,
              "high": stated.ci_high, "middle": (stated.ci_low + stated.ci_high) / 2,
              "means_low": one.means.low, "means_high": one.means.high,
              "radimagenet": stated.auc_radimagenet, "imagenet": stated.auc_imagenet}  # fmt: skip
    return values, not any(map(one.difference.meets, (one.middle, one.means)))


@_check("zero-and-p")
def _zero_and_p() -> Computed:
    zero = [one for one in audit_tasks() if one.contains_zero]
    alpha = paper.SETTINGS["alpha"].value
    values = {"n": len(zero), "all": len(paper.COMPARISONS), "alpha": alpha,
              "tasks": _titles(one.task for one in zero),
              "p": paper.COMPARISONS["acl"].p_text}  # fmt: skip
    return values, any(one.stated_p <= alpha for one in zero)


@_check("interval-method")
def _widths() -> Computed:
    audits = audit_tasks()
    wide = [one.task for one in audits if one.too_wide_for_delong]
    values = {"agree": sum(one.agrees for one in audits), "all": len(audits),
              "wide": _titles(wide), "scenarios": paper.SETTINGS["scenarios"].value,
              "tested": paper.SETTINGS["split_percent"].value[-1]}  # fmt: skip
    return values, bool(wide)


@_check("comparable")
def _comparable() -> Computed:
    tasks = paper.CLAIMS["comparable"].value
    stated = {paper.COMPARISONS[task].p_text for task in tasks}
    return {"tasks": _titles(tasks), "p": paper.COMPARISONS[tasks[0]].p_text}, len(stated) == 1


@_check("percents")
def _percents() -> Computed:
    audits = audit_tasks()
    first = audits[0]
    apart = sum(not one.relative_gain.meets(one.difference) for one in audits)
    values = {"stated": first.published.difference, "low": first.relative_gain.low,
              "high": first.relative_gain.high, "apart": apart, "all": len(audits),
              "dice": paper.DICE["thyroid"].gain_percent}  # fmt: skip
    return values, apart > 0


@_check("five-folds")
def _folds() -> Computed:
    folds, split = (paper.SETTINGS[name].value for name in ("folds_small_tasks", "split_percent"))
    images = fact("acl_list_tear") + fact("acl_list_no_tear")
    values = {"folds": folds, "tested": split[-1], "covered": folds * split[-1],
              "share": 100 * fact("acl_test_images") / images,
              "split": " / ".join(map(str, split))}  # fmt: skip
    return values, values["covered"] != 100


@_check("regions")
def _regions() -> Computed:
    titles = [region.title for region in REGIONS.values()]
    values = {"stated": paper.DATABASE["regions"].value, "distinct": len(set(titles)),
              "repeated": titles.count("Abdomen and pelvis")}  # fmt: skip
    return values, values["distinct"] != values["stated"]


@_check("pathologies")
def _pathologies() -> Computed:
    first, second = (set(one.value) for one in paper.PATHOLOGIES)
    values = {"n_abstract": len(first), "n_results": len(second),
              "extra": ", ".join(sorted(first - second))}  # fmt: skip
    return values, first != second


@_check("independent-tasks")
def _datasets() -> Computed:
    sets = {find_task(task)[0].name for task in paper.COMPARISONS}
    values = {"tasks": len(paper.COMPARISONS), "sets": len(sets)}
    return values, values["tasks"] != values["sets"]


@_check("normality-software")
def _normality() -> Computed:
    import statsmodels
    from statsmodels.stats import api

    found = [name for name in dir(api) if "shapiro" in name.lower()]
    stated = paper.SETTINGS["normality_software"].value
    return {"stated": stated, "n": len(found), "here": statsmodels.__version__}, not found


@_check("normal-images")
def _normal_images() -> Computed:
    normal, studies = (paper.DATABASE[f"normal_{what}"].value for what in ("images", "studies"))
    total = rounded(paper.DATABASE["images"].value, 10_000)  # "1.35 million"
    values = {"normal": normal, "studies": studies, "low": 100 * normal / total.high,
              "high": 100 * normal / total.low}  # fmt: skip
    return values, normal > 0


# Between the paper and what its authors published beside it.


@_check("imagenet-inputs")
def _preprocessing() -> Computed:
    scripts = fact("scripts_preprocessing")
    imagenet = {one.backbone: one.contract for one in _entries()
                if one.init == "imagenet" and one.backbone in paper.RELEASED_ACCURACY}  # fmt: skip
    unit = next(one.contract for one in _entries() if one.preprocessing == scripts)
    other = sum(contract.name != scripts for contract in imagenet.values())
    factor = imagenet["ResNet50"].scale[0] / unit.scale[0]
    return {"other": other, "all": len(imagenet), "factor": factor}, other > 0


@_check("covid-script")
def _covid_script() -> Computed:
    rates = {rate for _, some in paper.SETTINGS["learning_rates"].value for rate in some}
    values = {"size": fact("covid_image_size"), "stated_size": paper.SETTINGS["image_size"].value,
              "rate": fact("covid_learning_rate"), "batch": fact("covid_batch"),
              "rates": ", ".join(f"{rate:g}" for rate in sorted(rates)),
              "other_batch": fact("scripts_batch")}  # fmt: skip
    return values, values["size"] != values["stated_size"] and values["rate"] not in rates


@_check("unstated-settings")
def _augmentation() -> Computed:
    small, large = fact("augmentation_small"), fact("augmentation_large")
    unstated = len({"augmentation", "optimizer", "batch"} - set(paper.SETTINGS))
    values = {"small": ", ".join(small), "unstated": unstated,
              "extra": " and ".join(one for one in small if one not in large),
              "optimizer": fact("scripts_optimizer"), "batch": fact("scripts_batch")}  # fmt: skip
    return values, set(small) != set(large) and unstated == 3


@_check("ranks")
def _ranks() -> Computed:
    models = paper.RELEASED_ACCURACY.values()
    first = sorted(models, key=lambda one: -one.top1)
    fifth = sorted(models, key=lambda one: -one.top5)
    values = {"best1": first[0].backbone, "top1": first[0].top1, "best5": fifth[0].backbone,
              "top5": fifth[0].top5, "last5": fifth[-1].backbone,
              "place": 1 + [one.backbone for one in first].index("InceptionV3")}  # fmt: skip
    return values, first != fifth


@_check("preprint-gains")
def _preprint() -> Computed:
    gains = fact("preprint_gains")
    stated = {task: paper.COMPARISONS[task].difference for task in gains}
    words = ["; ".join(f"{_short(task)} {gain:g}" for task, gain in one.items())
             for one in (gains, stated)]  # fmt: skip
    values = {"before": words[0], "now": words[1], "images": fact("preprint_images"),
              "images_now": paper.DATABASE["images"].value}  # fmt: skip
    return values, all(gain != stated[task] for task, gain in gains.items())


@_check("weights-file-name")
def _file_name() -> Computed:
    released = next(one.file for one in _entries()
                    if one.init == "radimagenet" and one.backbone == "ResNet50")  # fmt: skip
    values = {"script": fact("scripts_weights_file"), "released": released}
    return values, values["script"] != released


@_check("public-sets")
def _public_sets() -> Computed:
    closed = [task for task in paper.COMPARISONS if find_task(task)[0].access == "not public"]
    values = {"stated": fact("readme_public_sets"), "links": fact("readme_links"),
              "tasks": len(paper.COMPARISONS), "closed": _titles(closed)}  # fmt: skip
    return values, values["stated"] != values["links"]


# Between the paper and the public data.


@_check("hemorrhage-selection")
def _hemorrhage() -> Computed:
    files = _files("hemorrhage")
    values = {"stated": _images("hemorrhage", "no hemorrhage"), "files": files["none"],
              "positive": files["hemorrhage"]}  # fmt: skip
    return values, values["stated"] != values["files"]


@_check("ligament-lists")
def _ligament_tears() -> Computed:
    values = {"stated": _images("acl", "tear"), "listed": fact("acl_list_tear"),
              "exams": fact("acl_negative_exams")}  # fmt: skip
    return values, values["stated"] != values["listed"]


@_check("thyroid-independence")
def _thyroid_cases() -> Computed:
    values = {"images": _images("thyroid", "all"), "cases": fact("thyroid_cases")}
    return values, values["cases"] < values["images"]


@_check("breast-benign")
def _breast_benign() -> Computed:
    files = _files("breast")
    values = {"stated": _images("breast", "benign"), "benign": files["benign"],
              "normal": files["normal"]}  # fmt: skip
    return values, values["stated"] != values["benign"]


@_check("radiograph-patients")
def _radiograph_patients() -> Computed:
    values = {"images": sum(_files("pneumonia").values()), "patients": fact("pneumonia_patients")}
    return values, values["patients"] < values["images"]


@_check("radiograph-labels")
def _opacities() -> Computed:
    files = _files("pneumonia")
    values = {"negative": _images("pneumonia", "no pneumonia"), "normal": files["Normal"],
              "abnormal": files["No Lung Opacity / Not Normal"]}  # fmt: skip
    return values, values["negative"] != values["normal"]


@_check("covid-slices")
def _covid_slices() -> Computed:
    images, patients = _images("covid19", "all"), fact("covid_patients")
    return {"images": images, "patients": patients, "each": images / patients}, patients < images


@_check("ccccii-selection")
def _ccccii() -> Computed:
    values = {"stated": _images("sarscov2", "all"), "slices": fact("ccccii_slices")}
    return values, values["stated"] != values["slices"]


@_check("open-data")
def _access() -> Computed:
    values = {"title": paper.CITATION.title.split(":")[1].strip(), "readme": fact("readme_open"),
              "access": load_manifest("radimagenet").access}  # fmt: skip
    return values, values["access"] != "open"


@_check("labels")
def _labels() -> Computed:
    taxonomy = load_taxonomy()
    normal = int((taxonomy["label"] == "normal").sum())
    values = {"stated": paper.DATABASE["labels"].value, "normal": normal,
              "abnormal": len(taxonomy) - normal}  # fmt: skip
    return values, values["abnormal"] != values["stated"]


@_check("duplicates")
def _blank() -> Computed:
    copies = next(one for one in load_manifest("radimagenet").findings if one.kind == "duplicates")
    values = {"blank": fact("blank_pictures"), "named": len(copies.case_ids)}
    return values, values["blank"] > 0 and values["named"] > 0


# Between distributors of the weights.


@_check("four-preprocessings")
def _inputs() -> Computed:
    stated = ("scripts_preprocessing", "pytorch_preprocessing", "hugging_face_preprocessing")
    pixels = np.full((1, 3), 128.0)
    grey = [float(find_preprocessing(fact(name)).apply(pixels).mean()) for name in stated]
    apart = [abs(a - b) for place, a in enumerate(grey) for b in grey[place + 1 :]]
    values = {"n": len(stated), "grey": " / ".join(f"{value:.2f}" for value in grey)}
    return values, min(apart) > 0.01


@_check("one-file-two-inputs")
def _one_file() -> Computed:
    digests = {fact("pytorch_resnet50_sha256"), fact("hugging_face_resnet50_sha256")}
    values = {"sha256": min(digests)[:8], "official": fact("pytorch_preprocessing"),
              "card": fact("hugging_face_preprocessing")}  # fmt: skip
    return values, len(digests) == 1 and values["official"] != values["card"]


@_check("two-trainings")
def _two_trainings() -> Computed:
    variance = fact("running_variance")
    values = {"keras": variance["Keras"], "pytorch": variance["PyTorch"],
              "equal": fact("tensors_equal"), "aligned": fact("tensors_aligned")}  # fmt: skip
    return values, values["equal"] < values["aligned"]


@_check("missing-network")
def _networks() -> Computed:
    released = fact("pytorch_networks")
    missing = [name for name in paper.RELEASED_ACCURACY if name not in released]
    values = {"keras": len(paper.RELEASED_ACCURACY), "pytorch": len(released),
              "missing": ", ".join(missing)}  # fmt: skip
    return values, bool(missing)


@_check("licences")
def _licences() -> Computed:
    licences = fact("licences")
    values = {"readme": licences["README"], "atlas": licences["ATLAS"],
              "converted": licences["WARVITO"]}  # fmt: skip
    return values, len(set(values.values())) > 1
