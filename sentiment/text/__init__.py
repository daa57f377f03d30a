"""From raw text to ids: normalisation rules, tokens, lemmas and stop words, and the lexicon that stores them."""
