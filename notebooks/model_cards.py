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
# # Model cards
#
# **What this page answers.** What are the weights that were pretrained here, what were they trained
# on, what do they expect as input, how well did they do, and what are they not good for?
#
# | | |
# |---|---|
# | command | `make book`, after which this page alone re-runs in seconds |
# | time and memory | under a minute and 1 GB on a laptop; no GPU is used |
# | expected | one card for each network and corpus, valid in the ATLAS schema |
#
# The cards have the fields of the ATLAS schema of the Radiological Society of North America,
# version 2025-11, in which the released RadImageNet weights have a card as well
# ([doi.org/10.1148/atlas.1769274475598](https://doi.org/10.1148/atlas.1769274475598)). Every word
# and number comes from the records of the training. The cards are written as JSON beside the other
# results, to `cards/<init>_<backbone>.json`; whoever passes weights on should pass on the card too.

# %% tags=["parameters", "hide-input"]
profile: str = "demo"  # name of a profile, or path of its YAML file
data_root: str = ""  # folder with the real images; empty for stand-ins
results: str = "results"  # folder for everything computed

# %% tags=["hide-input"]
from datetime import date

from IPython.display import display

from rin.report.card_facts import card_facts
from rin.report.model_card import card_path, model_card, write_card
from rin.report.model_card_page import card_details, cards_reading, shared_table
from rin.report.pretraining_scores import run_scores
from rin.report.pretraining_tables import file_table
from rin.report.provenance import pretraining_banner
from rin.report.style import init_style
from rin.report.tables import book_table
from rin.study import open_study, pretrained
from rin.study.pretraining import pretraining_predictions

study = open_study(profile, data_root=data_root, results=results)
weights = pretrained(study)
scores = run_scores(weights, pretraining_predictions(study))
facts = card_facts(study, weights, scores, file_table(weights, study.weights))

# %% tags=["remove-input"]
pretraining_banner(study)

# %% tags=["hide-input"]
today = date.today()
cards = [(one, model_card(one, updated=today)) for one in facts]
for one, card in cards:
    write_card(card, card_path(study, one))

# %% tags=["remove-input"]
cards_reading(len(facts), sum(one.synthetic for one in facts))

# %% [markdown]
# ## Card by card
#
# What all networks of a corpus have in common stands in a table; unfold a network for what is its
# own, and for the whole card.

# %% tags=["hide-input"]
for init in dict.fromkeys(one.run["init"] for one in facts):
    own = [(one.run["backbone"], card) for one, card in cards if one.run["init"] == init]
    shared = shared_table([card for _, card in own])
    display(book_table(shared, f"Weights: {init_style(init).label}", prose=True))
    for backbone, card in own:
        display(card_details(backbone, card, shared))
