"""A page that compares models by their scores on the same cases, from any source.

`rin compare` uses this module to read a table of scores and to write the page and its tables.  All
inference is that of `rin.stats`; nothing is trained.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.metadata import PackageNotFoundError, version
from itertools import combinations
from pathlib import Path
from string import Template

import pandas as pd
from scipy.special import logit

from rin.data.discovery import guess_positive
from rin.data.layouts.found import read_table
from rin.data.tree import Tree
from rin.errors import InputError, as_input_error, counted, did_you_mean, look_up
from rin.files import read_yaml, sha256_of, write_atomically
from rin.report import words
from rin.report.forest import forest
from rin.report.format import book_table, format_estimate, format_p
from rin.report.lines import calibration, model_colors, roc_curves
from rin.report.page import picture
from rin.report.style import MEASURE_NAMES, use_style
from rin.stats import (
    auc_ci,
    auc_equality_test,
    clinical_curves,
    clinical_measures,
    compare,
    operating_point,
    roc_coordinates,
)
from rin.stats.hypothesis import insert_holm

_TEXTS = read_yaml(Path(__file__).with_suffix(".yaml"))
#: Labels for which the positive class is evident.
_CODED = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "false": 0, "true": 1}
_DECIMAL_COMMA = re.compile(r"[+-]?\d+(,\d+)?([eE][+-]?\d+)?")
_CALIBRATION = ("brier", "ece", "net_benefit")


@dataclass(frozen=True)
class Columns:
    """Names of columns in a table of scores; without patients, every case is a patient.

    `score` may be several columns, separated by commas: one for each model, in place of `by`.
    """

    by: str = "model"
    score: str = "score"
    label: str = "label"
    case: str = "case_id"
    patient: str = ""


def read_scores(path: Path, columns: Columns, positive: str = "") -> pd.DataFrame:
    """Read a table of scores, one row per model and case, or per case: CSV, .xlsx or parquet.

    Returns model, case_id, patient_id (text), label (0 or 1) and score.  `positive` is the label
    of the positive class; by default, labels are 0 and 1, or false and true.
    """
    if not path.is_file():
        remedy = "Name a table of scores, one row per model and case."
        raise InputError("there is no such file", where=path, remedy=remedy)
    table = read_table(Tree(path.parent, ".", (path.name,)), path.name, ())
    n_read = len(table)
    models = [name.strip() for name in columns.score.split(",")]
    if len({*models}) > 1 and columns.score not in table:  # each has a column of its own
        table = _stacked(table, models, columns, path)
    names = {"model": columns.by, "case_id": columns.case, "patient_id": columns.patient}
    names |= {"label": columns.label, "score": columns.score}
    names = {role: name for role, name in names.items() if name}
    if absent := [name for name in names.values() if name not in table]:
        problem = f"there is no column {absent[0]!r}{did_you_mean(absent[0], table.columns)}"
        remedy = (
            f"Its columns are {', '.join(table.columns)}; name them by --by, --score, --label, "
        )
        remedy += "--case and --patient."
        of_models = _columns_of_numbers(table, [columns.label, columns.case, columns.patient])
        if columns.by in absent and len(of_models) > 1:
            remedy += f" If each model has a column of its own: --score {','.join(of_models)}."
        raise InputError(problem, where=path, remedy=remedy)
    if table.empty:
        raise InputError("no rows", where=path, remedy="Pass a table with scores.")
    rows = pd.DataFrame({role: table[name].astype(object) for role, name in names.items()})
    for role, cells in rows.items():
        if blank := int((cells == "").sum()):
            problem = f"{counted(blank, 'rows have')} nothing in the column {names[role]!r}"
            remedy = "Fill it in, or leave these cases out of every model."
            raise InputError(problem, where=path, remedy=remedy)
    rows["label"] = _labels(rows["label"], positive, f"{path}, {columns.label}")
    rows["score"] = _numbers(rows["score"], f"{path}, {columns.score}", n_read)
    if not columns.patient:
        rows["patient_id"] = rows["case_id"]
    _check_cases(rows, path)
    return rows


def _stacked(
    table: pd.DataFrame, models: Sequence[str], columns: Columns, path: Path
) -> pd.DataFrame:
    """Return one row per model and case, of a table with a column of scores for each model."""
    if absent := [name for name in models if name not in table]:
        problem = f"there is no column {absent[0]!r}{did_you_mean(absent[0], table.columns)}"
        remedy = f"Its columns are {', '.join(table.columns)}; name those of models by --score."
        raise InputError(problem, where=path, remedy=remedy)
    of_cases = [name for name in table if name not in {*models, columns.by}]
    return table.melt(of_cases, models, columns.by, columns.score)


def _labels(cells: pd.Series, positive: str, where: str) -> pd.Series:
    """Return labels as 0 and 1."""
    classes = list(cells.unique())
    if positive:
        look_up("label", positive, classes)
    if len(classes) > 2 and not {cell.casefold() for cell in classes} <= _CODED.keys():
        problem = f"{len(classes)} classes ({', '.join(classes[:5])})"
        raise InputError(problem, where=where, remedy="Keep the cases of two classes.")
    if positive:
        labels = (cells == positive).astype(int)
    else:
        labels = cells.str.casefold().map(_CODED)
        if labels.isna().any():
            likely = guess_positive(classes) or classes[0]
            remedy = f"Say which class is positive, as by --positive {likely!r}."
            raise InputError(f"labels are {' and '.join(classes)}", where=where, remedy=remedy)
    if labels.nunique() < 2:
        problem, remedy = f"one class only ({classes[0]})", "Pass cases of both classes."
        raise InputError(problem, where=where, remedy=remedy)
    return labels.astype(int)


def _columns_of_numbers(table: pd.DataFrame, others: Sequence[str]) -> list[str]:
    """Return the columns, but for others, that hold more than two different numbers alone."""
    numbers = table.drop(columns=others, errors="ignore").apply(pd.to_numeric, errors="coerce")
    return [
        name for name, column in numbers.items() if column.nunique() > 2 and column.notna().all()
    ]


def _numbers(cells: pd.Series, where: str, n_read: int) -> pd.Series:
    """Return scores as numbers; either all texts have a decimal comma, or none.

    `n_read` is the number of rows of the file, which hold the scores of several models.
    """
    text = cells
    if cells.str.contains(",", regex=False).any() and cells.str.fullmatch(_DECIMAL_COMMA).all():
        text = cells.str.replace(",", ".", regex=False)
    numbers = pd.to_numeric(text, errors="coerce").astype(float)
    if (bad := numbers.isna()).any():
        verb = "score is no number" if bad.sum() == 1 else "scores are no numbers"
        problem = f"{bad.sum():,} {verb}, the first in row {bad.idxmax() % n_read + 2}: "
        remedy = "Pass one number a model and case; leave out cases that a model did not score."
        raise InputError(problem + repr(cells[bad.idxmax()]), where=where, remedy=remedy)
    return numbers


def _check_cases(rows: pd.DataFrame, path: Path) -> None:
    """Raise InputError if a model has a case twice, or a case has two labels or patients."""
    repeated = rows.duplicated(["model", "case_id"])
    if repeated.any():
        first = rows.loc[repeated.idxmax()]
        problem = f"{counted(int(repeated.sum()), 'rows repeat')} a model and case, the first "
        problem += f"{first['model']!r}, {first['case_id']!r}"
        remedy = "Keep one score of each; --case names the image, --patient whose it is."
        raise InputError(problem, where=path, remedy=remedy)
    for column, word in {"label": "labels", "patient_id": "patients"}.items():
        several = rows.groupby("case_id")[column].nunique() > 1
        if several.any():
            problem = f"case {several.idxmax()!r} has several {word}"
            raise InputError(problem, where=path, remedy="Correct the table: a case has one.")


def pairs_of(models: Sequence[str], a: str = "", b: str = "") -> list[tuple[str, str]]:
    """Return the pairs of models to compare: all pairs, those with one model, or a single pair."""
    for model in filter(None, (a, b)):
        look_up("model", model, models)
    if len(models) < 2:
        remedy = "Pass the scores of two or more; --by names the column that tells them apart."
        raise InputError(f"one model only ({models[0]!r})", where="scores", remedy=remedy)
    if a and a == b:
        raise InputError(f"{a!r} twice", where="--a, --b", remedy="Name two models.")
    if a and b:
        return [(a, b)]
    if a or b:
        return [(a or model, b or model) for model in models if model not in (a, b)]
    return list(combinations(models, 2))


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
    probability of one half.
    """
    models = list(dict.fromkeys(model for pair in pairs for model in pair))
    rows = scores[scores["model"].isin(models)]
    wide = _scores_by_model(rows, models)
    cases = rows.drop_duplicates("case_id").set_index("case_id").loc[wide.index]
    labels, patients = cases["label"].to_numpy(), cases["patient_id"].to_numpy(object)
    if not 0 < specificity < 1:
        remedy = "Pass a share such as 0.9."
        raise InputError(f"{specificity} is no specificity", where="specificity", remedy=remedy)
    probable = not log_odds and bool(rows["score"].between(0, 1).all())
    if threshold is None and (probable or log_odds):
        threshold = 0.5 if probable else 0.0

    aucs, curves, points = [], [], []
    for model in models:
        arrays = labels, wide[model].to_numpy(), patients
        interval = auc_ci(*arrays, level=level, interval="logit")
        row = {"model": model, "estimate": interval.auc, "ci_low": interval.ci_low}
        sizes = {"n_cases": len(labels), "n_positive": int(labels.sum())}
        sizes |= {"n_patients": len(set(patients))}
        aucs.append(row | {"ci_high": interval.ci_high} | sizes)
        curves.append(roc_coordinates(*arrays, level=level).assign(model=model))
        if threshold is not None:
            called = operating_point(*arrays[:2], threshold, patients, level=level)
            points.append(called.assign(model=model, at=f"threshold {threshold:g}"))
        fixed = roc_coordinates(*arrays, fpr=[1 - specificity], level=level)
        fixed = fixed.rename(columns={"tpr": "estimate"}).drop(columns="fpr")
        at = f"specificity {specificity:.4g}"
        points.append(fixed.assign(model=model, measure="sensitivity", at=at))
    columns = {"by": "model", "case": "case_id", "level": level}
    differences = pd.concat(
        [compare(rows, a=a, b=b, **columns) for a, b in pairs], ignore_index=True
    )
    insert_holm(differences)
    tables = {"aucs": pd.DataFrame(aucs), "differences": differences}
    if len(models) > 2:
        test = auc_equality_test(labels, wide.to_numpy().T, patients)
        tables["equality"] = pd.DataFrame([test | {"models": len(models)}])
    tables["roc"] = pd.concat(curves)[["model", "fpr", "tpr", "ci_low", "ci_high"]]
    order = ["model", "measure", "at", "estimate", "ci_low", "ci_high"]
    tables["operating_points"] = pd.concat(points, ignore_index=True)[order]
    if probable or log_odds:
        tables |= _calibration(rows, models, probable=probable, level=level)
    return tables


def _scores_by_model(rows: pd.DataFrame, models: list[str]) -> pd.DataFrame:
    """Return one row per case and one column per model; InputError where a score is missing."""
    wide = rows.pivot(index="case_id", columns="model", values="score")[models]
    if (absent := wide.isna().sum()).any():
        problem = f"model {absent.idxmax()!r} has no score for {absent.max():,} of {len(wide):,} "
        remedy = "Leave these cases out of every model, or name two models by --a and --b."
        raise InputError(f"{problem}cases", where="scores", remedy=remedy)
    return wide


def _calibration(
    rows: pd.DataFrame, models: list[str], *, probable: bool, level: float
) -> dict[str, pd.DataFrame]:
    predictions = rows.rename(columns={"model": "init"}).assign(
        task="all cases", fold=0, scenario="as passed", seed=0, part="test"
    )
    if probable:
        predictions["score"] = logit(predictions["score"])
    measures = clinical_measures(predictions, models, level=level)
    shown = measures["init"].isin(models) & measures["measure"].isin(_CALIBRATION)
    order = ["init", "measure", "estimate", "ci_low", "ci_high"]
    curves = clinical_curves(predictions, models)
    return {
        "calibration": measures.loc[shown, order].rename(columns={"init": "model"}),
        "calibration_curves": curves[["init", "curve", "x", "estimate"]].rename(
            columns={"init": "model"}
        ),
    }


def write_comparison(
    tables: dict[str, pd.DataFrame], path: Path, folder: Path, *, level: float = 0.95
) -> Path:
    """Write the page of a comparison and its tables into a folder; return the path of the page.

    `path` is the file of scores, whose digest the page states.
    """
    page = _page(tables, path, level)
    remedy = "Name a folder that can be written by --output."
    with as_input_error("it cannot be written", where=folder, remedy=remedy, kinds=OSError):
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in tables.items():
            with write_atomically(folder / f"{name}.csv") as draft:
                table.to_csv(draft, index=False)
        with write_atomically(folder / "comparison.html") as draft:
            draft.write_text(page, encoding="utf-8")
    return folder / "comparison.html"


def _page(tables: dict[str, pd.DataFrame], path: Path, level: float) -> str:
    use_style()
    aucs, differences = tables["aucs"], tables["differences"]
    models, interval = list(aucs["model"]), f"{100 * level:.4g}% CI"
    sentences = [words.model_difference(row) for _, row in differences.iterrows()]
    if "equality" in tables:
        sentences.append(words.equality_of_aucs(tables["equality"].iloc[0]))
    pairs = differences.assign(pair=differences["a"] + " − " + differences["b"])
    shown = pd.DataFrame(
        {
            "Difference": pairs["pair"],
            f"AUC points ({interval})": format_estimate(pairs, unit="points"),
            "P": pairs["p_value"].map(format_p),
            "P, adjusted": pairs["p_holm"].map(format_p),
        }
    )
    figures = {
        "aucs": picture(
            forest(aucs, label="model", zero=None, xlabel=f"AUC ({interval})", digits=3),
            "AUC of each model with its interval; the numbers are in the figure.",
        ),
        "differences": picture(
            forest(pairs, label="pair", unit="points", xlabel=f"AUC points ({interval})"),
            "Differences of AUCs with their intervals; the numbers are in the table below.",
        ),
        "roc": picture(
            roc_curves(tables["roc"], models),
            "ROC curve of each model with its band; the coordinates are in roc.csv.",
            width="32rem",
        ),
    }
    points = tables["operating_points"]
    at_points = pd.DataFrame(
        {
            "Model": points["model"],
            "Measure": points["measure"].str.capitalize() + " at " + points["at"],
            interval: format_estimate(points, signed=False),
        }
    )
    level_text = {"level": f"{100 * level:.4g}%"}
    texts = {
        "title": f"Models compared: {' · '.join(models[:4])}{' …' if len(models) > 4 else ''}",
        "file": path.name,
        "digest": sha256_of(path),
        "version": _version(),
        "cases": words.cases_compared(aucs.iloc[0]),
        "methods": Template(_TEXTS["methods"]).substitute(level_text),
    }
    content = {name: escape(text) for name, text in texts.items()}
    content["summary"] = "\n".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)
    content["aucs"] = figures["aucs"].data
    content["differences"] = figures["differences"].data + _html(shown, "differences")
    content["roc"] = figures["roc"].data
    content["operating_points"] = _html(at_points, "operating_points")
    content["calibration"] = _calibration_part(tables, models, interval)
    return Template(_TEXTS["page"]).substitute(content)


def _calibration_part(
    tables: dict[str, pd.DataFrame], models: Sequence[str], interval: str
) -> str:
    if "calibration" not in tables:
        return f"<p>{escape(_TEXTS['uncalibrated'])}</p>"
    measures = tables["calibration"]
    curves = tables["calibration_curves"].assign(task="All cases")
    curves = curves.rename(columns={"model": "init"})
    drawn = picture(
        calibration(curves, models, "task", colors=model_colors(models)),
        "Share of positive cases by predicted probability; the numbers are in "
        "calibration_curves.csv.",
        width="20rem",
    )
    table = pd.DataFrame(
        {
            "Model": measures["model"],
            "Measure": measures["measure"].map(MEASURE_NAMES),
            interval: format_estimate(measures, signed=False),
        }
    )
    return drawn.data + _html(table.reset_index(drop=True), "calibration")


def _html(table: pd.DataFrame, name: str) -> str:
    return book_table(table, "").to_html(table_uuid=name)


def _version() -> str:
    try:
        return version("rin")
    except PackageNotFoundError:  # run from the checkout, without an installation
        return ""
