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
# # What the pretrained networks learned

# %% tags=["parameters", "remove-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display
from skimage.transform import resize
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from rin.data.store import open_store
from rin.explain.similarity import nearest_neighbours, neighbour_purity
from rin.report.banner import pretraining_banner
from rin.report.forest import forest
from rin.report.page import glue_values, picture
from rin.report.style import init_style, use_style
from rin.study import open_runs
from rin.study.pretraining import plan_pretraining, pretraining_features

use_style()
runs = open_runs(profile, data_root=data_root, results=results)
pretraining_banner(runs)

# %% [markdown]
# A pretrained network turns an image into a list of numbers, its features. Of the five images with
# the most similar features, the share of the same class is {glue:text}`networks`; the pixels alone
# give {glue:text}`pixels`, neighbours drawn at random {glue:text}`chance`.
#
# Features are the pooled outputs of the last layer before the classes, for test images that no
# training step saw. Neighbours are the nearest images **of other patients** by cosine similarity:
# a network must not earn anything by recognising a patient. Where a corpus publishes no patients,
# each image counts as one of its own.

# %%
study = runs.study
features, cases, images = {}, {}, {}
for run in plan_pretraining(study):
    if run.init not in study.profile.pretraining.corpora:
        continue  # pretrained briefly
    tested, own = pretraining_features(study, run.init, run.backbone)
    draw = np.random.default_rng(
        study.profile.seed
    )  # the same images of every network
    chosen = np.sort(draw.permutation(len(tested))[:1500])
    cases[run.init] = tested.iloc[chosen].reset_index(drop=True)
    features[run.init, run.backbone] = np.asarray(own)[chosen]
    if run.init not in images:
        store = open_store(run.store)
        rows = pd.Index(store.cases["case_id"]).get_indexer(
            cases[run.init]["case_id"]
        )
        images[run.init] = store.images()[rows]

# %% [markdown]
# Beside the networks stand the pixels themselves, averaged to 16 × 16 and compared in the same way:
# a network that does not beat them has learned nothing that its images do not show at a glance.
# *Purity* is the share of neighbours that have the class of their image, with a 95% interval from
# drawing patients anew.

# %%
for init, own in images.items():
    small = [
        resize(image / 255, (16, 16), anti_aliasing=True).ravel()
        for image in own
    ]
    features[init, "Pixels, 16 × 16"] = np.subtract(
        small, np.mean(small, axis=0)
    )

neighbours, rows = {}, []
for (init, name), own in features.items():
    truth, patients = cases[init]["truth"], cases[init]["patient_id"]
    near, _ = neighbours[init, name] = nearest_neighbours(own, patients, 5)
    purity = neighbour_purity(truth, patients, near, seed=study.profile.seed)
    rows.append({"init": init, "name": name, **purity})
purity = pd.DataFrame(rows)

# %%
shares = 100 * purity[["estimate", "ci_low", "ci_high", "chance", "ceiling"]]
shown = pd.DataFrame(
    {
        "label": purity["name"],
        "group": purity["init"].map(lambda init: init_style(init).short),
        "kind": purity["init"],
        "estimate": shares["estimate"],
        "ci_low": shares["ci_low"],
        "ci_high": shares["ci_high"],
        "note": shares.apply(
            "{0.estimate:.1f} ({0.ci_low:.1f}, {0.ci_high:.1f})".format, axis=1
        ),
    }
).sort_values(
    "kind", key=lambda inits: inits.map(list(images).index), kind="stable"
)
look = {"zero": None, "limits": (0, 100), "legend": False}
ax = forest(shown, xlabel="Neighbours of the same class, %", **look)
picture(
    ax,
    "Purity of the neighbours of each network and of the pixels, with 95% intervals",
)


# %% tags=["hide-input"]
def spans(rows: pd.DataFrame, column: str = "estimate") -> str:
    told = []
    for init, own in rows.groupby("init", sort=False):
        ends = dict.fromkeys(
            f"{100 * end:.1f}" for end in (own[column].min(), own[column].max())
        )
        told.append(f"{' to '.join(ends)} % ({init_style(init).word})")
    return " and ".join(told)


of_pixels = purity["name"].str.startswith("Pixels")
glue_values(
    networks=spans(purity[~of_pixels]),
    pixels=spans(purity[of_pixels]),
    chance=spans(purity[of_pixels], "chance"),
    best=spans(purity[of_pixels], "ceiling"),
)

# %% [markdown]
# Where classes have fewer test images of other patients than neighbours, even a perfect network
# stays below 100 %: at best {glue:text}`best`. The two corpora have other classes and other images,
# so their shares cannot be compared with each other.
#
# ## Maps of the test images
#
# Two ways of showing many dimensions in two. **PCA** keeps as much variance as two axes can, and
# leaves out the rest. **t-SNE** keeps neighbours together and gives up everything else: which
# points form a group counts, not how far apart groups lie. A class has a colour and a marker;
# shown is the network whose neighbours are purest.

# %%
purest = (
    purity[~of_pixels]
    .sort_values("share")
    .groupby("init", sort=False)["name"]
    .last()
)
colors = [
    "#332288",
    "#88CCEE",
    "#44AA99",
    "#117733",
    "#999933",
    "#DDCC77",
    "#CC6677",
    "#882255",
]
for init in images:
    own, truth = features[init, purest[init]], cases[init]["truth"]
    pca = PCA(2).fit(own)
    near = min(15, (len(own) - 1) // 3)
    tsne = TSNE(
        metric="cosine",
        init="pca",
        perplexity=near,
        random_state=study.profile.seed,
    )
    maps = {
        f"PCA, {pca.explained_variance_ratio_.sum():.0%} of the variance": pca.transform(
            own
        ),
        "t-SNE": tsne.fit_transform(own),
    }
    figure, axes = plt.subplots(1, 2, figsize=(8, 4.8))
    for ax, (title, points) in zip(axes, maps.items(), strict=True):
        for place, name in enumerate(sorted(truth.unique())):
            look = {
                "color": colors[place % 8],
                "marker": "os^Dv<>P*Xphd"[place // 8 % 13],
                "s": 26,
            }
            ax.scatter(*points[truth == name].T, label=name, **look)
        ax.set(title=title, xticks=[], yticks=[])
    if truth.nunique() <= 40:
        handles = axes[0].get_legend_handles_labels()
        figure.legend(*handles, loc="outside lower left", ncols=3, fontsize=9)
    figure.suptitle(f"{init_style(init).label}, {purest[init]}", fontsize=12)
    display(
        picture(
            figure,
            f"PCA and t-SNE of the test images of the {init} corpus, by class",
        )
    )

# %% [markdown]
# ## Nearest neighbours
#
# Test images of different classes, drawn at random, each with its four nearest images of other
# patients and the cosine similarity. Neighbours of another class have a cross.

# %%
for init in images:
    (near, similarity), truth = (
        neighbours[init, purest[init]],
        cases[init]["truth"],
    )
    queries = (
        truth.sample(frac=1, random_state=study.profile.seed)
        .drop_duplicates()
        .index[:5]
    )
    figure, axes = plt.subplots(
        len(queries), 5, figsize=(7, 1.75 * len(queries)), squeeze=False
    )
    for line, query in zip(axes, queries, strict=True):
        found = [query, *near[query, :4]]
        for k, (ax, row) in enumerate(zip(line, found, strict=True)):
            ax.imshow(images[init][row], cmap="gray", vmin=0, vmax=255)
            ax.set_axis_off()
            mark = "" if truth[row] == truth[query] else " ✗"
            named = truth[query].replace("-", "\n", 1)
            told = f"{similarity[query, k - 1]:.2f}{mark}" if k else named
            ax.set_title(told, fontsize=9, fontweight="normal", loc="left")
    figure.suptitle(f"{init_style(init).label}, {purest[init]}", fontsize=12)
    display(
        picture(
            figure,
            f"Test images of the {init} corpus with their nearest neighbours",
        )
    )

# %% [markdown]
# ## Run this page
#
# ```console
# rin run notebooks/pipeline/embeddings.py -p profile=demo
# ```
#
# Half a minute; it trains nothing. With plain tools:
# `jupytext --to ipynb notebooks/pipeline/embeddings.py`, then
# `papermill notebooks/pipeline/embeddings.ipynb out.ipynb -p profile demo`.
