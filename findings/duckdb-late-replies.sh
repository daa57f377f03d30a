#!/bin/sh
# DuckDB 2.0.1: a field that is null in the first 20,480 tweets is null in all others, and scores become 0 or 1.
#
# read_json derives the types of columns from the first 20,480 objects of a file, as its documentation says. What
# happens to later values that do not fit depends on the column. Text in a column of numbers ends in an error that
# advises a larger sample_size. But a column with nulls only gets the type "NULL", and every later value is read as
# null, without an error or a warning. In tweets of Twitter's API 1.1 the id of the tweet that is answered is null
# unless there is one, and so are place and coordinates. A file that starts with tweets of a query without replies then
# has no replies at all, and CREATE TABLE stores the nulls. Version 1.5.1 makes such a column JSON, and keeps the
# values. A search found no issue about it. Issue 25826 tells of fields that are left out of the first objects, rather
# than null: these raise an error in 2.0.1.
# If the first scores are 0 and 1, for example labels of annotators, later ones like 0.7 are rounded to whole numbers.
# Issue 25786 reports this for read_json, and issue 25824 for read_csv. sample_size=-1 helps in all cases.
#
# Output seen on 2026-11-30 (30,000 tweets, of which the last 5,000 are replies; scores 0, 1, and then 0.4 and 0.7):
#   read_json: 0 of 5000 replies, column "NULL", mean of the last 5,000 scores 0.500 instead of 0.550
#   CREATE TABLE: 0 of 5000 replies          read_csv: 5000 of 5000 replies, mean 0.500
#   sample_size=-1: 5000 of 5000 replies, column VARCHAR, mean 0.550
#   first reply at place 20479: 9521 of 9521 replies          at place 20480: 0 of 9520
#   field left out instead of null: InvalidInputException
#   DuckDB 1.5.1: 5000 of 5000 replies, column JSON, mean 0.500
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for version in 2.0.1 1.5.1; do
  python3 -m venv "$folder/$version"
  "$folder/$version/bin/pip" install -q --no-compile --disable-pip-version-check "duckdb==$version"
done
cd "$folder"
cat > read.py <<'PYTHON'
import csv
import json

import duckdb

TWEETS, REPLIES = 30_000, 5_000
NEW = duckdb.__version__ == "2.0.1"


def write(first: int, left_out: bool = False) -> None:
    """Write tweets of which those from the place `first` on are replies, and have scores that are not whole."""
    with open("tweets.jsonl", "w") as lines, open("tweets.csv", "w", newline="") as table:
        rows = csv.writer(table)
        rows.writerow(["place", "reply", "score"])
        for place in range(TWEETS):
            reply = f"{1_700_000_000_000_000_000 + place}" if place >= first else None
            score = (0.4, 0.7)[place % 2] if reply else place % 2
            rows.writerow([place, reply, score])
            tweet = {"place": place, "reply": reply, "score": score}
            if left_out and not reply:
                del tweet["reply"]
            lines.write(json.dumps(tweet) + "\n")


def read(source: str, last: int = REPLIES) -> tuple[int, str, float]:
    """Return the number of replies, the type of their column, and the mean of the last scores."""
    query = f"SELECT count(reply), mean(score) FILTER (place >= {TWEETS - last}) FROM {source}"
    replies, mean = duckdb.sql(query).fetchall()[0]
    return replies, str(duckdb.sql(f"SELECT reply FROM {source}").types[0]).strip('"'), round(mean, 3)


def check(name: str, seen: object, expected: object) -> None:
    print(f"{name}:", seen)
    assert seen == expected, f"expected {expected}"


write(TWEETS - REPLIES)
if not NEW:
    check("DuckDB 1.5.1", read("read_json('tweets.jsonl')"), (5000, "JSON", 0.5))
    raise SystemExit
check("read_json", read("read_json('tweets.jsonl')"), (0, "NULL", 0.5))
check("sample_size=-1", read("read_json('tweets.jsonl', sample_size=-1)"), (5000, "VARCHAR", 0.55))
duckdb.sql("CREATE TABLE tweets AS FROM 'tweets.jsonl'")
check("CREATE TABLE", read("tweets")[0], 0)
check("read_csv", read("read_csv('tweets.csv')")[::2], (5000, 0.5))
check("read_csv, sample_size=-1", read("read_csv('tweets.csv', sample_size=-1)")[::2], (5000, 0.55))
for first, replies in [(20_479, 9521), (20_480, 0)]:
    write(first)
    check(f"first reply at place {first}", read("read_json('tweets.jsonl')")[0], replies)
write(TWEETS - REPLIES, left_out=True)
try:
    error = str(len(duckdb.sql("FROM read_json('tweets.jsonl')").fetchall()))
except duckdb.InvalidInputException as raised:
    error = type(raised).__name__
check("field left out instead of null", error, "InvalidInputException")
PYTHON
"$folder/2.0.1/bin/python" -W ignore read.py
"$folder/1.5.1/bin/python" -W ignore read.py
