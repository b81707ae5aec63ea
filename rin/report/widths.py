"""Figures in two widths: the usual width, and narrow for a phone.

A figure function with the parameter `narrow` draws its figure again, stacked and `NARROW` wide,
when a page shows it (`rin.report.page.picture`), so that nothing is cut off and letters keep their
size.
"""

import warnings
from collections.abc import Callable
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rin.report.style import NARROW_SETTINGS, SETTINGS

#: Width of a narrow figure, in inches: 360 pixels of a page, at 110 pixels per inch.
NARROW = 360 / 110

P, R = ParamSpec("P"), TypeVar("R")


def two_widths(draw: Callable[P, R]) -> Callable[P, R]:
    """Decorate a figure function that takes `narrow`, so that its figure has a narrow version.

    Both are drawn in the style of the book, even if a page has not set it.
    """

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> R:
        axes = _in_the_look(draw, *args, **kwargs)
        if not kwargs.get("narrow"):
            figure = figure_of(axes)
            figure.draw_narrow = partial(_in_the_look, draw, *args, **kwargs | {"narrow": True})
        return axes

    return drawn


def in_the_look(draw: Callable[P, R]) -> Callable[P, R]:
    """Decorate a figure function that has no narrow version to draw in the style of the book."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> R:
        return _in_the_look(draw, *args, **kwargs)

    return drawn


def _in_the_look(draw: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    settings = SETTINGS | (NARROW_SETTINGS if kwargs.get("narrow") else {})
    settings |= {"figure.hooks": [f"{__name__}:pass_over_empty_layout"]}
    with mpl.rc_context(settings), warnings.catch_warnings():
        # Seaborn's grids use another layout than the settings, and warn of it.
        warnings.filterwarnings("ignore", "The figure layout has changed to tight")
        return draw(*args, **kwargs)


def pass_over_empty_layout(figure: Figure) -> None:
    """Let a new figure ignore `tight_layout` until something is drawn in it.

    Seaborn lays out each grid before it has drawn anything, and again after; laying out takes as
    long as drawing.
    """

    def tight_layout(**options: Any) -> None:
        if any(ax.has_data() for ax in figure.axes):
            Figure.tight_layout(figure, **options)

    figure.tight_layout = tight_layout


def figure_of(drawn: Figure | Axes | np.ndarray) -> Figure:
    """Return the figure of some axes, or the figure itself."""
    return (drawn.flat[0] if isinstance(drawn, np.ndarray) else drawn).figure


def narrow_of(figure: Figure) -> Figure | None:
    """Return the narrow version of a figure as a new figure; None if its function has none."""
    draw = getattr(figure, "draw_narrow", None)
    return None if draw is None else figure_of(draw())
