"""Fitting a network to encoded tweets: batches, epochs, devices, calibration."""
