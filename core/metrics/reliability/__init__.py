"""Whether stated probabilities are right: bins, calibration errors, recalibration."""
