"""The three unfreezing regimes of the paper.

"Top 10" counts the last ten layers of the backbone, whatever their kind, as the
official scripts do (`base_model.layers[:-10]` frozen).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rin.errors import unknown

if TYPE_CHECKING:
    import keras

UNFREEZING: tuple[str, ...] = ("unfreeze_all", "freeze_all", "unfreeze_top10")


def apply_unfreezing(backbone: keras.Model, regime: str) -> None:
    """Mark the layers of a backbone as trainable or frozen, in place.

    Call it before `compile`: the compiled step keeps the variables that were
    trainable when it was made.  Frozen batch normalisation runs in inference mode.

    Raises
    ------
    InputError
        For an unknown regime.
    """
    if regime not in UNFREEZING:
        raise unknown("unfreezing", regime, UNFREEZING)
    backbone.trainable = True
    if regime == "freeze_all":
        backbone.trainable = False
    elif regime == "unfreeze_top10":
        for layer in backbone.layers[:-10]:
            layer.trainable = False
