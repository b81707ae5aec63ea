"""Entries between the paper and what its authors published beside it: scripts, README, preprint."""

from rin import paper
from rin.data.manifest import find_task
from rin.discrepancies.elsewhere import (
    COVID_SCRIPT,
    KERAS,
    PREPRINT,
    README,
    SCRIPTS,
    TRACKER,
    fact,
)
from rin.discrepancies.records import Computed, Discrepancy, Says
from rin.models.weights import load_entries

_COMPARISON = "Materials and Methods, Comparison of RadImageNet and ImageNet Pretrained Models"
_STATISTICS = "Materials and Methods, Statistical Analysis"
_DATABASE = "Results, The RadImageNet Database"


def _preprocessing() -> Computed:
    scripts = fact("scripts_preprocessing")
    networks = paper.RELEASED_ACCURACY
    imagenet = {
        one.backbone: one.contract
        for one in load_entries()
        if one.init == "imagenet" and one.backbone in networks
    }
    other = [name for name, contract in imagenet.items() if contract.name != scripts]
    unit = next(one.contract for one in load_entries() if one.preprocessing == scripts)
    values = {
        "other": len(other),
        "all": len(imagenet),
        "factor": imagenet["ResNet50"].scale[0] / unit.scale[0],
    }
    return Computed(values, bool(other))


def _covid_script() -> Computed:
    rates = {rate for _, some in paper.SETTINGS["learning_rates"].value for rate in some}
    values = {
        "size": fact("covid_image_size"),
        "stated_size": paper.SETTINGS["image_size"].value,
        "rate": fact("covid_learning_rate"),
        "rates": ", ".join(f"{rate:g}" for rate in sorted(rates)),
        "batch": fact("covid_batch"),
        "other_batch": fact("scripts_batch"),
    }
    return Computed(values, values["size"] != values["stated_size"] and values["rate"] not in rates)


def _augmentation() -> Computed:
    small, large = fact("augmentation_small"), fact("augmentation_large")
    values = {
        "small": ", ".join(small),
        "extra": " and ".join(one for one in small if one not in large),
        "optimizer": fact("scripts_optimizer"),
        "batch": fact("scripts_batch"),
        "unstated": len({"augmentation", "optimizer", "batch"} - set(paper.SETTINGS)),
    }
    return Computed(values, set(small) != set(large) and values["unstated"] == 3)


def _ranks() -> Computed:
    models = paper.RELEASED_ACCURACY.values()
    first = sorted(models, key=lambda one: -one.top1)
    fifth = sorted(models, key=lambda one: -one.top5)
    values = {
        "best1": first[0].backbone,
        "top1": first[0].top1,
        "best5": fifth[0].backbone,
        "top5": fifth[0].top5,
        "place": 1 + [one.backbone for one in first].index("InceptionV3"),
        "last5": fifth[-1].backbone,
    }
    return Computed(values, first != fifth)


def _name(task: str) -> str:
    return paper.COMPARISONS[task].title.split(",")[0]


def _preprint() -> Computed:
    gains = dict(fact("preprint_gains"))
    stated = {task: paper.COMPARISONS[task] for task in gains}
    values = {
        "before": "; ".join(f"{_name(task)} {gain:g}" for task, gain in gains.items()),
        "now": "; ".join(f"{_name(task)} {one.difference:g}" for task, one in stated.items()),
        "images": fact("preprint_images"),
        "images_now": paper.DATABASE["images"].value,
    }
    return Computed(values, all(gain != stated[task].difference for task, gain in gains.items()))


def _file_name() -> Computed:
    released = next(
        one.file
        for one in load_entries()
        if one.init == "radimagenet" and one.backbone == "ResNet50"
    )
    values = {"script": fact("scripts_weights_file"), "released": released}
    return Computed(values, values["script"] != released)


def _public_sets() -> Computed:
    closed = [task for task in paper.COMPARISONS if find_task(task)[0].access == "not public"]
    values = {"stated": fact("readme_public_sets"), "links": fact("readme_links"),
              "tasks": len(paper.COMPARISONS), "closed": ", ".join(map(_name, closed))}  # fmt: skip
    return Computed(values, values["stated"] != values["links"])


ENTRIES = (
    Discrepancy(
        "imagenet-inputs", "authors", "Inputs of the ImageNet networks",
        (Says(_COMPARISON, "ImageNet networks are compared; how their inputs were prepared is not "
              "said."),
         Says(SCRIPTS, "Both kinds of weights get Caffe-style inputs divided by 255."),
         Says(KERAS, "Each network's ImageNet weights have inputs of their own.")),
        "If the published comparison ran so, the ImageNet networks saw inputs that they were not "
        "trained on; that it did does not follow from the scripts.",
        "Preprocessing belongs to the weights here, and what the scripts' way changes is measured "
        "as a factor of the study.",
        "open", "For {other} of {all} networks the scripts' inputs are not those of the ImageNet "
        "weights; ResNet50 would get values {factor:.0f} times too small.", _preprocessing,
    ),
    Discrepancy(
        "covid-script", "authors", "Settings of the COVID-19 script",
        (Says(_COMPARISON, "Images of {stated_size} pixels, learning rates {rates}."),
         Says(COVID_SCRIPT, "By default images of {size} pixels, learning rate {rate:g} and "
              "batches of {batch:,}, where other scripts take {other_batch}; it reads an option "
              "for the frozen layers that it never defines.")),
        "Defaults can be overridden on the command line, so what was run cannot be told; as it "
        "stands the script stops.",
        "The settings of the paper are used for every task.", "open", "", _covid_script,
    ),
    Discrepancy(
        "unstated-settings", "authors", "Settings that only the scripts state",
        (Says(_COMPARISON, "Neither optimizer nor batch size nor augmentation is given."),
         Says(SCRIPTS, "{optimizer}, batches of {batch}, {small} in the small tasks; {extra} are "
              "left out in the larger ones.")),
        "A repetition from the text alone trains otherwise.",
        "The scripts' settings are part of the profile with the paper's own settings.",
        "explained", "{unstated} settings are missing from the text.", _augmentation,
    ),
    Discrepancy(
        "no-evaluation-code", "authors", "Code of the tests is not published",
        (Says(_STATISTICS, "Areas were compared in R, Dice scores in Python."),
         Says(SCRIPTS, "The scripts train and save networks; none scores the test lists, computes "
              "an area or a test.")),
        "How scores became areas, intervals and P values can only be inferred.",
        "Every statistic here is computed from scores by case that the reader can see.",
    ),
    Discrepancy(
        "ranks", "authors", "Which network is best",
        (Says("Discussion", "InceptionV3 performs below the other three after transfer."),
         Says(README, "On the database's own test set {best1} is first by the first guess "
              "({top1:.1f}%), InceptionV3 is number {place}, and by five guesses {best5} is first "
              "({top5:.1f}%) and {last5} last.")),
        "A better score in pretraining does not make a better start for transfer, and the order "
        "of networks depends on the measure.",
        "Both measures are shown; no network is called the best without naming one.",
        "explained", "", _ranks,
    ),
    Discrepancy(
        "preprint-gains", "authors", "Gains of the preprint",
        (Says(PREPRINT, "{images:,} images; gains in percent: {before}."),
         Says("Abstract", "{images_now:,} images; gains in percent: {now}.")),
        "Data and models changed between the versions, so the preprint is no second witness.",
        "Only the journal's version is used.",
        "open", "All the gains of both versions differ.", _preprint,
    ),
    Discrepancy(
        "weights-file-name", "authors", "Name of the weights file",
        (Says(SCRIPTS, "{script}."), Says(README, "The folder of weights holds {released}.")),
        "The scripts do not find the released file without a change.",
        "Files are recognised by their digest where it is known.", "explained", "", _file_name,
    ),
    Discrepancy(
        "public-sets", "authors", "How many public datasets",
        (Says(README, "{stated} public datasets, followed by {links} links."),
         Says("Acknowledgments, availability of data", "A list that leaves out the COVID-19 "
              "images."),
         Says(_COMPARISON, "{tasks} tasks.")),
        "One task cannot be repeated on its own images.",
        "Another open dataset stands in for it, and the page says so.",
        "explained", "The two knee tasks share one link, and {closed} has none.", _public_sets,
    ),
    Discrepancy(
        "no-heads", "authors", "Accuracy without the layer that gives it",
        (Says(_DATABASE, "Accuracy on the test set is reported."),
         Says(README, "Networks are released without their last layer."),
         Says(TRACKER, "Asked for the layer, or one known pair of input and output; no reply is "
              "seen.")),
        "The stated accuracy cannot be checked from the released files.",
        "It is quoted as published; inputs are checked by the statistics that a file holds.",
    ),
)  # fmt: skip
