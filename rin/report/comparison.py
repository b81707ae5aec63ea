"""A page that compares models by their scores on the same cases, from any source.

`rin compare` uses this module to read a table of scores and to write the page and its tables.  All
inference is that of `rin.stats`; nothing is trained.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import combinations
from pathlib import Path
from string import Template
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from scipy.special import logit

from rin import __version__
from rin.data.layouts.found import read_table
from rin.data.leakage import name_variants
from rin.data.tree import Tree
from rin.errors import (
    InputError,
    amount,
    as_input_error,
    did_you_mean,
    join_first_ten,
    join_with_and,
)
from rin.files import read_facts, sha256_of, write_atomically
from rin.report.forest import forest
from rin.report.format import (
    ESTIMATE_AND_INTERVAL,
    book_table,
    format_estimate,
    format_p,
    strip_p,
)
from rin.report.page import picture
from rin.report.style import use_style
from rin.report.verdict import points
from rin.stats import (
    MEASURES,
    auc_ci,
    clinical_curves,
    clinical_measures,
    compare,
    operating_point,
    roc_coordinates,
)
from rin.stats.hypothesis import insert_holm
from rin.stats.inputs import binary_labels, name_place

_TEXTS = read_facts(__file__)
#: Labels for which the positive class is evident.
_CODED = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "false": 0, "true": 1}
#: Columns that seem to name patients.
_PATIENT = r"(?i)(?:patient|pat|mrn|pid)(?:[ _-]?(?:id|nr|no|number|key))?"
#: Texts of a cell that holds nothing.
_NOTHING = ("", "nan", "na", "n/a", "none", "null", "<na>")
_LONGEST_NAME = 60  # of a model in a figure


@dataclass(frozen=True)
class Columns:
    """Names of columns in a table of scores; without patients, every case is a patient.

    `score` may be several columns, one for each model in place of `by`.
    """

    by: str
    score: Sequence[str]
    label: str
    case: str
    patient: str


def read_scores(path: Path, columns: Columns, positive: str = "") -> pd.DataFrame:
    """Read a table of scores, one row per model and case, or per case: CSV, .xlsx or parquet.

    Returns model, case_id, patient_id (text), label (0 or 1) and score.  `positive` is the label
    of the positive class; by default, labels are 0 and 1, or false and true.
    """
    remedy = "Name a table of scores, one row per model and case, as .csv, .xlsx or .parquet."
    if "json" in path.suffix.lower():
        raise InputError("it is JSON", where=path, remedy=remedy)
    table = read_table(Tree(path.parent, ".", (path.name,)), path.name)
    rows = _model_scores(table, columns, path)
    rows["label"] = _labels(rows["label"], positive, f"{path}, {columns.label}")
    rows["score"] = _numbers(rows["score"], f"{path}, {', '.join(columns.score)}")
    rows = rows.reset_index(drop=True)
    _check_cases(rows, path)
    return rows


def _model_scores(table: pd.DataFrame, columns: Columns, path: Path) -> pd.DataFrame:
    """Return one row per model and case, as text; InputError where something is missing."""
    names = {
        "case_id": columns.case,
        "patient_id": columns.patient or columns.case,
        "label": columns.label,
    }
    models = [*dict.fromkeys(columns.score)]
    if len(models) == 1:
        names |= {"model": columns.by, "score": models[0]}
    read = [*names.values(), *models]
    if absent := [name for name in read if name not in table]:
        problem = f"there is no column {absent[0]!r}{did_you_mean(absent[0], table.columns)}"
        remedy = (
            f"Its columns are {', '.join(table.columns)}; name them by --by, --score, --label, "
            "--case and --patient; if each model has a column of its own, give --score for each."
        )
        raise InputError(problem, where=path, remedy=remedy)
    unused = [name for name in table if re.fullmatch(_PATIENT, name)]
    if unused and not columns.patient:
        problem = f"there is a column {unused[0]!r}, but no --patient"
        remedy = f"Give --patient {unused[0]}, or rename it if each case is a patient."
        raise InputError(problem, where=path, remedy=remedy)
    if table.empty:
        raise InputError("no rows", where=path, remedy="Pass a table with scores.")
    for name in read:
        if blank := int(table[name].str.casefold().isin(_NOTHING).sum()):
            problem = f"{amount(blank, 'rows have')} nothing in the column {name!r}"
            remedy = "Fill it in, or leave these cases out of every model."
            raise InputError(problem, where=path, remedy=remedy)
    rows = pd.DataFrame({role: table[name] for role, name in names.items()})
    if columns.patient and (alike := name_variants(rows["patient_id"])):
        problem = f"{amount(len(alike), 'patients are')} written in several ways"
        shown = join_first_ten([" and ".join(names) for names in alike], ", ")
        where = f"{path}, {columns.patient}"
        raise InputError(f"{problem}: {shown}", where=where, remedy="Write each in one way.")
    if len(models) > 1:
        rows = pd.concat(rows.assign(model=name, score=table[name]) for name in models)
    return rows.astype(object)


def _labels(cells: pd.Series, positive: str, where: str) -> np.ndarray:
    """Return labels as 0 and 1."""
    known = cells if positive else cells.str.casefold().map(_CODED)
    if known.isna().any():
        classes = sorted(cells.unique())
        ways = " or ".join(f"--positive {name!r}" for name in classes)
        remedy = f"Keep the cases of two classes, and say which one is positive: {ways}."
        raise InputError(f"labels are {join_with_and(classes)}", where=where, remedy=remedy)
    with name_place(where):
        return binary_labels(known.to_numpy(), positive or None).astype(int)


def _numbers(cells: pd.Series, where: str) -> pd.Series:
    """Return scores as numbers; commas are decimal where no score has a point."""
    has_point = cells.str.contains(".", regex=False).any()
    text = cells if has_point else cells.str.replace(",", ".", regex=False)
    numbers = pd.to_numeric(text, errors="coerce").astype(float)
    if (bad := cells[numbers.isna()]).size:
        said = amount(bad.size, "scores are not numeric")
        problem = f"{said}, the first in row {bad.index[0] + 2}: {bad.iloc[0]!r}"
        remedy = "Pass one number a model and case; leave out cases that a model did not score."
        raise InputError(problem, where=where, remedy=remedy)
    return numbers


def _check_cases(rows: pd.DataFrame, path: Path) -> None:
    """Raise InputError if a model has a case twice, or a case has two labels or patients."""
    repeated = rows[rows.duplicated(["model", "case_id"])]
    if repeated.size:
        model, case = repeated.iloc[0][["model", "case_id"]]
        times = amount(len(repeated), "rows repeat")
        problem = f"{times} a model and case, the first {model!r}, {case!r}"
        remedy = "Keep one score of each; --case names the image, --patient whose it is."
        raise InputError(problem, where=path, remedy=remedy)
    for column, word in {"label": "labels", "patient_id": "patients"}.items():
        several = rows.groupby("case_id")[column].nunique() > 1
        if several.any():
            problem = f"case {several.idxmax()!r} has several {word}"
            raise InputError(problem, where=path, remedy="Correct the table: a case has one.")


def pairs_of(models: Sequence[str], a: str = "", b: str = "") -> list[tuple[str, str]]:
    """Return the pairs of models to compare: all pairs, those with one model, or a single pair."""
    if len(models) < 2:
        remedy = "Pass the scores of two or more; --by names the column that tells them apart."
        raise InputError(f"one model only ({models[0]!r})", where="scores", remedy=remedy)
    if a and b:
        return [(a, b)]
    if a or b:
        return [(a or model, b or model) for model in models if model not in (a, b)]
    return list(combinations(models, 2))


def _threshold(given: float | None, probable: bool, log_odds: bool) -> float | None:
    """Return the threshold of scores; InputError for one beyond 0 and 1 of probabilities."""
    if given is None:
        return 0.5 if probable else 0.0 if log_odds else None
    if probable and not 0 <= given <= 1:
        raise InputError(
            f"{given:g} is no probability",
            where="threshold",
            remedy="All scores are from 0 to 1: pass a threshold from 0 to 1.",
        )
    return given


def comparison_tables(
    scores: pd.DataFrame,
    pairs: Sequence[tuple[str, str]],
    *,
    specificity: float = 0.9,
    threshold: float | None = None,
    log_odds: bool = False,
    level: float = 0.95,
) -> dict[str, pd.DataFrame]:
    """Return the tables of a comparison by name; `scores` is the table of `read_scores`.

    Scores that are all from 0 to 1 are probabilities, unless `log_odds` says that scores are
    log-odds; other scores only rank, and there is no calibration.  The threshold is by default a
    probability of one half.  InputError for infinite scores that are not said to be log-odds.
    """
    models = list(dict.fromkeys(model for pair in pairs for model in pair))
    rows = scores[scores["model"].isin(models)]
    wide = rows.pivot(index=["case_id", "label", "patient_id"], columns="model", values="score")
    if (absent := wide.isna().sum()).any():
        first = wide.index[wide[absent.idxmax()].isna()][0][0]
        problem = f"model {absent.idxmax()!r} has no score for {absent.max():,} of {len(wide):,} "
        remedy = "Leave these cases out of every model, or compare two that have all (--a, --b)."
        raise InputError(f"{problem}cases: {first!r} …", where="scores", remedy=remedy)
    compared = [compare(scores, by="model", a=a, b=b, level=level) for a, b in pairs]
    differences = pd.concat(compared, ignore_index=True)
    insert_holm(differences)
    labels = wide.index.get_level_values("label").to_numpy()
    patients = wide.index.get_level_values("patient_id").to_numpy(object)
    if not 0 < specificity < 1:
        raise InputError(
            f"{specificity} is no specificity",
            where="specificity",
            remedy="Pass a share such as 0.9.",
        )
    if np.isinf(rows["score"]).any() and not log_odds:
        raise InputError(
            "infinite scores",
            where="scores",
            remedy="Pass finite numbers; --log-odds says that all scores are log-odds.",
        )
    probable = not log_odds and rows["score"].between(0, 1).all()
    threshold = _threshold(threshold, probable, log_odds)

    aucs, curves, points = [], [], []
    rates = [*np.linspace(0, 1, 101), 1 - specificity]
    for model in models:
        arrays = labels, wide[model].to_numpy()
        auc = auc_ci(*arrays, patients, level=level, interval="logit")
        aucs.append(
            {
                "model": model,
                "estimate": auc.auc,
                "ci_low": auc.ci_low,
                "ci_high": auc.ci_high,
                "n_cases": len(labels),
                "n_positive": labels.sum(),
                "n_patients": len(set(patients)),
            }
        )
        band = roc_coordinates(*arrays, patients, fpr=rates, level=level).assign(model=model)
        curves.append(band[:-1])
        if threshold is not None:
            called = operating_point(*arrays, threshold, patients, level=level)
            points.append(called.assign(model=model, at=f"threshold {threshold:g}"))
        fixed = band[-1:].assign(measure="sensitivity", at=f"specificity {specificity:.4g}")
        points.append(fixed.rename(columns={"tpr": "estimate"}))
    tables = {"aucs": pd.DataFrame(aucs), "differences": differences}
    tables["roc"] = pd.concat(curves)[["model", "fpr", "tpr", *ESTIMATE_AND_INTERVAL[1:]]]
    order = ["model", "measure", "at", *ESTIMATE_AND_INTERVAL]
    tables["operating_points"] = pd.concat(points, ignore_index=True)[order]
    if probable or log_odds:
        in_log_odds = rows.assign(score=logit(rows["score"])) if probable else rows
        tables |= _calibration(in_log_odds, models, level)
    return tables


def _calibration(rows: pd.DataFrame, models: list[str], level: float) -> dict[str, pd.DataFrame]:
    """Return measures and curves of calibration of models whose scores are log-odds."""
    predictions = rows.rename(columns={"model": "init"}).assign(
        task="all cases", fold=0, scenario="as passed", seed=0, part="test"
    )
    measures = clinical_measures(predictions, models, log_odds=True, level=level)
    probable = [name for name, measure in MEASURES.items() if not measure.ranks]
    shown = measures["init"].isin(models) & measures["measure"].isin(probable)
    curves = clinical_curves(predictions, models, log_odds=True)
    of_model = {"init": "model"}
    order = ["model", "measure", *ESTIMATE_AND_INTERVAL]
    return {
        "calibration": measures[shown].rename(columns=of_model)[order],
        "calibration_curves": curves.rename(columns=of_model)[["model", "curve", "x", "estimate"]],
    }


def write_comparison(
    tables: dict[str, pd.DataFrame], path: Path, folder: Path, *, level: float = 0.95
) -> Path:
    """Write the page of a comparison and its tables into a folder; return the path of the page.

    `path` is the file of scores, whose digest the page states.
    """
    page = _page(tables, path, level)
    remedy = "Name a folder that can be written by --output."
    with as_input_error("it cannot be written", where=folder, remedy=remedy):
        folder.mkdir(parents=True, exist_ok=True)
        for name in {"calibration", "calibration_curves"} - tables.keys():  # of other scores
            (folder / f"{name}.csv").unlink(missing_ok=True)
        for name, table in tables.items():
            with write_atomically(folder / f"{name}.csv") as draft:
                table.to_csv(draft, index=False)
        with write_atomically(folder / "comparison.html") as draft:
            draft.write_text(page, encoding="utf-8")
    return folder / "comparison.html"


def _page(tables: dict[str, pd.DataFrame], path: Path, level: float) -> str:
    use_style()
    aucs = tables["aucs"]
    differences = tables["differences"]
    models = list(aucs["model"])
    percent = f"{100 * level:.4g}%"
    interval = f"{percent} CI"
    drawn = _names_in_figures(models)
    renamed = [f"{name} is {model}" for model, name in drawn.items() if name != model]
    first, second = (differences[side].map(drawn) for side in ("a", "b"))
    figures = {
        "aucs": forest(aucs.rename(columns={"model": "label"}), names=drawn, zero=None),
        "differences": forest(differences.assign(label=first + " − " + second), unit="points"),
        "roc": _square(tables["roc"], drawn, "fpr", "tpr"),
    }
    figures["aucs"].set_xlabel(f"AUC ({interval})")
    figures["differences"].set_xlabel(f"AUC points ({interval})")
    figures["roc"].set(xlabel="1 − specificity", ylabel="Sensitivity")
    called = tables["operating_points"]
    shown = {
        "differences": {
            "Difference": differences["a"] + " − " + differences["b"],
            f"AUC points ({interval})": format_estimate(differences, unit="points"),
            "P": strip_p(differences["p_value"].map(format_p)),
            "P, adjusted": strip_p(differences["p_holm"].map(format_p)),
        },
        "operating_points": {
            "Model": called["model"],
            "Measure": called["measure"].str.capitalize() + " at " + called["at"],
            interval: format_estimate(called, signed=False),
        },
    }
    if "calibration" in tables:
        calibration = tables["calibration"]
        reliability = tables["calibration_curves"].query("curve == 'reliability'")
        figures["calibration"] = _square(reliability, drawn, "x", "estimate")
        figures["calibration"].set(xlabel="Predicted probability", ylabel="Share positive")
        shown["calibration"] = {
            "Model": calibration["model"],
            "Measure": calibration["measure"].map(lambda name: MEASURES[name].title),
            interval: format_estimate(calibration, signed=False),
        }
    texts = {
        "title": f"Models compared: {join_first_ten(models, ' · ')}",
        "file": path.name,
        "digest": sha256_of(path),
        "version": __version__,
        "renamed": f"In the figures, {'; '.join(renamed)}." if renamed else "",
        "level": percent,
    }
    sentences = [difference_in_words(row) for _, row in differences.iterrows()]
    below_chance = aucs.loc[aucs["ci_high"] < 0.5, "model"]
    sentences += [f"{name}: {_TEXTS['reversed']}" for name in below_chance]
    content = {name: escape(text) for name, text in texts.items()}
    sizes = aucs.loc[0, "n_cases":"n_patients"]
    content |= {name: f"{size:,}" for name, size in sizes.items()}
    content["summary"] = "\n".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)
    content["calibration"] = f"<p>{escape(_TEXTS['uncalibrated'])}</p>"
    content |= {name: picture(ax, _TEXTS["figures"][name]).data for name, ax in figures.items()}
    for name, columns in shown.items():
        table = book_table(pd.DataFrame(columns).reset_index(drop=True), "")
        content[name] = content.get(name, "") + table.to_html(table_uuid=name)
    return Template(_TEXTS["page"]).substitute(content)


def _square(curves: pd.DataFrame, drawn: Mapping[str, str], x: str, y: str) -> Axes:
    """Draw a line for each model in a square with its diagonal, with a band where there is one."""
    _, ax = plt.subplots(figsize=(4.6, 4.6), layout="constrained")
    banded = "ci_low" in curves
    models = curves["model"].nunique()
    ax.set_prop_cycle(color=sns.color_palette("colorblind" if models <= 10 else "husl", models))
    for model, rows in curves.groupby("model", sort=False):
        (line,) = ax.plot(rows[x], rows[y], label=drawn[model], marker="" if banded else "o")
        if banded:
            look = {"color": line.get_color(), "alpha": 0.15, "linewidth": 0}
            ax.fill_between(rows[x], rows["ci_low"], rows["ci_high"], **look)
    ax.axline((0, 0), slope=1, color="0.5", linestyle=":", linewidth=1)
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    for text in ax.legend(loc="best").get_texts():
        text.set_parse_math(False)
    return ax


def _names_in_figures(models: Sequence[str]) -> dict[str, str]:
    """Return the name of each model in figures: a number for one that the font may not show."""
    drawn = {}
    for number, model in enumerate(models, 1):
        fits = len(model) <= _LONGEST_NAME and model.isascii() and model.isprintable()
        drawn[model] = model if fits else f"Model {number}"
    return drawn


def difference_in_words(row: Any) -> str:
    """Return how two models' AUCs compare; `row` is of `rin.stats.compare`, with `p_holm`."""
    verdict = "no clear difference"
    if row["p_holm"] < 0.05:
        verdict = f"{row['a'] if row['estimate'] > 0 else row['b']} has the higher AUC"
    adjusted = f"adjusted {format_p(row['p_holm'])}"
    return f"{row['a']} minus {row['b']}: {points(row)}, {adjusted}: {verdict}."
