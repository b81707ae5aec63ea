"""The discrepancy ledger: where the paper, its authors' files and public data do not agree.

The entries are in `discrepancies.yaml`.  Their numbers are computed, and so is whether two places
still differ: an entry names two numbers under `differ`, or one that is 0 if nothing differs.
"""

from collections import ChainMap
from collections.abc import Iterable
from itertools import combinations
from operator import attrgetter
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
from rin.evidence.audit import audit_tasks, corner_bounds, rounding_range
from rin.evidence.claims import checks, task_names
from rin.files import read_facts
from rin.models.preprocessing import find_preprocessing
from rin.models.weights import find_entry, load_entries

_READ = read_facts(__file__)
#: Titles of what a finding changes, the most important first, and of whom it concerns.
CHANGES = _READ["changes"]
KINDS = _READ["kinds"]
ENTRIES = tuple(_READ["entries"])
#: Facts from sources outside the paper, by name; and these with the paper's settings and database.
FACTS = dict(ChainMap(*_READ["facts"].values()))
STATED = FACTS | {name: fact.value for name, fact in (paper.SETTINGS | paper.DATABASE).items()}
_PLACES = paper.PLACES | _READ["sources"]
_TEXTS = ("title", "finding", "consequence", "handling")


def discrepancy_table() -> pd.DataFrame:
    """Return the ledger with all numbers filled in, one row per entry.

    Columns: `id`, `kind` (key of `KINDS`), `changes` (of `CHANGES`), `status`, `differ` (names of
    the numbers that are compared, if any), `compared` (whether there are), `disagree` (whether the
    places still differ), `title`, `says` (pairs of a place and what it says), `finding`,
    `consequence`, `handling`.
    """
    numbers = stated_numbers()
    look_up = Formatter().get_field  # as in texts: a name, or an attribute or key of it
    rows = []
    for entry in ENTRIES:
        values = [look_up(name, (), numbers)[0] for name in entry.get("differ", ())]
        said = entry["says"].items()
        rows.append(
            {
                **entry,
                "compared": bool(values),
                "disagree": values[0] != values[1] if len(values) > 1 else all(values),
                "says": [(_PLACES.get(at, at), text.format_map(numbers)) for at, text in said],
                **{name: entry.get(name, "").format_map(numbers) for name in _TEXTS},
            }
        )
    return pd.DataFrame(rows)


def stated_numbers() -> dict[str, Any]:
    """Return stated and counted numbers, by the names that entries use."""
    datasets = {task: find_task(task)[0] for task in paper.COMPARISONS}
    titles = [region["title"] for region in REGIONS.values()]
    is_normal = load_taxonomy()["label"] == "normal"
    kinds = {place: {*fact.value} for place, fact in paper.PATHOLOGIES.items()}
    database = load_manifest("radimagenet")
    findings = {finding.kind: finding for finding in database.findings}
    released = paper.RELEASED_ACCURACY
    torch = FACTS["pytorch_networks"]
    accuracies = released.values()
    inception = released["InceptionV3"]
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
        "released_weights_file": find_entry("radimagenet", "ResNet50", load_entries()).file,
        "slices_per_covid_patient": paper.CLASS_COUNTS["covid19"][-1].images
        / FACTS["covid_patients"],
        "short_title": paper.CITATION.title.split(":")[1].strip(),
        "access": database.access,
        "named_duplicates": len(findings["duplicates"].case_ids),
        # Printed as "1.35 million".
        "normal_percent": corner_bounds(
            lambda images: 100 * STATED["normal_images"] / images,
            rounding_range(STATED["images"], 10_000),
        ),
        "keras_networks": len(released),
        "torch_networks": len(torch),
        "missing_networks": ", ".join(sorted(released.keys() - {*torch})),
        "best1": max(accuracies, key=attrgetter("top1")),
        "best5": max(accuracies, key=attrgetter("top5")),
        "last5": min(accuracies, key=attrgetter("top5")),
        "place_of_inception_v3": 1 + sum(row.top1 > inception.top1 for row in accuracies),
        "rates": ", ".join(f"{rate:g}" for rate in sorted(rates)),
        "kinds_in_abstract": len(kinds["abstract"]),
        "kinds_in_results": len(kinds["results"]),
        "statsmodels_of_paper": STATED["software"][2].removeprefix("statsmodels "),
        "kinds_in_abstract_alone": ", ".join(sorted(kinds["abstract"] - kinds["results"])),
    }
    images = {task: _images(task, counts) for task, counts in paper.CLASS_COUNTS.items()}
    return STATED | counted | images | _task_audits() | _script_numbers()


def _images(task: str, counts: Iterable[SimpleNamespace]) -> SimpleNamespace:
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


def _task_audits() -> dict[str, Any]:
    """Return the audits of the tasks, and what they show of the printed numbers."""
    audits = audit_tasks()
    acl = audits["acl"]
    printed = acl.published
    known = checks(audits)
    zero, wide = (known.index[known[name]] for name in ("zero", "wide"))
    comparable = paper.CLAIMS["comparable"].value
    return {
        "audits": audits,
        "dice_scores": paper.DICE,
        "acl_middle": (printed.ci_low + printed.ci_high) / 2,
        "acl_apart": not (acl.difference.meets(acl.middle) or acl.difference.meets(acl.means)),
        "with_zero": len(zero),
        "zero_beside_p": sum(audits[task].stated_p <= STATED["alpha"] for task in zero),
        "tasks_with_zero": task_names(zero),
        "agreeing": sum(audit.agrees for audit in audits.values()),
        "too_wide": task_names(wide),
        "number_too_wide": len(wide),
        "not_relative": (~known["relative"]).sum(),
        "comparable_tasks": task_names(comparable),
        "alike": len({audits[task].published.p_text for task in comparable}) == 1,
    }


def _script_numbers() -> dict[str, Any]:
    """Return numbers of the official scripts, of the preprint and of distributors."""
    small = FACTS["augmentation_small"]
    large = FACTS["augmentation_large"]
    scripts = find_preprocessing(FACTS["scripts_preprocessing"])
    needed = {
        entry.backbone: find_preprocessing(entry.preprocessing)
        for entry in load_entries()
        if entry.init == "imagenet" and entry.backbone in paper.RELEASED_ACCURACY
    }
    sources = [
        FACTS[f"{source}_preprocessing"] for source in ("scripts", "pytorch", "hugging_face")
    ]
    grey_pixels = np.full((1, 3), 128.0)
    greys = [float(find_preprocessing(name).apply(grey_pixels).mean()) for name in sources]
    covered = STATED["folds_small_tasks"] * STATED["split_percent"][-1]
    images = FACTS["acl_list_tear"] + FACTS["acl_list_no_tear"]
    unstated = {"augmentation", "optimizer", "batch", "dropout"} - set(paper.SETTINGS)
    tests = [name for name in dir(statsmodels_tests) if "shapiro" in name.lower()]
    return {
        "covered": covered,
        "uncovered": 100 - covered,
        "acl_test_percent": 100 * FACTS["acl_test_images"] / images,
        "shapiro_tests": len(tests),
        "shapiro_is_absent": not tests,
        "statsmodels_here": statsmodels.__version__,
        "input_factor": needed["ResNet50"].scale[0] / scripts.scale[0],
        "networks": len(needed),
        "other_inputs": sum(wanted != scripts for wanted in needed.values()),
        "augmentation_of_small": ", ".join(small),
        "left_out_of_large": " and ".join(step for step in small if step not in large),
        "unstated": len(unstated),
        "only_in_scripts": set(small) != set(large) and len(unstated) == 4,
        "gains_differ": all(
            paper.COMPARISONS[task].estimate != gain
            for task, gain in FACTS["preprint_gains"].items()
        ),
        "inputs": len(sources),
        "greys": " / ".join(f"{grey:.2f}" for grey in greys),
        "greys_differ": all(abs(a - b) > 0.01 for a, b in combinations(greys, 2)),
        "monai_gap": np.abs(np.asarray(scripts.offset) + FACTS["monai_means"]).max(),
    }
