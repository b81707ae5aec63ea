"""What the paper says in words, sentence by sentence, beside what its numbers say.

A judge takes the audits of all tasks and returns a verdict with its reason; both are worked out,
so that other numbers give other verdicts.  Quotations are the paper's own words, an ellipsis marks
what is left out, and places are those of `rin.paper`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rin import paper
from rin.report.audit_readings import dice_reading, percent_reading
from rin.report.audit_words import names, of, p_words, range_words, where
from rin.report.format import format_interval, format_number
from rin.stats.audit_rounding import Bounds
from rin.stats.audit_tasks import TaskAudit, dice_gains, mean_difference, splits_as_far_apart
from rin.stats.equivalence import EQUIVALENCE_MARGIN

HOLDS = "holds"
NOT = "does not follow"
UNKNOWN = "cannot be told"
VERDICTS = (HOLDS, NOT, UNKNOWN)

SMALL = ("thyroid", "breast", "acl", "meniscus")
LARGE = ("pneumonia", "covid19", "sarscov2", "hemorrhage")

Judge = Callable[[Sequence[TaskAudit]], tuple[str, str]]


@dataclass(frozen=True)
class Claim:
    """One sentence of the paper with its judge.

    Attributes
    ----------
    name
        Unique.
    text
        As printed.
    tasks
        Keys of the tasks that it is about.
    place
        One of `rin.paper.PLACES`.
    judge
        Takes audits of all tasks; returns one of `VERDICTS` and a reason in plain text.
    """

    name: str
    text: str
    tasks: tuple[str, ...]
    place: str
    judge: Judge


@dataclass(frozen=True)
class JudgedClaim:
    """A claim with its verdict and the reason for it."""

    claim: Claim
    verdict: str
    reason: str


def judged_claims(audits: Sequence[TaskAudit]) -> list[JudgedClaim]:
    """Return every claim with its verdict.

    Parameters
    ----------
    audits
        Of all tasks of the paper, from `rin.stats.audit_tasks.audit_tasks`.
    """
    return [JudgedClaim(claim, *claim.judge(audits)) for claim in CLAIMS]


def _significant(tasks: Sequence[str]) -> Judge:
    def judge(audits: Sequence[TaskAudit]) -> tuple[str, str]:
        chosen = _chosen(audits, tasks)
        ahead = where(chosen, lambda one: one.difference.low > 0)
        zero = where(chosen, lambda one: one.contains_zero)
        follows = where(chosen, lambda one: one.p_follows)
        reason = (
            f"The means are higher in {of(ahead, chosen)} tasks. The intervals of {names(zero)} "
            f"hold zero. The printed SDs or intervals allow the stated P value in "
            f"{of(follows, chosen)} ({names(follows)}); a test of the cases, which cannot be "
            "checked, may give others."
        )
        return (HOLDS if len(follows) == len(chosen) and not zero else NOT), reason

    return judge


def _superior(audits: Sequence[TaskAudit]) -> tuple[str, str]:
    ahead = where(audits, lambda one: one.difference.low > 0)
    clear = where(audits, lambda one: one.difference.low > 0 and not one.may_contain_zero)
    reason = (
        f"The mean over scenarios is higher in {of(ahead, audits)} tasks; the printed interval "
        f"excludes zero in {len(clear)} ({names(clear)}). ACL and meniscus share their "
        "examinations, so the applications are not independent."
    )
    return (HOLDS if len(clear) == len(audits) else NOT), reason


def _stated_range(audits: Sequence[TaskAudit]) -> tuple[str, str]:
    stated = [one.stated_difference for one in audits]
    low, high = (format_number(end, 1) for end in (min(stated), max(stated)))
    printed = f"from {low}% to {high}%" in _BY_NAME["range"].text
    reason = f"The stated differences of the mean areas go from {low} to {high} points."
    return (HOLDS if printed else NOT), reason


def _gain(audits: Sequence[TaskAudit]) -> tuple[str, str]:
    chosen = _chosen(audits, SMALL)
    outside = where(chosen, lambda one: not one.relative_gain.meets(one.difference))
    return (NOT if outside else HOLDS), percent_reading(audits)


def _outperforming(audits: Sequence[TaskAudit]) -> tuple[str, str]:
    chosen = _chosen(audits, LARGE)
    clear = where(chosen, lambda one: one.means.low > 0)
    equal = [one for one in chosen if one.means.low + one.means.high == 0]
    reason = f"The printed means alone, rounded, put RadImageNet ahead in {of(clear, chosen)} tasks"
    if equal:
        reason += f"; those of {names([one.task for one in equal])} are printed alike"
    above = where(chosen, lambda one: one.difference.low > 0)
    zero = where(chosen, lambda one: one.contains_zero)
    reason += (
        f". The stated differences are above zero in {of(above, chosen)}, and the intervals of "
        f"{names(zero)} hold zero."
    )
    return (HOLDS if len(above) == len(chosen) and not zero else NOT), reason


def _narrowed(audits: Sequence[TaskAudit]) -> tuple[str, str]:
    small, large = _chosen(audits, SMALL), _chosen(audits, LARGE)
    means = mean_difference(small), mean_difference(large)
    top = max(large, key=lambda one: one.stated_difference)
    beaten = [one for one in small if one.difference.high < top.difference.low]
    as_far, ways = splits_as_far_apart(audits, set(SMALL))
    reason = (
        f"The mean difference is {range_words(means[0])} points in the small tasks and "
        f"{range_words(means[1])} in the larger ones. Yet {names([top.task])}, at "
        f"{format_number(top.stated_difference, 1)}, is above {of(beaten, small)} small tasks, and "
        f"{as_far} of the {ways} ways to choose {len(small)} of {len(audits)} tasks put them at "
        "least as far apart. That size is the cause does not follow."
    )
    return (HOLDS if means[0].low > means[1].high else NOT), reason


def _smaller_sds(audits: Sequence[TaskAudit]) -> tuple[str, str]:
    records = [paper.COMPARISONS[one.task] for one in audits]
    smaller = [one for one in records if one.sd_radimagenet < one.sd_imagenet]
    ratios = [one.sd_imagenet / one.sd_radimagenet for one in records]
    reason = (
        f"The printed SD is smaller in {of(smaller, records)} tasks, by a factor of "
        f"{range_words(Bounds(min(ratios), max(ratios)))}. These SDs run over ways of fine-tuning, "
        "not over patients or repeated runs."
    )
    return (HOLDS if len(smaller) == len(records) else NOT), reason


def _comparable(audits: Sequence[TaskAudit]) -> tuple[str, str]:
    tasks = paper.CLAIMS["comparable"].value
    chosen, margin = _chosen(audits, tasks), 100 * EQUIVALENCE_MARGIN
    inside = where(chosen, lambda one: -margin < one.published_low and one.published_high < margin)
    reach = "; ".join(
        f"{names([one.task])} {format_interval(one.published_low, one.published_high, 1)}"
        for one in chosen
    )
    limits = ", ".join(dict.fromkeys(f"P < {p_words(one.stated_p)}" for one in chosen))
    reason = (
        f"No margin is named. The intervals ({reach}) lie within ±{format_number(margin, 0)} "
        f"points in {of(inside, chosen)} tasks. Beside the same tasks stands {limits} for a "
        "difference, which is another claim than being comparable."
    )
    return (HOLDS if len(inside) == len(chosen) else NOT), reason


def _dice(_audits: Sequence[TaskAudit]) -> tuple[str, str]:
    gains = [dice_gains(one) for one in paper.DICE.values()]
    fits = all(one["stated"].meets(one[name]) for one in gains for name in ("text", "caption"))
    return (UNKNOWN if fits else NOT), dice_reading(paper.DICE)


def _interpretability(audits: Sequence[TaskAudit]) -> tuple[str, str]:
    measured = list(paper.DICE)
    large = [task for task in measured if task in LARGE]
    reason = (
        f"Dice scores are reported for {names(measured)}, of the small tasks, and for "
        f"{names(large)} of the larger ones, so that the two kinds cannot be compared."
    )
    return UNKNOWN, reason


def _per_setting(what: str) -> Judge:
    def judge(_audits: Sequence[TaskAudit]) -> tuple[str, str]:
        return UNKNOWN, f"The text prints no area by {what}, only means over all settings."

    return judge


def _chosen(audits: Sequence[TaskAudit], tasks: Sequence[str]) -> list[TaskAudit]:
    return [one for one in audits if one.task in tasks]


CLAIMS: tuple[Claim, ...] = (
    Claim("small_significant", "demonstrated a significant advantage (P < .001) to ImageNet models",
          SMALL, "Abstract", _significant(SMALL)),
    Claim("large_significant", "also illustrated improved AUC (P < .001)",
          LARGE, "Abstract", _significant(LARGE)),
    Claim("superior", "superior performance in the classification of eight independent medical "
          "applications", SMALL + LARGE, "Key Points", _superior),
    Claim("range", "improvements from 0.9% to 9.4% for area under the receiver operating "
          "characteristic curve", SMALL + LARGE, "Key Points", _stated_range),
    Claim("gain", "The gains were calculated on the basis of the changes between RadImageNet and "
          "ImageNet models from ImageNet models", SMALL, "Figure 3, caption", _gain),
    Claim("outperforming", "outperforming ImageNet models", LARGE,
          "Results, Performance on Larger Datasets", _outperforming),
    Claim("narrowed", "The improvements from ImageNet are narrowed as compared with small datasets",
          LARGE, "Figure 4, caption", _narrowed),
    Claim("smaller_sds", "more consistent, showing smaller SDs among all simulations",
          LARGE, "Figure 4, caption", _smaller_sds),
    Claim("comparable", "comparable performance by showing improvements of 4.0%, 1.9%, and 0.9%",
          paper.CLAIMS["comparable"].value, "Discussion", _comparable),
    Claim("dice", "a significant improvement of 64.6% … a significant gain of 16.4%",
          tuple(paper.DICE), "Results, Grad-CAM and Dice Scores", _dice),
    Claim("interpretability", "better interpretability compared with ImageNet models, especially "
          "for smaller radiologic datasets", tuple(paper.DICE), "Abstract", _interpretability),
    Claim("unfreezing", "unfreezing all layers consistently achieved the best performance",
          SMALL + LARGE, "Discussion", _per_setting("number of trained layers")),
    Claim("backbones", "Inception-ResNet-v2, ResNet50, and DenseNet121 achieved higher "
          "performance than Inception V3", SMALL + LARGE, "Discussion", _per_setting("network")),
)  # fmt: skip
_BY_NAME = {claim.name: claim for claim in CLAIMS}
