"""The common style of all figures; colours, markers, labels and settings are in `style.yaml`."""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import matplotlib as mpl
from cycler import cycler

from rin.errors import look_up
from rin.files import read_facts


@dataclass(frozen=True)
class Style:
    """Colour, label and marker of an initialisation or of a kind of result."""

    color: str
    label: str
    word: str = ""  # the label of an init within a sentence
    marker: str = "o"


_LOOK = read_facts(__file__)
INK = _LOOK["ink"]
FAINT = _LOOK["faint"]
INIT_STYLE = {init: Style(**look) for init, look in _LOOK["inits"].items()}
INIT_COLORS = {init: look.color for init, look in INIT_STYLE.items()}
#: Inits are kinds, too.
KIND_STYLE = INIT_STYLE | {kind: Style(**look) for kind, look in _LOOK["kinds"].items()}
#: Names of tasks that are shorter than their titles up to the first comma.
TASK_NAMES: dict[str, str] = _LOOK["tasks"]
UNFREEZING_LABEL: dict[str, str] = _LOOK["unfreezing"]
TABLE_STYLES: list[dict[str, str]] = _LOOK["tables"]
#: Largest width of a figure, in inches of 110 pixels: its letters stay legible on a phone.
WIDTH = 4.9
# Default colours exclude blue and orange, which are reserved for initialisations.
SETTINGS: dict[str, Any] = _LOOK["settings"] | {"axes.prop_cycle": cycler(color=_LOOK["cycle"])}


def use_style() -> None:
    """Set matplotlib's defaults to the look of the book; call once per notebook."""
    mpl.rcParams.update(SETTINGS)
    # Seaborn's grids use another layout than the settings, and warn of it in every notebook.
    warnings.filterwarnings("ignore", "The figure layout has changed to tight")


def name_inits(inits: Iterable[str]) -> None:
    """Give each init without a style one: its name, and the next of the colours of `others`."""
    unknown = [init for init in inits if init not in INIT_STYLE]
    for init, color in zip(unknown, cycle(_LOOK["others"]), strict=False):
        INIT_STYLE[init] = Style(color, init, init)


def init_style(init: str) -> Style:
    """Return the style of an init; InputError for an unknown one."""
    return look_up("init", init, INIT_STYLE)


def kind_style(kind: str) -> Style:
    """Return the style of a kind or an init; InputError for an unknown one."""
    return look_up("kind", kind, KIND_STYLE)
