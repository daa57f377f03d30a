"""The network in three forms: Keras layers, equations of the recurrent cells, and folded tables for prediction."""
