"""Entries within the paper: its words against one another, and against what they stand for."""

from rin import paper
from rin.curation.taxonomy import REGIONS
from rin.data.manifest import find_task
from rin.discrepancies.records import Computed, Discrepancy, Says
from rin.stats.audit_rounding import rounded

_COMPARISON = "Materials and Methods, Comparison of RadImageNet and ImageNet Pretrained Models"
_STATISTICS = "Materials and Methods, Statistical Analysis"
_GRADCAM = "Materials and Methods, Gradient-weighted Class Activation Mapping"
_NORMAL = "Materials and Methods, Normal Studies"
_KEY_IMAGES = "Materials and Methods, Collection of RadImageNet Key Images"
_DATABASE = "Results, The RadImageNet Database"


def _regions() -> Computed:
    distinct = {region.title for region in REGIONS.values()}
    values = {
        "stated": paper.DATABASE["regions"].value,
        "distinct": len(distinct),
        "repeated": sum(region.title == "Abdomen and pelvis" for region in REGIONS.values()),
    }
    return Computed(values, len(distinct) != values["stated"])


def _pathologies() -> Computed:
    first, second = (set(one.value) for one in paper.PATHOLOGIES)
    values = {"n_abstract": len(first), "n_results": len(second),
              "extra": ", ".join(sorted(first - second))}  # fmt: skip
    return Computed(values, first != second)


def _datasets() -> Computed:
    sets = {find_task(task)[0].name for task in paper.COMPARISONS}
    values = {"tasks": len(paper.COMPARISONS), "sets": len(sets)}
    return Computed(values, len(sets) != len(paper.COMPARISONS))


def _normality() -> Computed:
    import statsmodels
    from statsmodels.stats import api

    stated = paper.SETTINGS["normality_software"].value
    found = [name for name in dir(api) if "shapiro" in name.lower()]
    return Computed({"stated": stated, "n": len(found), "here": statsmodels.__version__},
                    not found)  # fmt: skip


def _normal_images() -> Computed:
    images, normal = paper.DATABASE["images"].value, paper.DATABASE["normal_images"].value
    total = rounded(images, 10_000)  # "1.35 million"
    shares = 100 * normal / total.high, 100 * normal / total.low
    values = {"normal": normal, "studies": paper.DATABASE["normal_studies"].value,
              "low": shares[0], "high": shares[1]}  # fmt: skip
    return Computed(values, normal > 0)


ENTRIES = (
    Discrepancy(
        "one-p-value", "paper", "How many curves became one P value",
        (Says(_STATISTICS, "DeLong's method compares the models; it takes two curves on the same "
              "cases."),
         Says("Figure 3, caption", "P values come from comparing the paired models.")),
        "Without the rule by which pairs were combined the P values cannot be repeated.",
        "Scores averaged over scenarios are tested once; tests of single scenarios are adjusted.",
    ),
    Discrepancy(
        "regions", "paper", "Eleven regions, some of them the same",
        (Says(_DATABASE, "{stated} anatomic regions."),
         Says("Figure 2, caption", "Regions are listed modality by modality; abdomen and pelvis "
              "stands in each.")),
        "The number counts pairs of modality and region.",
        "Regions are counted per modality, as in the figure.",
        "explained", "{distinct} regions are distinct; abdomen and pelvis counts {repeated} "
        "times.", _regions,
    ),
    Discrepancy(
        "pathologies", "paper", "Kinds of pathologic conditions",
        (Says("Abstract", "{n_abstract} kinds."), Says(_DATABASE, "{n_results} kinds.")),
        "None.", "Only the labels themselves are used.",
        "open", "The Abstract alone names: {extra}.", _pathologies,
    ),
    Discrepancy(
        "independent-tasks", "paper", "Independent applications",
        (Says("Key Points", "{tasks} independent applications."),
         Says(_COMPARISON, "Ligament and meniscus images come from one dataset.")),
        "Results of these tasks go together more often than results of separate datasets would.",
        "Each task is tested by itself; tests over tasks are adjusted without independence.",
        "explained", "The tasks use {sets} datasets.", _datasets,
    ),
    Discrepancy(
        "segmentation", "paper", "Segmentation without a segmentation network",
        (Says("Abstract", "Dice scores for two segmentation problems."),
         Says(_GRADCAM, "Class activation maps of classification networks, cut at a threshold.")),
        "The Dice scores tell where a classifier looks, not how well it segments.",
        "The pages speak of localisation, and show baselines that look at nothing.", "explained",
    ),
    Discrepancy(
        "reader-study", "paper", "A comparison with radiologists that is not reported",
        (Says("Discussion", "The limitations speak of a similar, but poor, performance of "
              "radiologists and models."),
         Says(_DATABASE, "Only models are evaluated, here and in the rest of the Results.")),
        "Nothing about radiologists can be concluded.", "No such comparison is made.",
    ),
    Discrepancy(
        "normality-software", "paper", "A test that the named package does not offer",
        (Says(_STATISTICS, "Shapiro's test was performed in {stated}."),),
        "The software of that test is not known; its result does not depend on it.",
        "SciPy's test is used and checked against R's.",
        "open", "The version installed here, {here}, lists {n} functions of that name.",
        _normality,
    ),
    Discrepancy(
        "normal-images", "paper", "Annotated images, or studies read as normal",
        (Says("Key Points", "The images were annotated by radiologists."),
         Says(_KEY_IMAGES, "The only requirement was that an image clearly represents substantial "
              "pathologic findings."),
         Says(_NORMAL, "{normal:,} images are all images of {studies:,} studies whose reports say "
              "that they are normal.")),
        "The label of these images was given to a study, not to an image.",
        "The curation chapter keeps both kinds of label apart.",
        "explained", "They are {low:.1f} to {high:.1f}% of the database.", _normal_images,
    ),
)  # fmt: skip
