"""The computed entries of the discrepancy ledger: do two places still state different things?

Where an entry names two numbers that `differ`, they are compared; for the others a function takes
the numbers from the paper, the dataset manifests, the weights list and the facts of other sources,
and returns what the entry's texts need and whether the sides differ.  Images and networks are not
read.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import statsmodels
from statsmodels.stats import api as statsmodels_tests

from rin.curation.taxonomy import REGIONS, load_taxonomy
from rin.data.manifest import find_task, load_manifest
from rin.evidence import paper
from rin.evidence.audit import TaskAudit, audit_tasks, rounded
from rin.evidence.discrepancies import ENTRIES, FACTS, STATED
from rin.models.preprocessing import find_preprocessing
from rin.models.weights import load_entries


class Check(NamedTuple):
    """Values for the texts of an entry, and whether the places that it names differ."""

    values: dict[str, object]
    differ: bool


#: The check of each entry that takes more than a comparison, by the entry's id.
CHECKS: dict[str, Callable[[], Check]] = {}


def computed_checks() -> dict[str, Check]:
    """Return the result of every check, by the id of its entry."""
    numbers = stated_numbers(paper.CLASS_COUNTS)
    compared = {entry["id"]: compare(entry, numbers) for entry in ENTRIES if "differ" in entry}
    return compared | {entry: check() for entry, check in CHECKS.items()}


def compare(entry: Mapping[str, Any], numbers: Mapping[str, object]) -> Check:
    """Compare the two numbers that an entry names, and look up those that its texts take."""
    first, second = (numbers[name] for name in entry["differ"])
    values = {word: numbers[name] for word, name in entry.get("values", {}).items()}
    return Check(values, first != second)


def stated_numbers(class_counts: Mapping[str, Iterable[paper.ClassCount]]) -> dict[str, object]:
    """Return what is stated, by name: `STATED`, and images of a task by the paper and its files.

    Of a task: the images of the `first` and `second` class, their `sum`, and the total as it is
    stated first (`all`) and `last`; `files`, counted from its dataset, and `files.<class>`.  And
    what is counted in the taxonomy and the manifests.
    """
    numbers = STATED | _counted()
    for task, counts in class_counts.items():
        first, second = (count.images for count in counts if count.group != "all")
        totals = [count.images for count in counts if count.group == "all"]
        files = find_task(task)[0].counts.images
        numbers |= {
            f"{task}.first": first,
            f"{task}.second": second,
            f"{task}.sum": first + second,
            f"{task}.all": totals[0],
            f"{task}.last": totals[-1],
            f"{task}.files": sum(files.values()),
        }
        numbers |= {f"{task}.files.{name}": images for name, images in files.items()}
    return numbers


def _counted() -> dict[str, object]:
    """Return what is counted in the paper's tables, the taxonomy, manifests and weights list."""
    datasets = {task: find_task(task)[0] for task in paper.COMPARISONS}
    titles = [region.title for region in REGIONS.values()]
    is_normal = load_taxonomy()["label"] == "normal"
    released = {(entry.init, entry.backbone): entry.file for entry in load_entries()}
    slices = paper.CLASS_COUNTS["covid19"][-1].images
    return {
        "tasks": len(paper.COMPARISONS),
        "datasets": len({dataset.name for dataset in datasets.values()}),
        "tasks_not_public": task_titles(
            task for task, dataset in datasets.items() if dataset.access == "not public"
        ),
        "distinct_regions": len(set(titles)),
        "abdomen_and_pelvis": titles.count("Abdomen and pelvis"),
        "normal_labels": int(is_normal.sum()),
        "abnormal_labels": int((~is_normal).sum()),
        "released_weights_file": released["radimagenet", "ResNet50"],
        "slices_per_covid_patient": slices / FACTS["covid_patients"],
        "short_title": paper.CITATION.title.split(":")[1].strip(),
        "access": load_manifest("radimagenet").access,
        **{f"licence.{source}": licence for source, licence in FACTS["licences"].items()},
    }


def _checks(entry: str) -> Callable[[Callable[[], Check]], Callable[[], Check]]:
    """Register a function as the check of an entry."""

    def register(check: Callable[[], Check]) -> Callable[[], Check]:
        CHECKS[entry] = check
        return check

    return register


# Within the paper


@_checks("covid-names")
def _covid_names() -> Check:
    # One disease under two names, and two control groups under one.
    groups = {
        task: [count.group for count in paper.CLASS_COUNTS[task] if count.group != "all"]
        for task in ("covid19", "sarscov2")
    }
    (covid, control), (sars, sars_control) = groups.values()
    same_disease = covid.startswith("COVID-19") and sars.startswith("COVID-19")
    numbers = stated_numbers(paper.CLASS_COUNTS)
    values = {
        "covid19_sum": numbers["covid19.sum"],
        "sarscov2_sum": numbers["sarscov2.sum"],
        "control": sars_control,
    }
    return Check(values, same_disease and control != sars_control)


def _audit_of(task: str) -> TaskAudit:
    return TaskAudit(paper.COMPARISONS[task])


@_checks("acl-difference")
def _acl_difference() -> Check:
    acl = _audit_of("acl")
    middle = (acl.published.ci_low + acl.published.ci_high) / 2
    values = {"acl": acl.published, "middle": middle, "means": acl.means}
    agrees = acl.difference.meets(acl.middle) or acl.difference.meets(acl.means)
    return Check(values, not agrees)


@_checks("zero-and-p")
def _zero_and_p() -> Check:
    audits = audit_tasks()
    zero = [audit for audit in audits if audit.contains_zero]
    values = {
        "n": len(zero),
        "all": len(audits),
        "p": audits[0].published.p_text,
        "tasks": task_titles(audit.task for audit in zero),
    }
    return Check(values, any(audit.stated_p <= STATED["alpha"] for audit in zero))


@_checks("interval-method")
def _interval_method() -> Check:
    audits = audit_tasks()
    wide = [audit.task for audit in audits if audit.too_wide_for_delong]
    agreeing = [audit.task for audit in audits if audit.agrees]
    values = {"agree": len(agreeing), "all": len(audits), "wide": task_titles(wide)}
    return Check(values, bool(wide))


@_checks("comparable")
def _comparable() -> Check:
    tasks = paper.CLAIMS["comparable"].value
    p_texts = [paper.COMPARISONS[task].p_text for task in tasks]
    values = {"tasks": task_titles(tasks), "p": p_texts[0]}
    return Check(values, len(set(p_texts)) == 1)


@_checks("percents")
def _percents() -> Check:
    audits = audit_tasks()
    apart = [audit for audit in audits if not audit.relative_gain.meets(audit.difference)]
    values = {
        "stated": audits[0].published.difference,
        "gain": audits[0].relative_gain,
        "apart": len(apart),
        "all": len(audits),
        "dice": paper.DICE["thyroid"].gain_percent,
    }
    return Check(values, bool(apart))


@_checks("five-folds")
def _five_folds() -> Check:
    covered = STATED["folds_small_tasks"] * STATED["split_percent"][-1]
    images = FACTS["acl_list_tear"] + FACTS["acl_list_no_tear"]
    values = {
        "covered": covered,
        "share": 100 * FACTS["acl_test_images"] / images,
        "split": " / ".join(map(str, STATED["split_percent"])),
    }
    return Check(values, covered != 100)


@_checks("pathologies")
def _pathologies() -> Check:
    abstract = set(paper.PATHOLOGIES["abstract"].value)
    results = set(paper.PATHOLOGIES["results"].value)
    values = {
        "n_abstract": len(abstract),
        "n_results": len(results),
        "extra": ", ".join(sorted(abstract - results)),
    }
    return Check(values, abstract != results)


@_checks("normality-software")
def _normality_software() -> Check:
    tests = [name for name in dir(statsmodels_tests) if "shapiro" in name.lower()]
    return Check({"here": statsmodels.__version__, "n": len(tests)}, not tests)


@_checks("normal-images")
def _normal_images() -> Check:
    normal = STATED["normal_images"]
    total = rounded(STATED["images"], 10_000)  # "1.35 million"
    values = {"low": 100 * normal / total.high, "high": 100 * normal / total.low}
    return Check(values, normal > 0)


# Between the paper and its authors' scripts, README and preprint


@_checks("imagenet-inputs")
def _imagenet_inputs() -> Check:
    scripts = FACTS["scripts_preprocessing"]
    needed = {
        entry.backbone: find_preprocessing(entry.preprocessing)
        for entry in load_entries()
        if entry.init == "imagenet" and entry.backbone in paper.RELEASED_ACCURACY
    }
    other = [backbone for backbone, wanted in needed.items() if wanted.name != scripts]
    values = {
        "factor": needed["ResNet50"].scale[0] / find_preprocessing(scripts).scale[0],
        "other": len(other),
        "all": len(needed),
    }
    return Check(values, bool(other))


@_checks("covid-script")
def _covid_script() -> Check:
    rates = sorted({rate for _, of_level in STATED["learning_rates"] for rate in of_level})
    size_differs = FACTS["covid_image_size"] != STATED["image_size"]
    rate_differs = FACTS["covid_learning_rate"] not in rates
    values = {"rates": ", ".join(f"{rate:g}" for rate in rates)}
    return Check(values, size_differs and rate_differs)


@_checks("unstated-settings")
def _unstated_settings() -> Check:
    small, large = FACTS["augmentation_small"], FACTS["augmentation_large"]
    unstated = {"augmentation", "optimizer", "batch"} - set(paper.SETTINGS)
    values = {
        "small": ", ".join(small),
        "unstated": len(unstated),
        "extra": " and ".join(step for step in small if step not in large),
    }
    return Check(values, set(small) != set(large) and len(unstated) == 3)


@_checks("ranks")
def _ranks() -> Check:
    models = paper.RELEASED_ACCURACY.values()
    by_top1 = sorted(models, key=lambda model: -model.top1)
    by_top5 = sorted(models, key=lambda model: -model.top5)
    values = {
        "best1": by_top1[0],
        "best5": by_top5[0],
        "last5": by_top5[-1],
        "place": 1 + [model.backbone for model in by_top1].index("InceptionV3"),
    }
    return Check(values, by_top1 != by_top5)


@_checks("preprint-gains")
def _preprint_gains() -> Check:
    preprint = FACTS["preprint_gains"]
    published = {task: paper.COMPARISONS[task].difference for task in preprint}
    values = {"before": _gains_in_words(preprint), "now": _gains_in_words(published)}
    return Check(values, all(gain != published[task] for task, gain in preprint.items()))


def _gains_in_words(gains: dict[str, float]) -> str:
    return "; ".join(f"{task_titles([task])} {gain:g}" for task, gain in gains.items())


# Between the paper and the public data


@_checks("duplicates")
def _duplicates() -> Check:
    findings = {finding.kind: finding for finding in load_manifest("radimagenet").findings}
    n_cases = len(findings["duplicates"].case_ids)
    return Check({"named": n_cases}, FACTS["blank_pictures"] > 0 and n_cases > 0)


# Between distributors of the weights


@_checks("four-preprocessings")
def _four_preprocessings() -> Check:
    sources = ("scripts", "pytorch", "hugging_face")
    grey_pixels = np.full((1, 3), 128.0)
    inputs = [
        float(find_preprocessing(FACTS[f"{source}_preprocessing"]).apply(grey_pixels).mean())
        for source in sources
    ]
    smallest_gap = min(abs(a - b) for a, b in combinations(inputs, 2))
    values = {"n": len(sources), "grey": " / ".join(f"{value:.2f}" for value in inputs)}
    return Check(values, smallest_gap > 0.01)


@_checks("one-file-two-inputs")
def _one_file_two_inputs() -> Check:
    digests = {FACTS["pytorch_resnet50_sha256"], FACTS["hugging_face_resnet50_sha256"]}
    inputs = {FACTS["pytorch_preprocessing"], FACTS["hugging_face_preprocessing"]}
    return Check({"sha256": min(digests)[:8]}, len(digests) == 1 and len(inputs) == 2)


@_checks("missing-network")
def _missing_network() -> Check:
    keras, pytorch = list(paper.RELEASED_ACCURACY), FACTS["pytorch_networks"]
    missing = [name for name in keras if name not in pytorch]
    values = {"keras": len(keras), "pytorch": len(pytorch), "missing": ", ".join(missing)}
    return Check(values, bool(missing))


def task_titles(tasks: Iterable[str]) -> str:
    """Return the titles of tasks without their modality, as a list in words."""
    return ", ".join(paper.COMPARISONS[task].title.split(",")[0] for task in tasks)
