"""The cover: the question, three answers to it, what to do, and how small the run is.

Parts with cases are functions here, of `Results` and of rows of estimates; the cover's own
notebook computes these and shows the parts.
"""

import pandas as pd
from pandas.io.formats.style import Styler

from rin.evidence.paper import COMPARISONS
from rin.evidence.replications import other_groups, pooled_fine_tuned
from rin.report import headline, words, words_of_evidence
from rin.report.format import book_table, format_estimate, inline_title, one_below_another
from rin.report.heat import heat
from rin.report.page import Picture, picture
from rin.stats import (
    external_scores,
    pair_differences,
    pretraining_differences,
)
from rin.study import open_reference
from rin.study.results import Results

#: Marks a task whose files name no patients.
_UNNAMED = " †"


def verdict(book: Results) -> str:
    """Return the question and its three answers: by the paper, by others, and by a run.

    The run is one's own if it is on real images; a line on the committed run then follows.
    """
    runs = book.foremost
    paper, pooled = pd.DataFrame(COMPARISONS.values()), pooled_fine_tuned()
    same, studies = pooled.loc["the paper's questions"], other_groups()
    n_zero = int(paper.eval("ci_low <= 0 <= ci_high").sum())
    networks = headline.differences(runs)[1]
    compared = words.weights_compared(runs.inits, runs.corpora(), runs.unverified_weights())
    lines = [
        "**Does pretraining on radiologic images beat pretraining on photographs?**"
        f"{_answer(runs)}\n",
        f"- **The paper:** yes, on all {len(paper)} tasks, by {paper['estimate'].min()} to "
        f"{paper['estimate'].max()} points of AUC. But its intervals describe ways of training, "
        f"not patients, and {n_zero} of the {len(paper)} include no difference.",
        f"- **Others:** no clear difference in one group’s {same['k']:.0f} comparisons on the "
        f"same questions, {format_estimate(same, digits=1)} points; their code omits the scaling "
        f"of inputs that the RadImageNet weights expect. {words.directions(studies, brief=True)}",
        f"- **{words.run_name(runs.is_reference)}:** {headline.finding(runs, brief=True)} "
        f"{compared} Mean AUCs are {words.mean_aucs(networks)}.",
    ]
    if not runs.is_reference:
        lines.append(words.committed_run(headline.finding(open_reference())))
    aside = own_tasks_aside(book)
    return "\n".join([*lines, *([f"\n{aside}"] if aside else [])])


def _answer(runs: Results) -> str:
    """Return what follows the question: who is ahead, what is excluded; empty for stand-ins."""
    if runs.stand_ins():
        return ""
    rows = words.deciding(*headline.differences(runs))
    said = words.answer(rows, runs.inits, reserved=bool(headline.doubts(runs)))
    return " ".join(["", said, *words.what_is_excluded(rows, headline.names_of(runs))[:1]])


def of_networks(runs: Results) -> str:
    """Return the finding of a run on these networks alone, for new patients."""
    across, networks = headline.differences(runs)
    rows = networks.merge(across[["task", "pairs", "pretrainings"]]).assign(unit="networks")
    return words.finding(
        words.with_exclusion(rows),
        headline.names_of(runs),
        runs.inits,
        stand_ins=runs.stand_ins(),
        reservations=words.Reservations(nameless=headline.reservations(runs).nameless),
        exclusions=False,
    )


def own_tasks_aside(book: Results) -> str:
    """Return why the cover is not about one's own tasks, or an empty string where it is."""
    if not book.foremost.is_reference:
        return ""
    tasks = [task for task in book.tasks if book.origin(task) == "own"]
    titles = [inline_title(book.titles[task]) for task in tasks]
    return words.own_run_aside(titles, book.stand_ins(), book.parts().values())


def figure(runs: Results) -> Picture:
    """Return the figure of the cover: the paper, others and a run in three bands."""
    axes = headline.headline(headline.three_bands(runs, words.run_name(runs.is_reference)))
    return picture(axes, "Differences in AUC in three bands: the paper, others, this run")


def advice(runs: Results) -> str:
    """Return three pieces of advice, under their heading; then reservations, if there are any."""
    across, _ = headline.differences(runs)
    pairs = pair_differences(runs.predictions(), *runs.inits)
    bullets = words.what_to_do(
        words.with_exclusion(across),
        pairs,
        headline.names_of(runs),
        runs.inits,
        stand_ins=runs.stand_ins(),
        reserved=bool(headline.doubts(runs)),
    )
    texts = ["**What to do tomorrow**", bullets, reservations(runs)]
    return "\n\n".join(filter(None, texts))


def reservations(runs: Results) -> str:
    """Return what speaks against the certainty of clear differences; empty if nothing does."""
    against = [] if runs.stand_ins() else headline.doubts(runs)
    return " ".join(["**Reservations.**", *against]) if against else ""


def others(same: pd.Series, every: pd.Series) -> str:
    """Return others' findings: one group on the paper's questions and on all, then the rest."""
    return (
        f"**Others.** All {every['k']} pooled comparisons come from one group. In the "
        f"average of the {same['k']} on the paper's own questions most of the weight is on one "
        f"set of chest radiographs; the other {every['k'] - same['k']} concern skin photographs, "
        "histology and mammograms, and with them the average is "
        f"{format_estimate(every, digits=1)} points. {words.directions(other_groups())} "
        "([What independent studies found](evidence/replications))."
    )


def of_run(runs: Results) -> str:
    """Return the findings of a run: beside the paper, on these networks alone, in side studies."""
    inits, made_up, names = runs.inits, runs.stand_ins(), headline.names_of(runs)
    sentences = [headline.papers_difference(runs), of_networks(runs)]
    if not made_up:
        sentences.append("An asterisk marks P < .05 after Holm's adjustment.")
    sentences.append(longer_training(runs))
    elsewhere = [
        pretraining_differences(external_scores(scores), *inits)
        for task in runs.tasks
        for place in runs.external(task)
        if len(scores := runs.predictions(task=task, part=place))
    ]
    if elsewhere:
        sentences.append(words.transfer(pd.concat(elsewhere), names))
    return f"**{words.run_name(runs.is_reference)}.** {' '.join(filter(None, sentences))}"


def longer_training(runs: Results) -> str:
    """Return what longer fine-tuning changed; empty for stand-ins or without that study."""
    effects = headline.longer_training(runs)
    if effects.empty:
        return ""
    backbones = runs.predictions("convergence")["backbone"].nunique()
    return words.longer_training(effects, headline.names_of(runs), backbones)


def differences_table(runs: Results, across: pd.DataFrame, networks: pd.DataFrame) -> Styler:
    """Return several estimates of each task side by side; a dash where a column lacks a task.

    `across` is a table of `rin.stats.pretraining_differences`, `networks` of `init_differences`.
    """
    columns = {
        "Pretraining as the unit": across,
        "The paper's backbones, fixed": headline.of_paper(runs),
        "These networks, new patients": networks.reset_index(drop=True),
    }
    cells = {
        column: words.starred(rows.set_index("task"), stand_ins=runs.stand_ins())
        for column, rows in columns.items()
        if len(rows)
    }
    shown = pd.DataFrame(cells).reindex([*runs.tasks])
    shown.insert(0, "Task", shown.index.map(headline.short_names(runs)))
    caption = f"{words.difference_name(runs.inits)}, AUC points (95% CI)"
    rows = one_below_another(columns, "column", runs.stand_ins())
    return book_table(shown.reset_index(drop=True).fillna("–"), caption, prose=True, rows=rows)


def backbones_heat(runs: Results, pairs: pd.DataFrame) -> Picture:
    """Draw each backbone's mean difference on each task; `pairs` come from `pair_differences`."""
    grid = pairs.pivot_table(index="task", columns="backbone", values="estimate")
    grid = grid.loc[list(runs.tasks)].rename(index=headline.short_names(runs))
    axes = heat(grid, runs.inits)
    return picture(axes, "Mean difference of each backbone's networks, by task")


def sizes_table(runs: Results, networks: pd.DataFrame) -> Styler:
    """Return a table of each task's images, its networks' steps of training, and their AUCs."""
    aucs = networks.set_index("task")
    batch = runs.workspace.profile.fine_tuning.batch
    rows, numbers = [], []
    for task in runs.tasks:
        fact, epochs = runs.facts(task), runs.records(task)["epochs"].max()
        unnamed = _UNNAMED if fact.dataset.independence == "image" else ""
        trained, tested = fact.split["train"], fact.split["test"]
        steps = epochs * -(-trained // batch)
        sizes = {"task": task, "trained_on": trained, "steps": steps, "tested_on": tested}
        numbers.append(sizes | {"pixels": fact.size, **aucs.loc[task, ["auc_a", "auc_b"]]})
        rows.append(
            {
                "Task": headline.short_names(runs)[task] + unnamed,
                "Trained on": f"{trained:,}",
                "Steps": steps,
                "Tested on": tested,
                "Pixels": f"{fact.size} × {fact.size}",
                "Mean AUC": f"{aucs.loc[task, 'auc_a']:.2f}, {aucs.loc[task, 'auc_b']:.2f}",
            }
        )
    caption = "Images, steps of fine-tuning, and AUC of either initialisation"
    return book_table(pd.DataFrame(rows), caption, prose=True, rows=pd.DataFrame(numbers))


def sizes_in_words(runs: Results) -> str:
    """Return sentences on how many networks were compared, and on files that name no patients."""
    sizes = headline.differences(runs)[0][["pairs", "backbones", "pretrainings"]].max()
    unnamed = [task for task in runs.tasks if runs.facts(task).dataset.independence == "image"]
    return f"{words_of_evidence.sizes_compared(sizes)}\n{words.unnamed_patients(len(unnamed))}"


def limits(runs: Results) -> str:
    """Return the limits of a run, as a Markdown list."""
    settings = runs.workspace.profile.pretraining
    alike = settings is not None and isinstance(settings.preprocessing, str)
    records = pd.concat(runs.records(task) for task in runs.tasks)
    several = records[records["epochs"] > 1]  # the best of one epoch is the last
    last = 100 * (several["best_epoch"] == several["epochs"]).mean()
    lines = [words.weights_limit(runs.inits, runs.corpora()), words.inputs_limit(alike)]
    histories = runs.pretraining_histories()
    if len(histories):
        accuracy = 100 * runs.pretraining().groupby("init")["top1"].mean()
        lines.append(words.unequal_learning(accuracy, runs.inits))
        network = ["init", "backbone", "pretraining"]
        curves = histories.sort_values("epoch").groupby(network)["val_accuracy"]
        rise = 100 * curves.apply(lambda curve: curve.diff().iloc[-1])
        lines.append(words.short_pretraining(rise.min(), rise.max()))
    lines.append(words.short_fine_tuning(last))
    lines.append(words.images_limit([runs.facts(task) for task in runs.tasks]))
    return "\n".join(f"- {line}" for line in lines)
