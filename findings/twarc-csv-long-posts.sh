#!/bin/sh
# twarc-csv 0.7.2: one long post drops a whole batch of posts, and the command still ends with status 0.
#
# Posts of more than 280 characters have a field `note_tweet` in pages of X's API v2. twarc-csv has no column for it and
# skips the batch with this post, including short posts. A batch is 100 lines, and a line is a page of up to 100 posts.
# A message on standard error says so, but the exit status is 0, so scripts go on with the remaining rows (here none).
# With pandas 3, which twarc-csv's requirements allow, no file can be converted: `DataFrame.applymap` was removed.
#
# Output seen on 2026-11-29:
#   pandas 2.3.3, a page of short posts:                      status 0, rows ['3']
#   pandas 2.3.3, the same with a page that has a long post:  status 0, rows []
#   pandas 3.1.1, a page of short posts:                      status 1, AttributeError
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip="$folder/venv/bin/pip"
"$pip" install -q --disable-pip-version-check twarc==2.14.0 twarc-csv==0.7.2 pandas==2.3.3 numpy==2.4.6
cd "$folder"
cat > pages.py <<'PYTHON'
import json

COUNTS = dict.fromkeys(("retweet_count", "reply_count", "like_count", "quote_count"), 0)
AUTHOR = {"id": "9", "username": "u", "name": "U", "created_at": "2020-01-01T00:00:00.000Z"}


def post(number: str, **further: object) -> dict:
    common = {"author_id": "9", "edit_history_tweet_ids": [number], "created_at": "2024-01-01T00:00:00.000Z"}
    return {"id": number, "text": "a text", "public_metrics": COUNTS, **common, **further}


def page(*posts: dict) -> str:
    return json.dumps({"data": posts, "includes": {"users": [AUTHOR]}, "meta": {"result_count": len(posts)}}) + "\n"


short = page(post("3"))
open("short.jsonl", "w").write(short)
open("long.jsonl", "w").write(page(post("1"), post("2", note_tweet={"text": "a text, and the rest of it"})) + short)
PYTHON
"$folder/venv/bin/python" pages.py
convert() { # prints the status, and the ids of the rows or the error
  status=0
  "$folder/venv/bin/twarc2" --bearer-token none csv --hide-progress "$1" rows.csv 2> errors > /dev/null || status=$?
  if [ "$status" = 0 ]; then
    rows=$("$folder/venv/bin/python" -c 'import csv; print([row["id"] for row in csv.DictReader(open("rows.csv"))])')
    echo "status 0, rows $rows"
  else
    echo "status $status, $(grep -o '^AttributeError' errors)"
  fi
  rm -f rows.csv
}
expect() {
  echo "$1: $2"
  [ "$2" = "$3" ] || { echo "expected $3"; exit 1; }
}
expect "pandas 2.3.3, short posts" "$(convert short.jsonl)" "status 0, rows ['3']"
expect "pandas 2.3.3, with a long post" "$(convert long.jsonl)" "status 0, rows []"
"$pip" install -q --disable-pip-version-check pandas==3.1.1
expect "pandas 3.1.1, short posts" "$(convert short.jsonl)" "status 1, AttributeError"
