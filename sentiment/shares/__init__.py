"""Estimate the share of each class among many tweets, by period and group, with intervals from a labelled sample."""
