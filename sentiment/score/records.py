"""What an output folder says of itself: which run it belongs to, and which parts of it are done."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pyarrow import fs

from sentiment.common.parallel import ordered_map
from sentiment.common.stores import Store, etag_of
from sentiment.errors import ArtefactError, InputError
from sentiment.score.parts import Part

FORMAT = 1
RUN, SUMMARY, ERRORS, SUCCESS = "_run.json", "summary.json", "errors.jsonl", "_SUCCESS"
RECORDS, STAGING = "_records", "_staging"


@dataclass(frozen=True, slots=True)
class RowError:
    """A row that could not be scored: ``row`` counts from 1 in its part, good rows included."""

    row: int
    reason: str


@dataclass(frozen=True, slots=True)
class Record:
    """A part that is done.

    Attributes:
        output: name of its answers.
        input: :meth:`Part.identity`.
        model: checksum of the model.
        rows: scored.
        labels: how many of each.
        size, sha256: of the answers.
        errors: rows that are missing from the answers.
        etag: of an input in an object store that had changed just before, empty for others. Times there are whole
            seconds: another change within the same one shows here alone.
    """

    output: str
    input: list[str | int]
    model: str
    rows: int
    labels: dict[str, int]
    size: int
    sha256: str
    errors: list[RowError] = field(default_factory=list)
    etag: str = ""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Record":
        """What ``asdict`` made.

        Raises:
            TypeError: it is something else.
        """
        return cls(**{**data, "errors": [RowError(**error) for error in data["errors"]]})


@dataclass(frozen=True, slots=True)
class Failure:
    """A part that could not be scored, and why."""

    output: str
    file: str
    reason: str


def begin(store: Store, run: Mapping[str, Any], force: bool) -> None:
    """Take the output folder for a run of this description, or go on with one.

    Raises:
        InputError: the folder holds other files, or answers of another model, of other inputs or options.
        ArtefactError: its description is damaged.
    """
    found = _read_run(store)
    if force:
        _clear(store)
    elif found is None:
        if any(_is_foreign(store, info.path) for info in store.files()):
            raise InputError(f"--output {store.root}: holds other files; give a new folder, or --force to write there")
    elif different := [key for key in run if found.get(key) != run[key]]:
        raise InputError(
            f"--output {store.root}: holds answers of {_differences(found, run, different)}; "
            "give another folder, or --force to begin anew"
        )
    store.remove(SUCCESS)
    store.write(RUN, _json(run))


def _differences(found: Mapping[str, Any], run: Mapping[str, Any], keys: Sequence[str]) -> str:
    return ", ".join(f"another {key} ({str(found.get(key))[:60]}, not {str(run[key])[:60]})" for key in keys)


def _is_foreign(store: Store, path: str) -> bool:
    return not path.removeprefix(store.root).lstrip("/").startswith((STAGING, RECORDS))


def _read_run(store: Store) -> dict[str, Any] | None:
    content = store.read(RUN)
    if content is None:
        return None
    try:
        run = json.loads(content)
        if run["format"] != FORMAT:
            raise ArtefactError(f"{store.path(RUN)}: of another version of this program; give another folder")
    except (ValueError, KeyError, TypeError) as error:
        raise ArtefactError(f"{store.path(RUN)}: damaged ({error}); give another folder, or --force") from error
    return dict(run)


def _clear(store: Store) -> None:
    """Remove what an earlier run has written here, and nothing else."""
    for record in read_records(store):
        store.remove(record.output)
    for name in [*_record_files(store), RUN, SUMMARY, ERRORS, SUCCESS]:
        store.remove(name)


def read_records(store: Store) -> list[Record]:
    """All records of the folder."""
    return [record for records in _read_all(store).values() for record in records]


def _read_all(store: Store) -> dict[str, list[Record]]:
    """Records by file; a damaged one counts as none, so that its parts are done again."""
    names = _record_files(store)
    return dict(zip(names, ordered_map(lambda name: _parse(store.read(name) or b""), names), strict=True))


def _parse(content: bytes) -> list[Record]:
    try:
        return [Record.from_json(each) for each in json.loads(content)]
    except (ValueError, KeyError, TypeError):
        return []


def _record_files(store: Store) -> list[str]:
    below = Store(store.system, store.path(RECORDS))
    return sorted(info.path.removeprefix(store.root).lstrip("/") for info in below.files())


def write_records(store: Store, records: Sequence[Record]) -> None:
    """One file for all parts of a task."""
    if records:
        name = hashlib.sha256("\n".join(record.output for record in records).encode()).hexdigest()[:24]
        store.write(f"{RECORDS}/{name}.json", _json([asdict(record) for record in records]))


def settle(store: Store, parts: Iterable[Part], model: str, inputs: fs.FileSystem) -> dict[str, Record]:
    """Records of the parts that are done, by output. All others are removed, and with them the answers they tell of.

    A record counts where input (which ``inputs`` reads) and model are what they were, and its answers lie there in
    their full size. One that does not count must go before anything is written: it could come true again, of answers
    that it does not describe.
    """
    wanted = {part.output: part.identity() for part in parts}
    sizes = {info.path: info.size for info in store.files()}
    found = _read_all(store)
    etags = _etags([record for records in found.values() for record in records if record.etag], inputs)
    done: dict[str, Record] = {}
    for name, records in found.items():
        good = [
            each
            for each in records
            if _holds(each, wanted, sizes, store, model)
            and each.etag in ("", etags.get(str(each.input[0])))
            and each.output not in done
        ]
        done |= {record.output: record for record in good}
        if len(good) < len(records) or not records:
            store.remove(name)
            write_records(store, good)
        for record in records:
            if record.output not in wanted:
                store.remove(record.output)
    return done


def _etags(records: Iterable[Record], inputs: fs.FileSystem) -> dict[str, str]:
    """Of their inputs, by path; empty for those that cannot be read any more."""

    def etag(path: str) -> str:
        try:
            return etag_of(inputs, path)
        except OSError:
            return ""

    paths = list(dict.fromkeys(str(record.input[0]) for record in records))
    return dict(zip(paths, ordered_map(etag, paths), strict=True))


def _holds(record: Record, wanted: Mapping[str, list], sizes: Mapping[str, int], store: Store, model: str) -> bool:
    if record.model != model or record.input != wanted.get(record.output):
        return False
    return sizes.get(store.path(record.output)) == record.size


def write_errors(store: Store, lines: Iterable[Mapping[str, Any]]) -> None:
    """``errors.jsonl``; no file where there is none."""
    content = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    if content:
        store.write(ERRORS, content.encode())
    else:
        store.remove(ERRORS)


def write_summary(store: Store, summary: Mapping[str, Any]) -> None:
    """``summary.json``."""
    store.write(SUMMARY, _json(summary))


def _json(data: object) -> bytes:
    return (json.dumps(data, indent=1, ensure_ascii=False) + "\n").encode()
