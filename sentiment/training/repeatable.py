"""Make a training run repeatable on the backend that Keras uses."""

import keras


def make_repeatable(seed: int) -> None:
    """Seed everything random, and make TensorFlow add up in a fixed order, however many threads it has."""
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
        # The graph optimizer would reorder large sums of gradients. It saves no time here.
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
