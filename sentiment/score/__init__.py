"""Scoring more tweets than one process should: parts, their records, and the engines that parts run on."""
