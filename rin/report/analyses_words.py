"""Each analysis in plain words: what it asks, and what it would take to be wrong.

What it assumes and what it generalises to stands in the table of `rin.stats.pooling`.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Plain:
    """An analysis in plain words.

    Attributes
    ----------
    asks
        The question that it answers.
    wrong
        What it would take for its answer to be wrong.
    """

    asks: str
    wrong: str


#: By key of `rin.stats.analyses.ANALYSES`.
PLAIN: dict[str, Plain] = {
    "unpaired_t": Plain(
        "Would the mean areas still differ, had each start met scenarios of its own, drawn from "
        "the same pool?",
        "It looks at no patient: it can be right about scenarios and wrong about the next "
        "hospital. What pairing would have gained is lost.",
    ),
    "paired_t": Plain(
        "Does the difference within a scenario hold over scenarios like these?",
        "Scenarios with the same backbone, or the same test set, move together; then the interval "
        "is too narrow. Other patients may see another difference in every scenario at once.",
    ),
    "delong_stacked": Plain(
        "If every prediction of every scenario came from a patient of its own, would the areas "
        "differ?",
        "It does wherever a case is scored more than once. The sample then looks many times larger "
        "than it is, which narrows the interval; and scores of networks with different scales "
        "stand in one ranking, which moves the areas and may widen it again.",
    ),
    "delong_mean_scores": Plain(
        "Do two ensembles, in which every case has the mean score of all scenarios, differ on "
        "other cases?",
        "An ensemble’s area is not the mean area, so this difference can be larger or smaller "
        "than that of the networks one by one, and scenarios with the widest scores weigh most.",
    ),
    "delong_contrast": Plain(
        "Is the mean of the scenarios’ differences other than zero on other cases?",
        "The more images a patient has, and the more they resemble each other, the less evidence "
        "there is than it believes.",
    ),
    "clustered_contrast": Plain(
        "Is the mean of the scenarios’ differences other than zero on other patients?",
        "With a few dozen patients its standard error is itself uncertain. Other patients that "
        "differ in kind, as in another hospital, are not in the interval; neither is what another "
        "training, or a scenario that was not run, would change.",
    ),
    "cluster_bootstrap": Plain(
        "The same question, answered by drawing patients again and again instead of by a formula.",
        "Its ends carry the noise of a limited number of draws. Where it differs much from the "
        "formula, there are too few patients for either.",
    ),
    "nadeau_bengio": Plain(
        "Would the difference hold for networks trained on other training sets of this size?",
        "Folds that depend on each other more than the correction supposes make it too sure. With "
        "few folds it misses all but large differences.",
    ),
    "mixed_model": Plain(
        "How much does the start matter, once every scenario and every fold may have a level of "
        "its own?",
        "Where one start scatters more than the other, as the published SDs do, or helps some "
        "scenarios and hurts others, its interval is off. Patients are held fixed.",
    ),
}
