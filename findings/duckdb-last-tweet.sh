#!/bin/sh
# DuckDB 2.0.1: if the last tweet of a file has a ";", read_csv returns no rows, without an error or a warning.
#
# read_csv finds out the delimiter of a file by itself. In a file with one column, commas are only within quotes, and
# ";", "|" and tabs need none. If one of these is in the last row and in no earlier one, DuckDB takes it for the
# delimiter. It skips all rows above as lines before the header, and takes the last tweet for the header. Two such rows
# at the end give a table of one row. Issue 25827 reports the cause. It matters for tweets: Twitter's API writes "&" as
# "&amp;", and ";)" is a common smiley. Lists of tweets to score often have one column. Of small files, for example one
# per user or hour, some are then lost as a whole. header=true, strict_mode=false and all_varchar=true make no
# difference. delim=',' and skip=0 help, as do two columns or quotes around every tweet. It happens in files of fewer
# than 2,048 rows. pandas reads the same files as they are.
# The documentation tells how to set a delimiter that was guessed wrong, but an empty table does not look like that.
#
# Output seen on 2026-11-29 (rows read, and the names of the columns):
#   3 tweets without ";": 3 ['text']      "Thanks ;)" at the end: 0 ['Thanks', ')']      before the end: 3 ['text']
#   "R&amp;B" at the end: 0 ['R&amp', 'B']                   two tweets with ";)" at the end: 1 ['See you', ')']
#   1,000 tweets, "Thanks ;)" at the end: 0      with header=true: 0     with delim=',': 1000     quoted: 1000
#   400 files of 10 tweets, of which 10% have ";)" or "&amp;": 19 read as empty, 1 as one row, 380 right
#   the same with pandas 3.1.1: 400 right
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check duckdb==2.0.1 pandas==3.1.1 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import csv
import random

import duckdb
import pandas as pd

WORDS = "good bad phone love hate day today flight the a so very really not never again".split()
random.seed(3)


def write(tweets: list[str], quoting: int = csv.QUOTE_MINIMAL) -> None:
    with open("tweets.csv", "w", newline="") as file:
        csv.writer(file, quoting=quoting).writerows([["text"], *([tweet] for tweet in tweets)])


def read(options: str = "") -> tuple[list[str], list[str]]:
    """Return the first column, and the names of the columns."""
    table = duckdb.sql(f"FROM read_csv('tweets.csv'{options})")
    return [row[0] for row in table.fetchall()], table.columns


def check(name: str, tweets: list[str], rows: int, columns: list[str], options: str = "", **quoting: int) -> None:
    write(tweets, **quoting)
    texts, names = read(options)
    print(f"{name}: {len(texts)} {names}")
    assert (len(texts), names) == (rows, columns), f"expected {rows} {columns}"


def tweet() -> str:
    text, kind = " ".join(random.choices(WORDS, k=random.randint(4, 12))), random.random()
    if kind < 0.05:
        return f"{text} ;)"
    if kind < 0.1:
        return f"{text} &amp; {random.choice(WORDS)}"
    return f"{text}, {random.choice(WORDS)}" if kind < 0.25 else text


check('without ";"', ["I love it", "I hate it", "Thanks"], 3, ["text"])
check('";)" at the end', ["I love it", "I hate it", "Thanks ;)"], 0, ["Thanks", ")"])
check('";)" before the end', ["I love it", "Thanks ;)", "I hate it"], 3, ["text"])
check('"&amp;" at the end', ["I love it", "I hate it", "R&amp;B"], 0, ["R&amp", "B"])
check("two at the end", ["I love it", "I hate it", "See you ;)", "Thanks ;)"], 1, ["See you", ")"])
many = [" ".join(random.choices(WORDS, k=8)) for _ in range(999)] + ["Thanks ;)"]
check("1,000 tweets", many, 0, ["Thanks", ")"])
check("header=true", many, 0, ["Thanks", ")"], ", header=true")
check("delim=','", many, 1000, ["text"], ", delim=','")
check("quoted", many, 1000, ["text"], quoting=csv.QUOTE_ALL)

empty, one, right, right_by_pandas = 0, 0, 0, 0
for _ in range(400):
    tweets = [tweet() for _ in range(10)]
    write(tweets)
    texts, _ = read()
    empty, one, right = empty + (len(texts) == 0), one + (len(texts) == 1), right + (texts == tweets)
    right_by_pandas += list(pd.read_csv("tweets.csv")["text"]) == tweets
print(f"400 files: {empty} read as empty, {one} as one row, {right} right; with pandas {right_by_pandas} right")
assert empty + one + right == 400 and empty > 10 and right_by_pandas == 400, "the files are read otherwise"
PYTHON
