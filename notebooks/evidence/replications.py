# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: tags,jupyter,mystnb,-all
#     notebook_metadata_filter: -jupytext.text_representation.jupytext_version
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What independent studies found

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# rin is the package of this checkout: pip install -e '.[study,book]' there
import pandas as pd
from IPython.display import Markdown

from rin import stats
from rin.evidence import paper, replications
from rin.report.forest import forest
from rin.report.format import (
    book_table,
    format_estimate,
    format_interval,
    format_p,
    format_range,
)
from rin.report.page import claim, picture
from rin.report.verdict import includes_zero
from rin.study import open_reference

alike = replications.like_for_like()
others = replications.other_groups()
pooled = replications.pooled_groups()
shifts = replications.moderators()
first = alike.query("folds > 0")  # one group's, with SDs over folds
topical = pooled.loc["… the paper's questions"]
of = others.set_index(["study", "setting"])["estimate"]
bone = of["Bone tumours 2026", ""]
teeth = others[others["metric"] == "AUC"].nsmallest(1, "estimate").iloc[0]
mammograms = of["FedMammoBench 2026", "frozen"]
official = alike["scaling"] == "official"
clear = others.query("side == 'RadImageNet'")["study"]
claim("teeth are lowest", teeth["data"].startswith("supernumerary teeth"))
claim("bone tumours clearly, mammograms not", bone > 0 > mammograms
      and clear.tolist() == ["Bone tumours 2026"])  # fmt: skip
claim(
    "the group's difference is not clear",
    includes_zero(topical),
)
claim("its inputs lack the scaling", first["scaling_missing"])
precision = first.query("setting == 'fine-tuned' and of_the_paper")
precision = 1 / (precision["standard_error"] ** 2 + topical["tau2"])
claim("one set has most weight", precision.max() > 0.85 * precision.sum())
claim("none has the official scaling on a task of the paper",
      ~(official & alike["of_the_paper"]))  # fmt: skip
Markdown(f"""
**Independent studies point both ways, and none that we found repeats
the paper with the inputs of its scripts.** On radiographs of bone tumours from
three other centres RadImageNet's weights are ahead by {bone:.1f} points; on
radiographs of supernumerary teeth
ImageNet's are, by {-teeth["estimate"]:.1f} (no interval), and on mammograms,
with frozen layers, by {-mammograms:.1f}, though not clearly. The one group with
standard errors on the paper's own questions found
{format_estimate(topical, digits=1)} points on average in fully fine-tuned
networks, most of the weight on one set of chest radiographs, with inputs that
its public code leaves 255 times too large for RadImageNet's weights. We found
no study that used the released weights with their own scaling on a task of the
paper.
""")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
by_study = others.assign(kind="independent", group=others["study"])
estimate = ["estimate", "ci_low", "ci_high"]
by_study[estimate] /= 100
metric = ", " + by_study["metric"]
by_study["label"] += metric.where(metric != ", AUC", "")
axes = forest(by_study, unit="points", limits=(-32, 20))
axes.set_xlabel("RadImageNet − ImageNet, points (95% CI)")
claim("six groups", others["group"].nunique() == 6)
claim("nine comparisons", len(others) == 9)
claim("both signs", others["estimate"].min() < 0 < others["estimate"].max())
picture(
    axes,
    "Figure 1. The studies of six other groups do not agree",
    "Nine comparisons, network and head alike (Okazaki: mean over networks), "
    "with 95% intervals; open "
    "marks: an interval is neither printed nor can be derived.",
)

# %% [markdown]
# The intervals of bone tumours and mammograms are derived, and rather too wide ([Methods](../../methods));
# that of the tibial plateau is made symmetric.
# Skin photographs are not radiology, and come from course work with one seed. The dental radiographs are
# those of {cite:t}`okazaki2024`, averaged over networks.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
columns = {
    "study": "Study",
    "place": "Source",
    "certainty": "Read",
    "data": "Images",
    "tests": "Tested on",
    "setting": "Trained",
    "release": "Release",
    "scaling": "Scaling",
    "source_p": "Own test",
}
read = others[[*columns]].replace("", "not stated").rename(columns=columns)
book_table(read, "What was compared, and what was read of it", prose=True)

# %% [markdown]
# ## The other radiologic release
#
# RadiologyNET {cite:p}`radiologynet2025` pretrained ten networks on 1.9 million images of MR, CT and
# radiography, labelled by unsupervised clustering, fine-tuned each five times on five tasks, and compared
# them with ImageNet's. Its authors found the two comparable where training is not restricted, RadiologyNET
# ahead in the first epochs and with few images, and still call manual labels, as RadImageNet has them, the
# gold standard. Its tables were not available as text, so no number of it is pooled here. We found
# no study that compares RadImageNet, RadiologyNET and ImageNet.
#
# ## What silently loses the weights

# %% jupyter={"source_hidden": true} tags=["hide-input"]
lost = replications.LOST["loading"]
inputs = replications.LOST["scaling"]["inputs"]
unit, caffe, standard, natural = (row["auc"] for row in inputs)
claim("ahead with one of three inputs", unit > natural > caffe > standard)
swapped = [*replications.LOST["imagenet_scaling"]["inputs"].values()]
Markdown(f"""
**Scaling.** A public experiment on lumbar discs gave the released file three
kinds of input. With inputs from 0 to 1 its macro AUC is {unit:.3f}, above
ImageNet's {natural:.3f}; without the division by 255 {caffe:.3f}, and with
ImageNet's own mean and SD {standard:.3f}. The other way round, ImageNet weights
fed with what the PyTorch release wants fell from {swapped[0]:.3f} to
{swapped[1]:.3f} on mammograms.

**Weights that did not load.** A loader that ignores what does not fit
(`strict=False`) leaves random weights in place without an error. In
{lost["study"]}, {lost["loaded"]} tensors were loaded and {lost["missing"]} were
missing, so its “RadImageNet” arm is random initialisation and is left out here.
""")

# %% [markdown]
# ## On the paper's questions

# %% jupyter={"source_hidden": true} tags=["hide-input"]
KNEE = "acl/meniscus"
QUESTIONS = {
    "thyroid": "Thyroid nodules, US",
    "breast": "Breast lesions, US",
    KNEE: "Knee MRI (ligament and meniscus)",
    "pneumonia": "Pneumonia, chest radiography",
}
printed = paper.comparison_table().reset_index()
printed["label"] = "The paper, " + printed["short"]
printed = printed.replace({"task": {"acl": KNEE, "meniscus": KNEE}})
setting = (", " + alike["setting"]).where(alike["setting"] != "", "")
marks = alike["scaling_missing"].map({True: " †", False: ""})
marks += alike["own_weights"].map({True: " ‡", False: ""})
label = alike["study"].str.partition(" (")[0] + setting + marks
rows = {"published": printed, "independent": alike.assign(label=label)}
rows = pd.concat(rows, names=["kind"]).reset_index("kind")
rows = rows.set_index("task").loc[[*QUESTIONS]].reset_index()
ends = rows.groupby(["kind", "task"])["estimate"].agg(["min", "max"])
claim(
    "every other estimate is below the paper's",
    ends.loc["independent", "max"] < ends.loc["published", "min"],
)
rows[estimate] /= 100
rows["group"] = rows["task"]
axes = forest(rows, unit="points", names=QUESTIONS, limits=(-35, 20))
axes.set_xlabel("RadImageNet − ImageNet, AUC points (95% CI)")
picture(
    axes,
    "Figure 2. The paper's gains are larger than what another group found",
    "In each panel the paper first, then comparisons of one other group, with "
    "95% intervals over five folds where SDs are printed. † inputs without the "
    "division by 255; ‡ RadImageNet weights trained by the study itself.",
)

# %% [markdown]
# All independent comparisons are those of {cite:t}`juodelyte2023` and
# {cite:t}`juodelyte2024transferability` (MedMNIST); their intervals are Welch's. None was found for the CT tasks.
#
# ## Pooled, with caution
#
# A random-effects model weighs each comparison by its precision and allows the true difference to vary.
# One group's fully fine-tuned comparisons, in two lines:

# %%
tuned = first.query("setting == 'fine-tuned'")
by_hand = stats.random_effects(tuned["estimate"], tuned["standard_error"] ** 2)
print(format_estimate(by_hand, digits=1), "points")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
ends = zip(pooled["prediction_low"], pooled["prediction_high"], strict=True)
p_values = pooled["p_value"].map(format_p).str.removeprefix("P ")
table = pd.DataFrame(
    {
        "Groups": pooled["groups"],
        "Number": pooled["k"].astype(int),
        "Difference (95% CI)": format_estimate(pooled, digits=1),
        "P": p_values.str.removeprefix("= "),
        "95% prediction": [format_interval(*pair, 1) for pair in ends],
    }
)
caption = (
    "RadImageNet − ImageNet, AUC points; several groups: a model of three "
    "levels. Kermany: chest radiographs"
)
pooled_rows = pooled.rename_axis("comparisons").reset_index()
table = table.rename_axis("Comparisons").reset_index()
book_table(table, caption, prose=True, rows=pooled_rows)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
(frees,) = (
    study
    for study in replications.REPLICATIONS
    if not study.like_for_like and study.tasks and study.radimagenet
)
lowest = first.nsmallest(2, "estimate")
frozen, unscaled = shifts.to_dict("records")
claim("every pooled interval includes zero", includes_zero(pooled))
claim("the largest deficits are frozen first: knee, then breast",
      [*lowest["task"]] == [KNEE, "breast"]
      and {*lowest["setting"]} == {"frozen first"})  # fmt: skip
claim("both shifts point to ImageNet", shifts["estimate"] < 0)
claim("neither clearly", shifts["p_value"] > 0.05)
Markdown(f"""
Every interval includes zero, and the mean of all groups describes none of them:
questions, trained layers and inputs differ. Frozen layers shift the difference
by {format_estimate(frozen, digits=1)} points, inputs without the division by
255 by {format_estimate(unscaled, digits=1)}; both towards ImageNet, neither
clearly. The two largest deficits ({-lowest["estimate"].iloc[0]:.1f} points on
the knee, {-lowest["estimate"].iloc[1]:.1f} on breast ultrasound) are those of
networks whose layers were frozen first, which, if that code was run, could not
adapt to inputs 255 times too large. The same group's study of shortcuts
{{cite:p}}`juodelyte2024` restores the division and calls both kinds of weights
comparable.

Left out: on ACL tears, {{cite:t}}`{frees.reference}` found an AUC of
{frees.radimagenet:.3f} from RadImageNet and {frees.imagenet:.3f} from ImageNet,
but under different heads.
""")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
known = alike["of_the_paper"] | alike["study"].isin(others["study"])
trained = alike["release"][~known] == "own"
further = alike[~known].set_index("data")["estimate"]
gains = further[further > 1]
claim(
    "one gain above a point, on retinal OCT", [*gains.index] == ["MedMNIST oct"]
)
Markdown(f"""
In {len(further)} comparisons on questions that the paper does not ask (skin
photographs and histology among them), {trained.sum()} of them with RadImageNet
weights of its own training, the same group found RadImageNet ahead by more than
a point once ({gains.iloc[0]:.1f} on optical coherence tomography) and behind by
up to {-further.min():.1f}.
""")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
worded = pd.DataFrame(
    vars(record)
    for record in replications.REPLICATIONS
    if record.like_for_like and None in (record.radimagenet, record.imagenet)
).replace({"ahead": {"parity": "neither"}})
headings = {
    "study": "Study",
    "ahead": "Ahead",
    "data": "Images",
    "remark": "Remark",
}
book_table(
    worded[[*headings]].rename(columns=headings),
    "Comparisons without a pair of AUCs",
    prose=True,
)

# %% [markdown]
# ## Four findings of follow-up studies, tried here
#
# Each rests on two backbones with one pretraining each: illustrations, which neither confirm nor refute.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
runs = open_reference("open")
a, b = runs.inits

marked = pd.concat(
    runs.predictions("confounder", task, part)
    for task, part in {
        "covid19": "reversed",
        "pneumonia": "reversed",
        "busbra": "test",  # whose devices are reversed as they are
    }.items()
)
marked = marked[marked["level"].str.endswith(" 100")].assign(part="test")
follows = marked.groupby("level").apply(stats.init_differences, a, b)
follows = follows.query("group == 'all'").set_index("task", append=True)
reverse = follows.droplevel(1)
heads = runs.predictions(study="head")
skip = stats.factor_effects(heads, (a, b), ("linear", "conv_skip"))
skip = skip.query("group == 'all' and quantity == 'effect'")
losses = runs.table("losses").set_index(["loss", "backbone"])
measures = losses[["top1", "top5", "ece"]]
change = measures.loc["online"] - measures.loc["hard"]

# %% jupyter={"source_hidden": true} tags=["hide-input"]
layers = runs.table("layer_similarity")
cca = layers.groupby("comparison")["cca"].mean()
kept = layers.query("comparison == 'tuned'")
kept = kept.groupby(["task", "scenario", "init"])["cca"].mean()
aucs = stats.scenario_aucs(runs.predictions(study="layers"))
aucs = aucs.pivot_table("auc", ["task", "scenario"], "init")
gain = aucs[[a, b]].sub(aucs["random"], axis=0).stack()
rank_correlation = kept.corr(gain, method="spearman")
case = ["task", "scenario", "pretraining", "case_id"]
scores = runs.predictions().pivot(index=case, columns="init", values="score")
calls = scores.gt(0).astype(int).groupby(case[:3]).corr()
phi = calls.xs(a, level="init")[b].groupby("task")
agree = phi.mean()

# %% jupyter={"source_hidden": true} tags=["hide-input"]
device = reverse.loc[("sampled 100", "busbra"), ["auc_a", "auc_b"]]
letter, noise, blur = (
    reverse.loc[mark] for mark in ("tag 100", "noise 100", "denoising 100")
)
claim("no network withstands the device", device < 0.02)
claim("noise separates the two", noise["ci_high"] < 0)
claim("the letter does not", includes_zero(letter))
claim("nor the filter, but on COVID-19",
      [*blur.index[blur["ci_low"] > 0]] == ["covid19"]
      and includes_zero(blur.drop("covid19")))  # fmt: skip
points = 100 * change
claim("online labels help one network of three", sum(points["top1"] > 0) == 1)
claim("and calibrate one of three better", sum(points["ece"] < 0) == 1)
lost = -100 * skip["estimate"][skip["task"] == "breast"]
claim("the skip head is worse on breast lesions", lost > 5)
moved = abs(cca["after"] - cca["before"])
claim("hardly less alike after fine-tuning", moved < 0.04)
claim("no positive correlation", rank_correlation < 0)
best = replications.FOLLOW_UPS["frees2025"]["breast"]["auc"]


Markdown(f"""
| finding of the source | here |
|---|---|
| **Shortcuts.** ImageNet's networks follow a letter, a low-pass filter and \
the patients' sex more than RadImageNet's, but not noise \
{{cite:p}}`juodelyte2024`. | With marks reversed in the \
test, the letter does not separate the two \
({format_range(100 * letter["estimate"], 1, signed=True)} points), nor does \
the filter but on COVID-19, where the photographic networks are misled more \
(by {100 * blur.loc["covid19", "estimate"]:.1f}); noise on all images \
misleads the radiologic ones more \
(by {format_range(-100 * noise["estimate"], 1)} points), and nothing \
withstands the ultrasound device: every AUC is below 0.02. |
| **Heads.** One-dimensional convolutions with a skip connection are best, up \
to an AUC of {best:.3f} on breast lesions {{cite:p}}`frees2025`. | They lose \
{format_range(lost)} points on breast lesions against one dense layer. |
| **Softer labels.** Online label smoothing raises top-1 and top-5 accuracy, \
calibration, and the compactness of embeddings {{cite:p}}`choudhury2025`. | \
After four epochs top-1 changes by \
{format_range(points["top1"], 1, signed=True)} points and top-5 by \
{format_range(points["top5"], 1, signed=True)}; calibration \
improves in one of three networks. Embeddings were not kept, so compactness \
is not judged. |
| **Layers.** The two weights represent the same images differently, more so \
after fine-tuning; yet they predict alike, and the similarity of a network \
before and after does not correlate with its gain {{cite:p}}`juodelyte2023`. \
| Canonical correlations are {cca["before"]:.2f} before and \
{cca["after"]:.2f} after; those of two random networks, {cca["random"]:.2f}. \
The correlation of their calls (phi, by task) is \
{format_range(agree, 2)}. The \
rank correlation of similarity and gain over random weights is \
−{-rank_correlation:.2f} ({len(gain)} networks \
that share images, so no test). |
""")

# %% [markdown]
# The paper's differences, those of others and ours are one open table:
# [evidence.csv](../../evidence.csv). This page: `rin run notebooks/evidence/replications.py`.
