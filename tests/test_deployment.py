"""What runs the service elsewhere: names files and options that there are."""

import json
import re
import shlex

from sentiment.serve.__main__ import make_parser
from tests.test_structure import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = (ROOT / "compose.yaml").read_text(encoding="utf-8")
SERVING = (ROOT / "docs/serving.md").read_text(encoding="utf-8")


def arguments(*listed: str) -> list[str]:
    return [word for each in listed for word in json.loads(each)]


def test_the_image_is_made_of_files_that_there_are() -> None:
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.M)
    names = [name for line in copied for name in line.split()]
    assert {"pyproject.toml", "sentiment", "constraints.txt"} <= set(names)
    assert [name for name in names if not (ROOT / name).exists()] == []
    kept = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.M)
    assert set(names) == set(kept)
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.M)
    assert all(re.fullmatch(r"\w+:\d+\.\d+\.\d+\S*", base) for base in bases)


def test_every_start_names_options_that_there_are() -> None:
    entry = re.search(r"^ENTRYPOINT (\[.*\])$", DOCKERFILE, re.M).group(1)  # type: ignore[union-attr]
    default = re.search(r"^CMD (\[.*\])$", DOCKERFILE, re.M).group(1)  # type: ignore[union-attr]
    composed = re.search(r"^    command: (\[.*\])$", COMPOSE, re.M).group(1)  # type: ignore[union-attr]
    unit = shlex.split(re.search(r"^ExecStart=(.*)$", SERVING, re.M).group(1))  # type: ignore[union-attr]
    for command in (arguments(entry, default), arguments(entry, composed), unit):
        assert command[0].endswith("sentiment")
        assert command[1] == "serve"
        assert make_parser("sentiment serve").parse_args(command[2:]).model


def test_the_documented_limits_are_the_defaults() -> None:
    limits = vars(make_parser("sentiment serve").parse_args([]))
    told = {
        "body_bytes": 4 << 20, "file_bytes": 4 << 30, "header_bytes": 32 << 10, "texts": 10_000, "characters": 20_000,
        "explained": 100, "receive_seconds": 10, "bytes_per_second": 16 << 10, "pending_texts": 20_000, "connections": 900,
        "pending_bytes": 64 << 20, "files": 4,
    }  # fmt: skip
    assert {name: limits[name] for name in told} == told
    for words in ("4 MiB", "4 GiB", "32 KiB", "10,000", "20,000", "10 s, plus 1 s per 16 KiB", "64 MiB", "| 900 |"):
        assert words in SERVING
