"""Training of a network on encoded tweets: batches, epochs, backends and calibration."""
