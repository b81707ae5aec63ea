"""A pretraining on a disk that is full says so in one line wherever that happens, and goes on."""

import subprocess

import pytest
from tiny_study import tiny_profile

from rin.errors import InputError
from rin.study import open_workspace, run_pretraining
from rin.study.pretraining import WEIGHTS

CHANGES = {
    "execution": {"workers": 0, "checkpoint_minutes": 0},
    "pretraining.epochs": 2,
}


def mount(folder, *options):
    command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", folder]
    return subprocess.run(command, capture_output=True, check=False).returncode


def weights_of(study):
    (path,) = study.weights.folder.glob(f"[!.]*/{WEIGHTS}")
    return path.read_bytes()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_pretraining_on_a_disk_that_fills_up_goes_on_when_there_is_room(tmp_path):
    """At every size of the disk, from one that holds nothing to one that holds everything."""
    calm = open_workspace(tiny_profile(CHANGES), results=tmp_path / "calm")
    run_pretraining(calm)
    disk = tmp_path / "disk"
    disk.mkdir()
    if mount(disk, "size=16k"):
        pytest.skip("only root may mount a small disk")
    said = []
    try:
        for size in [*range(16, 480, 48), 2000, 9000]:
            assert mount(disk, "remount", f"size={size}k") == 0
            workspace = open_workspace(tiny_profile(CHANGES), results=disk)
            try:
                run_pretraining(workspace)
                break
            except InputError as error:
                said.append(str(error))
        assert weights_of(workspace) == weights_of(calm)
        assert not list(disk.rglob(".draft-*"))
    finally:
        subprocess.run(["umount", "-l", disk], check=True)
    assert len(said) >= 8
    assert not any("\n" in problem for problem in said)
