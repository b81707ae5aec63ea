"""From files on disk to case tables, image stores and splits; it trains nothing."""
