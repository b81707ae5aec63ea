"""What others than the paper state: the authors' scripts and README, readers, distributors.

Values as their source has them, each with its place; nothing is computed here.  Scripts and lists
are those of github.com/BMEII-AI/RadImageNet as they stood on the date of the notes.
"""

from rin.paper import Fact

_REPOSITORY = "github.com/BMEII-AI/RadImageNet"
README = f"official README, {_REPOSITORY}"
SCRIPTS = f"official fine-tuning scripts, {_REPOSITORY}"
COVID_SCRIPT = f"official script covid19/covid19_train.py, {_REPOSITORY}"
FOLDS = f"official fold lists, {_REPOSITORY}"
TRACKER = f"official tracker, {_REPOSITORY}/issues"
PYTORCH = f"official PyTorch example, pytorch_example.ipynb of {_REPOSITORY}"
PREPRINT = "the authors' preprint of 2021, OpenAlex W3166595156"
ATLAS = "model card of the RSNA atlas, 10.1148/atlas.1769274475598"
HUGGING_FACE = "card of Lab-Rasool/RadImageNet, Hugging Face"
MONAI = "perceptual loss of github.com/Project-MONAI/GenerativeModels"
WARVITO = "github.com/Warvito/radimagenet-models"
KERAS = "keras.io/api/applications"
READERS = "comparison of both files by readers, public GitHub file"
HUB = "public statements of distributors, taken together"

#: Places outside the paper and the manifests.
SOURCES = (
    README, SCRIPTS, COVID_SCRIPT, FOLDS, TRACKER, PYTORCH, PREPRINT, ATLAS, HUGGING_FACE, MONAI,
    WARVITO, KERAS, READERS, HUB,
)  # fmt: skip

# fmt: off
FACTS: dict[str, Fact] = {fact.name: fact for fact in (
    # Scripts and lists of the authors.
    Fact("scripts_preprocessing", "caffe_unit", SCRIPTS),
    Fact("scripts_optimizer", "Adam", SCRIPTS),
    Fact("scripts_batch", 256, SCRIPTS),
    Fact("augmentation_small", ("rotation by 10°", "shifts by 0.1", "shear 0.1", "zoom 0.1",
                                "horizontal flip"), SCRIPTS),
    Fact("augmentation_large", ("shifts by 0.1", "shear 0.1", "zoom 0.1"), SCRIPTS),
    Fact("covid_image_size", 224, COVID_SCRIPT),
    Fact("covid_learning_rate", 1e-5, COVID_SCRIPT),
    Fact("covid_batch", 1024, COVID_SCRIPT),
    Fact("scripts_weights_file", "RadImageNet-ResNet50-notop.h5", SCRIPTS),
    Fact("acl_list_tear", 569, FOLDS),
    Fact("acl_list_no_tear", 452, FOLDS),
    Fact("acl_test_images", 208, FOLDS),
    Fact("acl_negative_exams", 240, FOLDS),
    Fact("thyroid_cases", 298, FOLDS),
    # README, preprint and tracker.
    Fact("readme_public_sets", 7, README),
    Fact("readme_links", 6, README),
    Fact("readme_open", "open-access medical imaging database", README),
    Fact("preprint_images", 5_000_000, PREPRINT),
    Fact("preprint_gains", (("pneumonia", 0.85), ("acl", 10.72), ("sarscov2", 0.25),
                            ("hemorrhage", 0.13)), PREPRINT),
    Fact("blank_pictures", 28, TRACKER),
    # Distributors.
    Fact("pytorch_preprocessing", "symmetric", PYTORCH),
    Fact("hugging_face_preprocessing", "standardised", HUGGING_FACE),
    Fact("pytorch_resnet50_sha256",
         "08629f7e7bd3e29b8ee9522ca3f65ce4d010a7ddf74f0ea3c7e3f3d0bbab0734", PYTORCH),
    Fact("hugging_face_resnet50_sha256",
         "08629f7e7bd3e29b8ee9522ca3f65ce4d010a7ddf74f0ea3c7e3f3d0bbab0734", HUGGING_FACE),
    Fact("running_variance", (("Keras", 1.30), ("PyTorch", 42.0)), READERS),
    Fact("tensors_aligned", 318, READERS),
    Fact("tensors_equal", 0, READERS),
    Fact("pytorch_networks", ("ResNet50", "DenseNet121", "InceptionV3"), PYTORCH),
    Fact("licences", ((README, "MIT"), (ATLAS, "CC BY 4.0"), (WARVITO, "Apache-2.0")), HUB),
    # Publications about the data.
    Fact("covid_patients", 905, "data_manifests/covid19_ct.yaml"),
    Fact("pneumonia_patients", 11_452, "data_manifests/rsna_pneumonia.yaml"),
    Fact("ccccii_slices", 617_775, "data_manifests/cc_ccii.yaml"),
)}
# fmt: on


def fact(name: str) -> object:
    """Return the value of a fact by its name."""
    return FACTS[name].value
