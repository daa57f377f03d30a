"""Render the report, the model card and the page that compares models."""
