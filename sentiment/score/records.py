"""Files in the output folder that say which run it belongs to, and which parts are done."""

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
class RowError:
    """A row that could not be scored; ``row`` counts from 1, and a header does not count."""

    row: int
    reason: str


@dataclass(frozen=True, slots=True)
class Record:
    """A part that is done.

    Attributes:
        output: name of the answers.
        input: :meth:`Part.identity`.
        model: checksum of the model.
        rows: how many were scored.
        labels: how often each label was given.
        size, sha256: of the answers.
        errors: rows that are missing from the answers.
        etag: of an object that had just changed, empty for other inputs. The times of an object store are whole
            seconds, so only this tag shows a second change within one second.
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
        """Return the record that ``asdict`` has converted.

        Raises:
            TypeError, KeyError: ``data`` is not a record.
        """
        return cls(**{**data, "errors": [RowError(**error) for error in data["errors"]]})


@dataclass(frozen=True, slots=True)
class Failure:
    """A part that could not be scored, and why."""

    output: str
    file: str
    reason: str


def begin(store: FileStore, run: Mapping[str, Any], force: bool) -> None:
    """Take the output folder for a run with this description, or resume that run.

    Raises:
        InputError: the folder has other files, or answers of another model, of other inputs or options.
        ArtefactError: the description in the folder is damaged.
    """
    found = _read_run(store)
    if force:
        _clear(store)
    elif found is None:
        if any(_is_foreign(store, info.path) for info in store.files()):
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


def _is_foreign(store: FileStore, path: str) -> bool:
    return not path.removeprefix(store.root).lstrip("/").startswith((STAGING, RECORDS))


def _read_run(store: FileStore) -> dict[str, Any] | None:
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


def _clear(store: FileStore) -> None:
    """Remove the files that an earlier run has written here, and no others."""
    for name, records in _read_all(store).items():
        for record in records:
            store.remove(record.output)
        store.remove(name)
    for name in (RUN, SUMMARY, ERRORS, SUCCESS):
        store.remove(name)


def read_records(store: FileStore) -> list[Record]:
    """Return the records of all parts that are done, in the order of the inputs and of the rows in them."""
    records = [record for several in _read_all(store).values() for record in several]
    return sorted(records, key=lambda record: (str(record.input[0]), int(record.input[3])))


def _read_all(store: FileStore) -> dict[str, list[Record]]:
    """Return the records in each file; a damaged file counts as empty, so that its parts are scored again."""
    below = FileStore(store.system, store.path(RECORDS))
    names = sorted(info.path.removeprefix(store.root).lstrip("/") for info in below.files())
    return dict(zip(names, ordered_map(lambda name: _parse(store.read(name) or b""), names), strict=True))


def _parse(content: bytes) -> list[Record]:
    try:
        return [Record.from_json(each) for each in json.loads(content)]
    except (ValueError, KeyError, TypeError):
        return []


def write_records(store: FileStore, records: Sequence[Record]) -> None:
    """Write one file for all parts of a task."""
    if records:
        name = hashlib.sha256("\n".join(record.output for record in records).encode()).hexdigest()[:24]
        store.write(f"{RECORDS}/{name}.json", _json([asdict(record) for record in records]))


def keep_valid(store: FileStore, parts: Iterable[Part], model: str, inputs: fs.FileSystem) -> dict[str, Record]:
    """Return the records of the parts that are done, by output; remove all others, and the answers of other parts.

    A record is valid if input and model are unchanged and the answers have the recorded size. An invalid record is
    removed before anything is written. Otherwise it could become valid again for answers that it does not describe.

    Args:
        store: the output folder.
        parts: all parts of this run.
        model: checksum of the model.
        inputs: file system of the inputs.
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
    """Return the present tags of the records' inputs, by path; empty for an input that cannot be read any more."""

    def etag(path: str) -> str:
        try:
            return etag_of(inputs, path)
        except OSError:
            return ""

    paths = list(dict.fromkeys(str(record.input[0]) for record in records))
    return dict(zip(paths, ordered_map(etag, paths), strict=True))


def write_errors(store: FileStore, lines: Sequence[Mapping[str, Any]]) -> None:
    """Write ``errors.jsonl``, or remove it if there are no errors."""
    if lines:
        store.write(ERRORS, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode())
    else:
        store.remove(ERRORS)


def write_summary(store: FileStore, summary: Mapping[str, Any]) -> None:
    """Write ``summary.json``."""
    store.write(SUMMARY, _json(summary))


def _json(data: object) -> bytes:
    return (json.dumps(data, indent=1, ensure_ascii=False) + "\n").encode()
