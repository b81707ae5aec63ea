"""Entries within the paper: its numbers against one another."""

from collections.abc import Iterable

from rin import paper
from rin.discrepancies.elsewhere import FOLDS, fact
from rin.discrepancies.records import Computed, Discrepancy, Says
from rin.stats.audit_tasks import audit_task, audit_tasks

_SMALL = "Results, Performance on Small Datasets"
_LARGE = "Results, Performance on Larger Datasets"
_COMPARISON = "Materials and Methods, Comparison of RadImageNet and ImageNet Pretrained Models"
_STATISTICS = "Materials and Methods, Statistical Analysis"


def _names(tasks: Iterable[str]) -> str:
    """Return titles of tasks without their modality, as one list."""
    return ", ".join(paper.COMPARISONS[task].title.split(",")[0] for task in tasks)


def _counts(task: str) -> dict[str, object]:
    """Return images by class, their sum, and the totals in order, as the paper states them."""
    counts = paper.CLASS_COUNTS[task]
    classes = [one for one in counts if one.group != "all"]
    totals = [one.images for one in counts if one.group == "all"]
    first, second = classes
    total = first.images + second.images
    return {"first": first.images, "second": second.images, "sum": total, "all": totals[0],
            "last": totals[-1]}  # fmt: skip


def _sums(task: str) -> Computed:
    values = _counts(task)
    return Computed(values, values["sum"] != values["all"])


def _covid_names() -> Computed:
    groups = {task: [one.group for one in paper.CLASS_COUNTS[task] if one.group != "all"]
              for task in ("covid19", "sarscov2")}  # fmt: skip
    values = {
        "first_sum": _counts("covid19")["sum"],
        "second_sum": _counts("sarscov2")["sum"],
        "second_control": groups["sarscov2"][1],
    }
    # One disease under two names, and two control groups under one.
    same = all(group[0].startswith("COVID-19") for group in groups.values())
    return Computed(values, same and groups["covid19"][1] != groups["sarscov2"][1])


def _acl_difference() -> Computed:
    one = audit_task(paper.COMPARISONS["acl"])
    values = {
        "stated": one.stated_difference,
        "low": one.published_low,
        "high": one.published_high,
        "middle": (one.published_low + one.published_high) / 2,
        "means_low": one.means.low,
        "means_high": one.means.high,
        "radimagenet": paper.COMPARISONS["acl"].auc_radimagenet,
        "imagenet": paper.COMPARISONS["acl"].auc_imagenet,
    }
    return Computed(values, not any(map(one.difference.meets, (one.middle, one.means))))


def _zero_and_p() -> Computed:
    zero = [one for one in audit_tasks() if one.contains_zero]
    alpha = paper.SETTINGS["alpha"].value
    tasks = _names(one.task for one in zero)
    values = {"n": len(zero), "all": len(paper.COMPARISONS), "tasks": tasks, "alpha": alpha,
              "p": paper.COMPARISONS["acl"].p_text}  # fmt: skip
    return Computed(values, any(one.stated_p <= alpha for one in zero))


def _widths() -> Computed:
    audits = audit_tasks()
    wide = [one for one in audits if one.too_wide_for_delong]
    values = {
        "agree": sum(one.agrees for one in audits),
        "all": len(audits),
        "wide": _names(one.task for one in wide),
        "scenarios": paper.SETTINGS["scenarios"].value,
        "tested": paper.SETTINGS["split_percent"].value[-1],
    }
    return Computed(values, bool(wide))


def _comparable() -> Computed:
    named = [paper.COMPARISONS[task] for task in paper.CLAIMS["comparable"].value]
    values = {"tasks": _names(paper.CLAIMS["comparable"].value), "p": named[0].p_text}
    return Computed(values, all(one.p_text == named[0].p_text for one in named))


def _percents() -> Computed:
    audits = audit_tasks()
    apart = [one for one in audits if not one.relative_gain.meets(one.difference)]
    first, dice = audits[0], paper.DICE["thyroid"]
    values = {
        "stated": first.stated_difference,
        "low": first.relative_gain.low,
        "high": first.relative_gain.high,
        "apart": len(apart),
        "all": len(audits),
        "dice": dice.gain_percent,
    }
    return Computed(values, bool(apart))


def _folds() -> Computed:
    folds = paper.SETTINGS["folds_small_tasks"].value
    tested = paper.SETTINGS["split_percent"].value[-1]
    images = sum(fact(name) for name in ("acl_list_tear", "acl_list_no_tear"))
    share = 100 * fact("acl_test_images") / images
    values = {"folds": folds, "tested": tested, "covered": folds * tested, "share": share,
              "split": " / ".join(map(str, paper.SETTINGS["split_percent"].value))}  # fmt: skip
    return Computed(values, folds * tested != 100)


ENTRIES = (
    Discrepancy(
        "acl-images", "paper", "Images of the ligament task",
        (Says(_COMPARISON, "{first:,} images with a tear and {second:,} without."),
         Says(_SMALL, "{all:,} images.")),
        "None for the results; a count to which nobody can reproduce both.",
        "Both are kept in the manifest; the authors' fold lists, which hold one tear less, are "
        "read where they are at hand.",
        "explained", "The classes add up to {sum:,}.", lambda: _sums("acl"),
    ),
    Discrepancy(
        "pneumonia-images", "paper", "Radiographs of the pneumonia task",
        (Says(_COMPARISON, "{first:,} with and {second:,} without pneumonia."),
         Says(_LARGE, "{all:,} radiographs."), Says("Discussion", "{last:,} images.")),
        "None for the results.",
        "The count of the files, which is that of the classes and of the Discussion, is asserted.",
        "explained", "The classes add up to {sum:,}.", lambda: _sums("pneumonia"),
    ),
    Discrepancy(
        "hemorrhage-images", "paper", "Slices of the hemorrhage task",
        (Says(_COMPARISON, "{first:,} slices with and {second:,} without hemorrhage."),
         Says(_LARGE, "{all:,} slices."), Says("Discussion", "{last:,} images.")),
        "The slices cannot be chosen again: which of the two counts was used is not known.",
        "All slices of the public set are used; both counts stand in the manifest.",
        "open", "The classes add up to {sum:,}.", lambda: _sums("hemorrhage"),
    ),
    Discrepancy(
        "covid-names", "paper", "COVID-19 and SARS-CoV-2 change names",
        (Says(_COMPARISON, "{second_sum:,} images tell COVID-19 from {second_control}; "
              "{first_sum:,} show patients with and without COVID-19."),
         Says(_LARGE, "The {first_sum:,} images are the COVID-19 dataset; the {second_sum:,} are "
              "images with and without SARS-CoV-2 pneumonia.")),
        "A reader who goes by names compares a result with the wrong dataset, and takes "
        "pneumonia of another cause for a healthy control.",
        "The cited references decide: COVID-19 is the set of reference 15, SARS-CoV-2 that of 27.",
        "explained", "", _covid_names,
    ),
    Discrepancy(
        "acl-difference", "paper", "The ligament difference fits neither interval nor means",
        (Says(_SMALL, "Mean areas {radimagenet:.2f} and {imagenet:.2f}; difference {stated:.1f} "
              "points, 95% CI ({low:.1f}, {high:.1f})."),
         Says("Abstract", "A {stated:.1f}% improvement.")),
        "The headline number of this task is lower than its own interval and means suggest; "
        "which of the three is right cannot be told.",
        "All three are printed on the audit page; tables show the stated difference.",
        "open", "The interval's middle is {middle:.2f}, and the rounded means allow "
        "{means_low:.0f} to {means_high:.0f} points.", _acl_difference,
    ),
    Discrepancy(
        "zero-and-p", "paper", "Intervals that hold zero beside small P values",
        (Says(_SMALL, "Intervals that hold zero stand beside {p}."), Says(_LARGE, "The same."),
         Says(_STATISTICS, "One method, DeLong's, is named for intervals and P values; "
              "significance is a P value below {alpha}.")),
        "For these tasks interval and P value cannot both come from one test; which of them "
        "describes the comparison is not known.",
        "Both are shown side by side; no task is called significant by its printed P value.",
        "open", "{n} of {all} intervals hold zero for every rounding: {tasks}.", _zero_and_p,
    ),
    Discrepancy(
        "interval-method", "paper", "Intervals wider than DeLong's can be",
        (Says(_STATISTICS, "DeLong's method gives intervals of areas and P values of comparisons; "
              "no other is named for intervals of differences."),
         Says(_COMPARISON, "Mean and SD over {scenarios} settings are compared.")),
        "The intervals may describe the choice of settings rather than other patients.",
        "Both kinds are computed here: over scenarios, and over cases by DeLong's method.",
        "open", "In {agree} of {all} tasks the half-width equals, within rounding, that of an "
        "unpaired t interval over scenarios; for {wide} it exceeds every DeLong interval of the "
        "printed areas on {tested}% of the images.", _widths,
    ),
    Discrepancy(
        "comparable", "paper", "Comparable and superior at once",
        (Says("Discussion", "Comparable performance in three tasks: {tasks}."),
         Says("Key Points", "Superior performance in all applications."),
         Says("Abstract", "{p} for each of them.")),
        "Being comparable is a claim of its own, with a margin that the paper does not name.",
        "Equivalence is tested where the paper says comparable, with a margin stated beforehand.",
        "open", "", _comparable,
    ),
    Discrepancy(
        "percents", "paper", "Two kinds of percent",
        (Says("Figure 3, caption", "Gains are changes from the ImageNet models; {stated:.1f}% for "
              "thyroid nodules."),
         Says("Abstract", "{stated:.1f}% for areas and {dice:.1f}% for Dice scores in one "
              "paragraph.")),
        "Areas improve by points and Dice scores by relative percent, so the two kinds of gain "
        "must not be compared.",
        "Differences of areas are in points; relative gains are named as such.",
        "explained", "Relative to the ImageNet area the thyroid gain would be {low:.1f} to "
        "{high:.1f}%; in {apart} of {all} tasks the stated gain is no relative one.", _percents,
    ),
    Discrepancy(
        "five-folds", "paper", "Five folds of {tested} percent",
        (Says(_COMPARISON, "A split of {split}, and {folds}-fold cross-validation of the small "
              "tasks."),
         Says(FOLDS, "{share:.0f}% of the ligament images are tested in the first fold.")),
        "The training shares of the small tasks are not those stated.",
        "Test folds are disjoint and cover all images; the official lists can be read instead.",
        "explained", "{folds} disjoint test sets of {tested}% cover {covered}% of the images.",
        _folds,
    ),
)  # fmt: skip
