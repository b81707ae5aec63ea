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
# committed run. Without a run of your own on real images, the committed run is shown.
#
# `rin run notebooks/results/your_run.py -p profile=NAME -p task=NAME` takes half a minute; papermill does the
# same. The profile is one that [rin study](../use/run_it) has finished, a run that comes with the book
# (such as `open`), or a folder of results. Without a task, all are shown. `-p beside=FOLDER` puts
# another run beside it, such as one that `rin open` has opened.

# %% tags=["parameters", "remove-input"]
# rin is the package of this checkout: pip install -e '.[study,book]' there
profile: str = "demo"  # a profile, a committed run, or a folder
task: str = ""  # name of a task; empty for all
results: str = "results"  # folder for everything computed
beside: str = ""  # folder of another run; empty for the committed run

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from pathlib import Path

import pandas as pd
from IPython.display import Markdown, display

from rin import stats
from rin.models.backbones import BACKBONES
from rin.report.banner import banner
from rin.report.figures import auc_dots, dice_bars, roc_bands, task_names
from rin.report.forest import forest
from rin.report.format import book_table, format_estimate
from rin.report.page import claim, picture
from rin.report.tables import auc_table, clinical_table, image_table
from rin.report.verdict import add_verdicts
from rin.study import open_results
from rin.study.reference import reference_folder

committed = open_results(reference_folder() / "open")
is_file = profile.endswith(".yaml")
study_name = Path(profile).stem if is_file else profile
places = [
    Path(profile),
    Path(results, study_name, "tables"),
    reference_folder() / profile,
]
folders = [place for place in places if (place / "run.json").is_file()]
if profile == "demo" and (not folders or open_results(folders[0]).stand_ins()):
    run = committed
else:
    remedy = f"Run it (rin study --profile {profile}), or name its results"
    run = open_results(folders[0] if folders else places[1], remedy=remedy)
second = open_results(beside) if beside else committed
of_second = "other run" if beside else "committed run"
made_up = run.stand_ins()
chosen = [task] if task else [*run.tasks]
facts = [run.facts.task(name) for name in chosen]
names = {name: task_names(run.titles)[name] for name in chosen}

# %% jupyter={"source_hidden": true} tags=["hide-input"]
if beside:
    display(banner(second))
banner(run, chosen)

# %% [markdown]
# ## The paper's table
#
# Mean AUC over scenarios, with SD, and the difference. Where the run has the paper's four backbones, the
# difference is theirs with the pretraining as the unit; otherwise it is that of all its backbones. A
# single pair of networks has no such interval: then it is over patients, for these networks.


# %% jupyter={"source_hidden": true} tags=["hide-input"]
def differences(scores, inits):
    """Return each task's differences, with their unit and verdicts."""
    of_paper = scores[scores["backbone"].isin(BACKBONES)]
    backbones = of_paper.groupby("task")["backbone"].nunique()
    backbones = backbones.reindex(scores["task"].unique(), fill_value=0)
    whole = (backbones == len(BACKBONES)).all()
    kept = of_paper if whole else scores
    return add_verdicts(
        stats.pairwise_differences(kept, inits, fixed_backbones=whole)
    )


# %% jupyter={"source_hidden": true} tags=["hide-input"]
inits = run.facts.profile.inits
several = len(inits) > 2
every = run.predictions()
scores = every[every["task"].isin([*names])]
family = differences(every, inits)  # P is adjusted over all of a run
units = family[family["task"].isin([*names])]
if several:
    display(
        Markdown(
            "Each initialisation is compared with each other. All differences, "
            "tasks × pairs, are one family: P values and verdicts are adjusted "
            "over all of them (Holm). Figure 4 has those of the first "
            "initialisation with each other one."
        )
    )
auc_table(units.drop(columns="p_holm") if made_up else units, names, inits)

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
            "What is known of the images",
            prose=True,
        )
    )

# %% [markdown]
# ## The paper's figures

# %% jupyter={"source_hidden": true} tags=["hide-input"]
aucs = stats.scenario_aucs(scores)
display(
    picture(
        auc_dots(aucs, inits, names),
        "Figure 1. AUC of every scenario, beside the paper's means",
        "Dots: scenarios of all backbones of the run, each the mean over its "
        "pretrainings and folds; "
        "circles: mean ± SD over scenarios; grey "
        "squares: the paper's mean ± SD. Counterpart of the paper's Figures 3 "
        "and 4.",
    )
)
display(
    picture(
        roc_bands(stats.mean_roc(scores), inits, names),
        "Figure 2. Mean ROC curves",
        "Mean sensitivity over scenarios of all backbones of the run at each "
        "specificity, ± SD over scenarios. Counterpart of the paper's "
        "Figures 3 and 4.",
    )
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
maps = {name: rows for name in names if len(rows := run.overlap(name))}
figure_of_dice = Markdown(
    "There are no activation maps of outlined lesions, so there is no "
    "counterpart of Figure 5."
)
if maps:
    figure_of_dice = picture(
        dice_bars(maps, inits, names),
        "Figure 3. Overlap of activation maps and lesions",
        "Mean Dice score of maps above the paper's threshold, ± SD over "
        "scenarios; the paper prints no SD. "
        "Counterpart of the paper's Figure 5; Where the networks look says "
        "what such scores are worth.",
    )
figure_of_dice

# %% [markdown]
# ## Each task's difference
#
# The verdict is one of five: *ahead* or *behind* (the first source, adjusted P below .05), *within 5 points* (a
# larger difference is excluded), *too little learnt* (a mean AUC below 0.70), *not clear*. A network has
# collapsed if its scores hardly differ; if it did, a difference may be that of one failed training.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
shared = [name for name in names if name in second.tasks]
of_both = [init for init in inits if init in second.inits]
if shared and run is not second and of_both == [*second.inits]:
    compared = differences(
        pd.concat(second.predictions("main", name) for name in shared),
        of_both,
    )
else:
    compared = units.iloc[:0]
both = pd.concat(
    [units.assign(label="this run"), compared.assign(label=of_second)]
)
both = both[both["a"] == inits[0]]
other = inits[1]
if several:
    run_of = {"this run": "", of_second: f", {of_second}"}
    both["label"] = both["pair"] + both["label"].map(run_of)
    other = "the other"
picture(
    forest(
        both.drop(columns="p_holm").assign(group=both["task"]),
        unit="points",
        names=names,
        ends=(f"{other} ahead", f"{inits[0]} ahead"),
    ),
    "Figure 4. The difference on each task",
    f"Difference {inits[0]} − {other} with 95% interval."
    + (f" Beside it the {of_second}." if len(compared) else ""),
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
here = pd.concat(units[units["task"] == name] for name in names)
here = here.reset_index(drop=True)
lines = here["task"].map(names).to_frame("Task")
if several:
    lines["Difference"] = here["pair"]
lines["AUC points (95% CI)"] = format_estimate(here, unit="points")
lines["Over"] = here["unit"]
if not made_up:
    lines["Verdict"] = here["verdict"]
collapsed = []
for row in here.itertuples():
    of_pair = aucs[
        (aucs["task"] == row.task) & aucs["init"].isin([row.a, row.b])
    ]
    collapsed.append(f"{(of_pair['score_sd'] < 1e-3).sum()} of {len(of_pair)}")
lines["Collapsed, of all backbones"] = collapsed
if len(compared):
    text = format_estimate(
        compared.set_index(["task", "a", "b"]), unit="points"
    )
    keys = pd.MultiIndex.from_frame(here[["task", "a", "b"]])
    lines[of_second.capitalize()] = text.reindex(keys, fill_value="–").to_list()
book_table(lines, "Differences and verdicts", prose=True, rows=units)

# %% [markdown]
# ## Beyond the AUC, and the images

# %% jupyter={"source_hidden": true} tags=["hide-input"]
unmeasured = units["task"][units["ci_low"].isna()].to_list()
kept = {name: names[name] for name in names if name not in unmeasured}
if kept:
    measures = stats.clinical_measures(
        scores[scores["task"].isin([*kept])],
        inits,
        seed=run.facts.profile.seed,
    )
    display(
        clinical_table(
            measures,
            kept,
            inits,
            "Measures beyond the AUC (mean over networks of all "
            "backbones; 95% CI over patients)",
        )
    )
image_table(
    facts,
    pd.concat(map(run.records, names)),
    names,
    "The images, and how they were used",
)
