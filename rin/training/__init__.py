"""Training: one compiled step for many runs, and pretraining from nothing."""

from functools import cache
from hashlib import sha256
from pathlib import Path

from rin.files import source_digest

#: Raise it where results change though no source that `code_digest` covers does.
CODE_VERSION = 1
#: In the work folder of a pretraining: how it goes, in words; pooled features of its test images.
PROGRESS, FEATURES = "progress.txt", "features.npy"


@cache
def code_digest() -> str:
    """Return a digest of the code that decides what training gives, part of every run's id.

    When that code changes, finished runs no longer count and are trained again.
    """
    package = Path(__file__).resolve().parents[1]
    sources = [path for name in ("models", "training") for path in (package / name).glob("*.py")]
    sources += [package / "explain" / "gradcam.py"]
    preprocessings = (package / "models" / "preprocessing.yaml").read_bytes()
    made_of = [CODE_VERSION, source_digest(sources), sha256(preprocessings).hexdigest()]
    return sha256(repr(made_of).encode()).hexdigest()[:16]
