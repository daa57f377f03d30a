"""Shares of classes over many tweets: by period and group, with intervals from labels that a person gave to a draw."""
