"""Using a trained model: the classifier, its folder, files of any size, explanations, the command line."""
