"""Curates an archive and kills itself, as a power failure would, at the n-th call of a function.

Arguments: archive, output, module, function, n.
"""

import importlib
import os
import signal
import sys
from pathlib import Path

from rin.curation import export
from rin.curation.build import CurationPlan, curate

KEY = b"a key of at least sixteen bytes"


def main(archive, output, module, function, count):
    module, left = importlib.import_module(module), [int(count)]
    original = getattr(module, function)

    def counted(*arguments, **named):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **named)

    setattr(module, function, counted)
    export.CHUNK = 16
    label_map = Path(archive) / "label_map.csv"
    curate(
        CurationPlan(
            archive=Path(archive),
            output=Path(output),
            label_map=label_map,
            seed=7,
            key=KEY,
            workers=1,
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
