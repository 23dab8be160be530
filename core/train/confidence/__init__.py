"""How well each confidence score ranks, on patients that the networks never saw."""
