"""Training rows beside the tweets: contrast rows made of them, phrases of general English, words rated by people."""
