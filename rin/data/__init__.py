"""From files on disk to case tables, image stores and splits.

The package reads pictures in place, checks what it read against a dataset manifest, and
writes stand-in datasets where the real ones are absent.  It trains nothing.
"""
