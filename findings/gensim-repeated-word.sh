#!/bin/sh
# gensim 4.4.0: a file of word vectors that names a word twice is saved as a file that gensim itself refuses to load.
#
# KeyedVectors.load_word2vec_format keeps the first vector of a repeated word, but also adds a row for the second: zeros
# with the word None. Repeated words are common, because trimming or lower-casing a vector file makes words equal. Then
#   - most_similar returns (None, nan),
#   - save_word2vec_format writes one line fewer than its header says, as text and as binary, and
#   - load_word2vec_format of the saved file ends in EOFError.
# A header in the original file makes no difference. Without repeated words all three functions work.
#
# Output seen on 2026-11-29:
#   loaded ['good', 'bad', 'fine', None], (4, 2) vectors
#   most similar to bad [('fine', 0.997), ('good', 0.984), (None, nan)]
#   saved '4 2\ngood 1.0 2.0\nbad 3.0 4.0\nfine 7.0 8.0\n'
#   loaded again: EOFError (text), EOFError (binary)
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check gensim==4.4.0 numpy==2.4.6 scipy==1.17.1
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import math
from pathlib import Path

from gensim.models import KeyedVectors

LINES = "good 1 2\nbad 3 4\ngood 5 6\nfine 7 8\n"
Path("twice.txt").write_text("4 2\n" + LINES)
Path("twice-without-header.txt").write_text(LINES)
Path("once.txt").write_text("3 2\n" + LINES.replace("good 5 6\n", ""))


def loads(path: str, binary: bool) -> str:
    try:
        return f"{len(KeyedVectors.load_word2vec_format(path, binary=binary))} words"
    except EOFError:
        return "EOFError"


def again(vectors: KeyedVectors) -> list[str]:
    for binary in (False, True):
        vectors.save_word2vec_format(f"saved-{binary}", binary=binary)
    return [loads(f"saved-{binary}", binary) for binary in (False, True)]


vectors = KeyedVectors.load_word2vec_format("twice.txt")
similar = [(word, round(float(cosine), 3)) for word, cosine in vectors.most_similar("bad")]
print("loaded", vectors.index_to_key, vectors.vectors.shape, "vectors")
print("most similar to bad", similar)
assert vectors.index_to_key == ["good", "bad", "fine", None] and vectors.vectors.shape == (4, 2)
assert similar[:2] == [("fine", 0.997), ("good", 0.984)] and similar[2][0] is None and math.isnan(similar[2][1])
outcomes = again(vectors)
print("saved", repr(Path("saved-False").read_text()))
print("loaded again:", *outcomes)
assert Path("saved-False").read_text() == "4 2\ngood 1.0 2.0\nbad 3.0 4.0\nfine 7.0 8.0\n"
assert outcomes == ["EOFError", "EOFError"], "gensim can read its own file now"
assert again(KeyedVectors.load_word2vec_format("twice-without-header.txt", no_header=True)) == outcomes
assert again(KeyedVectors.load_word2vec_format("once.txt")) == ["3 words", "3 words"]
PYTHON
