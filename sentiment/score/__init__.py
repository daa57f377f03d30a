"""Score more tweets than fit one process: parts of files, engines that score them, and records of what is done."""
