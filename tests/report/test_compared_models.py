"""Models of any framework compared by their scores: what is read, computed and written."""

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from sklearn.metrics import brier_score_loss

from rin.errors import InputError
from rin.report.comparison import (
    Columns,
    cases_in_words,
    comparison_tables,
    difference_in_words,
    pairs_of,
    read_scores,
)
from rin.stats import MEASURES, compare, delong_test, holm, operating_point

NAMES = {"by": "net", "score": ("p",), "label": "truth", "case": "image", "patient": "who"}
OPTIONS = [
    part
    for name, value in NAMES.items()
    for part in (f"--{name}", *((value,) if isinstance(value, str) else value))
]


def made(nets=("new", "old"), images=80, seed=0):
    """Scores of images, two a patient; labels are words, the first net is the best."""
    rng, truth = np.random.default_rng(seed), np.arange(images) % 3 == 0
    shared, tables = np.repeat(rng.normal(size=images // 2), 2), []
    for place, net in enumerate(nets):
        score = truth * (2.0 - 0.8 * place) + 0.5 * shared + rng.normal(size=images) - 0.8
        rows = {"net": net, "image": [f"i{k:03d}" for k in range(images)]}
        rows |= {"who": [f"p{k // 2}" for k in range(images)], "p": 1 / (1 + np.exp(-score))}
        tables.append(pd.DataFrame(rows | {"truth": np.where(truth, "cancer", "benign")}))
    return pd.concat(tables, ignore_index=True)


def written(folder, table, **options):
    path = folder / "scores.csv"
    table.to_csv(path, index=False, **options)
    return path


def read(folder, table, positive="cancer", **options):
    return read_scores(written(folder, table, **options), Columns(**NAMES), positive)


def column(table, net, name="p"):
    return table.loc[table["net"] == net, name].to_numpy()


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    table = made(("new", "old", "older"))
    scores = read(tmp_path_factory.mktemp("three"), table)
    return table, comparison_tables(scores, pairs_of(["new", "old", "older"]))


def test_differences_of_all_pairs_are_delongs_over_patients_with_holm(three):
    table, tables = three
    found, labels = tables["differences"], column(table, "new", "truth") == "cancer"
    assert found[["a", "b"]].to_numpy().tolist() == [
        ["new", "old"],
        ["new", "older"],
        ["old", "older"],
    ]
    for row in found.itertuples():
        scores = column(table, row.a), column(table, row.b)
        test = delong_test(labels.astype(int), *scores, column(table, "new", "who"))
        assert (row.estimate, row.p_value) == pytest.approx((test.estimate, test.p_value))
    assert found["p_holm"].tolist() == pytest.approx(holm(found["p_value"]).tolist())


def test_operating_points_and_calibration_are_those_of_each_model(three):
    table, tables = three
    labels, who = column(table, "new", "truth") == "cancer", column(table, "new", "who")
    points = tables["operating_points"].set_index(["model", "at", "measure"])
    expected = operating_point(labels, column(table, "old"), 0.5, who).set_index("measure")
    for measure in ("sensitivity", "specificity"):
        found = points.loc[("old", "threshold 0.5", measure)]
        assert found.tolist() == pytest.approx(
            expected.loc[measure, ["estimate", "ci_low", "ci_high"]].tolist()
        )
    curve = tables["roc"].query("model == 'old'").set_index("fpr")
    assert points.loc[("old", "specificity 0.9", "sensitivity"), "estimate"] == pytest.approx(
        curve.loc[0.1, "tpr"]
    )
    brier = tables["calibration"].query("measure == 'brier'").set_index("model")
    for net in ("new", "old", "older"):
        assert brier.loc[net, "estimate"] == pytest.approx(
            brier_score_loss(labels, column(table, net))
        )


def test_log_odds_give_the_tables_of_their_probabilities(tmp_path):
    table = made()
    of_log_odds = comparison_tables(
        read(tmp_path, table.assign(p=logit(table["p"]))), [("new", "old")], log_odds=True
    )
    tables = comparison_tables(read(tmp_path, table), [("new", "old")])
    for name in ("differences", "calibration"):
        pd.testing.assert_frame_equal(of_log_odds[name], tables[name])
    found = of_log_odds["operating_points"]["estimate"].tolist()
    assert found == pytest.approx(tables["operating_points"]["estimate"].tolist(), abs=0.02)
    ends = {name for name, measure in MEASURES.items() if not measure.ranks}
    assert {*tables["calibration"]["measure"]} == ends


def test_scores_that_only_rank_have_no_calibration_and_no_threshold(tmp_path):
    scores = read(tmp_path, made().assign(p=lambda table: 100 * table["p"]))
    tables = comparison_tables(scores, [("new", "old")])
    assert "calibration" not in tables
    assert {*tables["operating_points"]["at"]} == {"specificity 0.9"}
    tables = comparison_tables(scores, [("new", "old")], threshold=40)
    assert "threshold 40" in {*tables["operating_points"]["at"]}


@pytest.mark.parametrize("change", ["semicolons", "excel", "parquet", "coded", "shuffled"])
def test_every_way_to_write_a_table_gives_the_same_scores(tmp_path, change):
    table, positive = made(), "cancer"
    expected = read(tmp_path, table)
    path = tmp_path / f"again.{'xlsx' if change == 'excel' else 'parquet'}"
    if change == "semicolons":  # of a spreadsheet program in most of Europe
        found = read(tmp_path, table, sep=";", decimal=",", encoding="utf-8-sig")
    elif change == "excel":
        table.to_excel(path, index=False)
        found = read_scores(path, Columns(**NAMES), positive)
    elif change == "parquet":
        table.to_parquet(path)
        found = read_scores(path, Columns(**NAMES), positive)
    elif change == "coded":
        found = read(tmp_path, table.assign(truth=table["truth"] == "cancer"), positive="")
    else:
        found = read(tmp_path, table.sample(frac=1, random_state=0))
        found = found.sort_values(["model", "case_id"], ignore_index=True)
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)


def test_models_in_columns_of_their_own_are_read_as_in_rows(tmp_path):
    rows = made(("new", "old", "third"))
    wide = rows.pivot(index=["image", "who", "truth"], columns="net", values="p").reset_index()
    named = NAMES | {"by": "model", "score": ("old", "third", "new")}
    path = written(tmp_path, wide)
    found = read_scores(path, Columns(**named), "cancer").sort_values(["model", "case_id"])
    one = read(tmp_path, rows).sort_values(["model", "case_id"])
    pd.testing.assert_frame_equal(
        found.reset_index(drop=True), one.reset_index(drop=True), check_like=True
    )
    with pytest.raises(InputError, match=r"'net'.*column of its own, give --score for each"):
        read(tmp_path, wide)
    misspelt = Columns(**named | {"score": ("old", "thirt")})
    with pytest.raises(InputError, match=r"no column 'thirt' \(did you mean third\?\)"):
        read_scores(written(tmp_path, wide), misspelt, "cancer")
    wide = wide.astype({"third": object})
    wide.loc[3, "third"] = "high"
    with pytest.raises(InputError, match=r"1 score is no number, the first in row 5: 'high'"):
        read_scores(written(tmp_path, wide), Columns(**named), "cancer")


@pytest.mark.parametrize("low", [0.5, 0.0])
def test_probabilities_near_one_half_are_calibrated_though_their_logits_lie_from_0_to_1(
    tmp_path, low
):
    table = made()
    rows = read(tmp_path, table.assign(p=0.5 + (table["p"] - low) * 0.2 * low))
    tables = comparison_tables(rows, [("new", "old")])
    brier = tables["calibration"].query("measure == 'brier'").set_index("model")["estimate"]
    for net, of_net in rows.groupby("model"):
        assert brier[net] == pytest.approx(brier_score_loss(of_net["label"], of_net["score"]))


def test_infinite_scores_are_log_odds_or_an_error(tmp_path):
    table = made()
    rows = read(tmp_path, table.assign(p=table["p"].where(table.index != 3, np.inf)))
    with pytest.raises(InputError, match="1 score is infinite"):
        comparison_tables(rows, [("new", "old")])
    assert "calibration" in comparison_tables(rows, [("new", "old")], log_odds=True)


def test_names_that_no_figure_can_show_are_numbered_there_and_written_out_on_the_page(
    rin, tmp_path
):
    long, chinese = "m" * 90, "\u6a21\u578b"
    path = written(tmp_path, made((chinese, "old", long)))
    status, _, err = rin("compare", path, *OPTIONS, "--positive", "cancer")
    assert (status, err) == (0, "")
    text = (tmp_path / "scores_compared" / "comparison.html").read_text("utf-8")
    assert f"In the figures, Model 1 is {chinese}; Model 3 is {long}." in text


def test_positive_class_is_the_one_that_is_named(tmp_path):
    scores = [read(tmp_path, made(), positive=name) for name in ("cancer", "benign")]
    assert (scores[0]["label"] == 1 - scores[1]["label"]).all()
    tables = [comparison_tables(rows, [("new", "old")])["aucs"] for rows in scores]
    np.testing.assert_allclose(tables[0]["estimate"], 1 - tables[1]["estimate"])


def first_row(**values):
    """Change cells of the first row."""
    return lambda table: table.assign(
        **{name: [value, *table[name].astype(object)[1:]] for name, value in values.items()}
    )


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        (lambda table: table, ["--label", "thruth"], "no column 'thruth' (did you mean truth?)"),
        (first_row(p=np.nan), [], "1 row has nothing in the column 'p'"),
        (lambda table: table, ["--by", "x"], "Its columns are net, image, who, p, truth;"),
        (first_row(truth="unsure"), [], "3 classes: unsure, benign, cancer"),
        (lambda table: table.query("truth == 'cancer'"), [], "one class only (54 positive of 54)"),
        (lambda table: table, ["--positive", "canser"], "did you mean cancer?"),
        (lambda table: table, ["--positive", ""], "--positive 'benign' or --positive 'cancer'"),
        (lambda table: pd.concat([table, table[:3]]), [], "3 rows repeat a model and case"),
        (first_row(truth="benign"), [], "case 'i000' has several labels"),
        (first_row(who="x"), [], "case 'i000' has several patients"),
        (lambda table: table[1:], [], "model 'new' has no score for 1 of 80 cases"),
        (lambda table: table[:80], [], "one model only ('new')"),
        (lambda table: table[:0], [], "no rows"),
        (lambda table: table, ["--a", "newer"], "unknown model 'newer' (did you mean new?)"),
        (lambda table: table, ["--a", "new", "--b", "new"], "'new' twice"),
        (lambda table: table, ["--level", "95"], "95.0 is no level"),
        (lambda table: table, ["--specificity", "90"], "90.0 is no specificity"),
        (
            lambda table: table.assign(who=table["who"].where(table["truth"] == "benign", "p0")),
            [],
            "all positive cases belong to one cluster",
        ),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_writes_nothing(rin, tmp_path, change, options, said):
    path = written(tmp_path, change(made()))
    status, out, err = rin("compare", path, *OPTIONS, "--positive", "cancer", *options)
    assert (status, out) == (1, "")
    (line,) = err.splitlines()
    assert said in line
    assert [*tmp_path.iterdir()] == [path]


def test_a_file_that_is_not_there_or_is_no_table_is_one_line(rin, tmp_path):
    (tmp_path / "picture.csv").write_bytes(b"\x89PNG\r\n\x00\x00\x00" * 9)
    (tmp_path / "deep.json").write_text("[" * 100_000)
    files = {
        "absent.csv": "no such file",
        "picture.csv": "not a readable table",
        "deep.json": "it is JSON",
    }
    for name, said in files.items():
        status, _, err = rin("compare", tmp_path / name)
        assert status == 1
        assert said in err
        assert len(err.splitlines()) == 1


class Page(HTMLParser):
    """What a page shows, and what it would load."""

    def __init__(self, text):
        super().__init__()
        self.headings, self.addresses, self.tags = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href")]

    def handle_data(self, data):
        if self.tags and self.tags[-1] in ("h1", "h2") and data.strip():
            self.headings.append(data.strip())


def test_page_holds_everything_itself_and_its_tables_are_beside_it(rin, tmp_path):
    table = made(("new <b>", "old $x"))
    status, out, err = rin(
        "compare", written(tmp_path, table), *OPTIONS, "--positive", "cancer", "--level", "0.9"
    )
    assert (status, err) == (0, "")
    folder = tmp_path / "scores_compared"
    assert str(folder / "comparison.html") in out
    text = (folder / "comparison.html").read_text("utf-8")
    page = Page(text)
    assert all(address.startswith("data:image/svg+xml;base64,") for address in page.addresses)
    assert len(page.addresses) == 4
    assert "script" not in page.tags
    assert "b" not in page.tags
    assert "old $x" in text
    assert {"AUCs", "ROC curves", "Operating points", "Calibration"} <= {*page.headings}
    assert "90% CI" in text
    assert "95%" not in text
    assert not re.search(r"\bi0\d\d\b|\bp\d+\b", re.sub(r'src="[^"]*"', "", text))  # no patient
    tables = {path.stem: pd.read_csv(path) for path in folder.glob("*.csv")}
    assert tables.keys() == {
        "aucs",
        "differences",
        "roc",
        "operating_points",
        "calibration",
        "calibration_curves",
    }
    expected = compare(
        table, by="net", a="new <b>", b="old $x", score="p", label="truth", case="image",
        patient="who", positive="cancer", level=0.9,
    )  # fmt: skip
    for name in ("estimate", "ci_low", "p_value"):
        assert tables["differences"][name].tolist() == pytest.approx(expected[name].tolist())


def test_without_patients_each_case_is_one_and_the_page_says_so(tmp_path):
    path = written(tmp_path, made())
    scores = read_scores(path, Columns(**NAMES | {"patient": ""}), "cancer")
    aucs = comparison_tables(scores, [("new", "old")])["aucs"]
    assert aucs["n_patients"].tolist() == [80, 80]
    assert "intervals too narrow" in cases_in_words(aucs.iloc[0])


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
        (0.0, 1.0, "no clear difference"),
        (0.02, float("nan"), "no clear difference"),
    ],
)
def test_sentence_on_a_difference_follows_sign_and_adjusted_p(estimate, p_holm, verdict):
    ends = {"ci_low": -0.01, "ci_high": 0.05}
    row = {"a": "new", "b": "old", "estimate": estimate, "p_holm": p_holm} | ends
    said = difference_in_words(row)
    assert said.startswith("new minus old: ")
    assert said.endswith(f": {verdict}.")


def test_sentence_on_cases_has_each_case():
    cases = {"n_cases": 100, "n_positive": 95, "n_patients": 60}
    said = cases_in_words(cases)
    assert "100 cases, 95 of them positive, of 60 patients" in said
    assert "rarer class has 5 cases" in said
    assert "may be chance" not in cases_in_words(cases | {"n_positive": 40})


def test_decimal_commas_beside_points_are_refused(tmp_path):
    table = made()
    texts = table["p"].map("{:.3f}".format)
    commas = texts.str.replace(".", ",")
    assert read(tmp_path, table.assign(p=commas))["score"].between(0, 1).all()
    with pytest.raises(InputError, match="scores are no numbers"):
        read(tmp_path, table.assign(p=commas.where(table.index % 2 == 0, texts)))
