"""How the shipped classifier was made."""
