"""The shape of the tree: which package may import which, and what git may hold."""

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from graphlib import TopologicalSorter
from importlib import import_module
from importlib.metadata import packages_distributions

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from weight import ROOT, nodes

from rin.study.reference import LARGEST

PACKAGE = ROOT / "rin"
GROUND = 0
README = (PACKAGE / "README.md").read_text(encoding="utf-8")
ROWS = re.findall(r"(?m)^\| (\d+) \| `(\w+)` \|", README)
#: The floor of each package by the table of `rin/README.md`.
FLOORS = {package: int(floor) for floor, package in ROWS}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}


@cache
def imported(path):
    """Modules that a Python file imports, anywhere in its text, those of `rin` by their names."""
    found = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} line {node.lineno}: write imports in full"
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (inside & MODULES.keys()) or {node.module}
    return found


def imports_of(name):
    """Modules of this package that a module imports."""
    return {one for one in imported(MODULES[name]) if one.split(".")[0] == "rin"} - {name}


def room(module):
    """Second part of a module's name; None for `rin` itself, which anyone may import."""
    return [*module.split("."), None][1]


def allowed(importer, imported):
    """Whether an import goes downstairs, stays in its package, or stays on the ground floor."""
    above, below = room(importer), room(imported)
    if below is None or above == below:
        return True
    return FLOORS[above] > FLOORS[below] or FLOORS[above] == FLOORS[below] == GROUND


def project_files():
    """Files that git holds or would add."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout: nothing says which files belong to the project")
    names = listed.stdout.decode().split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def project_texts():
    for path in project_files():
        content = path.read_bytes()
        own = b"\0" in content[:1024] or content.startswith(b"# Written by `rin new`")
        if not own and path.name != "requirements.lock":
            yield path.relative_to(ROOT).as_posix(), content.decode("utf-8")


def test_floor_plan_of_the_readme_lists_every_package_once():
    assert sorted(package for _, package in ROWS) == sorted({*map(room, MODULES)} - {None})


def test_readme_names_functions_that_make_numbers():
    section = README.partition("## Where a number comes from\n")[2].partition("\n## ")[0]
    names = re.findall(r"`(\w+\.\w+)\.(\w+)`", section)
    assert names
    for module, function in names:
        assert callable(getattr(import_module(f"rin.{module}"), function))


def test_packages_import_only_from_floors_below():
    pairs = [(name, other) for name in MODULES if room(name) for other in imports_of(name)]
    assert [pair for pair in pairs if not allowed(*pair)] == []


def test_imports_form_no_circle():
    graph = {name: imports_of(name) & MODULES.keys() for name in MODULES}
    TopologicalSorter(graph).prepare()  # else CycleError names the circle


READERS = {"yaml", "json", "pathlib", "io", "importlib.resources", "rin.files"}


@pytest.mark.parametrize("name", [name for name in MODULES if room(name) == "stats"])
def test_statistics_read_no_file(name):
    assert imported(MODULES[name]).isdisjoint(READERS)
    calls = [node.func for node in nodes(MODULES[name]) if isinstance(node, ast.Call)]
    called = {getattr(call, "attr", getattr(call, "id", "")) for call in calls}
    assert called.isdisjoint({"open", "read_text", "read_bytes", "read_csv", "read_parquet"})


FRAMEWORKS = {"tensorflow", "keras", "jax", "torch"}
#: What a comparison of AUCs does without; several take longer to load than `rin.stats` itself.
BEYOND_ARRAYS = {
    "matplotlib", "seaborn", "plotly", "typer", "papermill", "PIL", "skimage", "IPython",
    "pandera", "pydantic", "scipy.stats", "sklearn", "statsmodels", "pingouin",
}  # fmt: skip


LIGHT = {
    "rin.stats": FRAMEWORKS | BEYOND_ARRAYS,
    "rin.data.dataset": FRAMEWORKS | {"pydicom", "scipy.ndimage", "scipy.signal"},
    "rin.curation.build, rin.data, rin.report.banner, rin.report.build": FRAMEWORKS,
}


@pytest.fixture(scope="module")
def loaded():
    """All modules that are loaded after one room's import and then another's, by room."""
    lines = ["import sys", *(f"import {rooms}; print(*sys.modules)" for rooms in LIGHT)]
    made = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return dict(zip(LIGHT, map(str.split, made.stdout.splitlines()), strict=True))


@pytest.mark.parametrize("rooms", LIGHT)
def test_rooms_import_nothing_heavy_until_they_need_it(loaded, rooms):
    assert LIGHT[rooms].isdisjoint(loaded[rooms])


def test_project_text_names_no_path_of_one_machine():
    pattern = re.compile(r"(?m)^.*(?<![\w./~-])/(?:home|root|work|Users|tmp|mnt)/\w.*")
    assert [(name, hit) for name, text in project_texts() for hit in pattern.findall(text)] == []


def test_git_holds_no_computed_notebook_and_no_large_file_but_reference_runs_within_their_limit():
    sizes = {path: path.stat().st_size for path in project_files()}
    runs = {path for path in sizes if "reference_runs" in path.parts}
    large = {path.name for path in sizes.keys() - runs if sizes[path] > 200_000}
    assert large <= {"requirements.lock"}
    assert sum(map(sizes.get, runs)) <= LARGEST
    assert [path.name for path in sizes if path.suffix == ".ipynb"] == []


def test_lock_names_no_host():
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert [word for word in ("://", "--index-url", "--extra-index-url") if word in text] == []


@pytest.mark.parametrize("package", ["rin.stats", "rin.study"])
def test_what_a_package_offers_is_exported_to_type_checkers(package):
    # Else a strict mypy refuses to import it from there, as the package says that it is typed.
    froms = [node for node in nodes(MODULES[package]) if isinstance(node, ast.ImportFrom)]
    inside = [node for node in froms if f"{node.module}".startswith(f"{package}.")]
    offered = sorted(alias.name for node in inside for alias in node.names)
    assert sorted(import_module(package).__all__) == offered


def requirements(extras):
    """What the core and some extras require."""
    optional = PROJECT["optional-dependencies"]
    return PROJECT["dependencies"] + [entry for extra in extras for entry in optional[extra]]


UNLOCKED = {"gpu", "jax-gpu", "setup", "croissant", "torch"}
LOCKED = requirements(PROJECT["optional-dependencies"].keys() - UNLOCKED)


def test_environment_yml_names_every_requirement_of_pyproject_with_its_bounds():
    listed = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    conda = [entry for entry in listed["dependencies"] if isinstance(entry, str)]
    (pip,) = [entry["pip"] for entry in listed["dependencies"] if isinstance(entry, dict)]
    assert sorted({*LOCKED} - {*conda, *pip}) == []


@pytest.fixture(scope="module")
def pins():
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8").replace("\\\n", " ")
    return [
        Requirement(pin.strip()) for pin in re.findall(r"(?m)^[A-Za-z0-9].*?(?= --hash)", text)
    ]


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_lock_pins_every_requirement_once_on_every_python_that_make_takes(pins, version):
    environment = {"python_full_version": f"{version}.0", "python_version": version}

    def names(stated):
        needed = [one for one in stated if not one.marker or one.marker.evaluate(environment)]
        return [canonicalize_name(one.name) for one in needed]

    held = names(pins)
    assert sorted({name for name in held if held.count(name) > 1}) == []
    assert {*names(map(Requirement, LOCKED))} - {*held} == set()


#: Distributions that are used without an import, and by what.
RUN_BY_NAME = {
    "ipykernel",  # rin/report/execution.py
    "jupyter-book",  # rin/report/build.py
    "jupyterlab",  # Makefile
    "mlcroissant",  # tests/data/test_croissant.py, skipped without it
    "mypy",  # Makefile
    "onnxruntime",  # RapidOCR of rin/curation computes with it
    "openpyxl",  # pandas reads tables of a dataset with it
    "pyjpegls",  # pydicom decodes JPEG-LS with it
    "pytest-timeout",  # pyproject.toml
    "pytest-xdist",  # Makefile, `-n auto`
    "python-gdcm",  # pydicom decodes lossless JPEG with it
    "rocrate",  # tests/study/test_publish.py, skipped without it
    "ruff",  # Makefile
    "sphinx-mathjax-offline",  # _config.yml
    "uv",  # Makefile
}
FRAMEWORK = {"cpu", "jax"}
#: Extras beyond the core that each part of the tree may count on.
EXTRAS = {
    "rin/stats": set(),
    "rin/evidence": {"study"},
    "rin/data": {"study"},
    "rin/models": {"study", "torch"},
    "rin/explain": {"study"} | FRAMEWORK,
    "rin/training": {"study"} | FRAMEWORK,
    "rin/study": {"study", "cluster"} | FRAMEWORK,
    "rin/curation": {"study", "curation"},
    "rin/report": {"study", "book"},
    "rin": {"study"},
    "notebooks": {"study", "book"} | FRAMEWORK,
    "benchmarks": {"study", "torch"} | FRAMEWORK,
    ".ci": {"book", "test"},
    "tests": {"study", "curation", "book", "test", "torch"} | FRAMEWORK,
}


def distribution(name):
    """A distribution's name in its one spelling; TensorFlow's whatever the processor."""
    return canonicalize_name(name).removesuffix("-cpu")


distributions_by_module = cache(packages_distributions)


@cache
def distributions_imported_below(*folders):
    """Distributions that bring what Python files import, of the project's own modules none."""
    # Golden values are made, not tested, by scripts that need what they are compared with.
    paths = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    files = [path for path in paths if "golden" not in path.parts]
    own = {
        path.stem for folder in ("tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")
    }
    modules = {module.split(".")[0] for path in files for module in imported(path)}
    bringing = distributions_by_module()
    outside = modules - own - sys.stdlib_module_names - {"rin"}
    return {distribution(bringing.get(module, [module])[0]) for module in outside}


def required_distributions(extras):
    """Distributions that the core and some extras require."""
    return {distribution(Requirement(entry).name) for entry in requirements(extras)}


def test_every_dependency_is_imported_or_run_by_name():
    declared = required_distributions(PROJECT["optional-dependencies"])
    used = distributions_imported_below("rin", "notebooks", "tests", "benchmarks", ".ci")
    assert sorted(declared - used - RUN_BY_NAME) == []


@pytest.mark.parametrize("folder", EXTRAS)
def test_every_import_is_declared_in_the_core_or_in_an_extra_of_its_part(folder):
    used = distributions_imported_below(folder)
    if folder == "rin":
        used = used - distributions_imported_below(*(part for part in EXTRAS if "/" in part))
    assert sorted(used - required_distributions(EXTRAS[folder])) == []


def test_every_part_of_the_package_has_its_extras():
    parts = {f"rin/{name}" for name in FLOORS if (PACKAGE / name).is_dir()}
    assert parts <= EXTRAS.keys()
