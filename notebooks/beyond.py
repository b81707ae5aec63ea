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
# # Beyond the area
#
# **What this page answers.** The area under the ROC curve says how well scores rank the cases, and
# nothing else. Are the probabilities right? How many positive cases does a strict threshold find?
# How many of those called positive are? Is deciding by the scores worth anything? And what does a
# mean ROC curve show?
#
# | | |
# |---|---|
# | command | `make book`, after which this page alone re-runs in seconds |
# | time and memory | ten seconds of processor time for ten test cases, 0.4 GB; no GPU is used |
# | expected | wide intervals where patients are few; on stand-ins nothing is a finding |

# %% tags=["parameters", "hide-input"]
task: str = "breast"  # name of a task of data_manifests/
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
from IPython.display import display

from rin.report.across import images_of
from rin.report.beyond_readings import (
    METHODS,
    calibration_reading,
    decision_reading,
    mean_roc_reading,
    methods_reading,
    precision_recall_reading,
    reliability_reading,
    remarks_reading,
    sensitivity_reading,
)
from rin.report.beyond_tables import case_counts, measure_table, score_shares
from rin.report.figures import use_style
from rin.report.figures_beyond import (
    beyond_row,
    decision_panels,
    mean_roc_panels,
    measure_panels,
    precision_recall_panels,
    reliability_panels,
)
from rin.report.glued import glue_values
from rin.report.provenance import task_banner
from rin.report.style import init_style
from rin.report.tables import book_table
from rin.stats import scenario_aucs
from rin.stats.beyond import beyond_area
from rin.stats.beyond_curves import beyond_curves
from rin.stats.roc import mean_roc, mean_roc_areas
from rin.study import open_study, predictions, task_inputs

use_style()
study = open_study(profile, data_root=data_root, results=results)
inputs = task_inputs(study, task)
images = images_of(inputs)
inits = tuple(study.profile.inits[:2])
scored = predictions(study, inputs)
scored = scored[scored["init"].isin(inits)]
counts = case_counts(scored, inits)

# %% tags=["remove-input"]
task_banner(study, inputs)

# %% [markdown]
# Every measure is taken of one network at a time and averaged over the scenarios of a start: it
# tells of a typical network, not of all of them put together. The test sets of all folds are taken
# together. Intervals draw their patients anew, with all their cases, and leave the networks as they
# are; both starts are measured on the same draws, so that their difference is a paired one.

# %% tags=["hide-input"]
seed = study.profile.seed
measures = beyond_area(scored, inits, seed=seed, bins=counts.bins)
curves = beyond_curves(scored, inits, seed=seed, bins=counts.bins)
glue_values(
    n=f"{counts.n:,}",
    positive=f"{counts.positive:,}",
    patients=f"{counts.patients:,}",
    scenarios=counts.scenarios,
    bins=counts.bins,
    first=init_style(inits[0]).short.lower(),
    second=init_style(inits[1]).short.lower(),
)

# %% [markdown]
# The page rests on {glue:text}`n` test cases of {glue:text}`patients` patients,
# {glue:text}`positive` of them positive, scored by networks of {glue:text}`scenarios` scenarios
# from the {glue:text}`first` and the {glue:text}`second` start.
#
# ## The mean ROC curve, and three ways to draw it
#
# Each network has a ROC curve; the paper shows their mean, with bands of an SD "obtained by
# averaging false-positive rates and true-positive rates from each experiment" (Figure 3, caption).
# Which points are averaged is a choice {cite:p}`fawcett2006`; here the folds of a scenario first,
# then the scenarios:
#
# - **at common thresholds**, the paper's words taken literally: both rates are averaged where all
#   networks call a case positive from the same score on. Networks whose scores lie on different
#   scales are then at different points of their own curves;
# - **at equal ranks**: both rates are averaged where each network calls the same share of its cases
#   positive, so that scales do not matter;
# - **vertically**: true-positive rates are averaged at the same false-positive rate, so that the
#   area under the mean curve is the mean of the areas, but for the width of the grid.

# %% tags=["hide-input"]
averaged = mean_roc(scored)
areas = mean_roc_areas(averaged, scenario_aucs(scored))
for method, words in METHODS.items():
    row = beyond_row(
        mean_roc_panels(averaged, areas, inits, method),
        images,
        title=f"Mean ROC curve, averaged {words}",
        alt=f"Mean ROC curve with SDs, averaged {words}",
        reading=mean_roc_reading(areas, inits, method),
    )
    display(row)

# %% tags=["remove-input"]
methods_reading(areas, inits, images)

# %% [markdown]
# Crosses and bands are SDs: the spread between scenarios. They are no intervals for the mean curve
# and say nothing about other patients.
#
# ## Are the probabilities right?
#
# Of all cases that are given a probability of 0.8, eight in ten should be positive. Cases are put
# into {glue:text}`bins` bins of equally many, from low to high probability: as many as leave ten
# cases in each, from two to ten. A point shows a bin's mean probability and how many of its cases
# are positive, and lies on the dotted line where probabilities are right. Bars below show where the
# probabilities lie.

# %% tags=["hide-input"]
beyond_row(
    reliability_panels(curves, score_shares(scored, inits), inits),
    images,
    title="Reliability curves with 95% intervals",
    alt="Share of positive cases against predicted probability",
    reading=reliability_reading(curves, inits),
)

# %% [markdown]
# The **expected calibration error** is the mean distance of the points from the line, taken for
# each network before the mean over scenarios: errors in opposite directions cancel in the curves
# above, but not in it. Chance alone keeps it above zero, the more the fewer the cases, so its size
# *by chance* stands beside it: what the same probabilities would show if they were right. The
# **Brier score** is the mean squared distance of probability and outcome; it sums miscalibration,
# minus resolution (how far the bins lie from the overall share), plus the uncertainty of the cases
# themselves {cite:p}`murphy1973`, and what scores differ within a bin. **Calibration in the
# large** (0 is right) tells whether probabilities are too high or too low on average, the **slope**
# (1 is right) whether they are too extreme.

# %% tags=["hide-input"]
calibration_reading(measures, inits, images)

# %% [markdown]
# Nothing here corrects the probabilities, and the paper does not say how right its own were. The
# next two sections depend on the order of the scores alone; the decision curve, on the
# probabilities themselves.
#
# ## Sensitivity where specificity is fixed
#
# A test that may call few healthy patients ill is used at one end of the ROC curve only. The
# sensitivity is read from the empirical curve where specificity is 90 % and 95 %, on the straight
# line between two of its points. These levels are choices, taken because they are usual.

# %% tags=["hide-input"]
levels = {f"sensitivity_at_{level}": f"{level} %" for level in (90, 95)}
beyond_row(
    measure_panels(measures, inits, levels, unit="Sensitivity", group="Specificity"),
    images,
    title="Sensitivity at fixed specificity, with 95% intervals",
    alt="Sensitivity of both starts at a specificity of 90 and 95 %",
    reading=sensitivity_reading(measures, inits, counts),
)

# %% [markdown]
# ## Precision and recall
#
# Where positive cases are rare, a false-positive rate that looks small can still mean that most
# cases called positive are not. Precision is the share of those called positive that are; calling
# everyone positive has the precision of the prevalence. Average precision is the mean height of
# the curve. It depends on the prevalence, and test sets of a study do not have that of a clinic.

# %% tags=["hide-input"]
beyond_row(
    precision_recall_panels(curves, inits, prevalence=counts.prevalence),
    images,
    title="Precision against recall, with 95% bands",
    alt="Precision against recall, with the prevalence as the level of chance",
    reading=precision_recall_reading(measures, inits, counts),
)

# %% [markdown]
# ## Is deciding by the scores worth anything?
#
# Net benefit {cite:p}`vickers2006` counts the positive cases found, less the false alarms at their
# price. The price is set by the threshold probability *t* from which one would act: with *t* =
# 20 %, one case found is worth four false alarms. Treating everyone and treating no one need no
# network at all, so a network is worth something only above both.
#
# **The threshold is a choice**, and belongs to those who decide, not to the statistics. The text
# reads the prevalence of the test set (gray line), where both easy rules are worth the same, 0;
# the curve shows every other.

# %% tags=["hide-input"]
beyond_row(
    decision_panels(curves, inits, threshold=counts.prevalence),
    images,
    title="Decision curves with 95% bands",
    alt="Net benefit against threshold probability, with treating all and treating none",
    reading=decision_reading(curves, measures, inits, counts),
)

# %% [markdown]
# ## All measures
#
# Means over scenarios with 95% intervals. *Better* names the direction or the value that a good
# network has; a dash there marks what is no merit of the network, and a dash for a number what
# cannot be computed from these cases. Intervals are not widened for the number of measures: of many
# that are looked at, some may leave out zero by chance.

# %% tags=["hide-input"]
caption = "Beyond the area: both starts and their difference"
book_table(measure_table(measures, inits), caption, prose=True)

# %% tags=["hide-input"]
remarks_reading(measures)
