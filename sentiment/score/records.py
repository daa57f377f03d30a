"""The files in the output folder of `sentiment score` that describe the run and record what has been scored."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pyarrow import fs

from sentiment.common.parallel import ordered_map
from sentiment.common.stores import FileStore, etag_of
from sentiment.errors import ArtefactError, InputError
from sentiment.score.parts import Part

FORMAT = 2
RUN, SUMMARY, ERRORS, SUCCESS = "_run.json", "summary.json", "errors.jsonl", "_SUCCESS"
RECORDS, STAGING = "_records", "_staging"


@dataclass(frozen=True, slots=True)
class Record:
    """The record of a part (a file, or some rows of one) that has been scored.

    Attributes:
        output: path of the answers, relative to the output folder.
        input: path, size, time of change and rows of the input, from :meth:`Part.identity`.
        model: checksum of the model.
        rows: number of scored rows.
        labels: number of rows per label.
        size, sha256: size in bytes and checksum of the answers.
        errors: the rows that are missing from the answers. Each has its number ``row``, counted from 1 without the
            header, and the ``reason`` why it could not be scored.
        etag: version tag (HTTP ETag) of an input that changed less than a minute before scoring; empty for others.
            Such an input may change again within the same second, which the tag shows and the time does not.
    """

    output: str
    input: list[str | int]
    model: str
    rows: int
    labels: dict[str, int]
    size: int
    sha256: str
    errors: list[dict[str, Any]] = field(default_factory=list)
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """A part (a file, or some rows of one) that could not be scored, with its input ``file`` and the ``reason``."""

    output: str
    file: str
    reason: str


def begin(store: FileStore, run: Mapping[str, Any], force: bool) -> None:
    """Begin a run in the output folder, or resume the run there if its description in ``_run.json`` equals ``run``.

    With ``force``, the folder may contain anything, and the files of an earlier run are removed.

    Raises:
        InputError: the folder contains other files, or answers for another model, other inputs or other options.
        ArtefactError: ``_run.json`` is damaged.
    """
    found = _read_run(store, force)
    if force:
        _clear(store)
    elif found is None:
        ours = (store.path(STAGING), store.path(RECORDS))
        if any(not info.path.startswith(ours) for info in store.files()):
            raise InputError(f"--output {store.root}: holds other files; give a new folder, or --force to write there")
    elif different := [key for key in run if found.get(key) != run[key]]:
        answers = ", ".join(
            f"{'other' if key == 'inputs' else 'another'} {key} ({str(found.get(key))[:60]}, not {str(run[key])[:60]})"
            for key in different
        )
        raise InputError(
            f"--output {store.root}: holds answers of {answers}; give another folder, or --force to begin anew"
        )
    store.remove(SUCCESS)
    store.write(RUN, _json(run))


def _read_run(store: FileStore, force: bool) -> dict[str, Any] | None:
    content = store.read(RUN)
    if content is None:
        return None
    try:
        run = json.loads(content)
        if run["format"] != FORMAT:
            raise ArtefactError(f"{store.path(RUN)}: of another version of this program; give another folder")
    except (ValueError, KeyError, TypeError) as error:
        if force:
            return None
        raise ArtefactError(f"{store.path(RUN)}: damaged ({error}); give another folder, or --force") from error
    return dict(run)


def _clear(store: FileStore) -> None:
    """Remove the files of an earlier run, and no other files."""
    for name, records in _read_all(store).items():
        for record in records:
            store.remove(record.output)
        store.remove(name)
    for name in (RUN, SUMMARY, ERRORS, SUCCESS):
        store.remove(name)


def read_records(store: FileStore) -> list[Record]:
    """Return a record for each scored part (a file, or some rows of one), sorted by input path and first row."""
    records = [record for several in _read_all(store).values() for record in several]
    return sorted(records, key=lambda record: (str(record.input[0]), int(record.input[3])))


def _read_all(store: FileStore) -> dict[str, list[Record]]:
    """Return the records by the name of the file that contains them. What a damaged file recorded is scored again."""
    below = FileStore(store.system, store.path(RECORDS))
    names = sorted(info.path.removeprefix(store.root).lstrip("/") for info in below.files())

    def read(name: str) -> list[Record]:
        try:
            return [Record(**each) for each in json.loads(store.read(name) or b"")]
        except (ValueError, TypeError):
            return []

    return dict(zip(names, ordered_map(read, names), strict=True))


def write_records(store: FileStore, records: Sequence[Record]) -> None:
    """Write the records of what one task has scored into one file."""
    if records:
        name = hashlib.sha256("\n".join(record.output for record in records).encode()).hexdigest()[:24]
        store.write(f"{RECORDS}/{name}.json", _json([asdict(record) for record in records]))


def keep_valid(store: FileStore, parts: Iterable[Part], model: str, inputs: fs.FileSystem) -> dict[str, Record]:
    """Return the valid records of earlier attempts by the path of their answers, so that this work is not repeated.

    A record is valid if the input and the model (a checksum) are unchanged and the answers have the recorded size.
    Invalid records are removed before the scoring, because new answers of the recorded size would make them valid
    again. Answers that belong to none of ``parts`` are removed too.
    """
    wanted = {part.output: part.identity() for part in parts}
    sizes = {info.path: info.size for info in store.files()}
    found = _read_all(store)
    etags = _etags([record for records in found.values() for record in records if record.etag], inputs)

    def is_valid(record: Record) -> bool:
        return (
            record.model == model
            and record.input == wanted.get(record.output)
            and record.size == sizes.get(store.path(record.output))
            and record.etag in ("", etags.get(str(record.input[0])))
        )

    done: dict[str, Record] = {}
    for name, records in found.items():
        valid = [record for record in records if is_valid(record) and record.output not in done]
        done |= {record.output: record for record in valid}
        if len(valid) < len(records) or not records:
            store.remove(name)
            write_records(store, valid)
        for record in records:
            if record.output not in wanted:
                store.remove(record.output)
    return done


def _etags(records: Iterable[Record], inputs: fs.FileSystem) -> dict[str, str]:
    """Return the present HTTP ETag of each record's input, by path, or "" for an input that can no longer be read."""

    def etag(path: str) -> str:
        try:
            return etag_of(inputs, path)
        except OSError:
            return ""

    paths = list(dict.fromkeys(str(record.input[0]) for record in records))
    return dict(zip(paths, ordered_map(etag, paths), strict=True))


def write_report(store: FileStore, summary: Mapping[str, Any], errors: Sequence[Mapping[str, Any]]) -> None:
    """Write ``summary.json`` and ``errors.jsonl``. Without errors, an ``errors.jsonl`` of an earlier run is removed."""
    if errors:
        store.write(ERRORS, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in errors).encode())
    else:
        store.remove(ERRORS)
    store.write(SUMMARY, _json(summary))


def _json(data: object) -> bytes:
    return (json.dumps(data, indent=1, ensure_ascii=False) + "\n").encode()
