"""What happens, in order: one thin stage a module, meeting only through files."""
