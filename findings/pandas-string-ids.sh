#!/bin/sh
# pandas 3.1.1: read_json rounds ids that are strings in the file, if one is missing. 595 of 600 replies get a wrong id.
#
# A tweet's id has 19 digits, more than a float can hold, so Twitter also gives it as a string ("id_str"). read_json
# converts columns of digits to numbers by default. Since pandas 3.0 a full column becomes exact integers (issue 44684).
# But the id of the tweet that is answered, quoted or retweeted is null or left out in most tweets. One such tweet is
# enough to make the column floats, and the ids are rounded to multiples of 256, without a warning. So replies no longer
# match the tweets that they answer. With chunksize, the column is exact in one chunk and rounded in another.
# The documentation says only that data types are inferred. precise_float=True does not help. dtype=False, dtype_backend
# and engine="pyarrow" keep the strings.
#
# Output seen on 2026-11-29, for 1,000 self-made tweets, of which 600 answer one of the 400 others:
#   replies only: 0 of 600 ids wrong (int64)
#   all tweets, ids null: 595 of 600 wrong (float64)        all tweets, ids left out: 595 of 600 wrong (float64)
#   replies that find the tweet that they answer: 5 of 600
#   in chunks of 300: 200 of 600 wrong (float64, float64, int64, int64)
#   precise_float=True: 595 of 600 wrong (float64)          dtype=False: 0 of 600 wrong (str)
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check pandas==3.1.1 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import json
import random
from pathlib import Path

import pandas

random.seed(0)
FIRST, PER_MILLISECOND, DAY = 1_600_000_000_000_000_000, 2**22, 86_400_000  # ids contain the time in milliseconds
ANSWERED = "in_reply_to_status_id_str"


def tweet(answered: str | None) -> dict[str, str | None]:
    drawn = FIRST + random.randrange(DAY) * PER_MILLISECOND + random.randrange(4096)
    return {"id_str": str(drawn), ANSWERED: answered, "text": "a tweet"}


others = [tweet(None) for _ in range(400)]
replies = [tweet(random.choice(others)["id_str"]) for _ in range(600)]
for name, rows in (
    ("null", others + replies),
    ("replies", replies),
    ("left-out", [{key: value for key, value in row.items() if value} for row in others + replies]),
):
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def wrong(name: str, seen: int, types: str, file: str, **options) -> pandas.DataFrame:
    """Read a file, and compare the ids of the answered tweets with those that were written."""
    read = pandas.read_json(file, lines=True, **options)
    parts = list(read) if "chunksize" in options else [read]
    ids = [id_ for part in parts for id_ in part[ANSWERED].dropna()]
    count = sum(int(id_) != int(row[ANSWERED]) for id_, row in zip(ids, replies, strict=True))
    received = ", ".join(str(part[ANSWERED].dtype) for part in parts)
    print(f"{name}: {count} of {len(ids)} wrong ({received})")
    assert (count, received) == (seen, types), f"expected {seen}, {types}"
    return parts[0]


wrong("replies only", 0, "int64", "replies")
tweets = wrong("all tweets, ids null", 595, "float64", "null")
wrong("all tweets, ids left out", 595, "float64", "left-out")
found = int(tweets[ANSWERED].dropna().astype("int64").isin(tweets.id_str).sum())
print(f"replies that find the tweet that they answer: {found} of 600")
assert found == 5
wrong("in chunks of 300", 200, "float64, float64, int64, int64", "null", chunksize=300)
wrong("precise_float=True", 595, "float64", "null", precise_float=True)
wrong("dtype=False", 0, "str", "null", dtype=False)
PYTHON
