"""The analyses that one table of predictions allows, and what each of them says.

All estimate how far init a leads init b; they differ in what they take for a
random draw, and so in how sure they are and of what.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Analysis:
    """One analysis in plain words.

    `generalises_to` completes "this speaks of", `assumes` names what has to
    hold.  `published` marks the one whose intervals the paper prints,
    `recommended` the one to read first.
    """

    key: str
    name: str
    generalises_to: str
    assumes: str
    published: bool = False
    recommended: bool = False


_THESE_PATIENTS = "tested on these patients, with networks trained on these splits"
_THESE_NETWORKS = "with these trained networks in these scenarios"

ANALYSES = (
    Analysis(
        "unpaired_t",
        "t test of scenarios, unpaired",
        f"other scenarios (architectures and training recipes), {_THESE_PATIENTS}",
        "The scenarios are a random sample, drawn anew for each initialisation. They are not: "
        "both run the same ones, so the interval is too wide where easy ones are easy for both.",
        published=True,
    ),
    Analysis(
        "paired_t",
        "t test of scenarios, paired",
        f"other scenarios (architectures and training recipes), {_THESE_PATIENTS}",
        "The scenarios are a random sample, and their differences are independent and roughly "
        "normal. They are a grid chosen by design, and all share one test set.",
    ),
    Analysis(
        "delong_stacked",
        "DeLong, every prediction a new case",
        "other patients, if there had been as many of them as there are predictions",
        "Every score of every scenario belongs to another patient. Each case is counted once a "
        "scenario, so P falls with the number of scenarios and not with that of patients.",
    ),
    Analysis(
        "delong_mean_scores",
        "DeLong of mean scores",
        "other patients, scored by the average of all networks of an initialisation",
        "Cases are independent, and averaging is how the networks would be used. It compares two "
        "ensembles, not the mean network of each; scores of different folds share a scale.",
    ),
    Analysis(
        "delong_contrast",
        "DeLong, mean over scenarios",
        f"other patients with one image each, {_THESE_NETWORKS}",
        "Cases are independent. Where a patient has several images the interval is too short, for "
        "images of one patient repeat each other.",
    ),
    Analysis(
        "clustered_contrast",
        "Obuchowski, mean over scenarios",
        f"other patients, {_THESE_NETWORKS}",
        "Patients are independent, images of one patient need not be, and patients are many enough "
        "for a normal interval (some 30 of each class). Training again is not part of it.",
        recommended=True,
    ),
    Analysis(
        "cluster_bootstrap",
        "Bootstrap over patients, mean over scenarios",
        f"other patients, {_THESE_NETWORKS}",
        "Patients are independent and resemble those that will come. No formula for the variance "
        "and no normal distribution; with few patients percentiles are somewhat too narrow.",
    ),
    Analysis(
        "nadeau_bengio",
        "t test of folds, corrected for overlap",
        "other splits of these cases into training and test sets, with networks trained anew",
        "Each fold is one trial; trainings that share most of their cases agree as Nadeau and "
        "Bengio suppose, which for cross-validation is an approximation. Few folds, wide interval.",
    ),
    Analysis(
        "mixed_model",
        "Mixed model of all runs",
        "other scenarios and other splits, if the lead is the same in all of them but for chance",
        "Scenarios and folds are random and shift both initialisations alike; what is left is "
        "independent from run to run. A lead that changes with fold or scenario makes it too sure.",
    ),
)

KEYS = tuple(one.key for one in ANALYSES)
