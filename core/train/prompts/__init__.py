"""Training of a network that answers to a box or a point, and its card."""
