"""The label view over HTTP: what is saved in the file of the draw, and what is refused."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from sentiment.serve import __main__ as command
from sentiment.serve import labelling
from sentiment.serve.bodies import GivenLabel
from sentiment.serve.limits import Refusal
from tests.served import Served, serve

# As a spreadsheet has saved the file of a draw.
CONTENT = '\ufeffrow;tweet;chance;label\r\n3;I love it;0,5;\r\n7;"so; so";0,25;positive\r\n'


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("labelling") / "to_label.csv"


@pytest.fixture(scope="module")
def running(tiny_folder: Path, path: Path) -> Iterator[Served]:
    path.write_bytes(CONTENT.encode())
    labels = ("--labels", str(path), "--also", "neutral", "--also", "Positive")
    with serve("--model", str(tiny_folder), *labels) as running:
        yield running


@pytest.fixture
def drawn(path: Path) -> Path:
    path.write_bytes(CONTENT.encode())
    return path


@pytest.fixture
def served(running: Served, drawn: Path) -> Served:
    """The service, which reads the file anew at each request."""
    return running


def labels(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [row["label"] for row in csv.DictReader(file, delimiter=";")]


def test_labels_are_saved_as_they_are_given(served: Served, drawn: Path) -> None:
    assert b"label.js" in served.ask("GET", "/label").body
    described = served.ask("GET", "/openapi.json").json
    body = described["paths"]["/labels"]["put"]["requestBody"]["content"]["application/json"]["schema"]
    assert described["components"]["schemas"][body["$ref"].rpartition("/")[2]]["required"] == ["row", "label"]
    begun = served.ask("GET", "/labels").json
    assert (begun["classes"], begun["others"]) == (["negative", "positive"], ["neutral"])
    assert begun["rows"][1] == {"row": "7", "text": "so; so", "label": "positive"}
    answer = served.ask("PUT", "/labels", {"row": "3", "label": "neutral"})
    assert answer.json["rows"][0]["label"] == "neutral"
    assert labels(drawn) == ["neutral", "positive"]
    assert served.ask("PUT", "/labels", {"row": "3", "label": ""}).status == 200
    assert drawn.read_bytes() == CONTENT.encode()  # with the byte-order mark, the semicolons and the commas


def test_a_label_in_other_letters_is_shown_as_the_class(served: Served, drawn: Path) -> None:
    """Otherwise no button would be pressed, and undo would remove the label instead of giving it back."""
    drawn.write_text(CONTENT.replace("positive", "POSITIVE "), encoding="utf-8", newline="")
    assert served.ask("GET", "/labels").json["rows"][1]["label"] == "positive"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"row": "3", "label": "good"}, "label: expected negative, positive, neutral or nothing, received 'good'"),
        ({"row": "4", "label": "positive"}, "has no row 4"),
        ({"row": "3"}, "missing required field `label`"),
    ],
)
def test_what_cannot_be_is_refused(served: Served, drawn: Path, body: dict[str, str], sentence: str) -> None:
    answer = served.ask("PUT", "/labels", body)
    assert (answer.status, drawn.read_bytes()) == (422, CONTENT.encode())
    assert sentence in answer.json["error"]
    assert served.ask("POST", "/labels", {"row": "3", "label": "positive"}).status == 405


def test_a_file_that_has_gone_is_told_and_not_made_anew(served: Served, drawn: Path) -> None:
    drawn.unlink()
    answer = served.ask("PUT", "/labels", {"row": "3", "label": "positive"})
    assert (answer.status, drawn.exists()) == (409, False)
    assert "no such file" in answer.json["error"]


def test_a_label_that_cannot_be_saved_is_told(drawn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sentiment.common.stores.FileStore.write", full)
    with pytest.raises(Refusal) as refused:
        labelling._give(drawn, ["positive"], GivenLabel("3", "positive"))
    assert (
        refused.value.message == f"{drawn}: not saved (No space left on device); mend that, and choose the label again"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--host", "0.0.0.0"], "serves this machine alone"),
        (["--workers", "2"], "from one process"),
        ([], "expected columns row, the text, chance and label, received a"),
    ],
)
def test_the_view_is_for_this_machine_and_for_files_of_a_draw(tiny_folder, tmp_path, capsys, options, message):
    (tmp_path / "other.csv").write_text("a\n1\n")
    given = ["--model", str(tiny_folder), "--labels", str(tmp_path / "other.csv"), "--port", "0"]
    assert command.main([*given, *options]) == 2
    assert message in capsys.readouterr().err
