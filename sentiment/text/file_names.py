"""The names of the files of the text preprocessing, for code that does without NumPy."""

LEXICON, VOCABULARY, PREPROCESSING = FILES = ("lexicon.tsv", "vocabulary.txt", "preprocessing.json")
