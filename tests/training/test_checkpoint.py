import numpy as np
import pytest
from bits import flipped_bits

from rin.errors import InputError
from rin.training.checkpoint import WorkFolder

ARRAYS = {
    "model/00000": np.arange(12, dtype="float32").reshape(3, 4).T,  # not contiguous
    "optimizer/00000": np.array(7, dtype="int64"),
    "seed": np.array([1, 2**31], dtype="uint32"),
}
RECORD = {"epoch": 2, "step": 5, "lowest": float("inf"), "curves": [{"loss": 0.5}]}


@pytest.fixture
def checkpoint(tmp_path):
    return WorkFolder(tmp_path, made_by="TensorFlow")


def test_checkpoint_round_trip_keeps_arrays_and_record(checkpoint, recwarn):
    assert checkpoint.load() is None
    assert len(recwarn) == 0
    checkpoint.save(ARRAYS, RECORD)
    arrays, record = checkpoint.load()
    assert record == RECORD
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array, strict=True)


def test_checkpoint_that_is_truncated_or_in_which_any_bit_flipped_is_refused_with_its_name(
    checkpoint,
):
    checkpoint.save(ARRAYS, RECORD)
    content = checkpoint.path.read_bytes()
    cut = [content[: int(len(content) * share)] for share in (0.0, 0.02, 0.5, 0.99)]
    for each in (*cut, *flipped_bits(content, 60)):
        checkpoint.path.write_bytes(each)
        with pytest.warns(UserWarning, match=r"checkpoint\.safetensors: .*its start"):
            assert checkpoint.load() is None


def test_checkpoint_when_saving_fails_keeps_the_one_before(checkpoint, monkeypatch):
    checkpoint.save(ARRAYS, RECORD)

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr("safetensors.numpy.save_file", full)
    with pytest.raises(InputError, match=r"cannot be written.*No space left") as caught:
        checkpoint.save(ARRAYS, RECORD | {"epoch": 3})
    assert caught.value.where == str(checkpoint.path)
    assert checkpoint.load()[1]["epoch"] == 2
    assert [path.name for path in checkpoint.path.parent.iterdir()] == [checkpoint.path.name]
