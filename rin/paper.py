"""Every published number of the reference study, with the place it stands in.

Mei X, Liu Z, Robson PM, et al. RadImageNet: An Open Radiologic Deep Learning
Research Dataset for Effective Transfer Learning. Radiology: Artificial
Intelligence 2022;4(5):e210315.  Numbers are as printed, slips included, and
nothing is computed here: `rin.stats.audit` checks them by arithmetic.
"""

from dataclasses import dataclass

_DATABASE = "Results, The RadImageNet Database"
_SMALL = "Results, Performance on Small Datasets"
_LARGE = "Results, Performance on Larger Datasets"
_DICE = "Results, Grad-CAM and Dice Scores"
_NORMAL = "Materials and Methods, Normal Studies"
_PATIENTS = "Materials and Methods, Study Patients"
_PRETRAINING = "Materials and Methods, RadImageNet Model Training"
_COMPARISON = "Materials and Methods, Comparison of RadImageNet and ImageNet Pretrained Models"
_GRADCAM = "Materials and Methods, Gradient-weighted Class Activation Mapping"
_STATISTICS = "Materials and Methods, Statistical Analysis"
_DISCUSSION = "Discussion"
_ABSTRACT = "Abstract"
_KEY_POINTS = "Key Points"
_FIGURES = ("Figure 2, caption", "Figure 3, caption", "Figure 4, caption")
_DATA = "Acknowledgments, availability of data"
_README = "official README, github.com/BMEII-AI/RadImageNet"


@dataclass(frozen=True)
class Citation:
    """How to cite the study."""

    authors: str
    title: str
    journal: str
    year: int
    volume: str
    doi: str
    licence: str
    place: str


@dataclass(frozen=True)
class PublishedComparison:
    """One task: mean ± SD of 24 AUCs for each source, and their difference.

    AUCs and SDs lie in 0-1; difference and 95% CI are in AUC points (0-100).
    """

    task: str
    title: str
    auc_radimagenet: float
    sd_radimagenet: float
    auc_imagenet: float
    sd_imagenet: float
    difference: float
    ci_low: float
    ci_high: float
    p_text: str
    place: str
    places: tuple[str, ...]


@dataclass(frozen=True)
class PublishedDice:
    """Mean Grad-CAM Dice scores (0-1) of 24 models each, once or twice rounded.

    The text rounds to 0.01, the caption of Figure 5 to 0.1%; the gain is in
    percent of the ImageNet score.  `example` is the image that the figure shows,
    the confidences (in percent) are those of the class that either network
    rightly calls it.
    """

    task: str
    text_radimagenet: float
    text_imagenet: float
    caption_radimagenet: float
    caption_imagenet: float
    gain_percent: float
    p_text: str
    place: str
    caption_place: str
    example: str = ""
    confidence_radimagenet: float = float("nan")
    confidence_imagenet: float = float("nan")


@dataclass(frozen=True)
class ClassCount:
    """Images of one class, or of a whole dataset, as one section states them."""

    task: str
    group: str
    images: int
    place: str


@dataclass(frozen=True)
class ReleasedAccuracy:
    """Test accuracy of a released 165-label model, in percent."""

    backbone: str
    top1: float
    top5: float
    place: str


@dataclass(frozen=True)
class Fact:
    """One stated value."""

    name: str
    value: float | int | str | tuple
    place: str


#: Sections and captions in which published numbers and claims stand.
PLACES = (
    "title page", _ABSTRACT, _KEY_POINTS, _PATIENTS, _NORMAL, _PRETRAINING, _COMPARISON, *_FIGURES,
    _GRADCAM, _STATISTICS, _DATABASE, _SMALL, _LARGE, _DICE, _DISCUSSION, _DATA,
    "Materials and Methods, Collection of RadImageNet Key Images",
    "Figure 5A, caption", "Figure 5B, caption",
)  # fmt: skip

CITATION = Citation(
    authors="Mei X, Liu Z, Robson PM, Marinelli B, Huang M, Doshi A, Jacobi A, Cao C, Link KE, "
    "Yang T, Wang Y, Greenspan H, Deyer T, Fayad ZA, Yang Y",
    title="RadImageNet: An Open Radiologic Deep Learning Research Dataset for Effective "
    "Transfer Learning",
    journal="Radiology: Artificial Intelligence",
    year=2022,
    volume="4(5):e210315",
    doi="10.1148/ryai.210315",
    licence="CC BY 4.0",
    place="title page",
)


def _by(key: str, *records: object) -> dict:
    return {getattr(record, key): record for record in records}


_P = "P < .001"


def _small(panel: str) -> tuple[str, ...]:
    return (_SMALL, "Abstract", f"Figure 3{panel}", _DISCUSSION)


def _large(panel: str) -> tuple[str, ...]:
    return (_LARGE, "Abstract", f"Figure 4{panel}", _DISCUSSION)


# fmt: off
COMPARISONS: dict[str, PublishedComparison] = _by(
    "task",
    PublishedComparison("thyroid", "Thyroid nodules, US",
                        0.85, 0.09, 0.76, 0.14, 9.4, 2.6, 16.2, _P, _SMALL, _small("A")),
    PublishedComparison("breast", "Breast lesions, US",
                        0.94, 0.05, 0.90, 0.10, 4.0, -0.6, 8.7, _P, _SMALL, _small("B")),
    PublishedComparison("acl", "Anterior cruciate ligament tear, MRI",
                        0.97, 0.03, 0.91, 0.08, 4.8, 1.7, 8.8, _P, _SMALL, _small("C")),
    PublishedComparison("meniscus", "Meniscal tear, MRI",
                        0.96, 0.02, 0.92, 0.06, 4.5, 1.8, 7.1, _P, _SMALL, _small("D")),
    PublishedComparison("covid19", "COVID-19, chest CT",
                        0.82, 0.03, 0.76, 0.09, 6.1, 2.2, 10.0, _P, _LARGE, _large("A")),
    PublishedComparison("pneumonia", "Pneumonia, chest radiography",
                        0.85, 0.02, 0.83, 0.05, 1.9, -0.2, 4.0, _P, _LARGE, _large("B")),
    PublishedComparison("sarscov2", "SARS-CoV-2, chest CT",
                        0.97, 0.03, 0.95, 0.07, 1.7, -1.4, 4.7, _P, _LARGE, _large("C")),
    PublishedComparison("hemorrhage", "Intracranial hemorrhage, head CT",
                        0.91, 0.04, 0.91, 0.05, 0.9, -1.7, 3.4, _P, _LARGE, _large("D")),
)

DICE: dict[str, PublishedDice] = _by(
    "task",
    PublishedDice("thyroid", 0.29, 0.18, 0.288, 0.175, 64.6, _P, _DICE, "Figure 5A, caption",
                  "benign thyroid nodule", 99.9, 96.3),
    PublishedDice("breast", 0.16, 0.14, 0.163, 0.140, 16.4, _P, _DICE, "Figure 5B, caption",
                  "malignant breast lesion", 99.9, 99.9),
)

#: Three sections state sizes; for acl, pneumonia and hemorrhage they disagree.
CLASS_COUNTS: dict[str, tuple[ClassCount, ...]] = {
    "thyroid": (
        ClassCount("thyroid", "malignant", 288, _COMPARISON),
        ClassCount("thyroid", "benign", 61, _COMPARISON),
        ClassCount("thyroid", "all", 349, _SMALL),
    ),
    "breast": (
        ClassCount("breast", "malignant", 210, _COMPARISON),
        ClassCount("breast", "benign", 570, _COMPARISON),
        ClassCount("breast", "all", 780, _SMALL),
    ),
    "acl": (
        ClassCount("acl", "tear", 570, _COMPARISON),
        ClassCount("acl", "no tear", 452, _COMPARISON),
        ClassCount("acl", "all", 1021, _SMALL),
    ),
    "meniscus": (
        ClassCount("meniscus", "tear", 506, _COMPARISON),
        ClassCount("meniscus", "no tear", 3695, _COMPARISON),
        ClassCount("meniscus", "all", 4201, _SMALL),
    ),
    "covid19": (
        ClassCount("covid19", "COVID-19 positive", 4190, _COMPARISON),
        ClassCount("covid19", "COVID-19 negative", 4860, _COMPARISON),
        ClassCount("covid19", "all", 9050, _LARGE),
        ClassCount("covid19", "all", 9050, _DISCUSSION),
    ),
    "pneumonia": (
        ClassCount("pneumonia", "pneumonia", 6012, _COMPARISON),
        ClassCount("pneumonia", "no pneumonia", 20672, _COMPARISON),
        ClassCount("pneumonia", "all", 26685, _LARGE),
        ClassCount("pneumonia", "all", 26684, _DISCUSSION),
    ),
    "sarscov2": (
        ClassCount("sarscov2", "COVID-19", 21872, _COMPARISON),
        ClassCount("sarscov2", "community-acquired pneumonia", 36894, _COMPARISON),
        ClassCount("sarscov2", "all", 58766, _LARGE),
        ClassCount("sarscov2", "all", 58766, _DISCUSSION),
    ),
    "hemorrhage": (
        ClassCount("hemorrhage", "hemorrhage", 107933, _COMPARISON),
        ClassCount("hemorrhage", "no hemorrhage", 465671, _COMPARISON),
        ClassCount("hemorrhage", "all", 573614, _LARGE),
        ClassCount("hemorrhage", "all", 573614, _DISCUSSION),
    ),
}

RELEASED_ACCURACY: dict[str, ReleasedAccuracy] = _by(
    "backbone",
    ReleasedAccuracy("InceptionResNetV2", 74.0, 94.3, _README),
    ReleasedAccuracy("ResNet50", 72.3, 94.1, _README),
    ReleasedAccuracy("DenseNet121", 73.1, 96.1, _README),
    ReleasedAccuracy("InceptionV3", 73.2, 92.7, _README),
)

DATABASE: dict[str, Fact] = _by(
    "name",
    Fact("images", 1_350_000, f"{_DATABASE} (“1.35 million”)"),
    Fact("patients", 131_872, _PATIENTS),
    Fact("labels", 165, _DATABASE),
    Fact("regions", 11, _DATABASE),
    Fact("modalities", ("CT", "MRI", "US"), _DATABASE),
    Fact("normal_studies", 8528, _NORMAL),
    Fact("normal_images", 263_039, _NORMAL),
    Fact("radiologists", 20, "Materials and Methods, Collection of RadImageNet Key Images"),
    Fact("years", (2005, 2020), _PATIENTS),
)

SETTINGS: dict[str, Fact] = _by(
    "name",
    Fact("scenarios", 24, _COMPARISON),
    Fact("learning_rates", (("unfreeze_all", (1e-3, 1e-4)), ("freeze_all", (1e-2, 1e-3)),
                            ("unfreeze_top10", (1e-2, 1e-3))), _COMPARISON),
    Fact("epochs", 30, _COMPARISON),
    Fact("image_size", 256, _COMPARISON),
    Fact("split_percent", (75, 10, 15), _COMPARISON),
    Fact("folds_small_tasks", 5, _COMPARISON),
    Fact("loss", "binary cross-entropy", _COMPARISON),
    Fact("checkpoint", "lowest validation loss", _COMPARISON),
    Fact("dropout", 0.5, _PRETRAINING),
    Fact("pretraining_image_size", 224, _PRETRAINING),
    Fact("pretraining_split_percent", (75, 10, 15), _PRETRAINING),
    Fact("gradcam_layers", (("InceptionResNetV2", "conv_7b_ac"),
                            ("ResNet50", "conv5_block3_out"),
                            ("DenseNet121", "relu"),
                            ("InceptionV3", "mixed10")), _GRADCAM),
    Fact("gradcam_threshold", 180, _GRADCAM),
    Fact("alpha", 0.05, _STATISTICS),
    Fact("auc_test", "DeLong", _STATISTICS),
    Fact("dice_test", "paired t", _STATISTICS),
    Fact("normality_test", "Shapiro", _STATISTICS),
    Fact("software", ("pROC 1.18.0", "R 4.1.3", "statsmodels 0.13.2", "Python 3.8.5"),
         _STATISTICS),
    Fact("normality_software", "statsmodels", _STATISTICS),
)

#: Kinds of pathologic conditions in the database, listed twice.
PATHOLOGIES: tuple[Fact, ...] = (
    Fact("abstract", ("musculoskeletal", "neurologic", "oncologic", "gastrointestinal",
                      "endocrine", "abdominal", "pulmonary"), _ABSTRACT),
    Fact("results", ("musculoskeletal", "neurologic", "oncologic", "gastrointestinal",
                     "endocrine", "pulmonary"), _DATABASE),
)

#: What the text claims in words, with the tasks that it names.
CLAIMS: dict[str, Fact] = _by(
    "name",
    Fact("comparable", ("breast", "pneumonia", "hemorrhage"), _DISCUSSION),
)
# fmt: on
