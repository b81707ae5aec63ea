"""Sentences that read the pages on localisation, made from the numbers that they read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rin.explain.overlap import mean_curves
from rin.report.format import format_interval, format_number, format_p
from rin.report.localisation import Localisation
from rin.report.localisation_tables import percent, verdict
from rin.report.localisation_tests import BESIDE, PUBLISHED
from rin.report.style import init_style


def against_reading(one: Localisation, measure: str) -> str:
    """Return how each init stands to the best baseline by one measure, in a sentence each."""
    sentences = []
    for row in one.against[one.against["measure"] == measure].itertuples():
        name, side = init_style(row.init).short, verdict(row.ci_low, row.ci_high)
        if np.isnan(row.estimate):
            sentences.append(f"{name} cannot be tested against the {row.baseline}.")
            continue
        place = "above" if row.estimate > 0 else "below"
        doubt = ", an interval that includes zero" if side == "not told apart" else ""
        sentences.append(
            f"{name} scores {place} the {row.baseline}: "
            f"{format_number(row.estimate, 3, signed=True)} "
            f"{format_interval(row.ci_low, row.ci_high, 3)}{doubt}."
        )
    return " ".join(sentences)


def threshold_reading(one: Localisation) -> str:
    """Return what Dice would be at other thresholds, and where a start beats the baselines."""
    curves = mean_curves(one.overlap)
    best = one.baselines["dice"].max()
    means = one.means.set_index(["measure", "init"])["mean"]
    sentences = []
    for init in one.inits:
        curve = curves[curves["init"] == init].set_index("threshold")["mean"]
        ahead = int((curve > best).sum())
        where = f"at {ahead} of {len(curve)} thresholds" if ahead else "at no threshold"
        fitted = means["dice_best", init]
        others = "undefined" if np.isnan(fitted) else format_number(fitted, 3)
        sentences.append(
            f"{init_style(init).short}: {format_number(means['dice', init], 3)} at "
            f"{one.threshold}, {others} at a threshold chosen on other patients, "
            f"{format_number(means['dice_upper', init], 3)} at each run's own best threshold, "
            f"which is an upper bound; its mean curve is highest at {curve.idxmax()} and above "
            f"the better baseline {where}."
        )
    return one.images.caution + " ".join(sentences)


def chance_reading(one: Localisation) -> str:
    """Return the pointing game and the average precision beside chance, in sentences."""
    means = one.means.set_index(["measure", "init"])["mean"]
    base = one.baseline_means.set_index("baseline")
    names = [init_style(init).short for init in one.inits]
    hits = ", ".join(
        f"{name} {percent(means['pointing', init])}"
        for name, init in zip(names, one.inits, strict=True)
    )
    precision = ", ".join(
        f"{name} {format_number(means['average_precision', init], 3)}"
        for name, init in zip(names, one.inits, strict=True)
    )
    return (
        f"{one.images.caution}The brightest point lies on the lesion or within "
        f"{one.overlap.tolerance:g} pixels of it: {hits} of the images; a random point would in "
        f"{percent(base.loc['whole image', 'pointing'])}, the middle of the image in "
        f"{percent(base.loc['centre point', 'pointing'])}. {against_reading(one, 'pointing')} "
        f"Average precision of pixels: {precision}; a random map scores "
        f"{format_number(base.loc['whole image', 'average_precision'], 3)}, the ellipse "
        f"{format_number(base.loc['centred ellipse', 'average_precision'], 3)}. "
        f"{against_reading(one, 'average_precision')}"
    )


def empties_reading(one: Localisation) -> str:
    """Return what maps do where there is nothing to find, in sentences."""
    empty, lesions = one.overlap.empty, one.overlap.table
    n = empty["case_id"].nunique()
    if not n:
        return "Every tested image of this task has a marked lesion."
    return (
        f"{one.images.caution}Tested images without a marked lesion: {n}. In "
        f"{percent(empty['highlighted'].mean())} of their maps something lies above "
        f"{one.threshold}, {percent(empty['cam_share'].mean())} of the image on average; in images "
        f"with a lesion it is {percent(lesions['cam_share'].mean())}. Each map is scaled to its "
        "own maximum, so a single positive value is enough for a region above the threshold: "
        "maps cut in this way cannot say that there is nothing to find."
    )


def tests_reading(one: Localisation) -> str:
    """Return whether the analyses of Dice agree, and what Shapiro-Wilk says, in sentences."""
    rows = one.tests[one.tests["measure"] == "dice"]
    made = rows[rows["p_value"].notna()]
    low = int((made["p_value"] < 0.05).sum())
    text = (
        f"{one.images.caution}With patients as the independent units: {one.difference}. "
        f"{low} of {len(made)} analyses have P < .05. "
    )
    shapiro = one.tested("dice", PUBLISHED)["shapiro_p"]
    if np.isnan(shapiro):
        return text + "Shapiro-Wilk cannot be computed for these differences."
    doubt = (
        "are not normal, so the t test rests on their number and the signed-rank tests are the "
        "safer check"
        if shapiro < 0.05
        else "give no evidence against normality"
    )
    return text + f"By Shapiro-Wilk ({format_p(shapiro)}) the differences over images {doubt}."


def baselines_reading(results: Sequence[Localisation]) -> str:
    """Return in how many tasks a start is above or below the best baseline, by each measure."""
    if not results:
        return "This profile runs no task whose images have marked lesions."
    sides = [
        verdict(row.ci_low, row.ci_high)
        for one in results
        for row in one.against[one.against["measure"].isin(BESIDE)].itertuples()
    ]
    caution = next((one.images.caution for one in results if one.images.caution), "")
    return (
        f"{caution}Of {len(sides)} comparisons of a start with the best baseline, over "
        f"{len(BESIDE)} measures and {len(results)} tasks, the whole interval lies above it in "
        f"{sides.count('above')} and below it in {sides.count('below')}; "
        f"{sides.count('not told apart')} intervals include zero, and "
        f"{sides.count('not tested')} could not be computed."
    )
