"""Do maps depend on what a network has learnt?  Its weights go random, layer group by layer group.

The cascade of Adebayo et al (NeurIPS 2018): first the head, then the backbone from its last stage
to its first, each step on top of those before.  A map that stays as it was shows the image, or the
architecture, and explains nothing that was learnt.
"""

import keras
import numpy as np
import pandas as pd

from rin.explain.similarity import rank_correlation
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

    Maps are float32 (1 + steps, n, h, w, classes), before the ReLU: of the trained network, then
    after each step.  The block's weights are the same afterwards.  The seed decides the random
    head; the backbone's random weights are `block.untrained`.
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
    resolutions, the stem, are one stage.  So each of the paper's backbones has five: from "stage
    5" to "stage 1", the places of their weights in the order of `keras.Model.get_weights`.
    """
    place = {id(variable): number for number, variable in enumerate(backbone.weights)}
    sides: dict[int, list[int]] = {}
    for layer in backbone.layers:
        if layer.weights:
            places = [place[id(variable)] for variable in layer.weights]
            sides.setdefault(layer.output.shape[1], []).extend(places)
    stages: list[list[int]] = []
    for side in sorted(sides):
        if len(stages) < STAGES:
            stages.append([])
        stages[-1] += sides[side]
    return {f"stage {len(stages) - k}": sorted(numbers) for k, numbers in enumerate(stages)}


def cascade_table(
    block: CompiledBlock, part: Part, cases: pd.DataFrame, batch: int, seed: int
) -> pd.DataFrame:
    """Return how similar the maps of some cases stay to those of a trained block.

    `cases` names those of the part, case_id and patient_id.  One row a case and step: these,
    target (the class, 0 or 1, that the trained network predicts, whose map is compared), depth (0
    when the head alone is random), group (the layers that this step put back), spearman (rank
    correlation of the cells), spearman_other (the same with the next case, the last with the
    first: what maps of one class share whatever the image).
    """
    numbers = np.arange(len(cases))
    target = block.predict(part, batch)[0].argmax(axis=1)
    groups, cams = cascade_maps(block, part, batch, seed)
    maps = cams[:, numbers, :, :, target].swapaxes(0, 1)
    others = cams[:, np.roll(numbers, -1), :, :, target].swapaxes(0, 1)
    tables = []
    for depth, group in enumerate(groups):
        step = cases.assign(target=target, depth=depth, group=group, spearman_other=np.nan)
        step["spearman"] = rank_correlation(maps[0], maps[1 + depth])
        if len(cases) > 1:
            step["spearman_other"] = rank_correlation(maps[0], others[1 + depth])
        tables.append(step)
    return pd.concat(tables, ignore_index=True)


def cascade_summary(table: pd.DataFrame, *, seed: int, replicates: int = 2000) -> pd.DataFrame:
    """Return the mean rank correlation of a cascade over the cases of each step, with an interval.

    `table` has rows of `cascade_table` with task, init and backbone in front.  One row a task,
    init, backbone and step (depth, group): `estimate`, the mean over cases; `ci_low` and
    `ci_high`, its 95% percentile interval with patients resampled whole (NaN with fewer than two);
    `other`, the mean of the comparisons with another image; `n`, the cases in which it is defined,
    of `n_cases`.
    """
    rows = []
    for key, step in table.groupby(_STEP, sort=False):
        defined = step.dropna(subset=["spearman"])
        low = high = np.nan
        if defined["patient_id"].nunique() > 1:
            weights = cluster_weights(defined["patient_id"], replicates, seed).astype(float)
            means = weights @ defined["spearman"].to_numpy() / weights.sum(axis=1)
            low, high = percentile_interval(means)
        summary = {
            "estimate": defined["spearman"].mean(),
            "ci_low": low,
            "ci_high": high,
            "other": step["spearman_other"].mean(),
            "n": len(defined),
            "n_cases": len(step),
        }
        rows.append(dict(zip(_STEP, key, strict=True)) | summary)
    return pd.DataFrame(rows)
