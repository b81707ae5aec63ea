import threading
from itertools import chain, count, islice

import numpy as np
import pytest

from rin.errors import InputError
from rin.training.batches import (
    OrderedBatches,
    Part,
    ReadAhead,
    epoch_order,
    own_errors,
    shuffled_batches,
)


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


@pytest.mark.parametrize(("epoch", "step"), [(0, 0), (0, 2), (1, 0), (2, 3)])
def test_shuffled_batches_from_any_place_are_those_that_come_there(epoch, step):
    part = Part(*numbered(), np.arange(20))
    settings = {"part": part, "batch": 6, "channels": 1, "seed": 3}
    whole = [rows_of(b) for b in islice(shuffled_batches(**settings), 16)]
    later = shuffled_batches(**settings, epoch=epoch, step=step)
    first = 4 * epoch + step
    assert [rows_of(b) for b in islice(later, 16 - first)] == whole[first:]


def test_epoch_order_of_an_epoch_needs_none_before_it():
    rows = np.arange(9)
    assert epoch_order(rows, 1, 5).tolist() != epoch_order(rows, 1, 6).tolist()
    # Trainings that were killed go on in it: computed once with NumPy 2.4.
    expected = np.random.Generator(np.random.PCG64(np.random.SeedSequence([1, 5]))).permutation(9)
    assert epoch_order(rows, 1, 5).tolist() == expected.tolist()


def test_shuffled_batches_for_devices_can_all_be_divided_and_leave_out_others_each_time():
    part = Part(*numbered(), np.arange(11))
    batches = islice(shuffled_batches(part, batch=6, channels=1, seed=0, devices=3), 40)
    rows = [rows_of(b) for b in batches]
    assert {len(r) for r in rows} == {6, 3}
    passes = [set(chain(*pair)) for pair in zip(rows[::2], rows[1::2], strict=True)]
    assert {len(p) for p in passes} == {9}
    assert set().union(*passes) == set(range(11))


def test_shuffled_batches_with_class_weights_bring_those_of_their_labels():
    weights = np.array([0.5, 1, 2, 3, 4, 5, 6], "float32")
    part = Part(*numbered(), np.arange(20))
    made = shuffled_batches(part, batch=7, channels=1, seed=0, class_weights=weights)
    for _, labels, given in islice(made, 5):
        assert given.tolist() == weights[labels].tolist()


def test_read_ahead_yields_everything_in_order_and_again_from_the_first():
    with ReadAhead(lambda: iter(range(50))) as ahead:
        assert list(ahead.batches()) == list(range(50))
        assert list(ahead.batches()) == list(range(50))


def test_read_ahead_is_ahead_by_its_depth_and_no_more():
    asked, enough = [], threading.Event()

    def numbers():
        for number in count():
            asked.append(number)
            if number == 3:
                enough.set()
            yield number

    with ReadAhead(numbers, depth=2) as ahead:
        batches = ahead.batches()
        assert next(batches) == 0
        assert enough.wait(5)  # two wait, the fourth is in the reader's hand
        assert not threading.Event().wait(0.1)
        assert asked == [0, 1, 2, 3]


def test_read_ahead_when_left_ends_its_threads():
    before = threading.active_count()
    with ReadAhead(count) as ahead:
        one, other = ahead.batches(), ahead.batches()
        assert (next(one), next(other), next(one)) == (0, 0, 1)
        assert threading.active_count() == before + 2
    assert threading.active_count() == before
    assert list(one) == []


def broken():
    yield 1
    raise InputError("unreadable", where="store", remedy="Mend it.")


def test_read_ahead_when_reading_fails_raises_where_it_is_read():
    with ReadAhead(broken) as ahead:
        batches = ahead.batches()
        assert next(batches) == 1
        with pytest.raises(InputError, match="unreadable"):
            next(batches)


def test_own_errors_stand_in_for_what_the_framework_makes_of_them():
    caught = pytest.raises(InputError, match="unreadable")
    with ReadAhead(broken) as ahead, caught, own_errors(ahead):
        try:
            list(ahead.batches())
        except InputError as error:
            raise RuntimeError("generator failed") from error


def test_own_errors_leave_others_as_they_are():
    with ReadAhead(count) as ahead, pytest.raises(KeyError), own_errors(ahead):
        raise KeyError("x")


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
