"""One look for every figure of the book.

A colour-blind-safe colour per source of initialisation and kind of result, a marker per
backbone, and the matplotlib settings, in one place. Radiologic sources are blue, photographic
ones orange, random gray; the released weights take the darker tone of their hue.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import matplotlib as mpl
import pandas as pd
from cycler import cycler
from matplotlib.colors import to_rgb

from rin.errors import InputError, unknown

WIDTH = 8.0  # inches; 800 px at 100 dots per inch, the width of a page of the book


@dataclass(frozen=True)
class Style:
    """Colour, label and mark of a source of initialisation or a kind of result."""

    color: str
    label: str
    short: str = ""
    marker: str = "o"
    linestyle: str = "-"


INIT_STYLE = {
    "radimagenet": Style("#00598C", "RadImageNet (released)", "RadImageNet"),
    "radiologic": Style("#2E8FCC", "Radiologic (pretrained here)", "Radiologic"),
    "imagenet": Style("#B04A00", "ImageNet (released)", "ImageNet"),
    "photographic": Style("#EB7A2F", "Photographic (pretrained here)", "Photographic"),
    "random": Style("#767676", "Random weights", "Random", linestyle="--"),
}
KIND_STYLE = {
    "published": Style("#5F5F5F", "as published"),
    "recomputed": Style("#222222", "published, interval recomputed", marker="s"),
    "independent": Style("#8A8A8A", "independent study"),
    "reference": Style("#6A3D9A", "real run of this book", marker="D"),
    "own": Style("#6A3D9A", "this run", marker="D"),
}
BACKBONE_MARKER = {
    "InceptionResNetV2": "o",
    "ResNet50": "s",
    "DenseNet121": "^",
    "InceptionV3": "D",
}
UNFREEZING_LABEL = {
    "unfreeze_all": "all layers",
    "unfreeze_top10": "top 10",
    "freeze_all": "frozen",
}
INK = "#222222"
FAINT = "#8A8A8A"

_SETTINGS = {
    "figure.dpi": 100,
    "savefig.dpi": 100,
    "savefig.bbox": "tight",
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "font.family": "sans-serif",
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 11,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 10,
    "lines.linewidth": 2,
    "axes.prop_cycle": cycler(color=[one.color for one in INIT_STYLE.values()]),
    "svg.fonttype": "none",
    "svg.hashsalt": "rin",
}


def use_style() -> None:
    """Set matplotlib's defaults to the look of the book; call once per notebook.

    Text stays text in SVG, and SVG files of equal figures are equal.
    """
    mpl.rcParams.update(_SETTINGS)


def init_style(init: str) -> Style:
    """Return the style of an initialisation source, or raise InputError listing the known."""
    if init not in INIT_STYLE:
        raise unknown("init", init, list(INIT_STYLE))
    return INIT_STYLE[init]


def kind_style(kind: str) -> Style:
    """Return the style of a kind (inits are kinds too), or raise InputError listing the known."""
    if kind in INIT_STYLE:
        return replace(INIT_STYLE[kind], label=INIT_STYLE[kind].short)
    if kind not in KIND_STYLE:
        raise unknown("kind", kind, [*KIND_STYLE, *INIT_STYLE])
    return KIND_STYLE[kind]


def lighter(color: str, share: float) -> tuple[float, ...]:
    """Return a colour mixed with white, of which 1 − `share` is white."""
    return tuple(1 - share * (1 - part) for part in to_rgb(color))


def condition_label(unfreezing: str, learning_rate: float, separator: str = ", ") -> str:
    """Return a short label such as ``frozen, 1e-2`` for a training condition."""
    if unfreezing not in UNFREEZING_LABEL:
        raise unknown("unfreezing", unfreezing, list(UNFREEZING_LABEL))
    mantissa, exponent = f"{learning_rate:e}".split("e")
    return f"{UNFREEZING_LABEL[unfreezing]}{separator}{float(mantissa):g}e{int(exponent)}"


def check_columns(table: pd.DataFrame, needed: Iterable[str]) -> None:
    """Raise InputError unless a table has the columns that a figure draws."""
    lacking = [column for column in needed if column not in table]
    if lacking:
        raise unknown("column", lacking[0], list(table.columns))


def check_one_each(table: pd.DataFrame, key: list[str]) -> None:
    """Raise InputError unless a table holds one task and one row for each key."""
    check_columns(table, key)
    tasks = table["task"].unique().tolist() if "task" in table else []
    if len(tasks) > 1:
        raise InputError(
            f"several tasks {tasks}", where="table", remedy="Select the rows of one task."
        )
    twice = table.loc[table.duplicated(key), key]
    if len(twice):
        raise InputError(
            f"{len(twice)} rows repeat a {' and '.join(key)}; the first: {tuple(twice.iloc[0])}",
            where="table",
            remedy="Average folds and seeds first.",
        )


def rows_of(table: pd.DataFrame, name: str, column: str = "init") -> pd.DataFrame:
    """Return the rows of an init (or of another column), or raise InputError listing the known."""
    check_columns(table, [column])
    if name not in set(table[column]):
        raise unknown(column, name, table[column].unique().tolist())
    return table[table[column] == name]
