"""Tools that every room may use. They know nothing about tweets."""
