from itertools import chain, islice

import numpy as np
import pytest

from rin.errors import InputError
from rin.training.batches import OrderedBatches, Part, shuffled_batches


def numbered(n=20):
    """Images whose every pixel is their own row number; the label is a third of it."""
    images = np.repeat(np.arange(n, dtype="uint8"), 4).reshape(n, 2, 2)
    return images, np.arange(n) // 3


def rows_of(batch):
    return batch[0][:, 0, 0, 0].tolist()


def test_part_without_cases_raises():
    with pytest.raises(InputError, match="no cases"):
        Part(*numbered(), np.array([], int))


@pytest.mark.parametrize(("batch", "steps"), [(1, 11), (4, 3), (11, 1), (12, 1), (10, 2)])
def test_steps_when_last_batch_is_smaller_count_it(batch, steps):
    assert Part(*numbered(), np.arange(11)).steps(batch) == steps


def test_shuffled_batches_in_each_pass_yield_every_row_once_with_its_label():
    rows = np.array([1, 4, 6, 7, 9, 13, 14, 15, 19, 2, 3])
    part = Part(*numbered(), rows)
    batches = list(islice(shuffled_batches(part, batch=4, channels=1, seed=0), 9))
    for a_pass in (batches[:3], batches[3:6], batches[6:]):
        assert [len(images) for images, _ in a_pass] == [4, 4, 3]
        assert sorted(chain.from_iterable(map(rows_of, a_pass))) == sorted(rows)
    for batch in batches:
        assert [row // 3 for row in rows_of(batch)] == batch[1].tolist()
    assert [set(rows_of(b)) for b in batches[:3]] != [set(rows_of(b)) for b in batches[3:6]]


def test_shuffled_batches_are_decided_by_the_seed_alone():
    def first(seed):
        part = Part(*numbered(), np.arange(20))
        return [
            rows_of(b) for b in islice(shuffled_batches(part, batch=6, channels=1, seed=seed), 8)
        ]

    assert first(3) == first(3)
    assert first(3) != first(4)


def test_ordered_batches_yield_the_rows_in_order_once():
    ordered = OrderedBatches(Part(*numbered(), np.arange(3, 14)), batch=4, channels=1)
    assert len(ordered) == 3
    assert rows_of(ordered[0]) + rows_of(ordered[1]) + rows_of(ordered[2]) == list(range(3, 14))


def test_ordered_batches_of_rows_out_of_order_keep_their_order():
    rows = np.array([9, 2, 7, 1, 5])
    ordered = OrderedBatches(Part(*numbered(), rows), batch=3, channels=1)
    assert rows_of(ordered[0]) + rows_of(ordered[1]) == rows.tolist()


@pytest.mark.parametrize(("shape", "channels"), [((2, 2), 1), ((2, 2), 3), ((2, 2, 3), 3)])
def test_take_when_model_wants_channels_gives_them(shape, channels):
    images = np.arange(5 * np.prod(shape), dtype="uint8").reshape(5, *shape)
    taken, labels = Part(images, np.arange(5), np.arange(5)).take(np.array([1, 3]), channels)
    assert taken.shape == (2, 2, 2, channels)
    assert taken.dtype == np.uint8
    expected = images[[1, 3]] if len(shape) == 3 else images[[1, 3], ..., np.newaxis]
    np.testing.assert_array_equal(taken, np.broadcast_to(expected, taken.shape))
    assert labels.tolist() == [1, 3]
