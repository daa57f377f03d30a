"""Labelled tweets: reading a corpus, deduplicating and splitting it, and its rows once encoded."""
