"""RadImageNet, re-examined: helpers behind the notebooks of the book.

Importing `rin` is fast on purpose: the deep-learning framework is imported only where a model is
built.
"""

__version__ = "0.1.0"
