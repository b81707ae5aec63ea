"""What others found: independent comparisons of RadImageNet with ImageNet weights.

One record a comparison, with the numbers as their source prints them.  Left out: the authors'
own reports, studies without both kinds of weights, and reports without a citable source.
Nothing was run again for these records and nothing is computed here.

`direction` follows one rule: "parity" where the source itself finds no difference, otherwise
the weights with the higher value (of scores that are better when higher), otherwise what the
source concludes.
"""

from dataclasses import dataclass

DIRECTIONS = ("RadImageNet", "ImageNet", "parity", "none stated")


@dataclass(frozen=True)
class Replication:
    """One comparison on one dataset.

    Attributes
    ----------
    study, year
        Who found it, and when it appeared; None where no date is stated.
    tasks
        Keys of the paper's tasks that ask the same question; empty for another question.
    data
        Images that were classified.
    architecture
        Network, with the setting where a study reports several.
    radimagenet, imagenet
        Score of each kind of weights, None where it is not stated.
    radimagenet_sd, imagenet_sd
        SD over folds, None where it is not stated.
    metric
        What the score is, with its unit.
    direction
        One of `DIRECTIONS`.
    like_for_like
        Whether architecture and head are the same for both kinds of weights.
    own_weights
        Whether the study trained its RadImageNet weights itself, as far as it says so.
    remark
        What a reader must know to weigh it.
    place
        Where it stands: DOI, arXiv number or address.
    """

    study: str
    year: int | None
    tasks: tuple[str, ...]
    data: str
    architecture: str
    radimagenet: float | None
    radimagenet_sd: float | None
    imagenet: float | None
    imagenet_sd: float | None
    metric: str
    direction: str
    place: str
    like_for_like: bool = True
    own_weights: bool = False
    remark: str = ""


#: From a metric to the factor that takes its scores to AUC points (0-100).
AUC_POINTS = {"AUC": 100, "macro AUC": 100, "AUC × 100": 1}

# The knee set of that study, 5222 images, is as large as those of both tasks together.
_KNEE = ("acl", "meniscus")

_JUODELYTE_2023 = "Juodelyte et al (representations)"
_REVISITING = "arXiv 2302.08272; results/AUC.csv of github.com/DovileDo/revisiting-transfer"
_TUNED, _FROZEN = "ResNet50, fine-tuned", "ResNet50, frozen first, then fine-tuned"
_SCALING = "its public code omits the official 1/255 scaling for RadImageNet"
_CHANCE = f"near chance with either; {_SCALING}"
_UNSTABLE = f"RadImageNet unstable; {_SCALING}"
_AUC100 = "AUC × 100"


def _revisiting(tasks: tuple[str, ...], data: str, architecture: str, radimagenet: float,
                sd: float, imagenet: float, imagenet_sd: float, direction: str,
                remark: str = _SCALING) -> Replication:  # fmt: skip
    return Replication(
        _JUODELYTE_2023, 2023, tasks, data, architecture, radimagenet, sd, imagenet, imagenet_sd,
        _AUC100, direction, _REVISITING, remark=remark,
    )  # fmt: skip


_TRANSFERABILITY = (
    "arXiv 2412.20172; AUCs_dataset.csv of github.com/DovileDo/transferability-in-medical-imaging"
)


def _medmnist(tasks: tuple[str, ...], data: str, radimagenet: float, imagenet: float,
              direction: str) -> Replication:  # fmt: skip
    return Replication(
        "Juodelyte et al (transferability)", 2024, tasks, f"MedMNIST {data}", "ResNet18",
        radimagenet, None, imagenet, None, "AUC", direction, _TRANSFERABILITY, own_weights=True,
        remark="weights trained on RadImageNet by that study; one value each",
    )  # fmt: skip


_SOURCE_MATTERS = "arXiv 2403.04484; github.com/DovileDo/source-matters"


def _source_matters(data: str, direction: str, remark: str) -> Replication:
    return Replication(
        "Juodelyte et al (Source Matters)", 2024, (), data, "ResNet50", None, None, None, None,
        "AUC", direction, _SOURCE_MATTERS, remark=remark,
    )  # fmt: skip


_FREES = "Frees, Bolling, Bhagirath"
_FREES_PLACE = "arXiv 2508.17567"
_NO_EVIDENCE = "no evidence that RadImageNet is better; its best model is not stated"
_INTUITIONS = "github.com/DovileDo/choice-intuitions"

# fmt: off
REPLICATIONS: tuple[Replication, ...] = (
    _revisiting(("thyroid",), "thyroid US (DDTI)", _TUNED,
                50.2, 4.1, 52.3, 8.8, "ImageNet", _CHANCE),
    _revisiting(("breast",), "breast US (BUSI)", _TUNED, 88.2, 4.2, 90.5, 3.8, "ImageNet"),
    _revisiting(("pneumonia",), "chest radiographs (Kermany)", _TUNED,
                98.8, 0.2, 98.7, 0.4, "RadImageNet"),
    _revisiting((), "mammograms (CBIS-DDSM)", _TUNED, 62.0, 12.2, 63.4, 4.3, "ImageNet"),
    _revisiting(_KNEE, "knee MRI (MRNet)", _TUNED, 89.3, 6.3, 91.5, 1.1, "ImageNet"),
    _revisiting((), "skin photographs (ISIC 2018)", _TUNED, 90.8, 0.8, 94.2, 1.3, "ImageNet"),
    _revisiting((), "histology (PCam, small)", _TUNED, 87.1, 2.3, 93.8, 1.1, "ImageNet"),
    _revisiting(("thyroid",), "thyroid US (DDTI)", _FROZEN, 49.4, 5.9, 58.5, 5.1, "ImageNet"),
    _revisiting(("breast",), "breast US (BUSI)", _FROZEN,
                72.4, 22.1, 89.8, 3.0, "ImageNet", _UNSTABLE),
    _revisiting(("pneumonia",), "chest radiographs (Kermany)", _FROZEN,
                98.7, 0.3, 98.6, 0.6, "RadImageNet"),
    _revisiting((), "mammograms (CBIS-DDSM)", _FROZEN, 66.2, 6.3, 68.8, 2.0, "ImageNet"),
    _revisiting(_KNEE, "knee MRI (MRNet)", _FROZEN,
                63.8, 5.7, 89.0, 3.1, "ImageNet", _UNSTABLE),
    _revisiting((), "skin photographs (ISIC 2018)", _FROZEN, 90.6, 0.6, 93.1, 2.3, "ImageNet"),
    _revisiting((), "histology (PCam, small)", _FROZEN, 86.0, 1.8, 93.2, 2.5, "ImageNet"),
    _source_matters("chest radiographs (ChestX-ray14) and CT (LIDC-IDRI), clean test", "parity",
                    "the source calls them comparable"),
    _source_matters("the same, trained with a tag, denoising or sex as confounder, which the "
                    "test reverses", "RadImageNet",
                    "from 50 % confounded (tag, denoising) or 10 % (sex); both are misled"),
    _source_matters("the same, with noise as confounder", "parity", "both are misled alike"),
    Replication(_FREES, 2025, ("acl",), "ACL MRI", "ResNet50, best model of each",
                None, None, 0.9969, None, "AUC", "parity", _FREES_PLACE, remark=_NO_EVIDENCE),
    Replication(_FREES, 2025, ("breast",), "breast US", "ResNet50, best model of each",
                None, None, 0.9641, None, "AUC", "parity", _FREES_PLACE, remark=_NO_EVIDENCE),
    Replication(_FREES, 2025, ("acl",), "ACL MRI", "ResNet50, frozen, 5 epochs",
                0.9782, None, 0.8245, None, "AUC", "RadImageNet",
                f"{_FREES_PLACE}; result tables of github.com/danielfrees/RadImageNet",
                like_for_like=False, remark="the heads differ (ratio .5 against 1.0)"),
    _medmnist((), "blood", 0.9956, 0.9985, "ImageNet"),
    _medmnist(("breast",), "breast", 0.8350, 0.8851, "ImageNet"),
    _medmnist((), "chest", 0.6821, 0.6858, "ImageNet"),
    _medmnist((), "derma", 0.8735, 0.8946, "ImageNet"),
    _medmnist((), "oct", 0.9693, 0.9258, "RadImageNet"),
    _medmnist((), "organA", 0.9884, 0.9904, "ImageNet"),
    _medmnist((), "organC", 0.9812, 0.9809, "RadImageNet"),
    _medmnist((), "organS", 0.9538, 0.9558, "ImageNet"),
    _medmnist((), "path", 0.9855, 0.9897, "ImageNet"),
    _medmnist(("pneumonia",), "pneumonia", 0.9824, 0.9835, "ImageNet"),
    _medmnist((), "retina", 0.7839, 0.8641, "ImageNet"),
    _medmnist((), "tissue", 0.8294, 0.8449, "ImageNet"),
    Replication("choice-intuitions repository", 2026, (), "colorectal histology", "ResNet50",
                0.9875, None, 0.9897, None, "macro AUC", "parity", _INTUITIONS,
                remark="the source's own test: P = .378"),
    Replication("choice-intuitions repository", 2026, (),
                "chest radiographs (CheXpert)", "ResNet50",
                0.7323, None, 0.7245, None, "macro AUC", "parity", _INTUITIONS,
                remark="the source's own test: P = .330"),
    Replication("Chen et al", 2023, (), "821 specimen mammograms, margins", "4 CNNs",
                None, None, None, None, "AUC", "RadImageNet",
                "10.1245/s10434-023-14083-1",
                remark="better in 3 of 4 architectures; the best reaches .71"),
    Replication("Woodland et al", 2024, (), "generated images of 4 modalities",
                "InceptionV3 and others, as extractors of features",
                None, None, None, None, "agreement of FID with human ranking", "ImageNet",
                "10.1007/978-3-031-72390-2_9; arXiv 2311.13717",
                remark="no classification: distances between sets of images"),
    Replication("Is Medical Pretraining Enough …?", None, (),
                "endoscopy (CVC-ClinicDB, Kvasir-SEG, SUN-SEG)",
                "ResNet50 and ViT-S with DeepLabV3+",
                None, None, None, None, "segmentation score", "ImageNet",
                "openreview.net/forum?id=mf46VVoZoG",
                remark="consistently, in the source's words; no radiologic images"),
    Replication("Abedini et al", 2025, (), "brain tumour MRI",
                "DenseNet121 against ConvNeXt-T",
                68, None, 93, None, "accuracy, %", "ImageNet", "arXiv 2511.18326",
                like_for_like=False, remark="architecture and weights change together"),
)
# fmt: on
