import os
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from rin.errors import InputError
from rin.training.batches import (
    ImageSubset,
    OrderedBatches,
    ShuffledBatches,
    read_rows,
    reader_errors,
)


def numbered(n=20):
    """Images whose every pixel is their own row number; the label is a third of it."""
    images = np.repeat(np.arange(n, dtype="uint8"), 4).reshape(n, 2, 2)
    return images, np.arange(n) // 3


def test_shuffled_batches_of_an_epoch_are_drawn_from_seed_and_epoch_with_their_labels():
    # Trainings that were killed go on in this order.
    rows = np.array([1, 4, 6, 7, 9, 13, 14, 15, 19, 2, 3])
    part = ImageSubset(*numbered(), rows)
    batches = iter(ShuffledBatches(part, batch=4, channels=1, seed=1, start=(5, 0)))
    for epoch in (5, 6, 7):
        draws = np.random.Generator(np.random.PCG64(np.random.SeedSequence([1, epoch])))
        for chosen in np.split(draws.permutation(rows), [4, 8]):
            images, labels = next(batches)
            assert images[:, 0, 0, 0].tolist() == sorted(chosen)
            assert labels.tolist() == [row // 3 for row in sorted(chosen)]


def test_tensorflow_reads_the_batches_in_order_and_from_the_first_each_time_and_tunes_nothing():
    part = ImageSubset(*numbered(), np.arange(20))
    for batches, n in [
        (ShuffledBatches(part, batch=4, channels=1, seed=1), 12),
        (OrderedBatches(part, batch=8, channels=3), 3),
    ]:
        feed = batches.feed
        assert feed.options().autotune.enabled is False
        assert feed.cardinality() == (
            batches.num_batches or -1
        )  # or Keras warns of missing batches
        for _ in range(2):
            read = islice(feed, n) if batches.num_batches is None else feed
            expected = [batches[number] for number in range(n)]
            for batch, stated in zip(read, expected, strict=True):
                for array, of_batch in zip(batch, stated, strict=True):
                    np.testing.assert_array_equal(array, of_batch, strict=True)


@pytest.mark.parametrize("kind", [partial(InputError, where="store", remedy="."), RuntimeError])
def test_own_error_of_reading_is_raised_in_place_of_the_framework_s(kind):
    class Unreadable(ImageSubset):
        def take(self, rows, channels):
            raise kind("unreadable")

    batches = ShuffledBatches(Unreadable(*numbered(), np.arange(9)), batch=3, channels=1, seed=0)
    with pytest.raises(type(kind("")), match="unreadable"):
        batches[0]
    with pytest.raises(type(kind("")), match="unreadable"), reader_errors(batches):
        raise ValueError("generator failed")


@pytest.mark.parametrize(("shape", "channels"), [((2, 2), 1), ((2, 2), 3), ((2, 2, 3), 3)])
def test_take_when_model_wants_channels_gives_them(shape, channels):
    images = np.arange(5 * np.prod(shape), dtype="uint8").reshape(5, *shape)
    part = ImageSubset(images, np.arange(5), np.arange(5))
    taken, labels = part.take(np.array([1, 3]), channels)
    expected = np.broadcast_to(images.reshape(5, 2, 2, -1)[[1, 3]], (2, 2, 2, channels))
    np.testing.assert_array_equal(taken, expected, strict=True)
    assert labels.tolist() == [1, 3]


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (50, 4, 3), dtype=np.uint8)


@pytest.fixture
def stored(tmp_path, images):
    """The same images as a read-only memory map."""
    np.save(tmp_path / "images.npy", images)
    return np.load(tmp_path / "images.npy", mmap_mode="r")


@pytest.mark.parametrize(
    "rows",
    [[0], [49], [3, 4, 5], [0, 1, 7, 8, 9, 30], [9, 3, 3, 48], [], list(range(50))],
    ids=["first", "last", "neighbours", "runs", "any order", "none", "all"],
)
def test_read_rows_of_a_file_are_those_of_the_array(images, stored, rows):
    read = read_rows(stored, np.array(rows, int))
    assert not isinstance(read, np.memmap)
    np.testing.assert_array_equal(read, images[np.array(rows, int)])


def test_read_rows_of_a_part_of_a_map_does_not_read_from_its_beginning(images, stored):
    part = stored[10:20]
    np.testing.assert_array_equal(read_rows(part, np.array([0, 9])), images[[10, 19]])


def test_read_rows_of_a_file_cut_short_or_gone_names_it(stored):
    os.truncate(stored.filename, 300)
    assert read_rows(stored, np.array([2])).shape == (1, 4, 3)
    with pytest.raises(InputError, match=r"cannot be read.*too early") as caught:
        read_rows(stored, np.array([2, 40]))
    Path(stored.filename).unlink()
    with pytest.raises(InputError, match="cannot be read") as gone:
        read_rows(stored, np.array([2]))
    assert caught.value.where == gone.value.where == str(stored.filename)
