"""Who is reading: a name chosen at the start, kept in the browser's tab over a reload."""

from pages.ui.reader.component import Reader, forget, pick_reader

__all__ = ["Reader", "forget", "pick_reader"]
