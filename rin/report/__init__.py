"""Figures, tables and banners of the book: presentation only, nothing is trained here."""

import sys

# nbformat loads jsonschema, which loads this package where it is installed, and that takes two
# seconds, to check addresses of a kind that no notebook has.
sys.modules.setdefault("rfc3987_syntax", None)
