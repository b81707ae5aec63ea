"""`rin weights add`: a file of weights becomes an init, which profiles may name.

Its entry is written into `weights.yaml` of the folder of manifests, whose text stays otherwise as
it is.  The preprocessing is stated, never guessed: without it the probe proposes one.
"""

import re
from pathlib import Path
from textwrap import indent

import yaml

from rin.data.dataset import sample_pictures
from rin.errors import InputError
from rin.files import manifest_folder, sha256_of, write_atomically
from rin.models import probe
from rin.models.backbones import Topology, build_backbone, find_backbone
from rin.models.preprocessing import PREPROCESSING, find_preprocessing
from rin.models.weights import WeightsEntry, load_entries, read_weights_file
from rin.models.weights_file import Layout, layout_of
from rin.study.profile import RANDOM

#: Inits of other kinds: random weights, and those that shipped profiles pretrain.
_RESERVED = {RANDOM, "radiologic", "photographic", *PREPROCESSING}


def add_weights(
    path: Path,
    name: str,
    preprocessing: str = "",
    *,
    backbone: str = "",
    images: str = "",
    data_root: Path | None = None,
) -> WeightsEntry:
    """Check a file of weights, write its entry into `weights.yaml`, and return the entry.

    Parameters
    ----------
    path : Path
        `*_notop.h5`, `.weights.h5` or `.safetensors`, below the data root
    name : str
        the name of the init
    preprocessing : str, optional
        that of the images it was trained with; without it nothing is written
    backbone : str, optional
        needed only if the file does not show it
    images : str, optional
        pictures to probe with, as of `rin.data.dataset.sample_pictures`; without them, stand-ins
    data_root : Path, optional
        the folder of which `weights`, then itself, is searched for weights

    Returns
    -------
    WeightsEntry
        The entry as it was written.

    Raises
    ------
    InputError
        For a name that is reserved or has weights of this backbone, an unknown preprocessing or
        none (the error names the probe's proposal), a file elsewhere, or one without weights.
    """
    if name in _RESERVED or not re.fullmatch(r"(?!.*_(brief|long)$)[A-Za-z][\w.-]{0,59}", name):
        raise InputError(
            f"{name!r} is no name for weights",
            where="--name",
            remedy="Take letters, digits, _, - and ., a letter first, not "
            f"{', '.join(sorted(_RESERVED))}.",
        )
    if preprocessing:
        find_preprocessing(preprocessing)
    topology: Topology = "torchvision" if layout_of(path) is Layout.PYTORCH else "keras"
    network = find_backbone(backbone or probe.identify_backbone(path))
    if (name, network.name) in {(entry.init, entry.backbone) for entry in load_entries()}:
        raise InputError(
            f"{name} has weights of {network.name} already",
            where=manifest_folder() / "weights.yaml",
            remedy="Take another name, or remove its entry from this file.",
        )
    place = _place_below(path, data_root)
    if not preprocessing:
        layer = probe.first_layer(probe.read_backbone(path, network.name))
        pixels, description, _ = sample_pictures(images, data_root, n=64, size=224)
        judged = probe.judge(probe.score_candidates(layer, pixels))
        raise InputError(
            "its preprocessing is not stated; the verdict of the probe is "
            f"“{probe.verdict_in_words(judged)}” ({judged['reason']}; {description})",
            where=path,
            remedy="State it, best as its authors do: --preprocessing "
            f"{' or '.join(PREPROCESSING)}.",
        )
    read_weights_file(path, build_backbone(network.name, network.min_size, topology=topology))
    entry = WeightsEntry(
        init=name,
        backbone=network.name,
        topology=topology,
        file=place,
        sha256=sha256_of(path),
        preprocessing=preprocessing,
        release=f"{path.name}, added by rin weights add",
    )
    _write(entry)
    return entry


def _place_below(path: Path, data_root: Path | None) -> str:
    """Return the path of a file as entries have it: below the folders searched for weights."""
    for folder in [data_root / "weights", data_root] if data_root else []:
        if path.absolute().is_relative_to(folder.absolute()):
            return path.absolute().relative_to(folder.absolute()).as_posix()
    raise InputError(
        "it is in no folder that is searched for weights",
        where=path,
        remedy="Move it into the folder weights of the data root, and give --data-root.",
    )


def _write(entry: WeightsEntry) -> None:
    """Write an entry before the others, and leave the rest of the file, with its comments."""
    path = manifest_folder() / "weights.yaml"
    text = path.read_text("utf-8")
    lists = yaml.compose(text, yaml.SafeLoader)
    start = next(value.start_mark for key, value in lists.value if key.value == "entries")
    stated = entry.model_dump(exclude_defaults=True)
    item = yaml.safe_dump([stated], allow_unicode=True, sort_keys=False, width=95)
    if text[start.index] != "-":
        raise InputError(
            "its entries are in brackets",
            where=path,
            remedy=f"Write the list below entries:, a dash each, and add: {stated}",
        )
    line = start.index - start.column
    with write_atomically(path) as draft:
        added = indent(item, " " * start.column)
        draft.write_text(text[:line] + added + text[line:], encoding="utf-8")
