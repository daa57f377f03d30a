"""The use of a trained model: the classifier, its folder, scoring of files, explanations, the command line."""
