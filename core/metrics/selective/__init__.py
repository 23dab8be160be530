"""Which cases may go unreviewed: risk against coverage, thresholds, guarantees."""
