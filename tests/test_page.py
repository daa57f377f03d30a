"""The page, in a real browser."""

import base64
import contextlib
import csv
import gzip
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import sentiment
from sentiment.predict import __main__ as predict
from sentiment.shares.answer import ShareAnswer
from sentiment.shares.estimates import BOTH, MODEL, ShareRow
from sentiment.shares.tally import ALL, Cell, Example, Sums
from tests.model_fixture import shared_model
from tests.served import serve, until

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="needs chromium and chromedriver (apt-get install chromium chromium-driver)"
)
PASTED = [f"{i}, I {'love' if i % 3 else 'hate'}" for i in range(500)]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Path:
    (path := tmp_path_factory.mktemp("page") / "to_label.csv").write_text(
        "row,text,chance,label\n2,first,1,\n5,<b>second</b>,1,positive\n9,third,1,\n"
    )
    return path


@pytest.fixture(scope="module")
def served(tiny_folder, drawn):
    with serve("--model", str(tiny_folder), "--model", f"other={tiny_folder}", "--labels", str(drawn)) as running:
        yield running


@pytest.fixture(scope="module")
def downloads(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def browser(downloads):
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    os.environ["SE_OFFLINE"] = "true"
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


class Page:
    """The page as a reader uses it."""

    def __init__(self, browser, port: int, path: str = "") -> None:
        self.browser, self.address = browser, f"http://127.0.0.1:{port}/"
        browser.get_log("browser"), browser.get_log("performance")  # of what was before
        browser.get(self.address + path)

    def wait(self, script: str, *arguments):
        """What ``script`` returns, once that is true."""
        try:
            return until(lambda: self.browser.execute_script(script, *arguments))
        except AssertionError:
            raise AssertionError(script, self.browser.execute_script("return document.body.innerText")) from None

    def see(self, selector: str, text: str) -> None:
        self.wait("return document.querySelector(arguments[0])?.innerText.includes(arguments[1])", selector, text)

    def find(self, name: str):
        return self.browser.find_element("id", name)

    def paste(self, text: str) -> None:
        script = (
            "const t = arguments[0]; t.focus(); t.select(); document.execCommand('insertText', false, arguments[1])"
        )
        self.browser.execute_script(script, self.find("text"), text)

    def drop(self, name: str, content: bytes) -> None:
        self.browser.execute_script(
            """const bytes = Uint8Array.from(atob(arguments[1]), (character) => character.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], arguments[0]));
            for (const kind of ["dragover", "drop"])
              document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }));""",
            name,
            base64.b64encode(content).decode(),
        )

    def button(self, text: str):
        """The one of this text that shows in the panel of the file."""
        buttons = self.browser.find_elements("css selector", "#scoring button")
        (found,) = [each for each in buttons if each.is_displayed() and each.text == text]
        return found

    def save(self, path: Path) -> list[list[str]]:
        """Rows of the scored file, which arrives at ``path``."""
        self.button("Save").click()
        return saved(path)

    def complaints(self) -> list[str]:
        return [entry["message"] for entry in self.browser.get_log("browser")]

    def hosts(self) -> set[str]:
        """Beginnings of all addresses that were asked for."""
        messages = [json.loads(entry["message"])["message"] for entry in self.browser.get_log("performance")]
        sent = [each["params"]["request"]["url"] for each in messages if each["method"] == "Network.requestWillBeSent"]
        return {url[: len(self.address)] for url in sent if not url.startswith(("data:", "blob:"))}


@pytest.fixture
def page(browser, served):
    this = Page(browser, served.port)
    this.wait("return document.querySelectorAll('#model option').length")
    yield this
    assert this.complaints() == []
    assert this.hosts() <= {this.address}


def test_typing_is_answered_with_what_became_of_each_word(page):
    page.find("text").send_keys("The qwx I do LOVE")
    page.see("#answers .label", "positive")
    tokens = page.browser.execute_script(
        "return [...document.querySelectorAll('.tokens li')].map((li) => [li.innerText.replace('\\n', ' '), li.className])"
    )
    assert [text.split()[0] for text, _ in tokens] == ["the", "qwx", "i", "do", "love"]
    assert tokens[0] == ["the dropped", "dropped"]
    assert "lost" in tokens[1][1]
    assert tokens[4][1] == "weighed last"
    assert tokens[4][0].startswith("love +")
    page.paste("qwx zzy")
    page.see("#answers .answer.unknown .label", "unknown")
    page.paste("hate")
    page.see("#answers .label", "negative")
    page.browser.execute_script(
        "const t = arguments[0]; t.value = 1; t.dispatchEvent(new Event('input'))", page.find("threshold")
    )
    page.see("#answers .answer.uncertain .label", "uncertain")


def test_examples_and_models_by_keyboard_alone(page):
    from selenium.webdriver.common.keys import Keys

    page.browser.switch_to.active_element.send_keys(Keys.TAB, Keys.TAB)
    page.browser.switch_to.active_element.send_keys(Keys.ENTER)  # the second example
    page.see("#answers", "stuck")
    page.find("second").send_keys("other")
    page.wait("return document.querySelectorAll('#answers .answer').length === 2")
    assert [each.text for each in page.browser.find_elements("css selector", ".answer .of")] == ["tiny", "other"]


def test_pasted_lines_become_a_table_to_sort_and_save(page, downloads):
    page.paste("\n".join(PASTED))
    page.see("#table .note", "500 tweets")
    first = "return document.querySelector('#table tbody tr').innerText"
    assert PASTED[0] in page.browser.execute_script(first)
    header = page.browser.find_elements("css selector", "#table th button")
    header[3].click()
    header[3].click()
    assert PASTED[0] not in page.browser.execute_script(first)  # of equal ones the last, falling
    page.browser.find_element("css selector", "#table .row button").click()
    rows = saved(downloads / "answers.csv")
    assert rows[0] == ["text", "label", "probability", "known", "cut", "p_negative", "p_positive"]
    assert sorted(row[0] for row in rows[1:]) == sorted(PASTED)
    assert all(row[1] == ("positive" if row[0].endswith("love") else "negative") for row in rows[1:])


def saved(path: Path) -> list[list[str]]:
    until(lambda: path.exists() and path.stat().st_size)  # the browser first makes an empty file of this name
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_a_dropped_file_comes_back_scored(page, downloads):
    texts = [f'{i} "so",\nI {"love" if i % 4 else "hate"}' for i in range(1000)]
    with contextlib.closing(io.StringIO()) as written:
        csv.writer(written).writerows([["id", "text"], *([i, text] for i, text in enumerate(texts))])
        content = written.getvalue()
    page.drop("mine.csv", content.encode())
    page.see("#scoring", "1,000 tweets scored.")
    assert "negative 25.0%" in page.find("scoring").text
    assert "positive 75.0%" in page.find("scoring").text
    rows = page.save(downloads / "mine_scored.csv")
    assert [row[1] for row in rows[1:]] == texts
    assert [row[2] for row in rows[1:]] == ["positive" if i % 4 else "negative" for i in range(1000)]


def test_a_last_row_without_line_end_counts(page, downloads):
    page.drop("open.csv", b"id,text\n1,hate\n2,love")
    page.see("#scoring", "2 tweets scored.")
    assert [row[:3] for row in page.save(downloads / "open_scored.csv")[1:]] == [
        ["1", "hate", "negative"],
        ["2", "love", "positive"],
    ]


X_ARCHIVE = b'window.YTD.tweets.part0 = [{"tweet": {"id_str": "1", "full_text": "love"}}]'


def packed(name: str, content: bytes) -> bytes:
    """Return the bytes of a zip of one file."""
    with contextlib.closing(io.BytesIO()) as written:
        with zipfile.ZipFile(written, "w") as archive:
            archive.writestr(name, content)
        return written.getvalue()


REFUSED = [
    ("ragged.csv", b"id,text\n1,I love it\n2,bad, very\n3,ok\n", "file.csv:3: expected 2 columns, received 3"),
    ("a.xlsx", b"PK\x03\x04text\nlove\n", "zip"),
    ("a.parquet", b"PAR1text\nlove\n", "not readable as parquet"),
    ("latin.csv", b"text\n" + b"I do love\n" * 1000 + b"caf\xe9 love\n", "or save the file in UTF-8"),
    ("empty.csv", b"", "file.csv"),
]


def test_a_file_that_cannot_be_read_is_refused_and_the_next_one_is_scored(page):
    for name, content, sentence in REFUSED:
        page.drop(name, content)
        page.see("#scoring .note.problem", sentence)
        assert "Save" not in page.find("scoring").text
        page.drop("good.csv", b"text\nlove\n")
        page.see("#scoring", "1 tweet scored.")
        assert not page.browser.find_elements("css selector", "#scoring .problem")
    assert all("422" in complaint for complaint in page.complaints())


def test_other_kinds_of_files(page, downloads):
    for name, content, saved_name in (
        ("marked.tsv", "\ufefftext\tn\nPK caf\xe9 love\t1\n".encode(), "marked_scored.tsv"),
        ("packed.csv.gz", gzip.compress(b"text\nlove\nlove\n", mtime=0), "packed_scored.csv"),
        ("lines.jsonl", b'{"text": "love"}\n', "lines_scored.jsonl"),
        ("list.json", b'[{"text": "love", "id": 1}]', "list_scored.jsonl"),
        ("tweets.js", X_ARCHIVE, "tweets_scored.jsonl"),
        ("archive.zip", packed("data/tweets.js", X_ARCHIVE), "archive_scored.jsonl"),
    ):
        page.drop(name, content)
        page.see("#scoring", "2 tweets scored." if name.endswith(".gz") else "1 tweet scored.")
        page.save(downloads / saved_name)
        assert b"positive" in (downloads / saved_name).read_bytes()


def test_the_column_is_guessed(page):
    for content, column, count in (
        (b"tweet,text\nI love it,hate\n", "text", "1 tweet"),
        (b"I love it\nI hate it\n", "0", "2 tweets"),
        (b"n;my tweets\n1;I love it\n", "my tweets", "1 tweet"),
        (b"4,1,I do love it so\n0,2,I hate it\n", "2", "2 tweets"),
    ):
        page.drop("guessed.csv", content)
        page.see("#scoring", f"{count} scored.")
        assert page.browser.execute_script("return document.querySelector('#scoring input').value") == column


def test_a_missing_cell_stays_missing(page, downloads, tmp_path, tiny_folder):
    content = b'id,text\n1,love\n2,\n3,""\n4, \n'
    page.drop("gaps.csv", content)
    page.see("#scoring", "3 tweets scored, 1 missing.")
    assert "missing 25.0%" in page.find("scoring").text
    rows = page.save(downloads / "gaps_scored.csv")
    assert rows[2] == ["2", "", "", "", "", "", "", ""]
    (tmp_path / "gaps.csv").write_bytes(content)
    files = ["--input", str(tmp_path / "gaps.csv"), "--output", str(tmp_path / "out.csv")]
    assert predict.main(["--model", str(tiny_folder), *files]) == 0
    assert rows == saved(tmp_path / "out.csv")


def test_another_column_while_it_scores(page):
    page.drop("long.csv", b"text,other\n" + b"I do love,I do hate\n" * 50_000)
    page.wait("return document.querySelector('#scoring input')")
    page.browser.execute_script(
        "const s = document.querySelector('#scoring input'); s.value = 'other'; s.dispatchEvent(new Event('change'))"
    )
    page.see("#scoring", "negative 100.0%")
    page.see("#scoring", "50,000 tweets scored.")


def test_scoring_can_be_stopped(page):
    page.drop("long.csv", b"text\n" + b"I do love\n" * 100_000)
    page.see("#scoring button", "Stop")
    page.button("Stop").click()
    page.see("#scoring", "Stopped.")


def test_a_tweet_that_is_too_long_is_marked(page):
    page.paste("love " * 20)
    page.see("#answers .note.problem", "it did not read the last")


def test_methods_of_the_interface_do_not_wrap(browser, served):
    browser.get(f"http://127.0.0.1:{served.port}/docs")
    script = "return [...document.querySelectorAll('.docs td:first-child code')].map((c) => c.getClientRects().length)"
    assert set(browser.execute_script(script)) == {1}


def test_the_lines_that_call_it_work(page):
    page.paste('it\'s "love" \\ love')
    page.wait("return document.getElementById('curl').textContent.includes('it')")
    page.browser.execute_script("document.getElementById('how').open = true")
    code = page.wait(
        "return document.getElementById('python').innerText.includes('love') && document.getElementById('python').innerText"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "'label': 'positive'" in printed
    if shutil.which("curl"):
        line = page.find("curl").get_attribute("innerText")
        answer = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True).stdout
        assert json.loads(answer)["answers"][0]["label"] == "positive"


def test_what_is_typed_is_never_taken_as_markup(page):
    page.paste("<img src=love onerror=alert(1)>")
    page.see("#answers .tokens", "alert")
    assert page.browser.execute_script("return document.querySelectorAll('#answers img').length") == 0


def read_labels(path: Path) -> list[str]:
    with path.open(newline="") as file:
        return [row["label"] for row in csv.DictReader(file)]


def test_tweets_are_labelled_by_keys_and_labels_are_taken_back(browser, served, drawn):
    page = Page(browser, served.port, "label")
    page.see("#count", "1 of 3 tweets labelled. This is tweet 1.")
    body = browser.find_element("tag name", "body")
    body.send_keys("1")
    page.see("#tweet", "third")  # the second has a label
    body.send_keys("\ue012")  # the left arrow
    page.see("#tweet", "<b>second</b>")
    page.see("#classes [aria-pressed=true]", "positive")
    body.send_keys("1")
    page.see("#tweet", "third")
    browser.find_element("xpath", "//button[contains(., 'positive')]").click()
    page.see("#tweet", "Every tweet has a label.")
    assert read_labels(drawn) == ["negative", "negative", "positive"]
    for text in ("third", "second", "first"):
        body.send_keys("u")
        page.see("#tweet", text)
    assert read_labels(drawn) == ["", "positive", ""]
    assert browser.get_log("browser") == []


def test_with_a_token_files_wait_reports_are_saved_and_a_dead_service_is_told(browser, tiny_folder, downloads):
    (tiny_folder / "report.html").write_text("<p>how good it is</p>")
    with serve("--model", str(tiny_folder), environment={"SENTIMENT_TOKEN": "open-sesame"}) as running:
        page = Page(browser, running.port)
        page.wait("return !document.getElementById('token-form').hidden")
        page.drop("early.csv", b"text\nlove\n")
        page.see("#alert", "early.csv is scored as soon as there is a token.")
        page.find("token").send_keys("open-sesame\n")
        page.see("#scoring", "1 tweet scored.")
        browser.find_element("link text", "report").click()
        assert saved(downloads / "tiny-report.html") == [["<p>how good it is</p>"]]
        assert browser.current_url == page.address
        (tiny_folder / "report.html").unlink()
        page.find("text").send_keys("love")
        page.see("#answers .label", "positive")
        running.stop()
        page.find("text").send_keys(" hate")
        page.see("#alert", "The service does not answer. Is it still running?")
        page.see("#answers .label", "positive")  # what was answered stays
    browser.get_log("browser")


def share_of(group: str, period: str, sure: bool = False) -> ShareRow:
    """Return a share of 30% negative; ``sure`` says whether it has an interval."""
    return ShareRow(
        group, period, "negative", BOTH if sure else MODEL, 9, 0, 0.3, *((0.2, 0.4) if sure else (None,) * 2)
    )


@pytest.fixture
def phone(browser):
    window = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", window)
    yield browser
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def open_shares(browser, folder: Path, rows: list[ShareRow], **given) -> None:
    """Open the page of shares with ``rows``."""
    sums = Sums(9, 9, np.array([3, 6]), np.array([2.7, 6.3]))
    cells = {Cell(row.group, row.period): sums for row in rows}
    parts = {"source": ["tweets.csv"], "examples": {}, "labelled": 0} | given
    answer = ShareAnswer(
        classes=["negative", "positive"],
        rows=rows,
        changes=[],
        cells=cells,
        words={},
        gaps=[],
        notes=[],
        made={},
        **parts,
    )
    answer.write(folder)
    browser.get((folder / "answer.html").as_uri())


def test_the_line_of_shares_is_dashed_where_a_share_has_no_interval(browser, tmp_path):
    periods = {"all": True, "2023-01": True, "2023-02": True, "2023-03": False, "2023-04": True}
    open_shares(browser, tmp_path, [share_of(ALL, period, sure) for period, sure in periods.items()])
    lines = "return [...document.querySelectorAll('#lines polyline')].map((l) => l.getAttribute('stroke-dasharray') + l.getAttribute('points').split(' ').length)"
    assert browser.execute_script(lines) == ["none2", "5 43"]


def test_words_of_the_figures_of_shares_are_as_large_on_a_phone_and_stay_inside(phone, tmp_path):
    groups = ["\N{FIRE}" * 300, "W" * 300, "Acme"]
    open_shares(phone, tmp_path, [share_of(*each) for each in ((ALL, ALL), (ALL, "2023"), *((g, ALL) for g in groups))])
    boxes = """return [...document.querySelectorAll('svg text')].map((t) => [t.textContent, t.getBoundingClientRect()])
        .map(([text, box]) => [text, box.height > 11 && box.left >= 0 && box.right <= 390])"""
    texts = dict(phone.execute_script(boxes))
    assert all(texts.values())
    assert "Acme" in texts
    assert any(text.strip("\N{FIRE}") == "\N{HORIZONTAL ELLIPSIS}" for text in texts)  # no letter is cut in two


def test_the_page_of_shares_says_only_what_is_true_of_few_labels_and_many_files(browser, tmp_path):
    open_shares(browser, tmp_path, [share_of(ALL, ALL)], labelled=12, source=[f"{i}.csv" for i in range(300)])
    assert "by the model alone" in browser.find_element("id", "lead").text
    assert browser.find_element("id", "title").text == "0.csv and 299 more"


def test_periods_of_a_group_are_listed_when_it_is_chosen(browser, tmp_path):
    cells = [(ALL, ALL), (ALL, "2023"), ("Acme", ALL), ("Acme", "2023"), ("Bolt", ALL), ("Bolt", "2023")]
    open_shares(browser, tmp_path, [share_of(*each) for each in cells])
    listed = "return [...document.querySelectorAll('#rows tr')].map((tr) => [...tr.cells].slice(0, 2).map((td) => td.innerText))"
    assert browser.execute_script(listed) == [[ALL, ALL], [ALL, "2023"], ["Acme", ALL], ["Bolt", ALL]]
    browser.find_element("id", "group").send_keys("Bolt")
    assert browser.execute_script(listed) == [["Bolt", ALL], ["Bolt", "2023"]]


def test_of_many_groups_the_largest_are_listed(browser, tmp_path):
    open_shares(browser, tmp_path, [share_of(ALL, ALL), *(share_of(f"brand {i}", ALL) for i in range(300))])
    counts = "return [document.querySelectorAll('#dots circle').length, document.querySelectorAll('#rows tr').length]"
    assert browser.execute_script(counts) == [200, 201]
    assert "the 200 largest groups" in browser.find_element("id", "groups").text
    assert len(browser.find_elements("css selector", "#group option")) == 301


def test_text_from_right_to_left_does_not_turn_the_figures_around(browser, tmp_path):
    name = "\u05e9\u05dc\u05d5\u05dd"
    examples = {("negative", ALL): [Example(0.9, 1, name)]}
    open_shares(browser, tmp_path, [share_of(ALL, ALL), share_of(name, ALL)], examples=examples)
    for selector in ("#quotes blockquote", "#dots title"):
        text = browser.execute_script("return document.querySelector(arguments[0]).textContent", selector)
        assert text.startswith(f"\u2068{name}\u2069")


def test_a_group_with_a_long_name_does_not_widen_the_page_of_shares(browser, tmp_path):
    long = "x" * 300
    open_shares(browser, tmp_path, [share_of(ALL, ALL), share_of(long, ALL)])
    browser.execute_script(
        "const s = document.getElementById('group'); s.value = arguments[0]; s.dispatchEvent(new Event('change'))", long
    )
    assert long in browser.find_element("id", "lead").text
    assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")


def test_the_try_page_answers_and_explains_from_a_file(browser):
    folder = shared_model().folder
    browser.get((folder / "try.html").as_uri())
    expected = sentiment.load(folder).explain(browser.find_element("tag name", "textarea").get_attribute("value"))
    until(lambda: browser.find_element("id", "label").text == expected.label)
    shown = [each.text for each in browser.find_elements("css selector", "small")]
    contributions = [float(text.replace("−", "-")) for text in shown if re.fullmatch(r"[+−]\d+\.\d\d", text)]
    of_words = [view.contribution for view in expected.tokens if view.contribution is not None]
    assert contributions == pytest.approx(of_words, abs=0.006)
