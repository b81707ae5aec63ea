"""Damage to the content of files."""

import random


def flipped_bits(content, count, first_byte=0):
    """Yield contents of which one bit is another, at places drawn at random."""
    places = range(8 * first_byte, 8 * len(content))
    for place in random.Random(7).sample(places, count):
        damaged = bytearray(content)
        damaged[place // 8] ^= 1 << place % 8
        yield bytes(damaged)
