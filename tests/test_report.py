"""Report, model card and comparison of a model folder written by hand."""

import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pyarrow as pa
import pytest

from pipelines import compare as compare_stage
from pipelines import report as report_stage
from pipelines.shared import stage
from pipelines.shared.evaluation_files import read_evaluation, read_predictions
from sentiment.data.splitting import hash_texts
from sentiment.errors import ArtefactError, InputError
from sentiment.evaluation import metrics as curves
from sentiment.evaluation.comparison import compare, share_rows
from sentiment.evaluation.metrics import difference_interval, measure
from sentiment.evaluation.record import Evaluation, Predictions, from_columns
from sentiment.evaluation.scoring import remarks
from sentiment.evaluation.sentence_tests import Pair, score_pairs
from sentiment.evaluation.slices import NamedShare
from sentiment.predict.classifier import SentimentClassifier
from sentiment.report import figures
from sentiment.report.comparison_page import render_comparison, text_table
from sentiment.report.page import render_card, render_report, worst_slices
from sentiment.report.templating import clip, label, markdown, points, standing

FIGURES = {
    "baselines", "confusion", "slices", "reliability", "abstention", "scores", "roc", "precision-recall", "training",
    "behaviour",
}  # fmt: skip
SCRIPT = "</td></table><script>alert('pwned')</script><img src=http://evil.example/x onerror=alert(1)>"
LONG = "word " * 2000
BREAK = "one\rtwo"
PAIRS = (Pair("<i>kind", "good", "not good"), Pair("other", "fine <b>", "not fine"))
PASSED = score_pairs(PAIRS, lambda texts: ["positive", "negative", "positive", "positive"])
FAILED = score_pairs(PAIRS, lambda texts: ["negative"] * 4)
VOID = {"meta", "link", "br", "hr", "img", "input", "path", "use", "rect"}


class ParsedPage(HTMLParser):
    """Checks that tags balance, and notes what the tests ask about."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.ids, self.attributes, self.levels, self.texts = [], [], [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        self.ids += [value for name, value in attrs if name == "id"]
        if re.fullmatch("h[1-6]", tag):
            self.levels.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def make_predictions(n=300, classes=("negative", "positive"), seed=0, texts=None):
    random = np.random.default_rng(seed)
    true = np.minimum(random.integers(2 * len(classes), size=n), len(classes) - 1)  # unbalanced: F1 is not recall
    logits = random.normal(size=(n, len(classes)))
    logits[np.arange(n), true] += 1.5
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    words = np.array(
        texts or ["the love", "the film hate", "the worst :(", "love the #happy hate", "the why?"], dtype=object
    )
    chosen = np.array(
        [f"{words[i % len(words)]} {'' if i < len(words) else i}".strip() for i in range(n)], dtype=object
    )
    majority = np.full(n, classes[0])
    sets = np.full(n, "held_out", dtype="<U20")
    return Predictions(
        tuple(classes), sets, chosen, true, probabilities.argmax(axis=1), probabilities, {"majority": majority}
    )


def make_evaluation(predictions, **more):
    classes = len(predictions.classes)
    own = measure(predictions.true, predictions.predicted, classes, predictions.probabilities)
    peer = measure(predictions.true, np.zeros_like(predictions.true), classes)
    peer |= {"mcnemar_p": 0.0417, "accuracy_difference": own["accuracy"] - peer["accuracy"]}
    metrics = {"held_out": {"source": "a test", "left_out": 3, **own, "baselines": {"majority": peer}}}
    history = {name: np.array([0.6, 0.5, 0.55]) for name in ("loss", "val_loss", "accuracy", "val_accuracy")}
    history["epoch"] = np.arange(1.0, 4.0)
    manifest = {"temperature": 1.3, "versions": {"numpy": "9.9.9"}, "artefacts": {"model.json": "f00dfeed"}}
    coverage = {"token_share": 0.9123, "type_share": 0.6, "missing": [["<b>deflate", 4009]]}
    more.setdefault("behaviour", {"model": PASSED, "majority": FAILED})
    return Evaluation("tiny", metrics, predictions, history, manifest, coverage, **more)


def with_proba(classifier, proba):
    """``classifier``, but with these probabilities."""
    made = SentimentClassifier(classifier.preprocessor, classifier.network, classifier.classes_)
    made.predict_proba = proba
    return made


@pytest.fixture(scope="module")
def evaluation():
    return make_evaluation(make_predictions())


@pytest.fixture(scope="module")
def page(evaluation, tiny_classifier):
    return render_report(evaluation, tiny_classifier)


@pytest.fixture
def few_figures(monkeypatch):
    """Leave out the figures of each test set and of the training, which take most of a page's time."""
    monkeypatch.setattr("sentiment.report.page.draw_set", lambda *_: {})
    monkeypatch.setattr(figures, "training_curves", lambda history: "")


def write_folder(folder, evaluation):
    """A model folder with what evaluation writes."""
    folder.mkdir(parents=True)
    evaluation.predictions.write(folder / "predictions.csv")
    (folder / "metrics.json").write_text(json.dumps(evaluation.metrics))
    (folder / "coverage.json").write_text(json.dumps(evaluation.coverage))
    (folder / "behaviour.json").write_text(json.dumps(evaluation.behaviour))
    return folder


def hostile(predictions, *texts):
    """The same predictions with these texts on sure mistakes, so that they are listed and explained."""
    rows = np.flatnonzero(~predictions.correct)[: len(texts)]
    changed, probabilities = predictions.texts.copy(), predictions.probabilities.copy()
    changed[rows] = texts
    probabilities[rows] = 0.001
    probabilities[rows, predictions.predicted[rows]] = 0.999
    return replace(predictions, texts=changed, probabilities=probabilities)


def cells_of(page, name):
    """The texts of the first row of a table that contains ``name``."""
    row = next(each for each in re.findall(r"<tr.*?</tr>", page) if name in each)
    return [re.sub("<.*?>", "", cell) for cell in re.findall("<t[hd].*?</t[hd]>", row)]


def test_numbers_are_those_of_metrics_json(page, evaluation):
    own = evaluation.metrics["held_out"]
    low, high = own["accuracy_ci95"]
    shares = [f"{own[each]:.1%}" for each in ("accuracy", "macro_recall", "macro_f1")]
    numbers = [f"{own[each]:.3f}" for each in ("roc_auc", "log_loss", "ece")]
    expected = ["This model", shares[0], f"{low:.1%} to {high:.1%}", "", "", *shares[1:], *numbers]
    assert cells_of(page, "This model") == expected
    peer, cells = own["baselines"]["majority"], cells_of(page, "Majority class")
    assert cells[1] == f"{peer['accuracy']:.1%}"
    assert cells[3] == f"{100 * (own['accuracy'] - peer['accuracy']):+.1f}"
    assert cells[4] == "0.042"
    assert cells[-3:] == ["–"] * 3
    assert "300 tweets from a test; left out: 3 of" in page
    for count in np.ravel(own["confusion_matrix"]):
        assert re.search(rf">{count}</text>", page)


def test_every_figure_is_there_with_an_alternative_text(page):
    assert set(re.findall(r'<figure id="figure-([\w-]+)">', page)) == FIGURES
    drawings = re.findall(r"<figure.*?</figure>", page, re.DOTALL)
    for drawing in drawings:
        alt = re.search(r'<svg [^>]*role="img" aria-label="([^"]+)"><title>([^<]+)</title>', drawing)
        assert alt
        assert alt[1] == alt[2]
        assert re.search(r"\d", alt[1])
        assert "<text" in drawing
        assert "#0a0a0" not in drawing
        assert "#01010" not in drawing
    assert "currentColor" in page
    assert "var(--series-1" in page


def test_what_there_may_be_besides_is_in_report_and_card(evaluation, tiny_classifier, page, few_figures):
    recall = {"macro_recall": {"mean": 0.6, "sd": 0.01}}
    points = [{"rows": rows, "figures": {"model": recall, "vader": recall}} for rows in (100, 900)]
    folds = {"n": 9} | {each: {"mean": 0.612, "sd": 0.0134} for each in ("accuracy", "macro_recall", "macro_f1")}
    more = {"crossvalidation": {"folds": 5, "seeds": [7, 8], "figures": {"model": folds}}}
    few = make_evaluation(make_predictions(200), curve={"points": points, "base_model": ""}, **more)
    report, card = render_report(few, tiny_classifier), render_card(few)
    ParsedPage(report)
    drawing = re.search(r'<figure id="figure-curve">.*?</figure>', report, re.DOTALL)
    assert "from nothing 60.0% at 100, 60.0% at 900; VADER 60.0% at 100" in drawing[0]
    for text in (report, card):
        assert "Trained 10 times on 5 splits" in text
        assert "61.2% ± 1.3" in text
        assert "There are only 200 held-out tweets" in text
    assert "- There are only 200 held-out tweets" in card
    assert 'id="remarks"' not in page
    assert "Mind that" not in render_card(evaluation)


def test_figures_are_the_same_each_time(evaluation):
    assert figures.roc(evaluation.predictions) == figures.roc(evaluation.predictions)


def test_the_page_is_well_formed_and_accessible(page):
    parsed = ParsedPage(page)
    assert len(parsed.ids) == len(set(parsed.ids))
    assert parsed.levels[0] == 1
    assert parsed.levels.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(parsed.levels, parsed.levels[1:], strict=False))
    assert ("html", "lang", "en") in parsed.attributes
    scopes = [value for tag, name, value in parsed.attributes if tag == "th" and name == "scope"]
    assert len(scopes) == parsed.tags.count("th")
    targets = {value[1:] for tag, name, value in parsed.attributes if name == "href"}
    assert targets <= set(parsed.ids)
    assert page.count("prefers-color-scheme:dark") == 1


def references(page):
    """Whatever a browser might fetch."""
    parsed = ParsedPage(page)
    wanted = {"src", "href", "xlink:href", "srcset", "action", "data", "poster", "style", "background"}
    found = [value for _, name, value in parsed.attributes if name in wanted]
    found += re.findall(r"url\([^)]*\)|@import[^;]*", page)
    found += [value for _, name, value in parsed.attributes if name.startswith("xmlns")]
    return found


def test_nothing_outside_the_file_is_referred_to(page):
    assert [r for r in references(page) if "//" in r and r != "http://www.w3.org/2000/svg"] == []
    assert "<metadata" not in page
    assert page.count("<!DOCTYPE") == 1
    assert page.count("<script") == 1
    assert not re.search(r"fetch\(|XMLHttpRequest|import\(|new Image|WebSocket|sendBeacon", page)


def test_a_hostile_and_a_long_tweet_stay_harmless(evaluation, tiny_classifier, few_figures):
    controls = "bell\x07 null\x00 esc\x1b[2J turn\u202e"
    predictions = hostile(evaluation.predictions, SCRIPT, LONG, controls)
    page = render_report(make_evaluation(predictions), tiny_classifier)
    parsed = ParsedPage(page)
    assert page.count("<script") == 1
    assert "img" not in parsed.tags
    assert not [name for _, name, _ in parsed.attributes if name.startswith("on")]
    assert [r for r in references(page) if "evil" in r] == []
    assert "&lt;script&gt;alert(&#39;pwned&#39;)" in page
    assert "… [10,000 characters]" in page
    assert max(map(len, re.findall("<bdi>.*?</bdi>", page))) < 700
    assert not set(page) & set("\x00\x07\x1b\u202e")
    assert "&lt;b&gt;deflate" in page


def test_a_bare_folder_many_tweets_and_hostile_classes_and_names_stay_small_and_harmless(tiny_classifier, page):
    evaluation = make_evaluation(make_predictions(10_000, ('<script>"x"', "neutral", "$a_{b$")))
    bare = replace(evaluation, history={}, manifest={}, coverage={}, name="</title><script>x")
    large = render_report(bare, tiny_classifier)
    ParsedPage(large)
    assert large.count("<script") == 1
    assert set(re.findall(r'<figure id="figure-([\w-]+)">', large)) == FIGURES - {"training"}
    assert "neutral: 0." in large
    assert len(large) < 1.2 * len(page)
    assert large.count('<tr data-kind="mistake">') == large.count('<tr data-kind="uncertain">') == 100
    card = render_card(replace(evaluation, name="a|b\n# c <script>"))
    assert "<script" not in card.split("```")[0]
    assert "\n# c" not in card


def test_figures_of_many_classes_stay_legible():
    rows = make_predictions(500, [f"topic {k}" for k in range(28)])
    cells = figures.confusion_matrix(np.eye(28, dtype=int), rows.classes)
    sizes = [float(size) for size in re.findall(r'style="font-size: ([0-9.]+)px[^>]*>[0-9.]+%<', cells)]
    assert len(sizes) == 28 * 28
    assert max(sizes) < 4  # a cell is about 11 wide
    for figure in (figures.score_histogram, figures.roc, figures.precision_recall):
        assert "topic 27" in figure(rows)  # Matplotlib warns, and so this test fails, if the names leave no room


def test_a_page_of_a_single_tweet_is_drawn_too(tiny_classifier):
    ParsedPage(render_report(make_evaluation(make_predictions(1)), tiny_classifier))


def test_mistakes_are_the_surest_ones_first(page, evaluation):
    rows = re.findall(r'<tr data-kind="(\w+)">.*?<td class="n">([\d.]+)%</td>', page)
    wrong = np.sort(evaluation.predictions.confidence[~evaluation.predictions.correct])[::-1]
    mistakes = [float(value) for kind, value in rows if kind == "mistake"]
    assert mistakes == pytest.approx(100 * wrong[:100], abs=0.051)
    unsure = [float(value) for kind, value in rows if kind == "uncertain"]
    assert unsure == pytest.approx(100 * np.sort(evaluation.predictions.confidence)[:100], abs=0.051)


def test_contributions_are_shown_signed(page):
    assert re.search(r'class="for w4"[^>]*>[^<]+<small>\+\d', page)
    assert re.search(r'class="against w\d[^>]*>[^<]+<small>−\d', page)
    assert re.search(r'class="gone">the<small', page)


def test_metrics_and_predictions_of_different_runs_are_refused(evaluation):
    other = replace(evaluation, predictions=evaluation.predictions.take(np.arange(299)))
    with pytest.raises(ArtefactError, match="300 rows in metrics.json but 299 in predictions.csv"):
        other.check()
    del (metrics := json.loads(json.dumps(evaluation.metrics)))["held_out"]["accuracy"]
    with pytest.raises(ArtefactError, match="held_out lacks accuracy"):
        replace(evaluation, metrics=metrics).check()


def test_areas_by_hand():
    positive, score = np.array([True, True, False, False]), np.array([0.9, 0.4, 0.4, 0.1])  # 3.5 of 4 pairs in order
    assert curves.roc_curve(positive, score).area == pytest.approx(3.5 / 4)
    assert curves.precision_recall_curve(positive, score).area == pytest.approx((1 + 2 / 3) / 2)


def test_reliability_and_abstention_by_hand():
    confidence, correct = np.array([0.55, 0.55, 0.95, 1.0]), np.array([True, False, True, True])
    bins = curves.reliability(confidence, correct, bins=10)
    assert bins.n.tolist() == [2, 2]
    assert bins.accuracy.tolist() == [0.5, 1.0]
    assert bins.ece == pytest.approx(0.5 * 0.05 + 0.5 * 0.025)
    curve = curves.abstention_curve(confidence, correct)
    assert curve.x.tolist() == [0.25, 0.5, 1.0]
    assert curve.y.tolist() == [1.0, 1.0, 0.75]


def test_reliability_before_calibration_undoes_the_temperature(evaluation):
    svg = figures.reliability_diagram(evaluation.predictions, 1.0)
    before, after = re.findall(r"ECE ([\d.]+)<", svg)
    assert before == after
    assert len(set(re.findall(r"ECE ([\d.]+)<", figures.reliability_diagram(evaluation.predictions, 3.0)))) == 2


def test_the_card_has_figures_use_and_flaws(evaluation):
    slices = [NamedShare("all tweets", 300, 0.8, 0.75, 0.85), NamedShare("question", 60, 0.5, 0.4, 0.6)]
    slices.append(NamedShare("link", 40, 0.1, 0.0, 0.2))
    card = render_card(evaluation, slices)
    own = evaluation.metrics["held_out"]
    assert f"| **This model** | 300 | {own['accuracy']:.1%} |" in card
    assert "| Majority class | 300 |" in card
    for wanted in (
        'sentiment.load("models/tiny")', 'tf.saved_model.load("models/tiny/saved_model/1")', "serving_default",
        "serve_ids", "models/tiny/saved_model:/models/sentiment", 'python -m sentiment.predict "tweet"',
        "Intended use", "9.9.9", "f00dfeed", "slice “question”: 50.0% (n = 60",
    ):  # fmt: skip
        assert wanted in card
    assert "link" not in [s.name for s in worst_slices(slices)]
    tables = re.findall(r"(?:^\|.*\n)+", card, re.MULTILINE)
    assert len(tables) == 4
    assert "| This model | 50.0% |" in card
    assert "| Majority class | 0.0% |" in card
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1
    assert not re.search(r"\n{4,}", card)


@pytest.mark.parametrize(
    ("about", "said"),
    [
        (
            {"corpus": "Tweets of cats.", "flaws": ["All of one cat.", "*Hers*."]},
            "Tweets of cats. Known flaws:\n\n- All of one cat.\n- \\*Hers\\*.",
        ),
        ({}, "file of the user's own"),
    ],
)
def test_the_card_says_what_the_profile_knows_of_its_corpus(evaluation, about, said):
    card = render_card(replace(evaluation, manifest={"about": about}))
    assert said in card
    assert "is forced into one of" in card


def test_foreign_text_is_no_markup():
    assert markdown("a|b *c* <i>\n# [x](y) `z`") == r"a\|b \*c\* &lt;i&gt; \# \[x\]\(y\) \`z\`"
    assert clip("a\x00b") == "ab"
    assert clip("x" * 301).startswith("x" * 300 + "…")


def test_predictions_read_back_equal(tmp_path, evaluation):
    predictions = hostile(evaluation.predictions, BREAK, 'say "hi",\nyou', "nan", "")
    folder = write_folder(tmp_path / "m", make_evaluation(predictions))
    raw = (folder / "predictions.csv").read_bytes().replace(b'"one\rtwo"', b"one\rtwo")
    (folder / "predictions.csv").write_bytes(raw)
    assert raw.count(b"one\rtwo") == 1
    read = read_predictions(folder)
    assert read.texts.tolist() == predictions.texts.tolist()
    assert read.true.tolist() == predictions.true.tolist()
    np.testing.assert_array_equal(read.probabilities.astype(np.float32), predictions.probabilities.astype(np.float32))
    assert read.baselines["majority"].tolist() == predictions.baselines["majority"].tolist()
    assert read_evaluation(folder).metrics["held_out"]["n"] == 300


def test_figures_of_other_settings_than_the_model_are_left_out(tmp_path, evaluation, caplog):
    folder = write_folder(tmp_path / "m", evaluation)
    ours, others = {"training": {"seed": 7, "epochs": 0}}, {"training": {"seed": 8, "epochs": 0}}
    decided = {"training": {"seed": 7, "epochs": 12}}  # from the number of rows, as in each model that is trained
    (folder / "manifest.json").write_text(json.dumps({"settings": decided, "by_rows": {"training.epochs": 12}}))
    (folder / "curve.json").write_text(json.dumps({"settings": ours, "points": []}))
    (folder / "crossvalidation.json").write_text(json.dumps({"settings": others, "folds": 5}))
    read = read_evaluation(folder)
    assert (read.curve["points"], read.crossvalidation) == ([], {})
    assert [record.getMessage().split(": ")[0] for record in caplog.records] == [f"{folder}/crossvalidation.json"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y_true": ["sideways"]}, "y_true: expected one of a, b, received 'sideways' in row 1"),
        ({"p_a": ["much"]}, "expected probabilities"),
        ({"p_a": ["1.5"]}, "probabilities from 0 to 1"),
        ({"text": None}, "expected the columns test_set, text"),
    ],
)
def test_damaged_predictions_are_named(change, message):
    columns = {"test_set": ["t"], "text": ["x"], "y_true": ["a"], "y_pred": ["b"], "p_a": ["0.4"], "p_b": ["0.6"]}
    assert from_columns(columns).predicted.tolist() == [1]
    damaged = {name: values for name, values in (columns | change).items() if values is not None}
    with pytest.raises(ArtefactError, match=message):
        from_columns(damaged)


def loaded(classifier, evaluation, shift=0.0):
    """``sentiment.load`` of a model that gives the evaluation's probabilities, or others."""
    probabilities = evaluation.predictions.probabilities + shift
    model = with_proba(classifier, lambda texts: probabilities[: len(texts)])
    return lambda path: model


def test_the_stage_writes_report_and_card(tmp_path, evaluation, tiny_classifier, monkeypatch, few_figures):
    folder = write_folder(tmp_path / "models" / "sample", evaluation)
    monkeypatch.setattr("sentiment.load", loaded(tiny_classifier, evaluation))
    stage.main(report_stage.run, "", argv=["--root", str(tmp_path)])
    assert 'figure id="figure-behaviour"' in (folder / "report.html").read_text(encoding="utf-8")
    assert (folder / "README.md").read_text(encoding="utf-8").startswith("# Tweet sentiment: sample\n")


def test_predictions_of_an_earlier_model_are_refused(tmp_path, evaluation, tiny_classifier, monkeypatch, caplog):
    folder = write_folder(tmp_path / "models" / "sample", evaluation)
    monkeypatch.setattr("sentiment.load", loaded(tiny_classifier, evaluation, shift=0.01))
    with pytest.raises(SystemExit):
        stage.main(report_stage.run, "", argv=["--root", str(tmp_path)])
    assert "answers of another model" in caplog.text
    assert not (folder / "report.html").exists()


@pytest.mark.parametrize("damage", ["missing", "metrics", "predictions"])
def test_a_missing_or_damaged_folder_is_one_line(tmp_path, evaluation, damage, caplog):
    folder = write_folder(tmp_path / "models" / "sample", evaluation)
    if damage == "missing":
        (folder / "metrics.json").unlink()
    else:
        (folder / {"metrics": "metrics.json", "predictions": "predictions.csv"}[damage]).write_text("{")
    with pytest.raises(SystemExit, match="^2$"):
        stage.main(report_stage.run, "", argv=["--root", str(tmp_path)])
    assert len(caplog.messages) == 1
    assert not (folder / "report.html").exists()


def test_comparison_by_hand():
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.6, 0.4]])
    texts = np.array(list("abcd"), dtype=object)
    true = np.array([0, 1, 0, 1])
    first = Predictions(("n", "p"), np.full(4, "t"), texts, true, probabilities.argmax(1), probabilities, {})
    rows = np.array([3, 2, 0, 1, 1])  # another order, one text twice
    other = first.take(rows)
    better = replace(other, predicted=other.true.copy())
    result = compare({"one": first, "two": better})
    (pair,) = result.pairs
    assert (pair["only_first"], pair["only_other"], pair["disagree"]) == (0, 2, 2)
    assert pair["difference"] == -0.5
    assert pair["p"] == pytest.approx(0.5)  # two discordant rows, both one way: 2 * (1/2)^2
    assert pair["low"] <= pair["difference"] <= pair["high"] <= 0
    assert result.metrics["one"]["accuracy"] == 0.5
    assert result.metrics["two"]["accuracy"] == 1.0
    page = render_comparison(result, "here")
    ParsedPage(page)
    assert "−50.0" in page
    assert page.count('<td class="tweet">') == 2
    assert re.search(r"^two +−50\.0 .*0\.500 +0 +2$", text_table(result), re.MULTILINE)


def test_paired_interval_is_that_of_resampled_rows():
    row = np.repeat([1, -1, 0], [30, 10, 160])
    drawn = np.random.default_rng(2).choice(row, (4000, 200)).mean(axis=1)
    assert difference_interval(30, 10, 200) == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.011)


def test_rows_whose_true_label_differs_are_left_out():
    first = make_predictions(10)
    other = replace(first, true=np.where(np.arange(10) == 4, 1 - first.true, first.true))
    aligned, left_out = share_rows({"a": first, "b": other.take(np.arange(9, 1, -1))})
    assert left_out == 1
    assert aligned["a"].texts.tolist() == aligned["b"].texts.tolist()
    assert len(aligned["a"].true) == 7


def test_nothing_shared_is_refused():
    with pytest.raises(InputError, match="share no tweet"):
        compare({"a": make_predictions(5), "b": make_predictions(5, texts=["other"])})


def test_the_compare_command_writes_table_and_page(tmp_path, evaluation, capsys):
    other = make_evaluation(hostile(make_predictions(seed=0), SCRIPT))
    one, two = write_folder(tmp_path / "one", evaluation), write_folder(tmp_path / "two", other)
    compare_stage.main([str(one), str(two), "--output", str(tmp_path / "c.html")])
    table = capsys.readouterr().out
    accuracy = evaluation.metrics["held_out"]["accuracy"]
    assert re.search(r"^one +299 +[\d.]+%", table, re.MULTILINE)
    assert math.isclose(float(re.search(r"^one +299 +([\d.]+)%", table, re.MULTILINE)[1]), 100 * accuracy, abs_tol=0.5)
    assert references((tmp_path / "c.html").read_text(encoding="utf-8")) == []
    with pytest.raises(SystemExit):
        compare_stage.main([str(one), str(two), "--output", str(tmp_path)])
    assert capsys.readouterr().out == ""  # refused before the work


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["one", "nope"], "nope: no such model folder"),
        (["empty", "one"], "predictions.csv: no such file"),
        (["one", "one"], "given twice"),
        (["one"], "two model folders"),
    ],
)
def test_the_compare_command_names_a_mistake_in_one_line(tmp_path, evaluation, names, message, caplog):
    write_folder(tmp_path / "one", evaluation)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit, match="^2$"):
        compare_stage.main([str(tmp_path / name) for name in names])
    (line,) = caplog.messages
    assert message in line


@pytest.fixture
def two_folders(tmp_path, evaluation):
    return write_folder(tmp_path / "one", evaluation), write_folder(tmp_path / "two", evaluation)


def test_the_compare_command_scores_a_corpus(tmp_path, two_folders, tiny_classifier, monkeypatch, corpus_file, capsys):
    monkeypatch.setattr("sentiment.load", lambda path: with_proba(tiny_classifier, proba))
    (tmp_path / "p.toml").write_text("")
    corpus = corpus_file([("0", "bad film"), ("4", "good film"), ("2", "a film")])
    compare_stage.main([*map(str, two_folders), "--corpus", str(corpus), "--profile", str(tmp_path / "p.toml")])
    assert re.search(r"^one +2 +50\.0%", capsys.readouterr().out, re.MULTILINE)


def test_compare_reads_a_corpus_as_each_model_was_trained(
    two_folders, tiny_classifier, monkeypatch, corpus_file, capsys, caplog
):
    one, two = two_folders
    monkeypatch.setattr("sentiment.load", lambda path: with_proba(tiny_classifier, proba))
    (one / "settings.json").write_text('{"corpus": {"header": true, "columns": 0, "text_column": "tweet"}}')
    (two / "settings.json").write_text('{"corpus": {}}')
    np.save(one / "seen.npy", np.sort(hash_texts(pa.array(["a good film", "a bad film"]))))
    np.save(two / "seen.npy", np.sort(hash_texts(pa.array(["an older film"]))))
    rows = [("0", "bad film"), ("4", "good film"), ("2", "a film"), ("4", "@ada a GOOD film!"), ("0", "an older film")]
    corpus = corpus_file(rows)
    with caplog.at_level("INFO"):
        compare_stage.main([str(one), str(two), "--corpus", str(corpus)])
    assert re.search(r"^one +2 +50\.0%", capsys.readouterr().out, re.MULTILINE)
    told = "\n".join(caplog.messages)
    assert "one: its own profile cannot read the file" in told
    assert "two: 1 tweet left out: it has no class neutral" in told
    assert "WARNING: 1 tweet left out: one was trained or validated on them" in told
    assert "WARNING: 1 tweet left out: two was trained or validated on them" in told


def test_compare_asks_for_a_profile_if_no_model_was_trained_on_such_a_file(two_folders, caplog, tmp_path):
    for folder in two_folders:
        (folder / "settings.json").write_text('{"corpus": {"header": true, "columns": 0, "text_column": "tweet"}}')
    corpus = tmp_path / "other.csv"
    corpus.write_text("message,opinion\ngood film,1\n")
    with pytest.raises(SystemExit):
        compare_stage.main([*map(str, two_folders), "--corpus", str(corpus)])
    assert caplog.messages[-1].endswith("or name a profile of this file's format with --profile")


def test_compare_with_nothing_unseen(two_folders, evaluation, caplog):
    for folder in two_folders:
        np.save(folder / "seen.npy", np.sort(hash_texts(pa.array(evaluation.predictions.texts.tolist()))))
    with pytest.raises(SystemExit):
        compare_stage.main([str(folder) for folder in two_folders])
    assert "no tweet is left that one was not trained or validated on" in caplog.messages[-1]


def proba(texts):
    return np.tile(np.array([[0.25, 0.75]], np.float32), (len(texts), 1))


def of_set(**changed):
    """Figures of 400 tweets in which nothing is to be remarked on, with ``changed`` ones."""
    figures = {"n": 400, "accuracy_ci95": (0.7, 0.8), "macro_recall": 0.75, "confusion_matrix": [[150, 50], [50, 150]]}
    return {"held_out": figures | {"baselines": {"vader": {"macro_recall": 0.7}}} | changed}


TEN_EPOCHS = {"best_epoch": 10, "settings": {"training": {"epochs": 10}}}


@pytest.mark.parametrize(
    ("changed", "manifest", "expected"),
    [
        ({}, {}, None),
        ({}, TEN_EPOCHS | {"best_epoch": 9, "last_fall": 0.01}, None),
        ({}, TEN_EPOCHS | {"last_fall": 0.002}, None),
        ({}, TEN_EPOCHS, None),  # of a folder made before
        ({"baselines": {"vader": {"macro_recall": 0.7504}, "majority": {"macro_recall": None}}}, {}, None),
        ({}, {"rows": {"train": {"a": 26, "b": 74}}}, None),
        (
            {},
            TEN_EPOCHS | {"last_fall": 0.004},
            "Validation loss still fell in the last of 10 epochs: more may do better (training.epochs=20).",
        ),
        (
            {"baselines": {"vader": {"macro_recall": 0.7512}}},
            {},
            "VADER is ahead on the held-out tweets: macro recall 75.1% against 75.0%.",
        ),
        ({"baselines": {"majority": {"macro_recall": 0.7494}}}, {}, None),
        (
            {"baselines": {"majority": {"macro_recall": 0.75}}},
            {},
            "The model is no better than the most frequent class on the held-out tweets: macro recall 75.0%.",
        ),
        (
            {"confusion_matrix": [[200, 0], [200, 0]]},
            {},
            "The class b is never answered on the held-out tweets, 200 of which are b.",
        ),
        (
            {"n": 299},
            {},
            "There are only 299 held-out tweets: the accuracy may be anything from 70% to 80%. "
            "`make crossvalidate` measures on all tweets in turn.",
        ),
        (
            {},
            {"rows": {"train": {"a": 24, "b": 76}}},
            "The classes are unbalanced: of the training tweets, a only 24.0%. Look at macro recall, not at accuracy.",
        ),
    ],
)
def test_what_is_wrong_is_said(changed, manifest, expected):
    assert remarks(of_set(**changed), ["a", "b"], manifest, label) == ([expected] if expected else [])


def test_cross_validation_is_no_advice_for_a_further_test_set():
    further = {"other.csv": of_set(n=299)["held_out"]}
    said = "There are only 299 tweets of other.csv: the accuracy may be anything from 70% to 80%."
    assert remarks(further, ["a", "b"], {}) == [said]


def test_models_are_not_compared_on_a_test_set_of_one_class():
    figures = {"confusion_matrix": [[350, 50], [0, 0]], "baselines": {"majority": {"macro_recall": 1.0}}}
    said = "All tweets of x.csv are a: they do not show how well the model tells the classes apart."
    assert remarks({"x.csv": of_set(**figures)["held_out"]}, ["a", "b"], {}) == [said]


def test_the_card_says_what_followed_the_number_of_tweets(evaluation):
    manifest = evaluation.manifest | {"created": "today", "by_rows": {"training.batch_size": 64, "split.test": 0.2}}
    card = render_card(replace(evaluation, manifest=manifest))
    assert "These follow the number of tweets: `training.batch_size = 64`, `split.test = 0.2`." in card
    assert "follow the number" not in render_card(evaluation)


@pytest.mark.parametrize(
    ("difference", "words", "signed"),
    [
        (0.012, "1.2 points above", "+1.2"),
        (-0.012, "1.2 points below", "−1.2"),
        (-0.0004, "level with", "0.0"),
        (0.0, "level with", "0.0"),
    ],
)
def test_no_difference_of_minus_nothing(difference, words, signed):
    assert standing(difference) == words
    assert points(difference) == signed


@pytest.mark.parametrize("names", [("epoch", "loss"), ("epoch", "loss", "val_loss", "accuracy", "val_accuracy")])
def test_a_history_that_was_cut_short_is_not_drawn(names):
    assert figures.training_curves({name: np.zeros(0) for name in names}) is None
