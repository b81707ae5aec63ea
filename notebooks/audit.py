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
# # The published numbers, checked
#
# **What this page answers.** Which of the paper's claims follow from the paper's own numbers, which
# do not, and which cannot be told?
#
# | | |
# |---|---|
# | command | `make book`, or `rin run notebooks/audit.py` alone |
# | time and memory | seconds; 300 MB; no GPU |
# | expected | the same numbers on every computer |
#
# ```{note}
# Nothing here was measured. All numbers are the paper's own {cite:p}`mei2022`, or arithmetic on
# them. A printed number stands for all that round to it, so every result comes with the range that
# rounding allows, and two numbers agree where their ranges meet.
# ```

# %% tags=["hide-input"]
from IPython.display import Markdown, display

from rin.report import audit_readings as readings
from rin.report import audit_tables as tables
from rin.report.audit_cards import claim_cards, paragraphs
from rin.report.audit_claims import VERDICTS, judged_claims
from rin.report.figures import use_style
from rin.report.figures_audit import audit_intervals
from rin.report.glued import glue_values
from rin.report.panels import picture
from rin.report.tables import book_table
from rin.stats.audit_tasks import audit_tasks

use_style()
audits = audit_tasks()
claims = judged_claims(audits)

# %% [markdown]
# ## What follows and what does not

# %% tags=["hide-input"]
for heading, sentences in readings.conclusions(audits).items():
    display(Markdown(f"**{heading}**"), paragraphs(sentences))

# %% [markdown]
# ## What the published intervals are compatible with
#
# The paper names DeLong's method {cite:p}`delong1988` for the intervals of areas, and no other for
# those of differences. It also prints the mean and SD of each task over the ways of fine-tuning.
# From two SDs an unpaired t interval of the difference can be computed; here it stands below the
# published one, about the stated difference.

# %% tags=["hide-input"]
picture(
    audit_intervals(tables.interval_rows(audits)).figure,
    "For each of eight tasks the published interval of the difference in AUC points, and below it "
    "the unpaired t interval of the published SDs, of nearly the same width; in four tasks both "
    "hold zero",
    width="32rem",
)

# %% tags=["hide-input"]
Markdown(readings.width_reading(audits))

# %% tags=["hide-input"]
book_table(tables.width_table(audits), "Half-widths of the 95% intervals, AUC points")

# %% [markdown]
# Other formulas give nearly the same widths. All of these treat the two sources as if their
# scenarios had nothing in common.

# %% tags=["hide-input"]
book_table(tables.formula_table(audits), "In how many tasks a formula fits within rounding")

# %% [markdown]
# ## P values
#
# The P value of the stated difference is computed twice: from the SDs, as a t test over scenarios,
# and from the interval itself, whatever made it, as long as it is symmetric. Holm's correction
# {cite:p}`holm1979` takes all tasks as one family.

# %% tags=["hide-input"]
book_table(tables.p_table(audits), "P values, with the range that rounding allows")

# %% tags=["hide-input"]
paragraphs([readings.zero_reading(audits), readings.p_reading(audits),
            readings.holm_reading(audits)])  # fmt: skip

# %% [markdown]
# ## Differences that are not in the middle
#
# A symmetric interval has the difference in its middle, and the difference of two means is that of
# the printed means, within rounding.

# %% tags=["hide-input"]
book_table(tables.centre_table(audits), "Three ways to the same difference, AUC points")

# %% tags=["hide-input"]
Markdown(readings.centre_reading(audits))

# %% [markdown]
# ## Pairs of scenarios
#
# Each scenario was run from both sources. A paired t test uses this: the more the areas of both
# sources go together over scenarios, the smaller its P value.

# %% tags=["hide-input"]
book_table(tables.pairing_table(audits), "Correlation of the scenario areas of both sources")

# %% tags=["hide-input"]
Markdown(readings.pairing_reading(audits))

# %% [markdown]
# ## What a DeLong test could say
#
# DeLong's interval is about other cases, not about other ways of fine-tuning. Placements of cases
# lie between 0 and 1, which sets a limit to its width: $A(1-A)\,(1/(m-1)+1/(n-1))$ for the variance
# of an area $A$ with $m$ and $n$ tested cases of either class, and the sum of both standard errors
# for that of a difference. The limit holds for any scores.

# %% tags=["hide-input"]
book_table(
    tables.delong_table(audits),
    "Half-widths as printed, and the most that a DeLong interval can have, AUC points",
)

# %% tags=["hide-input"]
paragraphs([readings.delong_limit_reading(audits), readings.delong_reading()])

# %% [markdown]
# ## Claim by claim
#
# *Holds* means that the printed numbers say the same, not that it is true of other data; *does not
# follow* means that they do not say it, not that it is false.

# %% tags=["hide-input"]
counts = {verdict: sum(one.verdict == verdict for one in claims) for verdict in VERDICTS}
glue_values(n_claims=len(claims), n_hold=counts[VERDICTS[0]], n_not=counts[VERDICTS[1]],
            n_open=counts[VERDICTS[2]])  # fmt: skip
claim_cards(claims)

# %% [markdown]
# Of {glue:text}`n_claims` sentences {glue:text}`n_hold` hold, {glue:text}`n_not` do not follow, and
# of {glue:text}`n_open` the printed numbers cannot tell.
