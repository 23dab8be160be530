"""How the descriptions of the training pictures were made."""
