"""The models that are served, by name, and the watch that takes up a new export without dropping a request."""

import asyncio
import logging
import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sentiment.errors import SentimentError, SettingsError
from sentiment.predict.answers import Answers
from sentiment.predict.classifier import SentimentClassifier
from sentiment.serve.limits import Refusal
from sentiment.serve.run_folder import ModelCopies, ModelCopy, Signature, sign

log = logging.getLogger("sentiment.serve")

WATCH_SECONDS = 0.5
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True, slots=True)
class Export:
    """One export of a model as it was read. It never changes, so a request that has it is answered by it alone.

    Attributes:
        name: the name under which the model is served.
        classifier: the model.
        classes: class names, in the order of the probabilities.
        version: the number of the folder in ``saved_model/``, as TensorFlow Serving counts.
        fingerprint: first digits of the SHA-256 of ``model.json``, which contains the checksums of all other files.
        read_at: seconds since 1970.
    """

    name: str
    classifier: SentimentClassifier
    classes: tuple[str, ...]
    version: str
    fingerprint: str
    read_at: float

    def answer(self, texts: Sequence[str]) -> Answers:
        """Return probabilities and known shares of ``texts``."""
        return self.classifier.answer(texts)


@dataclass(slots=True)
class ServedModel:
    """A model folder and the last good export that was read from it.

    Attributes:
        name: the name under which the model is served.
        folder: the model folder.
        current: the export that answers.
        signature: signature of the last export that was read, whether it is served or was refused.
        refusal: why that export is not served; empty if it is served.
        incomplete: whether files are missing now, for instance in the middle of an export.
        reloads: number of exports taken up since the start.
    """

    name: str
    folder: Path
    current: Export
    signature: Signature
    refusal: str = ""
    incomplete: bool = False
    reloads: int = 0

    @property
    def problem(self) -> str:
        """Return why the present content of the folder is not served; empty if it is served."""
        if self.incomplete:
            return f"{self.folder}: files are missing; the previous export is still served"
        return self.refusal


class ModelStore:
    """The models by name; the first one answers where a request names none.

    Args:
        models: each ``FOLDER`` or ``NAME=FOLDER``; a packed model may stand for a folder.
        copies: where the exports are copied to before they are read.

    Raises:
        SettingsError: a name is given twice or cannot be part of an address.
        ArtefactError: a folder contains no whole model.
    """

    def __init__(self, models: Sequence[str], copies: ModelCopies) -> None:
        self.copies = copies
        self.models: dict[str, ServedModel] = {}
        for name, folder in map(split_name, models):
            if name in self.models:
                raise SettingsError(f"--model {name}: given twice; tell them apart with --model NAME=FOLDER")
            self.models[name] = self._first(name, folder)

    def __iter__(self) -> Iterator[ServedModel]:
        return iter(self.models.values())

    @property
    def names(self) -> list[str]:
        """Return the names of all models, in the order given."""
        return list(self.models)

    def get(self, name: str | None, version: str | None = None) -> Export:
        """Return the export that answers a request.

        Raises:
            Refusal: 404, in the words of TensorFlow Serving.
        """
        model = self.models.get(name or self.names[0])
        if model is None:
            asked = f"Latest({_shown(name)})" if version is None else f"Specific({_shown(name)}, {_shown(version)})"
            raise Refusal(404, f"Servable not found for request: {asked}; there are {', '.join(self.names)}")
        if version is not None and version != model.current.version:
            raise Refusal(404, f"Servable not found for request: Specific({model.name}, {_shown(version)})")
        return model.current

    async def watch(self) -> None:
        """Check for new exports again and again, without end."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            for model in self:
                await asyncio.to_thread(self.refresh, model)

    def refresh(self, model: ServedModel) -> None:
        """Take up the content of ``model.folder`` if it is new and whole; otherwise set ``problem`` to the reason."""
        signature = sign(model.folder)
        model.incomplete = signature is None
        if signature is None or signature == model.signature:
            return
        try:
            copy = self.copies.read(model.name, model.folder)
            export = _export(model.name, model.folder, copy)
        except (SentimentError, OSError) as error:
            if sign(model.folder) == signature:  # otherwise it changed while it was read, and the next look decides
                model.signature, model.refusal = signature, f"{error} (the previous export is still served)"
                log.error("%s: new export refused: %s", model.name, model.refusal)
            return
        model.current, model.refusal = export, ""
        model.reloads += 1
        if sign(model.folder) == signature:
            model.signature = signature
        self.copies.keep_only(copy.folder)
        log.info("%s: took up export %s", model.name, export.fingerprint)

    def _first(self, name: str, folder: Path) -> ServedModel:
        """Return the model at the start; a worker that replaces another one may find a broken export in the folder."""
        signature = sign(folder) or ()
        try:
            return ServedModel(name, folder, _export(name, folder, self.copies.read(name, folder)), signature)
        except SentimentError as error:
            newest = self.copies.newest(name)
            if newest is None:
                raise
            refusal = f"{error} (the previous export is still served)"
            return ServedModel(name, folder, _export(name, folder, newest), signature, refusal)


def _export(name: str, folder: Path, copy: ModelCopy) -> Export:
    classifier = copy.classifier
    classifier.answer(["a first answer finds damaged weights and warms up"])
    classes = tuple(classifier.classes_.tolist())
    return Export(name, classifier, classes, _version(folder), copy.fingerprint, time.time())


def _version(folder: Path) -> str:
    """Return the highest number among the folders of ``saved_model``, or 1 where there is none."""
    try:
        names = os.listdir(folder / "saved_model")
    except OSError:
        names = []
    return str(max((int(name) for name in names if name.isascii() and name.isdecimal() and len(name) < 18), default=1))


def split_name(model: str) -> tuple[str, Path]:
    """Return name and place of ``NAME=PLACE``, or of ``PLACE``, whose own name without ``.zip`` is then used.

    Raises:
        SettingsError: the name cannot be part of an address.
    """
    name, separator, folder = model.partition("=")
    if not separator:
        name, folder = Path(os.path.abspath(model)).name.removesuffix(".zip"), model
    if not _NAME.fullmatch(name):
        raise SettingsError(
            f"--model {model}: expected a name of letters, digits, '_', '.' and '-', received {name!r}; "
            "give one with --model NAME=FOLDER"
        )
    return name, Path(folder)


def _shown(name: str | None) -> str:
    return str(name)[:100]
