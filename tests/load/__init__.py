"""Many sessions at once against a running server, spoken to as a browser speaks to it, without a browser."""
