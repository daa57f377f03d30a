"""What stages have in common: arguments, places, publishing, inputs, the manifest."""
