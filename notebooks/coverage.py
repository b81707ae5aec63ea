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
# # Several images of one patient
#
# **What this page answers.** How often does a 95% confidence interval hold the truth when each
# patient of the test set has several images? What happens to the usual interval, which takes every
# image for a patient of its own, and does the interval that is clustered by patient repair it?
#
# | | |
# |---|---|
# | command | `make book`, after which this page alone re-runs in a minute |
# | time and memory | a minute and 0.5 GB on a laptop; no GPU is used |
# | expected | the usual interval holds the truth less and less often as images of a patient agree |

# %% tags=["parameters", "hide-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file

# %% tags=["hide-input"]
import pandas as pd
from IPython.display import display

from rin.report.coverage_tables import design_effect_rows
from rin.report.figures import use_style
from rin.report.figures_coverage import coverage_curves, width_curves
from rin.report.glued import glue_values
from rin.report.panels import picture
from rin.report.tables import book_table
from rin.stats.coverage import simulate_coverage
from rin.stats.simulated import ALIKE, AREA
from rin.study.profile import load_profile

use_style()
CORRELATIONS = [0.0, 0.2, 0.4, 0.6, 0.8]
HIGH = 0.6  # the correlation at which one other setting is varied
SHARED = [0.0, 0.25, 0.5, 0.75, 1.0]
study = load_profile(profile)
design = study.simulation
n_images = design.patients * design.images
settings = {"images": design.images, "replicates": design.replicates, "seed": study.seed}

# %% [markdown]
# ```{note}
# Everything on this page is simulated: scores come from a random number generator, and no image,
# network or patient stands behind them. The truth is known because it is set.
# ```
#
# Images of one patient share an anatomy, a scanner and a disease. Where a network errs on one of
# them it tends to err on the next, so the second image tells less than the first. DeLong's interval
# {cite:p}`delong1988` knows nothing of this: it counts images. Obuchowski's
# {cite:p}`obuchowski1997` sums what each patient contributes and looks at the spread of these sums.
#
# The simulation sets the truth and draws test sets. Network $p$ scores image $j$ of patient $i$,
# which is positive ($c = 1$) or negative ($c = 0$), by
#
# $$s_{pij} = d_p\,c + \sqrt{\rho}\,u_{pi} + \sqrt{1 - \rho}\,e_{pij},$$
#
# with standard normal patient effects $u$ and image effects $e$. The correlation of two images of a
# patient is then $\rho$, and the true area is $\Phi(d_p / \sqrt{2})$ whatever $\rho$ is.

# %% tags=["hide-input"]
# The bootstrap is slow, so it sees fewer test sets than the formulas do.
bootstrapped = min(design.replicates, 200)
main = simulate_coverage(
    CORRELATIONS, patients=design.patients, bootstrapped=bootstrapped, **settings
)
few = pd.concat(
    simulate_coverage([HIGH], patients=patients, **settings).assign(patients=patients)
    for patients in sorted({10, 20, 40, design.patients, 2 * design.patients})
)
shared = pd.concat(
    simulate_coverage([HIGH], patients=design.patients, alike=(alike, ALIKE[1]), **settings).assign(
        shared=alike
    )
    for alike in SHARED
)
mixed = simulate_coverage(CORRELATIONS, patients=design.patients, labels="lesion", **settings)


def of(table, measure):
    return table[table["measure"] == measure]


def value(table, method, measure, column, where=None):
    """Return one cell of a simulated table; `where` selects the row, such as (x, 0.8)."""
    rows = of(table, measure)
    rows = rows[rows["method"] == method]
    return rows[rows[where[0]] == where[1]][column].item()


lowest = min(table["low"].min() for table in (main, few, shared, mixed)) - 0.02
CORRELATION_AXIS = "correlation of a patient's images"

# %% tags=["hide-input"]
last, first = ("correlation", CORRELATIONS[-1]), ("correlation", CORRELATIONS[0])
glue_values(
    n_patients=design.patients,
    n_images_each=design.images,
    n_sets=f"{design.replicates:,}",
    n_bootstrapped=bootstrapped,
    area_truth=AREA,
    rho_last=CORRELATIONS[-1],
    rho_high=HIGH,
    alike=ALIKE[0],
    naive_first=f"{value(main, 'naive', 'auc', 'coverage', first):.0%}",
    naive_last=f"{value(main, 'naive', 'auc', 'coverage', last):.0%}",
    clustered_last=f"{value(main, 'clustered', 'auc', 'coverage', last):.0%}",
    naive_missed=f"{1 - value(main, 'naive', 'difference', 'coverage', last):.0%}",
    clustered_missed=f"{1 - value(main, 'clustered', 'difference', 'coverage', last):.0%}",
    width_naive=100 * value(main, "naive", "auc", "mean_width", last),
    width_clustered=100 * value(main, "clustered", "auc", "mean_width", last),
)

# %% [markdown]
# ## The area of one network
#
# Each test set has {glue:text}`n_patients` patients with {glue:text}`n_images_each` images each;
# half of the patients are positive, with all of their images. The true area is
# {glue:text}`area_truth:.2f`. For each correlation {glue:text}`n_sets` test sets are drawn, and the
# intervals that hold the true area are counted; {glue:text}`n_bootstrapped` of the test sets are
# also resampled patient by patient. Bands are 95% Wilson intervals: what chance leaves open after
# so many test sets.

# %% tags=["hide-input"]
ax = coverage_curves(of(main, "auc"), "correlation", CORRELATION_AXIS, lowest=lowest)
picture(
    ax.figure,
    "Share of 95% intervals of an area that hold the true area, over the correlation of a "
    "patient's images: the line of the usual interval falls, those clustered by patient and "
    "bootstrapped stay near 95%.",
    width="36rem",
)

# %% [markdown]
# Without correlation the usual interval holds the truth in {glue:text}`naive_first` of the test
# sets; at a correlation of {glue:text}`rho_last:.1f` in {glue:text}`naive_last`, where the
# clustered one does in {glue:text}`clustered_last`. The bootstrap over patients, which uses no
# formula, agrees with the clustered interval.

# %% tags=["hide-input"]
ax = width_curves(of(main, "auc"), "correlation", CORRELATION_AXIS)
picture(
    ax.figure,
    "Mean width of the intervals in AUC points over the correlation of a patient's images: the "
    "usual interval stays as wide as it was, the clustered one and the bootstrap widen.",
    width="36rem",
)

# %% [markdown]
# The usual interval does not notice: at a correlation of {glue:text}`rho_last:.1f` it is
# {glue:text}`width_naive:.1f` AUC points wide and should be about
# {glue:text}`width_clustered:.1f`.
#
# ## The difference of two networks
#
# Two networks that score the same images share some of their errors, and what they share cancels
# from the difference of their areas: the paired DeLong test, which the paper names, is of this
# kind. The next figure lets the two networks agree to the same degree in what they make of a
# patient and of an image (a correlation of {glue:text}`alike:.1f`).

# %% tags=["hide-input"]
ax = coverage_curves(of(main, "difference"), "correlation", CORRELATION_AXIS, lowest=lowest)
picture(
    ax.figure,
    "Share of 95% intervals of the paired difference of two areas that hold the true difference, "
    "over the correlation of a patient's images: the line of the usual interval falls as it does "
    "for one area.",
    width="36rem",
)

# %% [markdown]
# Pairing alone does not help: at a correlation of {glue:text}`rho_last:.1f` the usual interval
# misses the true difference in {glue:text}`naive_missed` of the test sets instead of 5% (the
# clustered one in {glue:text}`clustered_missed`), and a test that goes with it errs as often.

# %% tags=["hide-input"]
book_table(
    design_effect_rows(main, n_images),
    f"Design effect of {n_images:,} images of {design.patients} patients, and in brackets how many "
    "images of different patients tell as much",
    prose=True,
)

# %% [markdown]
# The design effect is the factor by which the variance grows; the number of images, divided by it,
# is what they are worth.
#
# What helps is that the networks find the same *patients* hard. The next figure keeps the
# correlation of a patient's images at {glue:text}`rho_high:.1f` and varies how far the patient
# effects of the two networks agree, from not at all to wholly.

# %% tags=["hide-input"]
ax = coverage_curves(
    of(shared, "difference"), "shared", "agreement of the networks on patients", lowest=lowest
)
picture(
    ax.figure,
    "Share of 95% intervals of the paired difference that hold the truth, over the correlation of "
    "the two networks' patient effects: the usual interval comes close to 95% only where the "
    "networks agree almost wholly on which patients are hard.",
    width="36rem",
)

# %% tags=["hide-input"]
glue_values(
    naive_apart=f"{value(shared, 'naive', 'difference', 'coverage', ('shared', SHARED[0])):.0%}",
    naive_alike=f"{value(shared, 'naive', 'difference', 'coverage', ('shared', SHARED[-1])):.0%}",
    clustered_alike=(
        f"{value(shared, 'clustered', 'difference', 'coverage', ('shared', SHARED[-1])):.0%}"
    ),
)

# %% [markdown]
# Where the networks agree wholly on patients, the usual interval of the difference holds the truth
# in {glue:text}`naive_alike` of the test sets, against {glue:text}`naive_apart` where they do not
# agree at all. The clustered interval needs no such luck, and loses nothing where luck is there
# ({glue:text}`clustered_alike`).
#
# ## Few patients
#
# Obuchowski's variance is an average over patients, and its normal interval trusts that there are
# many. This figure varies their number, at a correlation of {glue:text}`rho_high:.1f`.

# %% tags=["hide-input"]
for measure, what in (("auc", "an area"), ("difference", "a paired difference")):
    ax = coverage_curves(of(few, measure), "patients", f"patients ({what})", lowest=lowest)
    display(
        picture(
            ax.figure,
            f"Share of 95% intervals of {what} that hold the truth, over the number of patients: "
            "the clustered intervals come nearer to 95% as patients are added, the usual one "
            "does not.",
            width="36rem",
        )
    )

# %% tags=["hide-input"]
fewest = ("patients", 20)
glue_values(
    few_patients=fewest[1],
    few_naive=f"{value(few, 'naive', 'auc', 'coverage', fewest):.0%}",
    few_clustered=f"{value(few, 'clustered', 'auc', 'coverage', fewest):.0%}",
    few_logit=f"{value(few, 'clustered_logit', 'auc', 'coverage', fewest):.0%}",
    few_difference=f"{value(few, 'clustered', 'difference', 'coverage', fewest):.0%}",
)

# %% [markdown]
# With {glue:text}`few_patients` patients the clustered interval of the area holds the truth in
# {glue:text}`few_clustered` of the test sets (the usual one in {glue:text}`few_naive`), and in
# {glue:text}`few_logit` when it is computed on the logit scale {cite:p}`pepe2003`, where an area
# close to 1 has room to one side. That of the paired difference holds it in
# {glue:text}`few_difference`. What helps is more patients, not more images of each.
#
# ## Patients with images of both classes
#
# In slices of a scan the label belongs to the slice: one patient has positive and negative images.
# A patient whose scores are all too high then lifts its positive and its negative images alike,
# which hardly changes their order. Errors cancel within the patient instead of adding up.

# %% tags=["hide-input"]
for measure, what in (("auc", "an area"), ("difference", "a paired difference")):
    label = f"{CORRELATION_AXIS} ({what})"
    ax = coverage_curves(of(mixed, measure), "correlation", label, lowest=lowest)
    display(
        picture(
            ax.figure,
            f"Share of 95% intervals of {what} that hold the truth when each patient has positive "
            "and negative images: all intervals stay close to 95%.",
            width="36rem",
        )
    )

# %% tags=["hide-input"]
glue_values(
    mixed_effect=value(mixed, "clustered", "auc", "design_effect", ("correlation", HIGH)),
    whole_effect=value(main, "clustered", "auc", "design_effect", ("correlation", HIGH)),
    mixed_naive=f"{value(mixed, 'naive', 'auc', 'coverage', ('correlation', HIGH)):.0%}",
    mixed_clustered=f"{value(mixed, 'clustered', 'auc', 'coverage', ('correlation', HIGH)):.0%}",
)

# %% [markdown]
# At a correlation of {glue:text}`rho_high:.1f` the design effect of the area is
# {glue:text}`mixed_effect:.2f`, against {glue:text}`whole_effect:.2f` where a patient has one
# class; the usual interval holds the truth in {glue:text}`mixed_naive` of the test sets and the
# clustered one in {glue:text}`mixed_clustered`. Which way the usual interval errs depends on how
# labels lie within patients, and the clustered one need not be told. One thing neither can mend:
# the estimated area contains a few pairs within a patient, which are easier than those of two
# patients, whose area counts as the truth here.
#
# ## What this means for the study
#
# - **Thyroid ultrasound** has several pictures of many patients, mostly under one label: the case
#   of the first figures.
# - **Knee MRI** and **chest CT** have several slices under the label of the exam or patient: the
#   same case, and the more slices, the larger the design effect.
# - **Head CT** is labelled slice by slice, and **chest radiographs** film by film, of patients many
#   of whom came back: patients with images of both classes are the last figures.
# - **Breast ultrasound** names no patients, so that the book, too, must take each image for a
#   patient of its own. Its intervals are as good as that assumption.
#
# Keeping a patient's images in one part of the split, as the paper does, makes the *estimates*
# honest. It does not make the images of the test set independent, and an interval or P value that
# counts images says more than they can tell wherever a patient's images agree. The pages that
# compare initialisations therefore recommend the analysis that is clustered by patient, and show
# the usual one beside it.
