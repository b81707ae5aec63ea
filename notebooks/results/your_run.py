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
# # Your run
#
# The paper's table and Figures 3 to 5 from a run of your own, and each task's difference beside that of the
# committed run. Without a run of your own on real images, the committed run stands in its place.
#
# `rin run notebooks/results/your_run.py -p profile=NAME -p task=NAME` takes half a minute; papermill does the
# same. The profile is one that [rin study](../use/run_it) has finished, a run that comes with the book
# (`open`, `fine_tuned_224`), or a folder of results. Without a task, all are shown.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book]' there
profile: str = "demo"  # a profile, a committed run, or a folder
task: str = ""  # name of a task; empty for all
results: str = "results"  # folder for everything computed

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from pathlib import Path

import pandas as pd
from IPython.display import Markdown, display

from rin import stats
from rin.errors import look_up
from rin.models.backbones import BACKBONES
from rin.report.banner import banner
from rin.report.figures import (
    auc_dots,
    dice_bars,
    dice_of_scenarios,
    roc_bands,
    task_names,
)
from rin.report.forest import forest
from rin.report.format import book_table, format_estimate
from rin.report.page import claim, picture
from rin.report.tables import auc_table, clinical_table, image_table
from rin.report.verdict import judged
from rin.study import open_results
from rin.study.reference import reference_folder

committed = open_results(reference_folder() / "open")
places = [
    Path(profile),
    Path(results, Path(profile).stem, "tables"),
    reference_folder() / profile,
]
folders = [place for place in places if (place / "run.json").is_file()]
if profile == "demo" and (not folders or open_results(folders[0]).stand_ins()):
    run = committed
else:
    remedy = f"Run it first: rin study --profile {profile}"
    run = open_results(folders[0] if folders else places[1], remedy=remedy)
made_up = run.stand_ins()
if task:
    look_up("task", task, run.titles)
chosen = [task] if task else [*run.tasks]
names = {name: task_names(run.titles)[name] for name in chosen}
facts = [run.facts.task(name) for name in names]

# %% jupyter={"source_hidden": true} tags=["hide-input"]
banner(run, chosen)

# %% [markdown]
# ## The paper's table
#
# Mean AUC over scenarios, with SD, and the difference. Where the run has the paper's four backbones, the
# difference is theirs with the pretraining as the unit; otherwise it is that of all its backbones. A
# single pair of networks has no such interval: then it is over patients, for these networks.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
a, b = run.inits
every = run.predictions()
scores = every[every["task"].isin([*names])]


def differences(scores):
    """Return each task's difference with its unit, and those over patients."""
    of_paper = scores[scores["backbone"].isin(BACKBONES)]
    backbones = of_paper.groupby("task")["backbone"].nunique()
    whole = (backbones == len(BACKBONES)).all()
    kept = of_paper if whole and len(of_paper) else scores
    networks = stats.init_differences(kept, a, b)
    units = stats.pretraining_differences(kept, a, b, fixed_backbones=whole)
    units, patients = (
        units.assign(unit="pretrainings"),
        networks.query("group == 'all'").assign(unit="patients"),
    )
    single = units["ci_low"].isna()
    alone = patients[patients["task"].isin(units.loc[single, "task"])]
    return pd.concat([units[~single], alone]), networks


family, networks = differences(every)  # P is adjusted over all tasks of a run
verdicts = judged(family, networks).set_index("task")["verdict"]
units = family[family["task"].isin([*names])]
auc_table(
    units.drop(columns="p_holm") if made_up else units, networks, names, (a, b)
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
nameless = [of for of in facts if of.dataset.independence == "image"]
claim(
    "each picture counts as a patient",
    all(of.dataset.patients == of.dataset.used for of in nameless),
)
if nameless:
    titles = ", ".join(names[of.name] for of in nameless)
    display(
        Markdown(
            f"The files of {titles} name no patients, so that each picture "
            "counts as one. If a patient has several, some are trained on and "
            "others tested: then the AUC is too high and its interval too "
            "narrow."
        )
    )
findings = [
    {
        "Task": names[of.name],
        "Finding": finding.kind,
        "What was found": finding.text,
        "Among them": ", ".join(finding.case_ids[:3]),
    }
    for of in facts
    for finding in of.dataset.findings
]
if findings:
    display(
        book_table(
            pd.DataFrame(findings),
            "Table 2. What is known of the images",
            prose=True,
        )
    )

# %% [markdown]
# ## The paper's figures

# %% jupyter={"source_hidden": true} tags=["hide-input"]
aucs = stats.scenario_aucs(scores)
display(
    picture(
        auc_dots(aucs, (a, b), names),
        "Figure 1. AUC of every scenario, beside the paper’s means",
        "Dots: scenarios, each the mean over its pretrainings and folds; "
        "circles: mean ± SD over scenarios; grey "
        "squares: the paper’s mean ± SD. Counterpart of the paper’s Figure 3.",
    )
)
display(
    picture(
        roc_bands(stats.mean_roc(scores), names),
        "Figure 2. Mean ROC curves",
        "Mean sensitivity over scenarios at each specificity, ± SD over "
        "scenarios. Counterpart of the paper’s Figure 4.",
    )
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
maps = {name: run.overlap(name) for name in names}
dice = dice_of_scenarios(
    {name: rows for name, rows in maps.items() if len(rows)}, (a, b)
)
figure_of_dice = Markdown(
    "No lesions are outlined in these images, so there is no counterpart of "
    "Figure 5."
)
if len(dice):
    figure_of_dice = picture(
        dice_bars(dice, names),
        "Figure 3. Overlap of activation maps and lesions",
        "Mean Dice score of maps above the paper’s threshold, ± SD over "
        "scenarios; the paper prints no SD. "
        "Counterpart of the paper’s Figure 5; Where the networks look says "
        "what such scores are worth.",
    )
figure_of_dice

# %% [markdown]
# ## Each task's difference, beside the committed run
#
# The verdict is one of five: *ahead* or *behind* (the first source, adjusted P below .05), *excluded* (a
# difference of five points either way), *too little learnt* (a mean AUC below 0.70), *not clear*. A network has
# collapsed if its scores hardly differ; if it did, a difference may be that of one failed training.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
here = units.set_index("task")
collapsed = aucs[aucs["score_sd"] < 1e-3].groupby("task", observed=True).size()
shared = [name for name in names if name in committed.tasks]
of_book = committed.inits
if shared and run is not committed and of_book == (a, b):
    beside, _ = differences(
        pd.concat(committed.predictions("main", name) for name in shared)
    )
else:
    beside = units.iloc[:0]
both = pd.concat(
    [units.assign(run="this run"), beside.assign(run="committed run")]
)
picture(
    forest(
        both.drop(columns="p_holm").assign(
            label=both["run"], group=both["task"]
        ),
        unit="points",
        names=names,
        ends=(f"{b} ahead", f"{a} ahead"),
    ),
    "Figure 4. The difference on each task",
    f"Difference {a} − {b} with 95% interval; beside it the committed run, "
    "where it has the task and the same sources.",
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
lines = pd.DataFrame(
    {
        "Task": names.values(),
        "AUC points (95% CI)": format_estimate(
            here.loc[[*names]], unit="points"
        ),
    }
)
lines["Over"] = here.loc[[*names], "unit"].to_list()
if not made_up:
    lines["Verdict"] = verdicts.loc[[*names]].to_list()
lines["Collapsed networks"] = [
    f"{collapsed.get(name, 0)} of {(aucs['task'] == name).sum()}"
    for name in names
]
if len(beside):
    text = format_estimate(beside.set_index("task"), unit="points")
    lines["Committed run"] = [text.get(name, "–") for name in names]
book_table(
    lines.reset_index(drop=True),
    "Table 3. Differences and verdicts",
    prose=True,
    rows=units,
)

# %% [markdown]
# ## Beyond the AUC, and the images

# %% jupyter={"source_hidden": true} tags=["hide-input"]
measured = networks.query("group == 'all'").set_index("task")["ci_low"].notna()
kept = {name: title for name, title in names.items() if measured[name]}
if kept:
    seed = run.facts.profile.seed
    measured_scores = scores[scores["task"].isin([*kept])]
    measures = stats.clinical_measures(measured_scores, (a, b), seed=seed)
    display(
        clinical_table(
            measures,
            kept,
            (a, b),
            "Table 4. Measures beyond the AUC (mean over networks; 95% CI over "
            "patients)",
        )
    )
records = pd.concat(map(run.records, names))
image_table(
    facts, records, names, "Table 5. The images, and how they were used"
)
