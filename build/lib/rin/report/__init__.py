"""Figures, tables and banners of the book: presentation only, nothing is trained here."""
