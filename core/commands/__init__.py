"""The commands of `python -m core`, one file per subject; each calls the same functions as the pages."""
