"""Entries between the paper and the public images, as manifests and fold lists count them."""

from rin import paper
from rin.curation.taxonomy import load_taxonomy
from rin.data.manifest import DatasetManifest, find_task, load_manifest
from rin.discrepancies.elsewhere import FOLDS, README, TRACKER, fact
from rin.discrepancies.records import Computed, Discrepancy, Says

_SMALL = "Results, Performance on Small Datasets"
_LARGE = "Results, Performance on Larger Datasets"
_COMPARISON = "Materials and Methods, Comparison of RadImageNet and ImageNet Pretrained Models"
_STATISTICS = "Materials and Methods, Statistical Analysis"
_DATABASE = "Results, The RadImageNet Database"
_KEY_IMAGES = "Materials and Methods, Collection of RadImageNet Key Images"
_PRETRAINING = "Materials and Methods, RadImageNet Model Training"
_AVAILABLE = "Acknowledgments, availability of data"
_MANIFEST = "data_manifests/{}.yaml"


def _of(task: str) -> DatasetManifest:
    return find_task(task)[0]


def _images(task: str, group: str) -> int:
    return next(one.images for one in paper.CLASS_COUNTS[task] if one.group == group)


def _hemorrhage() -> Computed:
    files = _of("hemorrhage").counts.images
    values = {"stated": _images("hemorrhage", "no hemorrhage"), "files": files["none"],
              "positive": files["hemorrhage"]}  # fmt: skip
    return Computed(values, values["stated"] != values["files"])


def _ligament_tears() -> Computed:
    values = {"stated": _images("acl", "tear"), "listed": fact("acl_list_tear"),
              "exams": fact("acl_negative_exams")}  # fmt: skip
    return Computed(values, values["stated"] != values["listed"])


def _thyroid_cases() -> Computed:
    values = {"images": _images("thyroid", "all"), "cases": fact("thyroid_cases")}
    return Computed(values, values["cases"] < values["images"])


def _breast_benign() -> Computed:
    files = _of("breast").counts.images
    values = {"stated": _images("breast", "benign"), "benign": files["benign"],
              "normal": files["normal"]}  # fmt: skip
    return Computed(values, values["stated"] != values["benign"])


def _radiograph_patients() -> Computed:
    images = sum(_of("pneumonia").counts.images.values())
    values = {"images": images, "patients": fact("pneumonia_patients")}
    return Computed(values, values["patients"] < images)


def _covid_slices() -> Computed:
    images, patients = _images("covid19", "all"), fact("covid_patients")
    values = {"images": images, "patients": patients, "each": images / patients}
    return Computed(values, patients < images)


def _ccccii() -> Computed:
    values = {"stated": _images("sarscov2", "all"), "slices": fact("ccccii_slices")}
    return Computed(values, values["stated"] != values["slices"])


def _labels() -> Computed:
    taxonomy = load_taxonomy()
    normal = int((taxonomy["label"] == "normal").sum())
    values = {"stated": paper.DATABASE["labels"].value, "normal": normal,
              "abnormal": len(taxonomy) - normal}  # fmt: skip
    return Computed(values, values["abnormal"] != values["stated"])


def _opacities() -> Computed:
    counts = _of("pneumonia").counts.images
    name = "No Lung Opacity / Not Normal"
    values = {"negative": _images("pneumonia", "no pneumonia"), "abnormal": counts[name],
              "normal": counts["Normal"]}  # fmt: skip
    return Computed(values, values["negative"] != values["normal"])


def _access() -> Computed:
    values = {"title": paper.CITATION.title.split(":")[1].strip(), "readme": fact("readme_open"),
              "access": load_manifest("radimagenet").access}  # fmt: skip
    return Computed(values, values["access"] != "open")


def _blank() -> Computed:
    copies = next(one for one in load_manifest("radimagenet").findings if one.kind == "duplicates")
    values = {"blank": fact("blank_pictures"), "named": len(copies.case_ids)}
    return Computed(values, values["blank"] > 0 and values["named"] > 0)


ENTRIES = (
    Discrepancy(
        "hemorrhage-selection", "data", "Slices without hemorrhage that are not used",
        (Says(_COMPARISON, "{stated:,} slices without hemorrhage."),
         Says(_MANIFEST.format("rsna_hemorrhage"), "The public training set holds {files:,}, and "
              "{positive:,} with hemorrhage, all of which the paper has.")),
        "The selection is not described, so this task cannot be repeated on the same slices.",
        "All slices are used.", "open", "", _hemorrhage,
    ),
    Discrepancy(
        "ligament-lists", "data", "One ligament tear too many, and normal knees only",
        (Says(_COMPARISON, "{stated:,} images with a tear, others without a ligament tear."),
         Says(FOLDS, "{listed:,} with a tear; all others come from {exams} examinations, none of "
              "which is known to be abnormal.")),
        "The task tells torn knees from normal ones, which may be easier than from other injuries.",
        "The manifest follows the lists, and says how to ask the harder question.",
        "explained", "With the listed number the total of the Results comes out.",
        _ligament_tears,
    ),
    Discrepancy(
        "thyroid-independence", "data", "Several thyroid images of one patient",
        (Says(_STATISTICS, "Each image in the thyroid and breast datasets is independent."),
         Says(FOLDS, "{images} images come from {cases} cases.")),
        "Tests that take images for patients can give intervals that are too narrow.",
        "Intervals are clustered by patient beside the plain ones.", "explained", "",
        _thyroid_cases,
    ),
    Discrepancy(
        "breast-benign", "data", "Benign lesions without a lesion",
        (Says(_COMPARISON, "{stated} benign images among breast lesions."),
         Says(_MANIFEST.format("busi"), "{benign} benign images, and {normal} normal ones without "
              "a lesion.")),
        "Part of the task is to tell normal tissue from cancer, which may be easier than to tell "
        "lesions apart.",
        "Normal images count as benign, as in the paper.", "explained",
        "Both together give the paper's number.", _breast_benign,
    ),
    Discrepancy(
        "radiograph-patients", "data", "An identifier of images called patient",
        (Says(_COMPARISON, "Images of one patient are always in the same set."),
         Says(_MANIFEST.format("rsna_pneumonia"), "{images:,} images show {patients:,} patients, "
              "and the identifier called patient names an image.")),
        "A split by that identifier puts one patient into several sets; which one the paper used "
        "is not said.",
        "The society's own table of patients is used where it is at hand.", "open", "",
        _radiograph_patients,
    ),
    Discrepancy(
        "radiograph-labels", "data", "Opacities called pneumonia, and sick lungs called negative",
        (Says(_COMPARISON, "Pneumonia detection, with {negative:,} images without pneumonia."),
         Says(_MANIFEST.format("rsna_pneumonia"), "Boxes mark opacities, read from the image "
              "alone; {abnormal:,} negative images are abnormal otherwise, and {normal:,} are "
              "normal.")),
        "The area tells how well opacities are found, not how well pneumonia is diagnosed.",
        "The dataset's labels are used as they are, and described on its page.", "explained", "",
        _opacities,
    ),
    Discrepancy(
        "covid-slices", "data", "Ten slices of each patient",
        (Says(_LARGE, "{images:,} images in patients with and without COVID-19 pneumonia."),
         Says(_MANIFEST.format("covid19_ct"), "The cited study has {patients} patients."),
         Says(_STATISTICS, "DeLong's method, for which every case counts as independent.")),
        "The number of independent cases is that of the patients.",
        "Intervals are clustered by patient where patients are known.", "explained",
        "That is {each:.1f} images a patient.", _covid_slices,
    ),
    Discrepancy(
        "ccccii-selection", "data", "A small part of the public slices",
        (Says(_LARGE, "{stated:,} images."),
         Says(_MANIFEST.format("cc_ccii"), "The dataset's authors report {slices:,} slices.")),
        "The selection is not described.",
        "The list of slices with lesions is read, whose counts lie close to the paper's.", "open",
        "", _ccccii,
    ),
    Discrepancy(
        "open-data", "data", "Open data on request",
        (Says("title page", "“{title}”."), Says(README, "“{readme}”."),
         Says(_AVAILABLE, "Requests go to the provider.")),
        "The database cannot be downloaded without an agreement.",
        "The book works without it; where it is at hand it is read. Access: {access}.", "open", "",
        _access,
    ),
    Discrepancy(
        "labels", "data", "Pathologic labels that name no pathology",
        (Says(_DATABASE, "{stated} pathologic labels."),
         Says(_MANIFEST.format("radimagenet"), "{normal} of the labels are normal, one for each of "
              "as many regions; most ultrasound labels name organs.")),
        "The number of findings is lower than that of the labels.",
        "The labels are used as released.", "explained", "{abnormal} labels remain.", _labels,
    ),
    Discrepancy(
        "duplicates", "data", "One picture under two labels, and blank pictures",
        (Says(_KEY_IMAGES, "Key images clearly represent substantial pathologic findings."),
         Says(TRACKER, "A reader reports equal files under two labels and {blank} blank ones or "
              "more; no reply is seen.")),
        "No network can name both labels of one picture first; whether equal pictures stand on "
        "both sides of the split is not known.",
        "The reader of the database reports equal and blank files.", "open",
        "{named} such files are named in the manifest.", _blank,
    ),
    Discrepancy(
        "no-patients", "data", "A split by patient that nobody can check",
        (Says(_PRETRAINING, "Images of one patient are always in the same set."),
         Says(_MANIFEST.format("radimagenet"), "The published lists of the split name files, not "
              "patients.")),
        "That no patient stands on both sides has to be taken on trust.",
        "Each image of the database counts as a patient, and the page says so.",
    ),
)  # fmt: skip
