"""The tables of the pages of results, one function each, in the style of the book."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd
from IPython.display import Markdown
from pandas.io.formats.style import Styler

from rin.data.manifest import PARTS
from rin.errors import counted
from rin.evidence.paper import COMPARISONS, PublishedComparison
from rin.report import headline
from rin.report.figures import SCENARIOS, bins_of, difference_name, in_order, with_settings
from rin.report.format import (
    ESTIMATE_AND_INTERVAL,
    MISSING,
    book_table,
    format_estimate,
    format_interval,
    format_number,
    format_p,
    measure_table,
    one_below_another,
    without_p_of_stand_ins,
)
from rin.report.style import MEASURE_NAMES, UNFREEZING_LABEL, init_style
from rin.stats import (
    EQUIVALENCE_MARGIN,
    equivalence_tests,
    init_differences,
    measures_by_convergence,
)
from rin.stats.planning import patients_for_equivalence, patients_needed, pretraining_power
from rin.study.opened import TaskFacts
from rin.study.results import Results

#: Shown where no interval over patients can be given, as a fold tests one patient of a class.
NO_INTERVALS = "*No intervals over patients, hence no table: a fold tests one patient of a class.*"


# ---- one task


def images(runs: Results, task: str) -> Styler:
    """Return a table on a task's images: their source, number and split."""
    facts = runs.facts(task)
    data = facts.dataset
    card = {
        "In place of": facts.substitute_for,
        "Used": f"{data.used:,} of {data.available:,}",
        "Independent unit": data.independence,
        "Classes": ", ".join(f"{name} {n:,}" for name, n in data.counts.items()),
        "Split": ", ".join(f"{part} {facts.split[part]:,}" for part in PARTS),
        "Fine-tuning": f"at most {counted(runs.records(task)['epochs'].max(), 'epochs')}",
        "Size": f"{facts.size} × {facts.size} pixels",
        "Get them": f"{data.home} ({data.access})",
    }
    table = pd.DataFrame(card.items(), columns=["Images", data.title]).dropna()
    return book_table(table, "", prose=True)


def differences(runs: Results, tables: Mapping[str, pd.DataFrame]) -> Styler:
    """Return a table of AUC differences with intervals, one row per table, by the unit sampled.

    P values are those of one task alone; there are none for stand-ins.
    """
    rows = pd.concat({name: table.head(1) for name, table in tables.items()}).droplevel(1)
    shown = pd.DataFrame({"Sampled": rows.index, "AUC points (95% CI)": _points(rows).to_list()})
    caption = "One difference, two intervals"
    stand_ins = runs.stand_ins(*rows["task"].unique())
    if not stand_ins:
        shown["P"] = rows["p_value"].map(_p).to_list()
        caption += " (P: this task alone)"
    given = without_p_of_stand_ins(rows, stand_ins).rename_axis("sampled").reset_index()
    return book_table(shown, caption, prose=True, rows=given)


def _points(rows: pd.DataFrame) -> pd.Series:
    return format_estimate(rows, unit="points")


def clinical_of(runs: Results, task: str) -> pd.DataFrame:
    """Return `measures_by_convergence` of a task; empty if a fold tests one patient of a class."""
    key = (clinical_of, task, runs.is_reference)
    return runs.workspace.once(key, lambda: _clinical_of(runs, task))


def _clinical_of(runs: Results, task: str) -> pd.DataFrame:
    scores = runs.predictions(task=task)
    networks = init_differences(runs.paired_scores(task), *runs.inits)
    if networks["ci_low"].isna().any():
        return pd.DataFrame()
    seed = runs.workspace.profile.seed
    return measures_by_convergence(scores, runs.inits, seed=seed, bins=bins_of(scores))


def clinical(runs: Results, task: str) -> Styler | Markdown:
    """Return a table of measures beyond the AUC, for each init and their difference."""
    measures = clinical_of(runs, task)
    if measures.empty:
        return Markdown(NO_INTERVALS)
    caption = "Means over scenarios; intervals: these networks, new patients"
    return book_table(measure_table(measures, runs.inits), caption, prose=True, rows=measures)


# ---- all tasks


def beside_published(runs: Results) -> Styler:
    """Return a table of the paper's published numbers on all its tasks, and those of this run.

    Mean ± SD over scenarios for each source, difference, interval and P, of the paper and, in the
    line below, of this run with the pretraining as the unit; then the tasks that the paper lacks.
    """
    units, networks = (rows.set_index("task") for rows in headline.differences(runs))
    names, stand_ins, rows = headline.short_names(runs), runs.stand_ins(), []
    for task in dict.fromkeys([*COMPARISONS, *units.index]):
        if task in COMPARISONS:
            rows.append([names[task], "paper", *_stated(COMPARISONS[task])])
        if task in units.index:
            here, unit = networks.loc[task], units.loc[task]
            means = ", ".join(_mean_sd(here[f"auc_{x}"], here[f"sd_{x}"]) for x in "ab")
            p_value = MISSING if stand_ins else _p(unit["p_holm"])
            name = "" if task in COMPARISONS else names[task]
            rows.append([name, "here", means, format_estimate(unit, unit="points"), p_value])
        else:
            rows.append(["", "here", MISSING, "no images", MISSING])
    sides = ", ".join(init_style(init).word for init in runs.inits)
    columns = ["Task", "From", f"Mean AUC ± SD: {sides}", "AUC points (95% CI)", "P"]
    caption = "The paper: RadImageNet, ImageNet. Here: the pretraining as the unit, P after Holm"
    stated = pd.DataFrame(map(asdict, COMPARISONS.values())).set_index("task")
    stated = stated.rename(columns=dict(zip(_PUBLISHED, _MEANS, strict=True)))
    sizes = [*ESTIMATE_AND_INTERVAL]
    stated[sizes] /= 100
    here = without_p_of_stand_ins(units[[*sizes, "p_holm"]].join(networks[[*_MEANS]]), stand_ins)
    numbers = pd.concat({"paper": stated[[*_MEANS, *sizes, "p_text"]], "here": here})
    return book_table(
        pd.DataFrame(rows, columns=columns),
        caption,
        prose=True,
        rows=numbers.rename_axis(["from", "task"]).reset_index(),
    )


_MEANS = ("auc_a", "sd_a", "auc_b", "sd_b")
_PUBLISHED = ("auc_radimagenet", "sd_radimagenet", "auc_imagenet", "sd_imagenet")


def _stated(stated: PublishedComparison) -> list[str]:
    size = format_number(stated.estimate, 1, signed=True)
    return [
        f"{_mean_sd(stated.auc_radimagenet, stated.sd_radimagenet)}, "
        f"{_mean_sd(stated.auc_imagenet, stated.sd_imagenet)}",
        f"{size} {format_interval(stated.ci_low, stated.ci_high, 1)}",
        stated.p_text.removeprefix("P "),
    ]


def _mean_sd(mean: float, sd: float) -> str:
    return f"{format_number(mean)} ± {format_number(sd)}"


def _p(p: float) -> str:
    return format_p(p).removeprefix("P = ").removeprefix("P ")


def exclusions(runs: Results, across: pd.DataFrame) -> Styler:
    """Return a table of exclusions by task: differences beyond margins, and the paper's own."""
    tests = equivalence_tests(across)
    published = headline.beside_published(runs, across)
    names = headline.short_names(runs)
    stand_ins = runs.stand_ins()
    table = headline.exclusions(tests, published, names, stand_ins=stand_ins)
    caption = f"{difference_name(runs.inits)}, AUC points (P: Holm)"
    stated = published.reindex(columns=["task", "published", "p_holm"])
    rows = tests.merge(stated, on="task", how="left", suffixes=("", "_published"))
    rows = without_p_of_stand_ins(rows, stand_ins)
    return book_table(table, caption, prose=True, rows=rows)


def seeds_of_pairs(runs: Results) -> Styler | Markdown:
    """Return the seed of each pair of networks, which also determines its split of the corpora."""
    networks = runs.pretraining()
    if networks.empty:
        return Markdown("The seeds of released weights are not known.")
    rows = networks[networks["init"].isin(runs.inits)]
    rows = rows.drop_duplicates(["backbone", "pretraining", "seed"])
    table = rows.pivot(index="backbone", columns="pretraining", values="seed").astype("Int64")
    table = table.astype("string").fillna(MISSING).add_prefix("No. ").rename_axis(columns=None)
    caption = "Seed of each pair, and of its split of the corpora"
    return book_table(table.reset_index(names="Backbone"), caption, prose=True)


def likeness_of_pairs(runs: Results, across: pd.DataFrame) -> Styler:
    """Return tests of whether pairs and backbones are alike, with SDs of their differences."""
    unreal = runs.stand_ins()
    table = pd.DataFrame({"Task": across["task"].map(headline.short_names(runs))})
    rows = without_p_of_stand_ins(across, unreal)
    if not unreal:
        of_backbones = headline.of_backbones(runs)
        rows = across.merge(of_backbones, on="task", suffixes=("", "_backbones"))
        table["All pairs alike"] = across["q_holm"].map(format_p)
        table["Backbones alike"] = of_backbones["p_holm"].map(format_p)
    for name in ("backbone", "seed", "pretraining"):
        sds = (100 * across[f"sd_{name}"]).map("{:.1f}".format)
        table[f"SD of {name}s"] = sds.replace("nan", MISSING)
    caption = "SDs in AUC points" if unreal else "Two tests (Holm), and SDs in AUC points"
    return book_table(table, caption, prose=True, rows=rows)


def models(runs: Results, sensitivity: pd.DataFrame) -> Styler:
    """Return a table of differences by several models (`rin.stats.pretraining_sensitivity`)."""
    by_model = models_of(runs, sensitivity)
    table = headline.side_by_side(by_model, headline.short_names(runs))
    caption = f"{difference_name(runs.inits)}, AUC points (95% CI)"
    rows = one_below_another(by_model, "model", runs.stand_ins())
    return book_table(table, caption, prose=True, rows=rows)


def models_of(runs: Results, sensitivity: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the rows of each model, and of the paper's backbones if the run has others."""
    rows = dict([*sensitivity.groupby("name", sort=False)])
    of_paper = headline.of_paper(runs)
    return rows | ({"The paper's backbones, fixed": of_paper} if len(of_paper) else {})


def by_unfreezing(runs: Results, networks: pd.DataFrame) -> Styler:
    """Return a table of differences of these networks by task and unfreezing."""
    rows = in_order(networks[networks["group"] != "all"], "task", runs.tasks)
    stars = "" if runs.stand_ins() else "*"
    cells = _points(rows) + np.where(rows["p_holm"] < 0.05, stars, "")
    table = rows.assign(cell=cells).pivot(index="task", columns="group", values="cell")
    table = table.reindex(index=rows["task"].unique())
    table = table[[name for name in SCENARIOS if name in table]].rename(columns=SCENARIOS)
    table.insert(0, "Task", table.index.map(headline.short_names(runs)))
    caption = "These networks, new patients: AUC points (95% CI; *: Holm, P < .05)"
    given = without_p_of_stand_ins(rows, runs.stand_ins())
    return book_table(table.reset_index(drop=True), caption, prose=True, rows=given)


def wrong_way_round(runs: Results, aucs: pd.DataFrame) -> Styler:
    """Return a table of networks whose interval is below 0.5, with the SD of their log-odds.

    `aucs` is a table of `rin.stats.scenario_aucs`.
    """
    rows = with_settings(runs, aucs).query("ci_high < 0.5").reset_index(drop=True)
    rows = rows.replace({"task": headline.short_names(runs), "unfreezing": UNFREEZING_LABEL})
    table = pd.DataFrame(
        {
            "Task": rows["task"],
            "Network": rows["backbone"] + ", " + rows["unfreezing"],
            "Rate": rows["learning_rate"].map("{:g}".format),
            "Weights": rows["init"] + ", no. " + rows["pretraining"].astype(str),
            "AUC": rows["auc"].map("{:.2f}".format),
            "End": rows["ci_high"].map("{:.2f}".format),
            "SD": rows["score_sd"].map("{:.2f}".format),
        }
    )
    caption = "95% CI below 0.5 (no.: pretraining; End: of the interval)"
    return book_table(table, caption, prose=True, rows=rows)


def patients_wanted(networks: pd.DataFrame, margin: float = EQUIVALENCE_MARGIN) -> pd.DataFrame:
    """Return the numbers of patients that each task has, and that a difference needs.

    `networks` are rows of `init_differences`; `needed` patients detect a difference of the margin,
    `most` patients rule one out.  Both are NaN where the difference has no standard error, as
    where every network separates the classes.
    """
    rows = []
    for task, n, error in networks[["task", "n_patients", "standard_error"]].itertuples(
        index=False
    ):
        row = {"task": task, "patients": n, "needed": math.nan, "most": math.nan}
        if error > 0:
            row["needed"] = patients_needed(margin, n, error)
            row["most"] = patients_for_equivalence(margin, n, error)
        rows.append(row)
    return pd.DataFrame(rows)


def what_would_settle(runs: Results, across: pd.DataFrame, wanted: pd.DataFrame) -> Styler:
    """Return a table of patients needed (`patients_wanted`), and the power of larger designs."""
    designs = [{"backbones": count, "pretrainings": 3} for count in (4, 12)]
    designs.append(designs[-1] | {"patients": 4})
    seed, names = runs.workspace.profile.seed, headline.short_names(runs)
    rows, numbers = [], []
    for task, row in across.set_index("task").iterrows():
        counts = wanted.set_index("task").loc[task, ["patients", "needed", "most"]]
        powers = [pretraining_power(0.02, row, seed=seed, **design) for design in designs]
        percent = [f"{power:.0%}".replace("nan%", MISSING) for power in powers]
        patients = [f"{count:,.0f}".replace("nan", MISSING) for count in counts]
        rows.append([names[task], *patients, *percent])
        numbers.append([names[task], *counts, *powers])
    columns = ["Task", "Patients, or images", "To detect 2 points", "To rule out 2"]
    columns += ["Power, 4 × 3", "Power, 12 × 3", "Power, 12 × 3, 4 × patients"]
    table = pd.DataFrame(rows, columns=columns)
    numbers = pd.DataFrame(numbers, columns=columns)
    return book_table(table, "Backbones × pretrainings, and patients", prose=True, rows=numbers)


# ---- the paper's numbers, beside those of any run


def auc_table(
    units: pd.DataFrame, networks: pd.DataFrame, names: Mapping[str, str], inits: tuple[str, str]
) -> Styler:
    """Return the mean AUCs and differences of the paper's tasks and of a run, a line each.

    `units` has one row per task with the difference that decides (without `p_holm` for stand-ins),
    `networks` is a table of `rin.stats.init_differences`, for the mean AUC ± SD over scenarios of
    each arm; `names` gives the tasks and their order.
    """
    published = pd.DataFrame(map(asdict, COMPARISONS.values())).set_index("task")
    published = published.rename(columns=dict(zip(_PUBLISHED, _MEANS, strict=True)))
    published[[*ESTIMATE_AND_INTERVAL]] /= 100
    here = units.set_index("task").reindex(columns=[*ESTIMATE_AND_INTERVAL, "p_holm"])
    here = here.join(networks[networks["group"] == "all"].set_index("task")[[*_MEANS]])
    rows = pd.concat({"The paper": published, "Here": here}, names=["from"]).reset_index()
    order = [*names]
    rows = rows[rows["task"].isin(order)]
    rows = rows.sort_values("task", key=lambda tasks: tasks.map(order.index), kind="stable")
    p_values = [row.p_text if row["from"] == "The paper" else format_p(row.p_holm)
                for _, row in rows.iterrows()]  # fmt: skip
    shown = {"Task": rows["task"].map(names).where(~rows["task"].duplicated(), ""),
             "From": rows["from"]}  # fmt: skip
    for arm, init, source in zip("ab", inits, ("RadImageNet", "ImageNet"), strict=True):
        means = [_mean_sd(*pair) for pair in rows[[f"auc_{arm}", f"sd_{arm}"]].to_numpy()]
        shown[f"AUC ± SD, {init_style(init).word} or {source}"] = means
    shown |= {"AUC points (95% CI)": _points(rows), "P": p_values}
    caption = "Mean AUC ± SD over scenarios, and differences"
    table = pd.DataFrame(shown).reset_index(drop=True)
    return book_table(table, caption, prose=True, rows=rows.dropna(axis=1, how="all"))


def verdict_table(table: pd.DataFrame, runs: Results, names: Mapping[str, str]) -> pd.DataFrame:
    """Return a table to print of `rin.report.verdict.judged`: images, AUCs, difference, verdict.

    A dagger marks tasks whose files name no patients.
    """
    facts = [runs.facts(task) for task in table["task"]]
    daggers = ["" if fact.dataset.independence == "patient" else " †" for fact in facts]
    sides = ", ".join(init_style(init).word for init in runs.inits)
    arms = table[["auc_a", "auc_b"]].map(format_number)
    return pd.DataFrame(
        {
            "Task": [
                names[task] + mark for task, mark in zip(table["task"], daggers, strict=True)
            ],
            "Images: training, test": [f"{f.split['train']}, {f.split['test']}" for f in facts],
            f"AUC: {sides}": (arms["auc_a"] + ", " + arms["auc_b"]).to_list(),
            "AUC points (95% CI)": _points(table).to_list(),
            "P": table["p_holm"].map(_p).to_list(),
            "Verdict": table["verdict"].to_list(),
        }
    )


def clinical_table(
    measures: pd.DataFrame, names: Mapping[str, str], inits: tuple[str, str], caption: str
) -> Styler:
    """Return sensitivity, calibration error and net benefit of each arm: a line per task.

    `measures` is a table of `rin.stats.clinical_measures`; `names` gives tasks and their order.
    """
    cells = measures.set_index(["measure", "init", "task"]).sort_index()
    shown = {"Task": list(names.values())}
    for measure in ("sensitivity_at_90", "ece", "net_benefit"):
        rows = {init: cells.loc[(measure, init)].loc[[*names]] for init in (*inits, "difference")}
        first, second = (rows[init]["estimate"].map(format_number).to_list() for init in inits)
        words, name = ", ".join(init_style(init).word for init in inits), MEASURE_NAMES[measure]
        shown[f"{name}: {words}"] = [f"{a}, {b}" for a, b in zip(first, second, strict=True)]
        shown[f"{name}: difference"] = format_estimate(rows["difference"], digits=2).to_list()
    return book_table(pd.DataFrame(shown), caption, prose=True, rows=measures)


def image_table(
    facts: Sequence[TaskFacts], records: pd.DataFrame, names: Mapping[str, str], caption: str
) -> Styler:
    """Return a table of the images of some tasks, a line each, and of how they were used.

    `records` has a row per run, with task and epochs.
    """
    lines, epochs = [], records.groupby("task")["epochs"].max()
    for of_task in facts:
        data, split = of_task.dataset, of_task.split
        line = {"Task": names[of_task.name], "Images": data.title}
        line["Used"] = f"{data.used:,} of {data.available:,}"
        line[", ".join(PARTS)] = ", ".join(f"{split[part]:,}" for part in PARTS)
        line["Files name"] = "patients" if data.independence == "patient" else "no patients"
        line |= {"Pixels": of_task.size, "Epochs": epochs[of_task.name]}
        lines.append(line | {"Source": f"{data.home} ({data.access})"})
    return book_table(pd.DataFrame(lines), caption, prose=True)
