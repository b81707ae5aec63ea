"""Tables that several pages show: what they hold, of the committed run."""

import pandas as pd
import pytest

from rin.evidence.paper import COMPARISONS
from rin.report.analyses import PAPERS, committed_analyses
from rin.report.figures import auc_dots, dice_bars, roc_bands, task_names
from rin.report.tables import auc_table, image_table, verdict_table
from rin.report.verdict import judged
from rin.stats import init_differences, mean_roc, pretraining_differences, scenario_aucs
from rin.study import open_reference


@pytest.fixture(scope="module")
def runs():
    return open_reference("open")


@pytest.fixture(scope="module")
def breast(runs):
    return runs.predictions(task="breast")


def cells(styler):
    """Texts of a table of the book as a reader sees them."""
    return pd.DataFrame(styler.data).astype(str).replace("\u00a0", " ", regex=True)


def test_every_published_number_is_beside_the_recomputed_one(runs, breast):
    units, networks = (
        function(breast, *runs.inits) for function in (pretraining_differences, init_differences)
    )
    names = task_names(runs.titles)
    table = cells(auc_table(judged(units, networks), names, runs.inits))
    assert len(table) == len(COMPARISONS) + 1
    paper = table[table["From"] == "The paper"].iloc[:, 2:].to_numpy().tolist()
    first = COMPARISONS["thyroid"]
    assert paper[0][:2] == ["0.85 ± 0.09", "0.76 ± 0.14"]
    assert paper[0][2] == f"+{first.estimate} ({first.ci_low}, {first.ci_high:.1f})"
    assert paper[0][3] == first.p_text
    (here,) = table[table["From"] == "Here"].to_numpy().tolist()
    of_all = networks.set_index("group").loc["all"]
    assert here[2] == f"{of_all['auc_a']:.2f} ± {of_all['sd_a']:.2f}"
    assert here[4].startswith(f"{100 * units['estimate'][0]:.1f}".replace("-", "−"))


def test_table_of_verdicts_marks_files_that_name_no_patients(runs):
    rows = committed_analyses()
    table = verdict_table(rows[rows["analysis"] == PAPERS], task_names(runs.titles), runs.inits)
    row = table.set_index("Task").loc["Breast lesions\xa0†"]
    assert row["Images: training, test"] == "249, 476"
    assert row["Verdict"] == "not clear"


def test_table_of_images_has_one_number_of_the_paper_where_it_prints_two(runs):
    tasks = ("pneumonia", "busbra")
    facts, names = [runs.facts.task(task) for task in tasks], task_names(runs.titles)
    records = pd.concat(map(runs.records, tasks))
    records["epochs"] = 2 * records.groupby("task").cumcount()
    table = cells(image_table(facts, records, names, "c")).set_index("Task")
    assert table["The paper"].to_list() == ["26,684", "–"]
    assert table.loc["Pneumonia", "Used"] == "1,210 of 5,856"
    assert table.loc["Pneumonia", "Images"].endswith("Guangzhou (substitute)")
    n_runs = records.groupby("task", observed=True).size()
    assert table["Epochs"].to_list() == [str(2 * (n_runs[task] - 1)) for task in tasks]


def test_figures_of_the_paper_draw_the_numbers_of_their_tables(runs, breast):
    names = {"breast": "Breast lesions", "acl": "ACL tear"}
    aucs = scenario_aucs(breast)
    first, second = auc_dots(aucs, runs.inits, names).flat[:2]
    means = aucs.groupby(["init", "scenario"], observed=True)["auc"].mean().groupby("init").mean()
    drawn = [line.get_ydata()[0] for line in first.lines if len(line.get_ydata()) == 1]
    of_paper = COMPARISONS["breast"].auc_radimagenet, COMPARISONS["breast"].auc_imagenet
    expected = [means["radiologic"], of_paper[0], means["photographic"], of_paper[1]]
    assert sorted(drawn) == pytest.approx(sorted(expected))
    assert len(second.lines) == 3  # the paper's means, and chance
    curves = mean_roc(breast)
    (panel, *_) = roc_bands(curves, names).flat
    drawn = [line.get_ydata()[50] for line in panel.lines if len(line.get_ydata()) > 2]
    middle = curves.query("fpr == 0.5")
    assert sorted(drawn) == pytest.approx(sorted(middle["tpr"]))
    bands = [band.get_paths()[0].vertices for band in panel.collections]
    ends = [band[band[:, 0] == 0.5, 1] for band in bands]
    expected = middle["tpr"] - middle["tpr_sd"], middle["tpr"] + middle["tpr_sd"]
    assert [min(end) for end in ends] == pytest.approx(expected[0].to_list())
    assert [max(end) for end in ends] == pytest.approx(expected[1].to_list())
    dice = pd.DataFrame({"init": runs.inits, "mean": [0.3, 0.2], "sd": [0.1, float("nan")]})
    dice[["task", "source"]] = "breast", "Here"
    (bars,) = dice_bars(dice, names).flat
    assert [bar.get_height() for bar in bars.patches] == [0.3, 0.2]
