"""A model's files in other runtimes: `python -m tests.runtimes.NAME models/sample`.

They are no part of the test suite, because each one downloads a runtime. Every script says at its top what it needs,
gives the runtime 258 tweets, and fails if a probability differs from ``predict_proba`` by more than 1e-5.
"""
