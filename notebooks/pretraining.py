# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Pretraining from random initialisation
#
# **What this page answers.** Networks start from random weights and learn to name the classes of a
# corpus, once of radiologic images and once of photographs. On what were they trained, did they
# learn, which classes, and where are the weights?
#
# | | |
# |---|---|
# | command | `make book`, or `rin pretrain --profile demo` for this step alone |
# | time and memory | stated below, as measured in this very run |
# | expected | test accuracy far above chance for every network; the weights feed the next pages |
#
# A training that is cut off goes on from its last checkpoint, with the same order of images, when
# the same command is given again; one that is finished is never repeated.

# %% tags=["parameters", "hide-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]

from IPython.display import display

from rin.report.figures import use_style
from rin.report.figures_design import accuracy_dots
from rin.report.glued import glue_values
from rin.report.pretraining_figures import (
    class_sizes,
    confusion_matrix,
    pretraining_panels,
    rate_panels,
    recall_dots,
    shown,
)
from rin.report.pretraining_readings import (
    accuracy_reading,
    budget_reading,
    class_reading,
    confusion_reading,
    curve_reading,
    database_sentence,
    imbalance_reading,
    score_reading,
    split_reading,
)
from rin.report.pretraining_scores import (
    class_scores,
    confusion,
    curve_ends,
    imbalance,
    run_scores,
)
from rin.report.pretraining_tables import (
    accuracy_table,
    budget_table,
    class_table,
    comparable,
    corpus_table,
    file_table,
    score_table,
    settings_table,
    shown_files,
)
from rin.report.provenance import pretraining_banner
from rin.report.style import init_style
from rin.report.tables import book_table
from rin.study import open_study, pretraining_histories, run_pretraining
from rin.study.corpora import find_corpus
from rin.study.pretraining import pretraining_classes, pretraining_predictions

use_style()
study = open_study(profile, data_root=data_root, results=results)
weights = run_pretraining(study)
predictions, histories = pretraining_predictions(study), pretraining_histories(study)
classes = pretraining_classes(study)
corpora = dict(zip(weights["init"], weights["corpus"], strict=True)) if len(weights) else {}

# %% tags=["remove-input"]
pretraining_banner(study)

# %% [markdown]
# ## The corpora and their classes
#
# Rare findings are rare in the images too, so that a network can do well on average and still miss
# the small classes. Each corpus is therefore shown class by class.

# %% tags=["hide-input"]
unequal = imbalance(classes)
book_table(corpus_table(unequal), "The corpora as they were trained on", prose=True)

# %% tags=["hide-input"]
for init in corpora:
    alt = f"Images of each class, {init_style(init).short} corpus: training, validation and test"
    display(shown(class_sizes(classes[classes["init"] == init], init), alt))

# %% tags=["remove-input"]
imbalance_reading(unequal)

# %% tags=["remove-input"]
split_reading({init: find_corpus(study, name).manifest for init, name in corpora.items()})

# %% [markdown]
# ## The budget
#
# All corpora go through the same compiled step: same backbone, same random start, same learning
# rate and augmentation. Gray images are repeated to three channels, photographs keep their colours.

# %% tags=["hide-input"]
book_table(budget_table(weights), "What each corpus gave its networks")

# %% tags=["remove-input"]
budget_reading(weights)

# %% tags=["hide-output", "hide-input"]
if study.profile.pretraining:
    display(book_table(settings_table(study.profile.pretraining), "How the networks are trained"))

# %% [markdown]
# ## Learning curves

# %% tags=["hide-input"]
inits = study.profile.inits
alt = "Accuracy of training and validation over the epochs, one panel a network"
shown(pretraining_panels(histories, inits), alt, width="50rem")

# %% tags=["remove-input"]
curve_reading(curve_ends(histories))

# %% [markdown]
# The weights of the epoch with the lowest validation loss are kept.

# %% tags=["hide-input"]
alt = "Loss of training and validation over the epochs, one panel a network"
shown(pretraining_panels(histories, inits, metric="loss"), alt, width="50rem")

# %% tags=["hide-input"]
alt = "Learning rate, and images trained a second, over the epochs, one line a network"
shown(rate_panels(histories, inits), alt, width="50rem")

# %% [markdown]
# ## Did they learn?

# %% tags=["hide-input"]
scores = run_scores(weights, predictions)
glue_values(n_runs=len(scores))
book_table(score_table(scores), "Test scores, speed and time of each pretraining run")

# %% tags=["remove-input"]
score_reading(scores)

# %% [markdown]
# Trainings in the table: {glue:text}`n_runs`. *Top-1* is the share of test images whose class is
# named first, *top-5* the share whose class is among the first five; with fewer than six classes
# top-5 is trivial and not given. *Balanced* is the mean recall of the classes. The intervals are
# Wilson's; images of one patient are alike, and their number is divided by the design effect of the
# patients.
#
# ## Figure E1 and Table E2: published beside ours

# %% tags=["remove-input"]
database_sentence()

# %% [markdown]
# Its images are available on request only, so this page repeats the procedure on what is open, or
# on stand-ins, and never claims to have produced the released weights. Those are entries of their
# own in `data_manifests/weights.yaml`. What each network was trained on stands above its numbers.

# %% tags=["hide-input"]
alt = "Top-1 and top-5 test accuracy of four networks, published and pretrained here"
shown(accuracy_dots(comparable(weights), inits), alt, width="36rem")

# %% tags=["hide-input"]
book_table(
    accuracy_table(weights, inits), "Table E2: test accuracy, %; columns do not compare", prose=True
)

# %% tags=["remove-input"]
accuracy_reading(weights)

# %% [markdown]
# ## Which classes are taken for which?
#
# Figure E1 goes on with the confusion matrices of the networks trained here. A row holds the test
# images of one true class and adds up to 100 %; the diagonal is what was named rightly. Corpora of
# many classes are shown by region.

# %% tags=["hide-input"]
for init in corpora:
    one = confusion(predictions[predictions["init"] == init])
    alt = f"Confusion matrix by {one.unit}, {init_style(init).short} corpus, percent of each row"
    display(shown(confusion_matrix(one, init), alt, width="46rem"))
    display(confusion_reading(one))

# %% [markdown]
# ## Class by class

# %% tags=["hide-input"]
recalls = class_scores(predictions)
for init in corpora:
    own = recalls[recalls["init"] == init]
    alt = f"Recall of each class, {init_style(init).short} corpus, a marker a network"
    display(shown(recall_dots(own, init), alt, width="46rem"))
    display(class_reading(own))

# %% tags=["hide-output", "hide-input"]
for init in corpora:
    own = recalls[recalls["init"] == init]
    caption = f"{init_style(init).short} corpus, class by class, the smallest first"
    display(book_table(class_table(own, classes[classes["init"] == init]), caption, prose=True))

# %% [markdown]
# Where a class has few test images, its recall says little: the number stands beside its name.
#
# ## The weights
#
# Each run leaves its backbone in three formats, below `weights` in the results of this profile.
# `backbone.weights.h5` is what Keras 3 writes. `backbone_notop.h5` has the layout of Keras 2, which
# is that of the released RadImageNet weights: the constructors of `keras.applications` read it in
# either Keras, given `include_top=False` and `weights=path`. `backbone.safetensors` holds the same
# arrays for everything else. None of them can carry code.

# %% tags=["hide-output", "hide-input"]
files = file_table(weights, study.weights)
book_table(shown_files(files), "Weights files")

# %% [markdown]
# Each set of weights has a model card, on the page *Model cards*.
