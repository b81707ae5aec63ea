import math
from types import SimpleNamespace

import numpy as np
import pytest

from rin.errors import InputError
from rin.training import progress
from rin.training.progress import EventLog, Reading, Watch, write_line
from rin.training.standing import Standing


def test_reading_in_words_names_epoch_speed_loss_rate_and_time_left():
    reading = Reading(2, 3, 512.4, 1.8234, 6.1e-4, 61.0)
    assert reading.line == "epoch 2/3, 512 images/s, loss 1.82, lr 0.00061, ETA 61 s"


@pytest.mark.parametrize(
    ("seconds", "words"), [(4.4, "4 s"), (600, "10 min"), (7200, "2.0 h"), (360000, "100.0 h")]
)
def test_reading_tells_time_left_in_a_fitting_unit(seconds, words):
    assert Reading(1, 1, 1e4, 1, 1, seconds).line.endswith(
        f"10,000 images/s, loss 1, lr 1, ETA {words}"
    )


def test_reading_before_the_second_step_leaves_out_what_nobody_knows():
    assert Reading(1, 3, None, 2.3, 1e-3, None).line == "epoch 1/3, loss 2.3, lr 0.001"


def test_write_line_leaves_the_line_alone(tmp_path):
    for number in (1, 2):
        write_line(tmp_path / "progress.txt", Reading(number, 3, None, 2.3, 1e-3, None))
    assert [p.name for p in tmp_path.iterdir()] == ["progress.txt"]
    assert (tmp_path / "progress.txt").read_text().startswith("epoch 2/3")


def watch(standing, loss, told):
    made = Watch(
        standing, SimpleNamespace(result=lambda: np.float32(loss)), told.append, "Net at 1"
    )
    made.set_model(SimpleNamespace(optimizer=SimpleNamespace(learning_rate=np.float32(0.5))))
    return made


def test_watch_tells_after_a_while_how_much_is_left(monkeypatch):
    standing, told = Standing(10, 100, 10, 3, epoch=1, step=4, timed=(30, 1.5)), []
    made = watch(standing, 0.25, told)
    made.on_train_batch_begin(4)
    assert told == []
    monkeypatch.setattr(progress, "EVERY_SECONDS", 0.0)
    made.on_train_batch_begin(4)
    # 60 images of this epoch and 100 of the next, at 20 a second.
    assert told == [Reading(2, 3, 20.0, 0.25, 0.5, 8.0)]


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_watch_of_a_loss_that_is_no_number_ends_the_training(loss):
    made = watch(Standing(10, 100, 10, 3, epoch=1, step=10), loss, [])
    with pytest.raises(InputError, match=r"Net at 1: .*loss is (nan|inf) in epoch 2.*lower the"):
        made.on_test_begin()


def test_event_log_holds_every_epoch_in_the_format_of_tensorboard(tmp_path):
    standing = Standing(1, 1, 1, 3)
    made = EventLog(tmp_path, standing)
    for epoch, loss in enumerate([0.5, 0.25]):
        standing.curves.append({"loss": loss, "val_loss": 2 * loss})
        standing.epoch = epoch + 1
        made.on_epoch_end(epoch)
    made.on_train_end()
    (path,) = tmp_path.iterdir()
    assert events(path) == {
        ("loss", 1, 0.5),
        ("val_loss", 1, 1.0),
        ("loss", 2, 0.25),
        ("val_loss", 2, 0.5),
    }


def events(path):
    """Scalars of an event file as TensorFlow reads them: tag, step, value."""
    import tensorflow as tf

    found = set()
    for record in tf.data.TFRecordDataset(str(path)):
        event = tf.compat.v1.Event.FromString(record.numpy())
        found |= {(v.tag, event.step, v.simple_value) for v in event.summary.value}
    return found
