"""Tools that every subpackage may use. They have nothing to do with tweets."""
