"""Stage 2: make the lexicon (a table from token to id), and convert tweets to padded ids.

Each text is normalised and tokenised once. Its tokens are kept on disk as numbers, one number per distinct token. spaCy
looks up the lemma of each distinct token once, from which the lexicon follows. A second table then maps the numbers to
ids. `encoded.json`, written last, marks success.
"""

import re
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np

from pipelines.shared import publishing, stage
from pipelines.shared.artefacts import read_preprocessor
from pipelines.shared.base_model import require_base_model
from pipelines.shared.glove_files import glove_file, read_glove, read_words
from pipelines.shared.stage import make_engine, results
from sentiment.augment.general_english import phrases
from sentiment.common.file_checks import sha256_of
from sentiment.data.splitting import PARTS
from sentiment.embedding.glove import unlike_lemmas
from sentiment.embedding.stand_ins import common_compounds, emoji_names
from sentiment.prepare import encoding
from sentiment.settings import PreprocessingSettings
from sentiment.text.file_names import FILES, LEXICON
from sentiment.text.lexicon import Lexicon, build_lexicon, count_seen, extend_lexicon
from sentiment.text.normalisation import RULES
from sentiment.text.preprocessor import Preprocessor
from sentiment.text.tokens import own_tokens

_ZEROS = bytes(1 << 20)


def run(this: stage.Stage) -> None:
    """Tokenise the tweets, build the lexicon, convert the tweets to ids, and write everything."""
    tweets = publishing.require(this.places.interim / "tweets.parquet")
    settings = stage.settle(this, "preprocessing").settings.preprocessing
    loaded = publishing.read_json(this.places.interim / "load.json")
    with publishing.publish(this.places.processed, last="encoded.json") as staging:
        report = {"classes": loaded["classes"]} | _preprocess(this, tweets, settings, staging)
        publishing.write_json(staging / "encoded.json", report)
    stage.log.info(
        "%(vocabulary)d lemmas, %(seen)d of them in training, %(surface_forms)d surface forms; "
        "%(tokens_per_tweet).1f tokens a tweet, %(unknown_share).1f%% of them unknown, %(cut)d tweets cut",
        report | {"unknown_share": 100 * report["unknown_share"]},
    )


def _preprocess(this: stage.Stage, tweets: Path, settings: PreprocessingSettings, staging: Path) -> dict:
    """Write all files except the report into ``staging``, and return the report."""
    base = None
    if this.base_model:
        require_base_model(this.base_model)
        base = read_preprocessor(this.base_model)
    rules = base.rules if base else RULES
    vector_words = [] if base else _vector_words(this, settings.vector_words, rules)
    scratch = staging / "scratch"
    scratch.mkdir()
    with make_engine(this.arguments) as engine, ThreadPoolExecutor(1) as aside:
        asked_soon = aside.submit(_load_spacy)
        tasks = encoding.row_tasks(tweets)
        tokenise = partial(encoding.tokenise_rows, tweets, scratch, rules)
        sizes = np.stack(results(engine, tokenise, tasks, "tweets tokenised"))
        counts = encoding.sum_counts(scratch, tasks)
        stage.log.info("%d distinct tokens in training; asking spaCy for their lemmas", len(counts))
        asked_soon.result()
        unlike = partial(_unlike_lemmas, this, set(vector_words))
        lexicon, seen = _make_lexicon(counts, settings, vector_words, unlike, base)
        preprocessor = Preprocessor(rules, lexicon, settings.max_tokens, seen)
        preprocessor.save(staging)
        checksums = [sha256_of(staging / name) for name in FILES]
        encode = partial(encoding.encode_rows, tweets, scratch, staging, "".join(checksums))
        _make_arrays(staging, sizes, preprocessor)
        work = list(zip(tasks, np.cumsum(sizes, axis=0) - sizes, strict=True))
        rows, tokens, unknown, cut = np.sum(results(engine, encode, work, "tweets encoded"), axis=0).tolist()
    shutil.rmtree(scratch)
    report = {"tokens_per_tweet": tokens / max(1, rows), "unknown_share": unknown / max(1, tokens), "cut": cut}
    report |= {"vocabulary": len(lexicon.vocabulary), "seen": seen, "surface_forms": len(lexicon.ids)}
    return report | {"settings": asdict(settings), "lexicon_sha256": checksums[FILES.index(LEXICON)]}


def _load_spacy() -> None:
    """Load spaCy. Loading takes a second, so a thread does this while the tweets are tokenised."""
    from sentiment.text.lemmas import lemmatiser

    lemmatiser()


def _vector_words(this: stage.Stage, most: int, rules: tuple) -> list[str]:
    """Return the words that get an id even if the corpus lacks them, except those that normalisation would change.

    The ``most`` most frequent words of the GloVe file come first. Emoji, common lower-case hashtags ("lovethis") and
    short phrases without their spaces follow.
    """
    if not most:
        return []
    glove = glove_file(this.arguments.glove, this.places.raw, this.profile)
    short = (text.lower() for text, _ in phrases())
    glued = (re.sub("[ ']", "", text) for text in short if re.fullmatch("[a-z']+(?: [a-z']+){1,3}", text))
    known = read_words(glove, most, this.settings.embedding)
    words = dict.fromkeys([*known, *emoji_names(), *common_compounds(), *glued])
    return own_tokens([*words], rules)


def _unlike_lemmas(this: stage.Stage, vector_words: set[str], lemma_of: list[tuple[str, str]]) -> set[str]:
    """Return the word forms (first of each pair) whose GloVe vector is unlike their lemma's: they get their own id."""
    pairs = [pair for pair in lemma_of if vector_words.issuperset(pair)]
    if not pairs:
        return set()
    glove = glove_file(this.arguments.glove, this.places.raw, this.profile)
    return unlike_lemmas(pairs, read_glove(glove, {word for pair in pairs for word in pair}, this.settings.embedding))


def _make_lexicon(
    counts: dict[str, int],
    settings: PreprocessingSettings,
    vector_words: list[str],
    unlike: Callable[[list[tuple[str, str]]], set[str]],
    base: Preprocessor | None,
) -> tuple[Lexicon, int]:
    """Return the lexicon, and the number of its ids that occur in training.

    If there is a ``base`` model, its lexicon is extended. ``unlike`` takes pairs of word form and lemma, and returns
    the word forms that differ from their lemma in meaning. They become their own lemma.
    """
    from sentiment.text.lemmas import lexicon_entries

    entries = lexicon_entries(counts, settings, vector_words, unlike)
    if base:
        return extend_lexicon(base.lexicon, base.seen_ids, counts, entries, settings.min_count)
    lexicon = build_lexicon(entries, settings.min_count, settings.max_vocabulary)
    return lexicon, count_seen(lexicon, entries)


def _make_arrays(folder: Path, sizes: np.ndarray, preprocessor: Preprocessor) -> None:
    """Write files of zeros for the ids and labels of each part (training, validation, test), to be filled in later.

    ``sizes``, ``(n_tasks, 3)``, has the number of rows that each task, a slice of the tweets, adds to each part.
    """
    dtype = np.min_scalar_type(len(preprocessor.lexicon.vocabulary) - 1)
    for name, size in zip(PARTS, sizes.sum(axis=0).tolist(), strict=True):
        _new_array(folder / f"{name}.ids.npy", dtype, (size, preprocessor.max_tokens))
        _new_array(folder / f"{name}.labels.npy", np.dtype(np.uint8), (size,))


def _new_array(path: Path, dtype: np.dtype, shape: tuple[int, ...]) -> None:
    """Write an array of zeros, so that a full disk raises an error now instead of killing the process that fills it."""
    array = np.lib.format.open_memmap(path, "w+", dtype, shape)
    with path.open("r+b") as file:
        file.seek(array.offset)
        for left in range(array.nbytes, 0, -len(_ZEROS)):
            file.write(_ZEROS[:left])


OPTIONS = {
    "--glove": {"type": Path, "help": "GloVe vectors, whose words get an id too (see vector_words)"},
} | stage.ENGINE_OPTIONS

if __name__ == "__main__":
    stage.main(run, __doc__, OPTIONS)
