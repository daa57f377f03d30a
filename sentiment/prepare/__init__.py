"""Prepare a corpus for training in parallel tasks: split the tweets, make the lexicon, and encode the tweets as ids."""
