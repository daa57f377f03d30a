"""Scoring more tweets than one process should: parts and their records; engines are in `common`."""
