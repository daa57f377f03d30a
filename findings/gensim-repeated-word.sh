#!/bin/sh
# gensim 4.4.0: a file of word vectors that names a word twice is saved as a file that gensim itself refuses to load.
#
# KeyedVectors.load_word2vec_format keeps the first vector of a repeated word, but the place of the second one stays:
# the vectors have one row too many, filled with zeros, and its word is None. Files like that are common, because
# trimming or lower-casing the words of a vector file makes two of them equal. Then
#   - most_similar answers (None, nan),
#   - save_word2vec_format writes the number of places to the header and one line less, as text and as binary, and
#   - load_word2vec_format of that file ends in EOFError.
# It makes no difference whether the file has a header. Without repeated words all three work.
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
