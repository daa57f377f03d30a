"""Score many files in parallel: divide them into parts, score the parts on an engine, and record the finished parts."""
