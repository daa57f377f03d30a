#!/bin/sh
# fasttext-community 0.11.9: get_word_vector gives every word the length 1, so neutral words weigh as much as "good".
#
# The package is a copy of fastText that is still maintained. It is imported by the same name, reads the same files, and
# has the same documentation, which does not mention the change. predict and get_input_vector answer as in the original.
# But since 0.11.1, get_word_vector divides by the length. The commit speaks of unknown words and of failing tests, but
# it concerns all words.
# In a classifier's vectors the length says how much a word matters. The mean of a text's word vectors, with the end of
# line "</s>", gives the same label as predict. With vectors of length 1 it gives another one for 3 of 10 texts.
# So features for other classifiers, which are often such means, and vectors that are written to a file change when a
# project moves to this package, without an error or a warning.
#
# Output seen on 2026-11-29 (one model file in both packages; training differs a bit from run to run):
#   fastText: length of good 3.96, awful 4.21, word1 0.15, word2 0.33
#   fastText: the mean gives the label of predict: 1.000, with get_input_vector 1.000
#   fasttext-community: length of good 1.00, awful 1.00, word1 1.00, word2 1.00
#   fasttext-community: the mean gives the label of predict: 0.714, with get_input_vector 1.000
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for package in fasttext-numpy2-wheel==0.9.2 fasttext-community==0.11.9; do
  python3 -m venv "$folder/$package"
  "$folder/$package/bin/pip" install -q --no-compile --disable-pip-version-check "$package" numpy==2.4.6
done
cd "$folder"
cat > train.py <<'PYTHON'
import random
from pathlib import Path

import fasttext

random.seed(0)
OPINIONS = {"positive": "good great lovely happy brilliant superb", "negative": "bad awful terrible sad horrible dull"}
EVERY = " ".join(OPINIONS.values()).split()
OTHERS = [f"word{number}" for number in range(200)]


def tweet() -> str:
    """Make up a labelled tweet of nine words: one with the label's opinion, and sometimes one with any opinion."""
    label = random.choice(list(OPINIONS))
    opinions = [random.choice(OPINIONS[label].split()), *random.choices(EVERY, k=random.random() < 0.3)]
    words = random.choices(OTHERS, k=9 - len(opinions)) + opinions
    return f"__label__{label} " + " ".join(random.sample(words, 9))


Path("tweets.txt").write_text("".join(tweet() + "\n" for _ in range(4000)))
# with fewer than 10 threads, fastText starts from unset memory
model = fasttext.train_supervised("tweets.txt", dim=20, epoch=10, thread=10, verbose=0)
model.save_model("model.bin")
PYTHON
cat > compare.py <<'PYTHON'
import sys
from pathlib import Path

import fasttext
import numpy as np

name, low, high = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
model = fasttext.load_model("model.bin")
texts = [line.split(" ", 1)[1] for line in Path("tweets.txt").read_text().splitlines()[:1000]]
answers = [model.predict(text)[0][0] for text in texts]
labels, output = np.array(model.get_labels()), model.get_output_matrix()


def by_means(vector) -> float:
    """Return the share of texts for which the mean of the word vectors gives the same label as `predict`."""
    means = np.array([np.mean([vector(word) for word in [*text.split(), "</s>"]], axis=0) for text in texts])
    return float(np.mean(labels[(means @ output.T).argmax(axis=1)] == answers))


lengths = {word: float(np.linalg.norm(model.get_word_vector(word))) for word in ("good", "awful", "word1", "word2")}
same = by_means(model.get_word_vector)
by_input = by_means(lambda word: model.get_input_vector(model.get_word_id(word)))
print(f"{name}: length of", ", ".join(f"{word} {length:.2f}" for word, length in lengths.items()))
print(f"{name}: the mean gives the label of predict: {same:.3f}, with get_input_vector {by_input:.3f}")
assert low <= same <= high and by_input > 0.99, "the word vectors have changed"
assert (min(lengths.values()) > 0.999) == (name != "fastText"), "the lengths have changed"
PYTHON
"$folder/fasttext-numpy2-wheel==0.9.2/bin/python" -W ignore train.py
"$folder/fasttext-numpy2-wheel==0.9.2/bin/python" -W ignore compare.py fastText 0.99 1
"$folder/fasttext-community==0.11.9/bin/python" -W ignore compare.py fasttext-community 0 0.9
