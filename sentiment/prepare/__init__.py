"""Preparing a corpus in parts, on an engine: files to tweets with their part, and those to lexicon and ids."""
