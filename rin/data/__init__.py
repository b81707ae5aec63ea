"""Case tables, image stores and splits, made from files on disk; nothing here trains a network."""
