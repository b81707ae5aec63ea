"""The discrepancy ledger: where the paper, its authors' files and public data do not agree.

The entries are in `discrepancies.yaml`.  Their numbers are computed, and so is whether two places
still differ: an entry names two numbers under `differ`, or a function here compares more.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from itertools import chain, combinations
from operator import attrgetter, truediv
from string import Formatter
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import statsmodels
from statsmodels.stats import api as statsmodels_tests

from rin.curation.taxonomy import REGIONS, load_taxonomy
from rin.data.manifest import find_task, load_manifest
from rin.evidence import paper
from rin.evidence.audit import TaskAudit, audit_tasks, corner_bounds, rounding_range
from rin.evidence.claims import Check, task_names
from rin.files import read_facts
from rin.models.preprocessing import find_preprocessing
from rin.models.weights import load_entries

_READ = read_facts(__file__)
#: Titles of what a finding changes, the most important first, and of whom it concerns.
CHANGES = _READ["changes"]
KINDS = _READ["kinds"]
ENTRIES = tuple(_READ["entries"])
#: Facts from sources outside the paper, by name; and these with the paper's settings and database.
FACTS = dict(chain.from_iterable(facts.items() for facts in _READ["facts"].values()))
STATED = FACTS | {name: fact.value for name, fact in (paper.SETTINGS | paper.DATABASE).items()}
_PLACES = paper.PLACES | _READ["sources"]
_TEXTS = ("title", "finding", "consequence", "handling")
_look_up = Formatter().get_field  # as in texts: a name, or an attribute or key of it


def discrepancy_table(entries: Iterable[Mapping] = ENTRIES) -> pd.DataFrame:
    """Return the ledger with all numbers filled in, one row per entry.

    Columns: `id`, `kind` (key of `KINDS`), `changes` (of `CHANGES`), `status`, `compared` (numbers
    of its check, if any), `disagree` (whether the places still differ), `title`, `says` (pairs of
    a place and what it says), `finding`, `consequence`, `handling`.
    """
    numbers, rows = stated_numbers(), []
    for entry in entries:
        check = _check(entry, numbers)
        values = numbers | check.values
        said = chain.from_iterable(pair.items() for pair in entry["says"])
        rows.append(
            {
                **{name: entry[name] for name in ("id", "kind", "changes", "status")},
                "compared": check.values,
                "disagree": check.holds,
                "says": [(_PLACES.get(at, at), text.format_map(values)) for at, text in said],
                **{name: entry.get(name, "").format_map(values) for name in _TEXTS},
            }
        )
    return pd.DataFrame(rows)


def _check(entry: Mapping, numbers: Mapping[str, Any]) -> Check:
    if "differ" in entry:
        values = {name: _look_up(name, (), numbers)[0] for name in entry["differ"]}
        first, second = values.values()
        return Check(first != second, values)
    if entry["id"] in _CHECKS:
        return _CHECKS[entry["id"]]()
    return Check(True, {})  # statements, not numbers, contradict each other


def stated_numbers() -> dict[str, Any]:
    """Return stated and counted numbers, by the names that entries use."""
    datasets = {task: find_task(task)[0] for task in paper.COMPARISONS}
    titles = [region.title for region in REGIONS.values()]
    is_normal = load_taxonomy()["label"] == "normal"
    released = {(entry.init, entry.backbone): entry.file for entry in load_entries()}
    slices = paper.CLASS_COUNTS["covid19"][-1].images
    kinds = {place: {*fact.value} for place, fact in paper.PATHOLOGIES.items()}
    database = load_manifest("radimagenet")
    findings = {finding.kind: finding for finding in database.findings}
    normal = partial(truediv, 100 * STATED["normal_images"])
    keras, torch = paper.RELEASED_ACCURACY.keys(), FACTS["pytorch_networks"]
    accuracies = paper.RELEASED_ACCURACY.values()
    by_top1 = sorted(accuracies, key=attrgetter("top1"), reverse=True)
    by_top5 = sorted(accuracies, key=attrgetter("top5"), reverse=True)
    rates = {rate for _, of_level in STATED["learning_rates"] for rate in of_level}
    counted = {
        "tasks": len(paper.COMPARISONS),
        "datasets": len({dataset.name for dataset in datasets.values()}),
        "tasks_not_public": task_names(
            task for task, dataset in datasets.items() if dataset.access == "not public"
        ),
        "distinct_regions": len(set(titles)),
        "abdomen_and_pelvis": titles.count("Abdomen and pelvis"),
        "normal_labels": int(is_normal.sum()),
        "abnormal_labels": int((~is_normal).sum()),
        "released_weights_file": released["radimagenet", "ResNet50"],
        "slices_per_covid_patient": slices / FACTS["covid_patients"],
        "short_title": paper.CITATION.title.split(":")[1].strip(),
        "access": database.access,
        "named_duplicates": len(findings["duplicates"].case_ids),
        # Printed as "1.35 million".
        "normal_percent": corner_bounds(normal, rounding_range(STATED["images"], 10_000)),
        "keras_networks": len(keras),
        "torch_networks": len(torch),
        "missing_networks": ", ".join(sorted(keras - {*torch})),
        "best1": by_top1[0],
        "best5": by_top5[0],
        "last5": by_top5[-1],
        "place_of_inception_v3": 1 + by_top1.index(paper.RELEASED_ACCURACY["InceptionV3"]),
        "rates": ", ".join(f"{rate:g}" for rate in sorted(rates)),
        "kinds_in_abstract": len(kinds["abstract"]),
        "kinds_in_results": len(kinds["results"]),
        "statsmodels_of_paper": STATED["software"][2].removeprefix("statsmodels "),
        "kinds_in_abstract_alone": ", ".join(sorted(kinds["abstract"] - kinds["results"])),
    }
    images = {task: _images(task, counts) for task, counts in paper.CLASS_COUNTS.items()}
    return STATED | counted | images


def _images(task: str, counts: Iterable[paper.ClassCount]) -> SimpleNamespace:
    """Return a task's numbers of images: both classes, their sum, stated totals, counted files."""
    first, second = (count for count in counts if count.group != "all")
    totals = [count.images for count in counts if count.group == "all"]
    files = find_task(task)[0].counts.images
    return SimpleNamespace(
        first=first.images,
        second=second.images,
        control=second.group,
        sum=first.images + second.images,
        all=totals[0],
        last=totals[-1],
        files=files,
        in_files=sum(files.values()),
    )


def _acl_difference() -> Check:
    acl = TaskAudit(paper.COMPARISONS["acl"])
    middle = (acl.published.ci_low + acl.published.ci_high) / 2
    values = {"acl": acl.published, "middle": middle, "means": acl.means}
    agrees = acl.difference.meets(acl.middle) or acl.difference.meets(acl.means)
    return Check(not agrees, values)


def _zero_and_p() -> Check:
    audits = audit_tasks()
    zero = [audit for audit in audits if audit.contains_zero]
    return Check(
        any(audit.stated_p <= STATED["alpha"] for audit in zero),
        {
            "n": len(zero),
            "all": len(audits),
            "p": audits[0].published.p_text,
            "tasks": task_names(audit.task for audit in zero),
        },
    )


def _interval_method() -> Check:
    audits = audit_tasks()
    wide = [audit.task for audit in audits if audit.too_wide_for_delong]
    agreeing = [audit.task for audit in audits if audit.agrees]
    return Check(
        bool(wide), {"agree": len(agreeing), "all": len(audits), "wide": task_names(wide)}
    )


def _comparable() -> Check:
    tasks = paper.CLAIMS["comparable"].value
    p_texts = [paper.COMPARISONS[task].p_text for task in tasks]
    return Check(len(set(p_texts)) == 1, {"tasks": task_names(tasks), "p": p_texts[0]})


def _percents() -> Check:
    audits = audit_tasks()
    apart = [audit for audit in audits if not audit.relative_gain.meets(audit.difference)]
    return Check(
        bool(apart),
        {
            "stated": audits[0].published.estimate,
            "gain": audits[0].relative_gain,
            "apart": len(apart),
            "all": len(audits),
            "dice": paper.DICE["thyroid"].gain_percent,
        },
    )


def _five_folds() -> Check:
    covered = STATED["folds_small_tasks"] * STATED["split_percent"][-1]
    images = FACTS["acl_list_tear"] + FACTS["acl_list_no_tear"]
    return Check(
        covered != 100,
        {
            "covered": covered,
            "share": 100 * FACTS["acl_test_images"] / images,
            "split": " / ".join(map(str, STATED["split_percent"])),
        },
    )


def _normality_software() -> Check:
    tests = [name for name in dir(statsmodels_tests) if "shapiro" in name.lower()]
    return Check(not tests, {"here": statsmodels.__version__, "n": len(tests)})


def _imagenet_inputs() -> Check:
    scripts = FACTS["scripts_preprocessing"]
    needed = {
        entry.backbone: find_preprocessing(entry.preprocessing)
        for entry in load_entries()
        if entry.init == "imagenet" and entry.backbone in paper.RELEASED_ACCURACY
    }
    other = [backbone for backbone, wanted in needed.items() if wanted.name != scripts]
    return Check(
        bool(other),
        {
            "factor": needed["ResNet50"].scale[0] / find_preprocessing(scripts).scale[0],
            "other": len(other),
            "all": len(needed),
        },
    )


def _unstated_settings() -> Check:
    small, large = FACTS["augmentation_small"], FACTS["augmentation_large"]
    unstated = {"augmentation", "optimizer", "batch", "dropout"} - set(paper.SETTINGS)
    return Check(
        set(small) != set(large) and len(unstated) == 4,
        {
            "small": ", ".join(small),
            "unstated": len(unstated),
            "extra": " and ".join(step for step in small if step not in large),
        },
    )


def _preprint_gains() -> Check:
    preprint = FACTS["preprint_gains"]
    published = {task: paper.COMPARISONS[task].estimate for task in preprint}
    before, now = (
        "; ".join(f"{task_names([task])} {gain:g}" for task, gain in gains.items())
        for gains in (preprint, published)
    )
    return Check(
        all(gain != published[task] for task, gain in preprint.items()),
        {"before": before, "now": now},
    )


def _four_preprocessings() -> Check:
    sources = ("scripts", "pytorch", "hugging_face")
    grey_pixels = np.full((1, 3), 128.0)
    inputs = [
        float(find_preprocessing(FACTS[f"{source}_preprocessing"]).apply(grey_pixels).mean())
        for source in sources
    ]
    smallest_gap = min(abs(a - b) for a, b in combinations(inputs, 2))
    means = -np.asarray(find_preprocessing(FACTS["scripts_preprocessing"]).offset)
    return Check(
        smallest_gap > 0.01,
        {
            "n": len(sources),
            "grey": " / ".join(f"{value:.2f}" for value in inputs),
            "monai_gap": np.abs(means - FACTS["monai_means"]).max(),
        },
    )


#: Checks of the entries that need more than a comparison of two numbers.
_CHECKS = {
    "acl-difference": _acl_difference,
    "zero-and-p": _zero_and_p,
    "interval-method": _interval_method,
    "comparable": _comparable,
    "percents": _percents,
    "five-folds": _five_folds,
    "normality-software": _normality_software,
    "imagenet-inputs": _imagenet_inputs,
    "unstated-settings": _unstated_settings,
    "preprint-gains": _preprint_gains,
    "four-preprocessings": _four_preprocessings,
}
