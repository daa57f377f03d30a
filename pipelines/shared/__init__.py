"""Code that several stages share: arguments, folders, publishing of files, inputs, the manifest."""
