"""Scoring a model on tweets of other formats than its own: `TESTS=profile:file`."""

import json
import re
import shutil
from pathlib import Path

import pytest

from pipelines import evaluate, report
from pipelines.shared import profiles, stage
from tests.model_fixture import Trained, copied

OTHER = """
[corpus]
header = true
columns = 0
text_column = "body"
label_column = "mood"
labels = { negative = "bad", neutral = "so so", positive = "good" }
ignored_labels = ["good", "?"]

[published]
tweets = "the tweets of others"
source = "Someone (2020)"
[published.macro_recall]
"a network" = 0.713
"""
ROWS = "mood,body\ngood,we adore the soup today\nbad,we despise the soup today\nso so,soup\n?,what soup\n"


pytestmark = pytest.mark.usefixtures("without_fasttext")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """The shared model, to be evaluated anew, with a file and a profile of another format."""
    this = copied(tmp_path_factory.mktemp("elsewhere") / "root")
    (this.root / "other.toml").write_text(OTHER)
    (this.root / "tweets.csv").write_text(ROWS)
    return this


def run(this: Trained, *tests: str) -> None:
    options = [part for test in tests for part in ("--corpus", test)]
    stage.main(evaluate.run, "", evaluate.OPTIONS, this.options(*options))


def refusal(caplog: pytest.LogCaptureFixture, this: Trained, *tests: str) -> str:
    with pytest.raises(SystemExit, match="^2$"):
        run(this, *tests)
    return caplog.messages[-1]


def test_test_sets_of_several_formats(copy: Trained) -> None:
    (copy.root / "more").mkdir()
    own = shutil.copyfile(copy.corpus, copy.root / "more" / "tweets.csv")
    own.write_text('"4","1","now","NO_QUERY","me","I adore puppies"\n')
    other = f"{copy.root}/other.toml:{copy.root}/tweets.csv"
    run(copy, other, str(own))
    metrics = json.loads((copy.folder / "metrics.json").read_text())
    assert list(metrics) == ["held_out", other, str(own)]  # two files of one name go by their places
    assert {key: metrics[other][key] for key in ("n", "left_out", "source")} == {
        "n": 2, "left_out": 1, "source": other,  # rows of "good" are there though the profile ignores them
    }  # fmt: skip
    assert metrics[str(own)]["n"] == 1
    assert "published" not in metrics[other]  # a model of two classes
    stage.main(report.run, "", argv=copy.options())
    page = (copy.folder / "report.html").read_text(encoding="utf-8")
    ids = re.findall(r'\sid="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    assert {"figure-confusion", "figure-confusion-2", "figure-confusion-3"} <= set(ids)
    references = {part.split(")")[0] for part in page.split("url(#")[1:]}
    assert references <= set(ids)


def test_published_figures_go_with_the_classes_they_are_for(copy: Trained) -> None:
    this = stage.Stage(None, profiles.make_settings({}, []), None, {})  # type: ignore[arg-type]
    given = f"{copy.root}/other.toml:{copy.root}/tweets.csv"
    read = evaluate._read_test_set(given, this, ["negative", "neutral", "positive"])
    assert read.published == {
        "tweets": "the tweets of others", "source": "Someone (2020)", "macro_recall": {"a network": 0.713},
    }  # fmt: skip
    assert read.rows.labels.tolist() == [2, 0, 1]
    assert evaluate._read_test_set(given, this, ["negative", "positive"]).published is None


def test_a_class_may_have_several_values() -> None:
    profile = {
        "corpus": {"labels": {"negative": ["bad", "Awful"], "positive": "good"}, "ignored_labels": ["awful", "?"]}
    }
    assert evaluate._format(profile).ignored_labels == ("?",)


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ("nobody:tweets.csv", "nobody:tweets.csv: neither a file nor PROFILE:FILE; there is no profile 'nobody'"),
        ("sentiment140:nowhere.csv", "nowhere.csv: no such file; give an existing one with --corpus file"),
        ("nowhere.csv", "nowhere.csv: no such file; give an existing one with --corpus file"),
    ],
)
def test_refusals(copy: Trained, caplog: pytest.LogCaptureFixture, test: str, message: str) -> None:
    assert message in refusal(caplog, copy, test)


def test_a_test_set_given_twice(copy: Trained, caplog: pytest.LogCaptureFixture) -> None:
    given = f"{copy.root}/other.toml:{copy.root}/tweets.csv"
    assert "is given twice as a test set" in refusal(caplog, copy, given, given)


def test_the_profile_for_people_s_labels() -> None:
    profile = profiles.read_profile("semeval")
    assert profiles.make_settings(profile, []).corpus.encoding == "utf-8"
    published = profile["published"]["macro_recall"]
    assert list(published.values()) == sorted(published.values())
    assert (published["SVM"], published["fastText"], published["best of TweetEval"]) == (0.629, 0.629, 0.737)
    assert Path(profiles.PROFILES / "semeval.toml").is_file()
