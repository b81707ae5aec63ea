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
# # What the networks learned, to look at
#
# **What this page answers.** A pretrained network turns an image into a list of numbers, its
# features. Do images of one class lie together in them, more than chance and more than the plain
# pictures would have it? And which images does a network take for similar?
#
# | | |
# |---|---|
# | command | `make book`; the page reads what the pretraining recorded and trains nothing |
# | time and memory | half a minute of processor time for 8 × 300 images, 1.1 GB; no GPU |
# | expected | purity of neighbours above chance for every network that learned its classes |

# %% tags=["parameters", "hide-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
import numpy as np
from IPython.display import display

from rin.report.embedding_tables import (
    class_rows,
    class_table,
    embedded_pictures,
    load_embeddings,
    map_reading,
    neighbour_reading,
    others_reading,
    purest,
    purity_reading,
    purity_rows,
    purity_table,
)
from rin.report.embeddings import NEIGHBOURS, nearest_neighbours, pca_map, query_rows, umap_map
from rin.report.figures import use_style
from rin.report.figures_embeddings import (
    FeatureMap,
    feature_maps,
    neighbour_sheet,
    purity_dots,
    small_maps,
)
from rin.report.panels import picture
from rin.report.provenance import pretraining_banner
from rin.report.style import init_style
from rin.report.tables import book_table
from rin.study import open_study

use_style()
study = open_study(profile, data_root=data_root, results=results)
seed = study.profile.seed
embeddings = load_embeddings(study)
inits = list(dict.fromkeys(one.init for one in embeddings))

# %% tags=["remove-input"]
pretraining_banner(study)

# %% [markdown]
# ## Purity: one number for what was learned
#
# Features are the pooled outputs of the last layer before the classes, for test images that no
# training step saw. For each image its nearest neighbours are looked up, by the angle between
# feature vectors (cosine similarity), **among images of other patients only**: a network must not
# earn anything by knowing a patient again. Where a corpus publishes no patients, each image counts
# as one of its own. The purity is the share of neighbours that have the class of their image.
#
# Two things stand beside it. *Chance* is what neighbours drawn at random would give. *Pixels* are
# the pictures themselves, averaged to 16 × 16 and compared in the same way: a network that does
# not beat them has learned nothing that its images do not show at a glance. A class with fewer
# test images than neighbours keeps even a perfect network below 100 %; *at best* says how far.

# %%
pictures = {
    init: embedded_pictures(study, next(one for one in embeddings if one.init == init))
    for init in inits
}
purities = purity_rows(embeddings, pictures, seed=seed)

# %% tags=["hide-input"]
if inits:
    alt = "Purity of each network's neighbours with its interval, beside chance and pixels"
    display(picture(purity_dots(purities, inits).figure, alt))

# %% tags=["remove-input"]
purity_reading(purities)

# %% tags=["hide-input"]
book_table(
    purity_table(purities),
    "Neighbours of the same class, in percent, with 95% intervals from drawing patients anew",
)

# %% [markdown]
# The two corpora have other classes and other images, so their columns are not a contest.
#
# ## Maps of the test images
#
# Two ways of showing many dimensions in two. **PCA** turns the features so that the first two axes
# hold as much variance as two axes can; distances are true, but most dimensions are left out.
# **UMAP** keeps neighbours together and gives up everything else: the groups count, not how far
# apart they lie. A class has a colour, a marker and a number. Shown large is, for each corpus, the
# network whose neighbours are purest.

# %% tags=["hide-input"]
large = purest(embeddings, purities)
umaps = {(one.init, one.backbone): umap_map(one.features, seed) for one in embeddings}
neighbours = {
    init: nearest_neighbours(one.features, one.cases["patient_id"], NEIGHBOURS)
    for init, one in large.items()
}
classes = {init: class_rows(one.cases["truth"], neighbours[init]) for init, one in large.items()}

# %% tags=["hide-input"]
for init, one in large.items():
    points, explained = pca_map(one.features)
    axes = tuple(f"PC {n}, {share:.0%} of variance" for n, share in enumerate(explained, 1))
    maps = [FeatureMap("PCA", points, axes), FeatureMap("UMAP", umaps[init, one.backbone])]
    alt = f"Two maps of the test images of {init_style(init).label}, {one.backbone}, by class"
    display(picture(feature_maps(maps, one.cases["truth"]), alt))
    display(map_reading(one, explained, classes[init]))

# %% [markdown]
# ## The same by class
#
# Which classes does a network take for each other? Of the neighbours of each class, the share of
# the same class and the other class that is most frequent among them.

# %% tags=["hide-input"]
for init, one in large.items():
    caption = f"Neighbours by class: {init_style(init).label}, {one.backbone}"
    display(book_table(class_table(classes[init]), caption))

# %% [markdown]
# ## The other networks
#
# The same images and colours, mapped by UMAP from the features of the other networks. A map may be
# turned or mirrored against another; what can be compared is which classes keep together.

# %% tags=["hide-input"]
for init, one in large.items():
    rest = [e for e in embeddings if e.init == init and e.backbone != one.backbone]
    if rest:
        maps = [FeatureMap(e.backbone, umaps[init, e.backbone]) for e in rest]
        alt = f"UMAP of the test images of {init_style(init).label}, one map a network"
        display(picture(small_maps(maps, one.cases["truth"]), alt))
        display(others_reading(init, [e.backbone for e in rest], purities))

# %% [markdown]
# ## Nearest neighbours
#
# A handful of test images, drawn at random from different classes, each with its four nearest
# images of other patients. Framed neighbours have the class of the query; a cross marks those that
# have not. Below the class stands the cosine similarity.

# %% tags=["hide-input"]
for init, one in large.items():
    queries = query_rows(one.cases["truth"], 5, seed)
    nearest = neighbours[init].rows[queries, :4]
    shown = np.column_stack([queries, nearest])
    names, similarity = one.cases["truth"].to_numpy()[shown], neighbours[init].similarity
    sheet = neighbour_sheet(pictures[init][shown], names, similarity[queries, :4])
    alt = f"Query images and their neighbours: {init_style(init).label}, {one.backbone}"
    display(picture(sheet[0, 0].figure, alt))
    display(neighbour_reading(names, similarity[queries, :4]))

# %% [markdown]
# To see the neighbours of other queries, or of another number of them, change `query_rows` and run
# this notebook alone: `rin run notebooks/embeddings.py -p profile=demo`. It reads
# `features.npy` and `test_predictions.parquet` of each run in the weights ledger.
