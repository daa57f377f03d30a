"""Score some files, or parts of files, in a worker process."""

import errno
import functools
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
from pyarrow import fs

from sentiment.common.file_checks import sha256_of
from sentiment.common.stores import FileStore, etag_of
from sentiment.data.reading import BadRows, Reading
from sentiment.errors import ArtefactError, InputError, SentimentError
from sentiment.predict.answers import AnswerOptions
from sentiment.predict.classifier import SentimentClassifier
from sentiment.predict.model_files import model_checksum
from sentiment.predict.model_folder import read_classifier
from sentiment.predict.score_file import score_file
from sentiment.score.parts import Part, local_copy
from sentiment.score.records import STAGING, Failure, Record, write_records

MISSING = "missing"  # rows without a text are counted under this name
# An object store gives times in whole seconds, and two clocks may differ. For an object that changed less than this
# time ago, the time of change does not show whether it changes again.
_JUST_CHANGED_NS = 60 * 10**9
# These errors concern the machine and not one file, so the run stops. The same command resumes it.
_ENDS_THE_RUN = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.ENOMEM, errno.EMFILE)


@dataclass(frozen=True, slots=True)
class ScoreJob:
    """The settings of a run that every worker process gets.

    Attributes:
        model, checksum: path and checksum of the model folder.
        inputs: file system of the inputs.
        output: the output folder.
        run: name of this attempt at the run, and of its folder for unfinished files.
        reading, options: how tables are read, and how probabilities become labels and columns.
        progress: whether to show a bar of scored tweets, if on a terminal.
    """

    model: str
    checksum: str
    inputs: fs.FileSystem
    output: FileStore
    run: str
    reading: Reading
    options: AnswerOptions
    progress: bool = False


def score_task(job: ScoreJob, parts: Sequence[Part]) -> list[Record | Failure]:
    """Score ``parts`` (files, or rows of files), write their answers and records, and return one result per part."""
    model = _model(job.model, job.checksum)
    # The scratch folder of a local run must be in the file system of the answers, so that files can be renamed.
    parent = job.output.path(f"{STAGING}/{job.run}") if job.output.is_local else None
    scratch = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=parent))
    try:
        results = [_score(job, model, part, scratch) for part in parts]
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    write_records(job.output, [each for each in results if isinstance(each, Record)])
    return results


@functools.lru_cache(1)
def _model(folder: str, checksum: str) -> SentimentClassifier:
    """Return the model, which is read once per process. Raise ArtefactError if its checksum is not ``checksum``."""
    model = read_classifier(folder)
    if model_checksum(Path(folder)) != checksum:
        raise ArtefactError(f"{folder}: changed since the run began; start it again")
    return model


def _score(job: ScoreJob, model: SentimentClassifier, part: Part, scratch: Path) -> Record | Failure:
    """Score a part, with temporary files in ``scratch``.

    An error that concerns only this part is returned as a `Failure`, so that the run continues.
    """
    source, target = Path(part.file.path), scratch / f"answers{Path(part.output).suffix}"
    bad_rows = BadRows(limit=sys.maxsize, kept=sys.maxsize)
    reading = replace(job.reading, bad_rows=bad_rows)
    try:
        etag = _etag(job, part)
        source = local_copy(part, job.inputs, scratch)
        scored = score_file(model, source, target, reading, job.options, True, job.progress)
        _require_unchanged(job, part, etag)
        size, checksum = target.stat().st_size, sha256_of(target)
        job.output.publish(str(target), part.output)
    except KeyboardInterrupt:  # its message names the temporary file, which is removed
        raise KeyboardInterrupt from None
    except MemoryError:  # Arrow's MemoryError is an ArrowException too
        raise
    except (SentimentError, pa.ArrowException) as error:  # the reason must not name the temporary copy
        reason = " ".join(str(error).split())[:300].removeprefix(str(source))
        reason = re.sub(r"^:(?=\d+: )", "line ", reason).removeprefix(": ")
        return Failure(part.output, part.file.path, reason)
    except OSError as error:
        if error.errno in _ENDS_THE_RUN:
            raise
        return Failure(part.output, part.file.path, " ".join((error.strerror or str(error)).split())[:300])
    labels = {label or MISSING: count for label, count in scored.labels.items()}
    errors = [{"row": bad.row, "reason": bad.reason} for bad in bad_rows.rows]
    return Record(part.output, part.identity(), job.checksum, scored.rows, labels, size, checksum, errors, etag)


def _etag(job: ScoreJob, part: Part) -> str:
    """Return the HTTP ETag of an input that changed less than a minute ago, to notice a change while it is read.

    For older inputs, return "": a change would show in the time of change.
    """
    is_young = abs(time.time_ns() - part.file.changed) < _JUST_CHANGED_NS
    return etag_of(job.inputs, part.file.path) if is_young else ""


def _require_unchanged(job: ScoreJob, part: Part, etag: str) -> None:
    info = job.inputs.get_file_info(part.file.path)
    is_same = (info.size, info.mtime_ns or 0) == (part.file.size, part.file.changed)
    if not is_same or (etag and etag != etag_of(job.inputs, part.file.path)):
        raise InputError("changed while it was read; run the command again")
