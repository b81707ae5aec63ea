"""Do maps depend on what a network has learnt?  Its weights go random, layer group by layer group.

The cascade of Adebayo et al (NeurIPS 2018): first the head, then the backbone from its last stage
to its first, each step on top of those before.  The compiled explainer is used, so nothing is
traced again.
"""

import keras
import numpy as np
import pandas as pd

from rin.explain.similarity import MEASURES, similarity_table
from rin.models.heads import reset_head
from rin.stats.bootstrap import cluster_weights, percentile_interval
from rin.training.batches import Part
from rin.training.trainer import CompiledBlock

#: Stages that a backbone is put into: as many as its halvings of the image.
STAGES = 5
_STEP = ["task", "init", "backbone", "depth", "group"]


def cascade_maps(
    block: CompiledBlock, part: Part, batch: int, seed: int
) -> tuple[list[str], np.ndarray]:
    """Return what each step puts back, and the maps of a trained block as its weights go random.

    The steps are the head, then the stages of the backbone, last stage first; maps are float32
    (1 + steps, n, h, w, classes), before the ReLU: of the trained network, then after each step.
    The block's weights are the same afterwards.  The seed decides the random head; the backbone's
    random weights are `block.untrained`, averages of batch normalisation included.
    """
    backbone, head = block.parts.backbone, block.parts.head
    trained, of_head = backbone.get_weights(), head.get_weights()
    weights, stages = list(trained), backbone_stages(backbone)
    maps = [block.predict(part, batch)[1]]
    try:
        # By another stream than training's own, which would give the start again.
        reset_head(head, np.random.default_rng([seed, 1]))
        maps.append(block.predict(part, batch)[1])
        for places in stages.values():
            for place in places:
                weights[place] = block.untrained[place]
            backbone.set_weights(weights)
            maps.append(block.predict(part, batch)[1])
    finally:
        backbone.set_weights(trained)
        head.set_weights(of_head)
    return ["head", *stages], np.stack(maps)


def backbone_stages(backbone: keras.Model) -> dict[str, list[int]]:
    """Return which weights belong to each stage of a backbone, the last stage first.

    A stage is the layers whose outputs share one resolution; those above the coarsest four
    resolutions, the stem, are one stage.  So each of the paper's backbones has five, which
    bear the numbers that they pass in, and every weight belongs to exactly one: from "stage 5" to
    "stage 1", the places of their weights in the order of `keras.Model.get_weights`.
    """
    place = {id(variable): number for number, variable in enumerate(backbone.weights)}
    sides: dict[int, list[int]] = {}
    for layer in backbone.layers:
        if layer.weights:
            places = sides.setdefault(layer.output.shape[1], [])
            places += [place[id(variable)] for variable in layer.weights]
    ordered = [sides[side] for side in sorted(sides)]
    stem = [number for places in ordered[STAGES - 1 :] for number in places]
    stages = ordered[: STAGES - 1] + ([stem] if stem else [])
    return {f"stage {len(stages) - k}": sorted(places) for k, places in enumerate(stages)}


def cascade_table(
    block: CompiledBlock, part: Part, cases: pd.DataFrame, batch: int, seed: int
) -> pd.DataFrame:
    """Return how similar the maps of some cases stay to those of a trained block.

    `cases` names those of the part, case_id and patient_id.  One row a case and step: these,
    target (the class, 0 or 1, that the trained network predicts, whose map is compared), depth (0
    when the head alone is random), group (the layers that this step put back) and the columns of
    `similarity_table`; the same ending in `_other` compare with the next case, the last with the
    first: what maps of one class share whatever the image.
    """
    images, size = np.arange(len(cases)), block.architecture.size
    target = block.predict(part, batch)[0].argmax(axis=1)
    groups, all_maps = cascade_maps(block, part, batch, seed)
    maps, next_maps = (
        all_maps[:, rows, :, :, target].swapaxes(0, 1) for rows in (images, np.roll(images, -1))
    )
    tables = []
    for depth, group in enumerate(groups):
        same = similarity_table(maps[0], maps[1 + depth], size)
        other = similarity_table(maps[0], next_maps[1 + depth], size).add_suffix("_other")
        other = other if len(cases) > 1 else other * np.nan
        steps = cases.assign(target=target, depth=depth, group=group)
        tables.append(pd.concat([steps, same, other], axis=1))
    return pd.concat(tables, ignore_index=True)


def cascade_summary(table: pd.DataFrame, *, seed: int, replicates: int = 2000) -> pd.DataFrame:
    """Return the mean of every measure of a cascade over the cases of each step, with an interval.

    `table` has rows of `cascade_table` with task, init and backbone in front.  One row a task,
    init, backbone, step (depth, group) and measure: `estimate`, the mean over cases; `ci_low` and
    `ci_high`, its 95% percentile interval with patients resampled whole (NaN with fewer than two);
    `other`, the mean of the comparisons with another image; `n`, the cases in which the measure is
    defined, of `n_cases`: others are left out.
    """
    rows = []
    for key, step in table.groupby(_STEP, sort=False):
        for measure in MEASURES:
            defined = step.dropna(subset=[measure])
            ci_low, ci_high = _mean_interval(defined, measure, seed, replicates)
            rows.append(
                dict(zip(_STEP, key, strict=True))
                | {
                    "measure": measure,
                    "estimate": defined[measure].mean(),
                    "ci_low": ci_low,
                    "ci_high": ci_high,
                    "other": step[f"{measure}_other"].mean(),
                    "n": len(defined),
                    "n_cases": len(step),
                }
            )
    return pd.DataFrame(rows)


def _mean_interval(
    cases: pd.DataFrame, measure: str, seed: int, replicates: int
) -> tuple[float, float]:
    """Return the percentile interval of a mean over cases, patients resampled whole."""
    if cases["patient_id"].nunique() < 2:
        return np.nan, np.nan
    weights = cluster_weights(cases["patient_id"], replicates, seed).astype(float)
    means = weights @ cases[measure].to_numpy() / weights.sum(axis=1)
    low, high = percentile_interval(means)
    return float(low), float(high)
