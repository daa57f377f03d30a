"""Score many files in parallel: divide them into parts, score the parts in worker processes, record what is done."""
