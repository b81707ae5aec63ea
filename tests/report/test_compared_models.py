"""Models of any framework compared by their scores: what is read, computed and written."""

import re
from functools import partial

import numpy as np
import pandas as pd
import pytest
from command_line import answer, refusal
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal
from scipy.special import expit, logit
from scipy.stats import norm
from sklearn.metrics import brier_score_loss

from rin.errors import InputError
from rin.report.comparison import (
    Columns,
    comparison_tables,
    difference_in_words,
    pairs_of,
    read_scores,
)
from rin.stats import MEASURES, delong_test, holm, operating_point

NAMES = {"by": "net", "score": ("p",), "label": "truth", "case": "image", "patient": "who"}
OPTIONS = ["--by", "net", "--score", "p", "--label", "truth"]
OPTIONS += ["--case", "image", "--patient", "who"]


def made(nets=("new", "old"), images=80):
    """Scores of images, two a patient; labels are words, the first net is the best."""
    rng, number = np.random.default_rng(0), np.arange(images)
    ill, shared = number % 3 == 0, 0.5 * np.repeat(rng.normal(size=images // 2), 2)
    wide = {
        net: expit(ill * (2.0 - 0.8 * place) + shared + rng.normal(size=images) - 0.8)
        for place, net in enumerate(nets)
    }
    wide["truth"] = np.where(ill, "cancer", "benign")
    wide |= {"image": [f"i{k:03d}" for k in number], "who": [f"p{k // 2}" for k in number]}
    return pd.DataFrame(wide).melt(["image", "who", "truth"], var_name="net", value_name="p")


def written(folder, table, kind="csv", write="to_csv", **options):
    path = folder / f"scores.{kind}"
    getattr(table, write)(path, index=False, **options)
    return path


def read(folder, table, positive="cancer", **options):
    return read_scores(written(folder, table, **options), Columns(**NAMES), positive)


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """Scores of three nets, their table, and the tables of their comparison."""
    table = made(("new", "old", "older"))
    scores = read(tmp_path_factory.mktemp("three"), table)
    return table, scores, comparison_tables(scores, pairs_of(["new", "old", "older"]))


def of_net(table, net):
    """Labels, scores and patients of a net."""
    rows = table[table["net"] == net]
    columns = (rows["truth"] == "cancer").astype(int), rows["p"], rows["who"]
    return [column.to_numpy() for column in columns]


def test_differences_of_all_pairs_are_delongs_over_patients_with_holm(three):
    table, _, tables = three
    found = tables["differences"]
    pairs = [("new", "old"), ("new", "older"), ("old", "older")]
    assert [*zip(found["a"], found["b"], strict=True)] == pairs
    tests = []
    for a, b in pairs:
        (labels, first, who), (_, second, _) = of_net(table, a), of_net(table, b)
        tests.append(delong_test(labels, first, second, who).to_row())
    expected = pd.DataFrame(tests)[["estimate", "p_value"]]
    assert_frame_equal(found[["estimate", "p_value"]], expected)
    assert_allclose(found["p_holm"], holm(found["p_value"]))


def test_operating_points_and_calibration_are_those_of_each_model(three):
    table, _, tables = three
    points = tables["operating_points"].query("model == 'old'").set_index(["at", "measure"])
    labels, scores, who = of_net(table, "old")
    expected = operating_point(labels, scores, 0.5, who).set_index("measure")
    columns = ["estimate", "ci_low", "ci_high"]
    assert_frame_equal(points.loc["threshold 0.5", columns], expected[columns])
    (at_90,) = tables["roc"].query("model == 'old' and fpr == 0.1")["tpr"]
    assert points.loc[("specificity 0.9", "sensitivity"), "estimate"] == pytest.approx(at_90)
    brier = tables["calibration"].query("measure == 'brier'").set_index("model")["estimate"]
    expected = {net: brier_score_loss(*of_net(table, net)[:2]) for net in brier.index}
    assert brier.to_dict() == pytest.approx(expected)
    assert len(brier) == 3


def test_log_odds_give_the_tables_of_their_probabilities(three):
    _, scores, tables = three
    in_log_odds = scores.assign(score=logit(scores["score"]))
    pairs = pairs_of(["new", "old", "older"])
    of_log_odds = comparison_tables(in_log_odds, pairs, log_odds=True)
    for name in ("differences", "calibration"):
        assert_frame_equal(of_log_odds[name], tables[name])
    found, expected = (one["operating_points"]["estimate"] for one in (of_log_odds, tables))
    assert_allclose(found, expected, atol=0.02)
    ends = {name for name, measure in MEASURES.items() if not measure.ranks}
    assert {*tables["calibration"]["measure"]} == ends


def test_scores_that_only_rank_have_no_calibration_and_no_threshold(tmp_path):
    scores = read(tmp_path, made(images=30).eval("p = 100 * p"))
    tables, at_40 = (
        comparison_tables(scores, [("new", "old")], threshold=at) for at in (None, 40)
    )
    assert "calibration" not in tables
    assert {*tables["operating_points"]["at"]} == {"specificity 0.9"}
    assert "threshold 40" in {*at_40["operating_points"]["at"]}


@pytest.mark.parametrize(
    ("write", "positive"),
    [
        # Of a spreadsheet program in most of Europe.
        (partial(written, sep=";", decimal=",", encoding="utf-8-sig"), "cancer"),
        (partial(written, kind="xlsx", write="to_excel"), "cancer"),
        (partial(written, kind="parquet", write="to_parquet"), "cancer"),
        (lambda folder, table: written(folder, table.replace({"cancer": 1, "benign": 0})), ""),
        (lambda folder, table: written(folder, table.eval("truth = truth == 'cancer'")), ""),
    ],
)
def test_every_way_to_write_a_table_gives_the_same_scores(tmp_path, write, positive):
    table = made(images=20)
    found = read_scores(write(tmp_path, table), Columns(**NAMES), positive)
    assert_frame_equal(found, read(tmp_path, table), check_dtype=False)


def test_models_in_columns_of_their_own_are_read_as_in_rows(tmp_path):
    rows = made(("new", "old", "third"), images=20)
    wide = rows.pivot(index=["image", "who", "truth"], columns="net", values="p").reset_index()
    named = NAMES | {"by": "model", "score": ("old", "third", "new")}
    path = written(tmp_path, wide)
    found = read_scores(path, Columns(**named), "cancer")
    order = ["model", "case_id"]
    assert_frame_equal(
        *(table.sort_values(order, ignore_index=True) for table in (found, read(tmp_path, rows))),
        check_like=True,
    )
    with pytest.raises(InputError, match=r"'net'.*Its columns are .* give --score for each"):
        read(tmp_path, wide)
    misspelt = Columns(**named | {"score": ("old", "thirt")})
    with pytest.raises(InputError, match=r"no column 'thirt' \(did you mean third\?\)"):
        read_scores(written(tmp_path, wide), misspelt, "cancer")
    wide = wide.astype({"third": object})
    wide.loc[3, "third"] = "high"
    with pytest.raises(InputError, match=r"1 score is not numeric, the first in row 5: 'high'"):
        read_scores(written(tmp_path, wide), Columns(**named), "cancer")


@pytest.mark.parametrize("low", [0.5, 0.0])
def test_probabilities_near_one_half_are_calibrated_though_their_logits_lie_from_0_to_1(
    tmp_path, low
):
    table = made(images=30)
    rows = read(tmp_path, table.assign(p=0.5 + (table["p"] - low) * 0.2 * low))
    tables = comparison_tables(rows, [("new", "old")])
    brier = tables["calibration"].query("measure == 'brier'").set_index("model")["estimate"]
    for net, of_model in rows.groupby("model"):
        assert brier[net] == pytest.approx(brier_score_loss(of_model["label"], of_model["score"]))


def test_infinite_scores_are_log_odds_or_an_error(tmp_path):
    table = made(images=30)
    rows = read(tmp_path, table.assign(p=table["p"].where(table.index != 3, np.inf)))
    with pytest.raises(InputError, match="infinite scores"):
        comparison_tables(rows, [("new", "old")])
    assert "calibration" in comparison_tables(rows, [("new", "old")], log_odds=True)


def test_positive_class_is_the_one_that_is_named_and_no_patient_is(tmp_path):
    path, columns = written(tmp_path, made()), Columns(**NAMES | {"patient": ""})
    cancer, benign = (read_scores(path, columns, name) for name in ("cancer", "benign"))
    assert cancer["label"].eq(1 - benign["label"]).all()
    assert cancer["label"].sum() == 54
    assert cancer["patient_id"].equals(cancer["case_id"])  # each case is one


def first_row(**values):
    """Change cells of the first row."""
    return lambda table: pd.concat([table[:1].assign(**values), table[1:]])


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        (first_row(), ["--label", "thruth"], "no column 'thruth' (did you mean truth?)"),
        (first_row(p=np.nan), [], "1 row has nothing in the column 'p'"),
        (first_row(p="0,5"), [], "1 score is not numeric, the first in row 2: '0,5'"),
        (first_row(), ["--positive", ""], "--positive 'benign' or --positive 'cancer'"),
        (lambda table: pd.concat([table, table[:3]]), [], "3 rows repeat a model and case"),
        (first_row(truth="benign"), [], "case 'i000' has several labels"),
        (first_row(who="x"), [], "case 'i000' has several patients"),
        (lambda table: table[1:], [], "model 'new' has no score for 1 of 80 cases: 'i000'"),
        (lambda table: table[:80], [], "one model only ('new')"),
        (lambda table: table.assign(who=table["who"].mask(table["image"] == "i002", "P01")), [],
         "1 patient is written in several ways: P01 and p1. Write each"),
        (lambda table: table[:0], [], "no rows"),
        (lambda table: table.rename(columns={"who": "patient"}), ["--patient", ""],
         "a column 'patient', but no --patient"),
        (lambda table: table.rename(columns={"who": "Pat-ID"}), ["--patient", ""],
         "a column 'Pat-ID', but no --patient"),
        (first_row(), ["--a", "newer", "--b", "new"], "(did you mean new?). Known: new, old."),
        (first_row(), ["--specificity", "90"], "90.0 is no specificity"),
        (first_row(), ["--threshold", "50"], "50 is no probability. All scores are from 0 to 1"),
        (lambda table: pd.concat([table, table[:1]]), [], "1 row repeats a model and case"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_writes_nothing(rin, tmp_path, change, options, said):
    path = written(tmp_path, change(made()))
    assert said in refusal(rin, "compare", path, *OPTIONS, "--positive", "cancer", *options)
    assert [*tmp_path.iterdir()] == [path]


def test_json_is_no_table_however_deep_it_is(rin, tmp_path):
    deep = tmp_path / "deep.json"
    deep.write_text("[" * 100_000)
    assert ": it is JSON" in refusal(rin, "compare", deep)


def test_page_holds_everything_itself_and_its_tables_are_beside_it(rin, tmp_path):
    chinese, long = "\u6a21\u578b", "m" * 90
    table = made(("new <b>", "old $x", chinese, long))
    options = [*OPTIONS, "--positive", "cancer", "--level", "0.9"]
    out = answer(rin, "compare", written(tmp_path, table), *options)
    folder = tmp_path / "scores_compared"
    assert str(folder / "comparison.html") in out
    text = (folder / "comparison.html").read_text("utf-8")
    addresses = re.findall(r'(?:src|href)=["\']?([^"\'>]*)', text)
    assert len(addresses) == 4
    assert all(one.startswith("data:image/svg+xml;base64,") for one in addresses)
    assert not re.search("<(script|b)[ >]", text)
    assert "old $x" in text
    assert f"In the figures, Model 3 is {chinese}; Model 4 is {long}." in text
    for heading in ("AUCs", "ROC curves", "Operating points", "Calibration"):
        assert f"<h2>{heading}</h2>" in text
    assert "on 80 cases, 27 of them positive, of 40" in text
    assert "90% CI" in text
    assert "95%" not in text
    assert text.count("Its higher scores are those of the other class") == 1
    assert not re.search(r"\bi0\d\d\b|\bp\d+\b", re.sub(r'src="[^"]*"', "", text))  # no patient
    tables = {
        "aucs",
        "calibration",
        "calibration_curves",
        "differences",
        "operating_points",
        "roc",
    }
    assert {path.stem for path in folder.glob("*.csv")} == tables
    differences = pd.read_csv(folder / "differences.csv")
    answer(rin, "compare", written(tmp_path, table.eval("p = 9 * p")), *options)
    assert {path.stem for path in folder.glob("calibration*")} == set()
    widths = differences.eval("(ci_high - ci_low) / standard_error")
    assert_allclose(widths, 2 * norm.isf(0.05))


@pytest.mark.parametrize(
    ("options", "pairs"),
    [
        ({}, [("a", "b"), ("a", "c"), ("b", "c")]),
        ({"a": "b"}, [("b", "a"), ("b", "c")]),
        ({"b": "b"}, [("a", "b"), ("c", "b")]),
        ({"a": "c", "b": "a"}, [("c", "a")]),
    ],
)
def test_pairs_are_all_those_of_one_model_or_one(options, pairs):
    assert pairs_of(["a", "b", "c"], **options) == pairs


@pytest.mark.parametrize(
    ("estimate", "p_holm", "verdict"),
    [
        (0.02, 0.01, "new has the higher AUC"),
        (-0.02, 0.01, "old has the higher AUC"),
        (0.02, 0.05, "no clear difference"),
    ],
)
def test_sentence_on_a_difference_follows_sign_and_adjusted_p(estimate, p_holm, verdict):
    ends = {"ci_low": -0.01, "ci_high": 0.05}
    row = {"a": "new", "b": "old", "estimate": estimate, "p_holm": p_holm} | ends
    said = difference_in_words(row)
    assert said.startswith("new minus old: ")
    assert said.endswith(f": {verdict}.")
