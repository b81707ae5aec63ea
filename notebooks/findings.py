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
# # RadImageNet, re-examined
#
# *Answers* whether pretraining on radiologic images beats pretraining on
# photographs {cite:p}`mei2022`. *Needs* nothing. *Takes* 20 s:
# `rin run notebooks/findings.py`.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book,cpu]' there
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with real images; empty where there are none
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import pandas as pd
from IPython.display import Markdown, display

from rin.evidence import replications
from rin.report import cover, headline, style, words
from rin.report.banner import banner
from rin.report.format import format_estimate
from rin.report.page import claim
from rin.stats import pretrainings, scenarios
from rin.study import open_reference, open_runs

style.use_style()
book = open_runs(profile, data_root=data_root, results=results)
runs = book.foremost  # one's own run where it is real, else the book's
display(banner(runs))
display(Markdown(cover.verdict(book)))
display(cover.figure(runs))
Markdown(cover.advice(runs))

# %% [markdown]
# [Check the paper's numbers](evidence/audit) · [Run it](use/run_it) · [Your own
# images](use/own_task) · [Cite](../methods.md#cite)
#
# ## How to read the figure
#
# *Top:* intervals as printed. *Middle:* fully fine-tuned comparisons with published
# standard deviations (SDs). *Bottom:* diamonds, on which conclusions rest, have the
# pretraining as the unit; dots show uncertainty from patients only and describe these
# networks.

# %%
pooled = replications.pooled_fine_tuned()
same, every = pooled.loc["the paper's questions"], pooled.loc["all"]
claim("every pooled one lacks the scaling", pooled["scaling_missing"].all())
claim(
    "both pooled intervals of the one group include zero",
    all(row["ci_low"] < 0 < row["ci_high"] for row in (same, every)),
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(f"""
**Others.** All {every["k"]} fully fine-tuned comparisons come from one group.
In the average of the {same["k"]} on the paper's own questions most of the
weight is on one set of chest radiographs; the other {every["k"] - same["k"]}
concern skin photographs, histology and mammograms, and with them the average is
{format_estimate(every, digits=1)} points.
{words.directions(replications.other_groups())}
([What independent studies found](evidence/replications)).
""")

# %% [markdown]
# ## How these numbers are computed

# %%
scores = runs.predictions()
across = pretrainings.pretraining_differences(scores, *runs.inits)
_, networks = headline.differences(runs)  # of rin.stats.init_differences
earlier, columns = open_reference("first"), {"Pretraining as the unit": across}
columns["The paper's backbones alone"] = headline.of_paper(runs)
columns["These networks, new patients"] = networks
if runs.is_reference:
    before = headline.differences(earlier)
    columns["Earlier run, new patients"] = before[1]
cover.differences_table(runs, columns)

# %%
elsewhere = [
    pretrainings.pretraining_differences(
        scenarios.external_scores(at_place), *runs.inits
    )
    for task in runs.tasks
    for place in runs.external(task)
    if len(at_place := runs.predictions(task=task, part=place))
]
longer = pd.DataFrame()
if "convergence" in runs.studies:
    longer = runs.predictions("convergence")
    effects = scenarios.factor_effects(
        longer, runs.inits, ("fixed", "converged")
    )

# %% jupyter={"source_hidden": true} tags=["hide-input"]
made_up, names = runs.stand_ins(), cover.names_of(runs)
sentences = [cover.beside_paper(runs), cover.of_networks(runs)]
if not made_up:
    sentences.append("An asterisk marks P < .05 after Holm's adjustment.")
if len(longer) and not made_up:
    of_all = effects.query("group == 'all' and quantity == 'difference'")
    backbones = longer["backbone"].nunique()
    sentences.append(words.longer_training(of_all, names, backbones))
if runs.is_reference:
    sentences.append(words.sign_changes(across, before[0]))
if elsewhere:
    sentences.append(words.transfer(pd.concat(elsewhere), names))
said = " ".join(filter(None, sentences))
Markdown(f"**{words.run_name(runs.is_reference)}.** {said}")

# %%
cover.backbones_heat(runs, pretrainings.pair_differences(scores, *runs.inits))

# %% [markdown]
# Difference in AUC points (blue: radiologic higher; orange: photographic higher),
# averaged over the pretrainings of a backbone
# ([All tasks](results/all_tasks) shows each pretraining).
#
# ## How small this run is

# %%
cover.sizes_table(runs, networks)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(cover.sizes_in_words(runs))

# %% [markdown]
# ## What this can and cannot say

# %% jupyter={"source_hidden": true} tags=["hide-input"]
Markdown(cover.limits(runs))
