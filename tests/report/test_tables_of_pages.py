"""Tables that several pages show: what they hold, of the committed run."""

import numpy as np
import pandas as pd
import pytest
from notebook_cells import FOLDER, sources

from rin import stats
from rin.evidence.paper import COMPARISONS
from rin.models.backbones import BACKBONES
from rin.report.analyses import PAPERS, committed_analyses
from rin.report.figures import auc_dots, dice_bars, roc_bands, task_names
from rin.report.tables import auc_table, image_table, verdict_table
from rin.report.verdict import add_verdicts
from rin.stats import init_differences, mean_roc, pretraining_differences, scenario_aucs
from rin.stats.simulation import simulate_predictions
from rin.study import open_reference


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
    table = auc_table(add_verdicts(units, networks), task_names(runs.titles), runs.inits)
    paper, here = (rows.iloc[:, 2:] for _, rows in cells(table).groupby("From", sort=False))
    assert (len(paper), len(here)) == (len(COMPARISONS), 1)
    first = COMPARISONS["thyroid"]
    difference = f"+{first.estimate} ({first.ci_low}, {first.ci_high:.1f})"
    expected = ["0.85 ± 0.09", "0.76 ± 0.14", difference, "< .001"]
    assert paper.iloc[0].tolist() == expected
    of_all = networks.set_index("group").loc["all"]
    arm, *_, recomputed, _ = here.iloc[0]
    assert arm == f"{of_all['auc_a']:.2f} ± {of_all['sd_a']:.2f}"
    assert recomputed.startswith(f"{100 * units['estimate'][0]:.1f}".replace("-", "−"))


def test_table_of_verdicts_marks_files_that_name_no_patients(runs):
    rows = committed_analyses()
    table = verdict_table(rows[rows["analysis"] == PAPERS], task_names(runs.titles), runs.inits)
    row = table.set_index("Task").loc["Breast lesions\xa0†"]
    assert row["Images: training, test"] == "249, 476"
    assert row["Verdict"] == "not clear"


def test_table_of_images_has_one_number_of_the_paper_where_it_prints_two(runs):
    tasks = ["pneumonia", "busbra"]
    facts, names = [runs.facts.task(task) for task in tasks], task_names(runs.titles)
    records = pd.DataFrame({"task": [*tasks, *tasks], "epochs": [7, 4, 3, 6]})
    table = cells(image_table(facts, records, names, "c")).set_index("Task")
    assert table["The paper"].to_list() == ["26,684", "–"]
    assert table.loc["Pneumonia", "Used"] == "1,210 of 5,856"
    assert table.loc["Pneumonia", "Images"].endswith("Guangzhou (substitute)")
    assert table["Epochs"].to_list() == ["7", "6"]


def test_images_of_several_folds_are_those_of_one():
    runs = open_reference("open_added")  # two folds, of which one trains on 249 of 780 images
    records = pd.concat(map(runs.records, runs.tasks))
    facts = [runs.facts.task("breast")]
    table = cells(image_table(facts, records, task_names(runs.titles), "c"))
    assert table["train, validation, test"].item() == "249, 55, 476"


NAMES = {"breast": "Breast lesions", "acl": "ACL tear"}


def test_dots_are_mean_aucs_of_scenarios_beside_the_papers(runs, breast):
    aucs = scenario_aucs(breast)
    first, second = auc_dots(aucs, runs.inits, NAMES).flat[:2]
    of_scenarios = aucs.groupby(["init", "scenario"], observed=True)["auc"].mean()
    paper = COMPARISONS["breast"]
    expected = *of_scenarios.groupby("init").mean(), paper.auc_radimagenet, paper.auc_imagenet
    drawn = [line.get_ydata()[0] for line in first.lines if len(line.get_ydata()) == 1]
    assert sorted(drawn) == pytest.approx(sorted(expected))
    assert len(second.lines) == 3  # the paper's means, and chance


def test_roc_curves_and_their_bands_are_means_and_sds_over_scenarios(breast):
    curves = mean_roc(breast)
    (panel, *_) = roc_bands(curves, curves["init"].unique(), NAMES).flat
    middle = curves.query("fpr == 0.5")
    bands = [band.get_paths()[0].vertices for band in panel.collections]
    ends = [band[band[:, 0] == 0.5, 1] for band in bands]
    drawn = [[line.get_ydata()[50] for line in panel.lines[:2]]]
    drawn += [[end(of_init) for of_init in ends] for end in (min, max)]
    spread = np.outer([0, -1, 1], middle["tpr_sd"])
    np.testing.assert_allclose(drawn, middle["tpr"].to_numpy() + spread)


def test_bars_are_mean_dice_scores(runs):
    overlap = runs.overlap("breast")
    (bars,) = dice_bars({"breast": overlap}, runs.inits, NAMES).flat
    expected = [overlap.loc[overlap["init"] == init, "dice"].mean() for init in runs.inits]
    heights = [bar.get_height() for bar in bars.patches]
    assert heights == pytest.approx([0.163, 0.14, *expected])  # the paper's, and those here


def test_backbones_that_are_not_the_papers_are_a_sample_on_the_page_of_ones_own_run():
    cells = sources(FOLDER / "results/your_run.py", "code")
    (cell,) = (cell for cell in cells if "def differences" in cell)
    names = {"stats": stats, "BACKBONES": BACKBONES, "add_verdicts": add_verdicts}
    exec(cell, names)
    inits = ["radiologic", "photographic"]
    scores = simulate_predictions(pretrainings=2).replace(
        {
            "init": dict(zip("ab", inits, strict=True)),
            "backbone": {"ResNet50": "MobileNet", "DenseNet121": "Xception"},
        }
    )
    shown, sampled = names["differences"](scores, inits), stats.pairwise_differences(scores, inits)
    assert shown["ci_low"].tolist() == sampled["ci_low"].tolist()
