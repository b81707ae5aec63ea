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
# # Discrepancy ledger
#
# **What this page answers.** Where does the paper contradict itself, its authors' scripts or the
# public data, where do distributors of its weights contradict each other, and what does each case
# change for a reader?
#
# | | |
# |---|---|
# | command | `make book`, or `rin run notebooks/discrepancies.py` alone |
# | time and memory | seconds; 300 MB; no GPU |
# | expected | the same entries on every computer |
#
# ```{note}
# An entry says that two places do not agree. It does not say how that came about. Numbers are taken
# from the paper {cite:p}`mei2022` and from other public texts, and are compared when this page is
# made; no image, network or patient stands behind them.
# ```

# %% tags=["hide-input"]
from IPython.display import Markdown

from rin.report.audit_cards import entries_of, ledger_cards, ledger_reading, ledger_table
from rin.report.tables import book_table

Markdown(ledger_reading())

# %% tags=["hide-input"]
book_table(ledger_table(), "Entries by kind; computed ones compare numbers")

# %% [markdown]
# ## Within the paper

# %% tags=["hide-input"]
ledger_cards(entries_of("paper"))

# %% [markdown]
# ## Between the paper and its authors' scripts, README and preprint

# %% tags=["hide-input"]
ledger_cards(entries_of("authors"))

# %% [markdown]
# ## Between the paper and the public data

# %% tags=["hide-input"]
ledger_cards(entries_of("data"))

# %% [markdown]
# ## Between distributors of the weights

# %% tags=["hide-input"]
ledger_cards(entries_of("distributors"))
