"""What nearly every page reads, read on import: by the server from which their kernels are forked.

Both are cached, so that a forked kernel has them already.
"""

from contextlib import suppress

from rin.errors import InputError
from rin.study.reference import load_reference, reference_names
from rin.training.identity import code_digest

code_digest()
for name in reference_names():
    with suppress(InputError):  # a page that shows the damaged run says so
        load_reference(name)
