"""How good the classes are that a network named."""
