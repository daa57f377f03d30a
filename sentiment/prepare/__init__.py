"""Prepare a corpus in parts, on an engine: first the tweets with their split, then the lexicon and the ids."""
