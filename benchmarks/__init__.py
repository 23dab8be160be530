"""Speed against named peers: both sides interleaved in one process, so that a busy machine slows both."""
