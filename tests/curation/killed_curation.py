"""Curates an archive and kills itself, as a power failure would, after the n-th call of a
function.

Arguments: archive, output, module, function, n.
"""

import importlib
import os
import signal
import sys
from pathlib import Path

from rin.curation import burned_in, problems
from rin.curation.build import CurationPlan, curate

KEY = b"a key of at least sixteen bytes"


def plan_of(archive, output):
    return CurationPlan(
        archive=Path(archive),
        output=Path(output),
        label_map=Path(archive) / "label_map.csv",
        seed=7,
        key=KEY,
    )


def files_of(folder):
    """Content of every file below a folder, by name."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file()
    }


def result(output):
    """What a curation leaves: all but its lock."""
    own = files_of(output)
    return {name: own[name] for name in own if not name.endswith(".lock")}


def main(archive, output, module, function, count):
    module, calls = importlib.import_module(module), []
    original = getattr(module, function)

    def counted(*arguments, **named):
        result = original(*arguments, **named)
        calls.append(result)
        if len(calls) == int(count):
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(module, function, counted)
    problems.CHUNK = 16
    burned_in.read_lines = lambda pixels: []  # as in the tests
    curate(plan_of(archive, output))


if __name__ == "__main__":
    main(*sys.argv[1:])
