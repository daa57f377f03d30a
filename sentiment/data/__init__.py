"""Labelled tweets: reading, deduplicating and splitting a corpus, and the arrays of its encoded rows."""
