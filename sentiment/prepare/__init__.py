"""Prepare a corpus in tasks on an engine: first the tweets and their split, then the lexicon and the token ids."""
