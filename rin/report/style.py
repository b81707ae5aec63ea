"""One look for every figure of the book; colours, markers, labels and settings: `style.yaml`."""

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
from cycler import cycler

from rin.errors import look_up
from rin.files import read_yaml


@dataclass(frozen=True)
class Style:
    """Colour, label and mark of a source of initialisation or a kind of result."""

    color: str
    label: str
    short: str = ""
    marker: str = "o"

    @property
    def word(self) -> str:
        """The short label as it stands within a sentence: proper names keep their capitals."""
        proper_name = any(letter.isupper() for letter in self.short[1:])
        return self.short if proper_name else self.short.lower()


_LOOK = read_yaml(Path(__file__).with_suffix(".yaml"))
INK, FAINT, CYCLE = _LOOK["ink"], _LOOK["faint"], _LOOK["cycle"]
INIT_STYLE = {init: Style(**look) for init, look in _LOOK["inits"].items()}
KIND_STYLE = {kind: Style(**look) for kind, look in _LOOK["kinds"].items()}
MEASURE_NAMES: dict[str, str] = _LOOK["measures"]
UNFREEZING_LABEL: dict[str, str] = _LOOK["unfreezing"]
TABLE_STYLES: list[dict[str, str]] = _LOOK["tables"]
# Colours given out by default are of no initialisation: blue and orange mean these alone.
SETTINGS: dict[str, Any] = _LOOK["settings"] | {"axes.prop_cycle": cycler(color=CYCLE)}
NARROW_SETTINGS: dict[str, Any] = _LOOK["narrow"]


def use_style() -> None:
    """Set matplotlib's defaults to the look of the book; call once per notebook."""
    mpl.rcParams.update(SETTINGS)
    # Seaborn's grids choose another layout than the settings, and say so in every notebook.
    warnings.filterwarnings("ignore", "The figure layout has changed to tight")


def init_style(init: str) -> Style:
    """Return the style of an init; one that was pretrained briefly has the colour of the other."""
    if init not in INIT_STYLE and (base := init.removesuffix("_brief")) in INIT_STYLE:
        look = INIT_STYLE[base]
        return replace(look, label=f"{look.label}, brief", short=f"{look.short}, brief")
    return look_up("init", init, INIT_STYLE)


def kind_style(kind: str) -> Style:
    """Return the style of a kind (inits are kinds too), or raise InputError listing the known."""
    if kind in INIT_STYLE:
        return replace(INIT_STYLE[kind], label=INIT_STYLE[kind].short)
    return look_up("kind", kind, KIND_STYLE | INIT_STYLE)
