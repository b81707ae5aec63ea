"""What `pyproject.toml` cannot say: tables outside the package go into a wheel with it.

A checkout and an editable installation read them where they are.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

#: Folders that `rin.files.shipped_folder` finds.
SHIPPED = ("data_manifests", "book/reference_runs", "notebooks/profiles")


class WithTables(build_py):
    """Copies the folders into the package of a wheel."""

    def run(self) -> None:
        """Build the package, then copy."""
        super().run()
        if not self.editable_mode:
            for name in SHIPPED:
                target = Path(self.build_lib, "rin", "shipped", name)
                shutil.rmtree(target, ignore_errors=True)  # of an earlier build
                shutil.copytree(name, target, ignore=shutil.ignore_patterns(".*"))


setup(cmdclass={"build_py": WithTables})
