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
    first = {"unfreeze_all": 0, "freeze_all": len(backbone.layers), "unfreeze_top10": -10}[regime]
    backbone.trainable = regime != "freeze_all"
    # Layer by layer: Keras passes a model's value on only when it changes.
    for layer in backbone.layers:
        layer.trainable = False
    for layer in backbone.layers[first:]:
        layer.trainable = True
