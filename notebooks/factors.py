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
# # What the inputs alone do
#
# **What this page answers.** Was the comparison fair? The official fine-tuning scripts feed every
# network the same inputs, whatever its weights were trained on. What does that alone do to the
# difference between two pretrainings? And does it matter whether images are stretched or padded?
#
# | | |
# |---|---|
# | command | `make book`, with a `factors` section in the profile |
# | time and memory | one training a start, scenario, fold and level; the grid's are not repeated |
# | expected | a loss of the photographic start where its inputs are far too small |

# %% tags=["parameters", "hide-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
import pandas as pd
from IPython.display import display

from rin.report.factors import factor_result, scale_ratio, stand_in_tasks, task_titles
from rin.report.factors_page import factor_details, factor_section, resize_example
from rin.report.factors_tables import scale_table
from rin.report.figures import use_style
from rin.report.glued import glue_values
from rin.report.provenance import study_banner
from rin.report.reference_evidence import factor_evidence
from rin.report.tables import book_table
from rin.study import open_study
from rin.study.factors import factor_inputs, factor_records, run_factor, studied_factors

use_style()
study = open_study(profile, data_root=data_root, results=results)
inits = tuple(study.profile.inits[:2])
inputs = {factor: factor_inputs(study, factor) for factor in studied_factors(study)}
found = {
    factor: factor_result(
        run_factor(study, factor, read),
        inits,
        task_titles(read),
        stand_ins=stand_in_tasks(read),
    )
    for factor, read in inputs.items()
}

# %% tags=["remove-input"]
study_banner(
    study,
    {(factor, *key): one for factor, read in inputs.items() for key, one in read.items()},
    records=pd.concat(
        [factor_records(study, factor, read) for factor, read in inputs.items()],
        ignore_index=True,
    ),
)

# %% [markdown]
# ## What the scripts feed, and what the weights want
#
# A set of weights expects its inputs as they were in its pretraining: which order of channels,
# which mean, which scale. The [official scripts](https://github.com/BMEII-AI/RadImageNet) subtract
# the Caffe mean and then divide by 255, for every backbone and from both sources of weights. Keras'
# ImageNet weights want something else.

# %% tags=["hide-input"]
book_table(scale_table(), "What pixels from 0 to 255 become", prose=True)

# %% tags=["hide-input"]
glue_values(resnet=scale_ratio("caffe", "caffe_unit"))

# %% [markdown]
# ResNet50 with ImageNet weights gets inputs {glue:text}`resnet:.0f` times too small. What follows
# from that for a fine-tuned network is not obvious, for layers that are trained may adapt to it. So
# it is measured. Every network is fine-tuned twice, with the same images in the same order from
# the same start: once with the inputs that its weights want, once with those of the scripts.
# Whether the published comparison itself was run with these scripts does not follow from any number
# here.
#
# ## Fed as the official scripts feed

# %% tags=["hide-input"]
display(*factor_section(found.get("preprocessing")))

# %% tags=["hide-output", "hide-input"]
display(*factor_details(found.get("preprocessing")))

# %% [markdown]
# ## Stretched or padded
#
# The networks want squares, and most images are none. The paper brings them all to one square size
# {cite:p}`mei2022`, which here means to stretch them; padding would keep shapes.

# %% tags=["hide-input"]
for task in dict.fromkeys(task for _, task in inputs.get("resize", {})):
    display(*resize_example(inputs["resize"], task))

# %% tags=["hide-input"]
display(*factor_section(found.get("resize")))

# %% tags=["hide-output", "hide-input"]
display(*factor_details(found.get("resize")))

# %% [markdown]
# ## On real images: the reference run

# %% tags=["hide-input"]
shown, details = factor_evidence(study.profile.name)
display(*shown)

# %% tags=["hide-output", "hide-input"]
display(*details)

# %% [markdown]
# ## How this is computed
#
# Four networks scored every test image: two starts at two levels of a factor. The effect on a start
# is the difference of two of their areas, tested by DeLong's paired test {cite:p}`delong1988` with
# patients as the independent units {cite:p}`obuchowski1997`. The effect on the difference between
# the starts is a weighted sum of all four areas, with weights +1, −1, −1 and +1, and its variance
# uses the covariance of all four. A mean over scenarios is such a sum over all of their networks.
# P values are adjusted by Holm's method {cite:p}`holm1979`.
#
# Folds are averaged, not pooled into one curve. Each fold has its own networks, and what moves the
# scale of their scores would count as a loss in a pooled curve although each fold ranks its own
# cases as well as before. Test sets of folds share no patient, so their variances add up.
