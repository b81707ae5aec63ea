"""Settings of the framework below Keras, for a whole process."""

from __future__ import annotations

import keras


def prepare_framework(threads: int | None, precision: str) -> None:
    """Set threads and precision of this process; call before the first model.

    Parameters
    ----------
    threads
        Threads of the TensorFlow backend, None for its own choice.  Several
        single-threaded blocks side by side train faster on a CPU than one block with
        all cores.  Other backends keep their own settings.
    precision
        Name of a Keras dtype policy.
    """
    keras.config.set_dtype_policy(precision)
    if threads is None or keras.backend.backend() != "tensorflow":
        return
    import tensorflow as tf

    tf.get_logger().setLevel("ERROR")  # it takes the one tracing of each block for too many
    threading = tf.config.threading
    if threading.get_intra_op_parallelism_threads() != threads:
        threading.set_intra_op_parallelism_threads(threads)
        threading.set_inter_op_parallelism_threads(threads)


def jit_setting() -> bool | str:
    """Compile with XLA except on TensorFlow's CPU, where compiling costs more than it saves."""
    if keras.backend.backend() != "tensorflow":
        return "auto"
    import tensorflow as tf

    return "auto" if tf.config.list_physical_devices("GPU") else False


def lacks_affine() -> bool:
    """Return whether compiled steps have no affine transform: TensorFlow's, under XLA."""
    return keras.backend.backend() == "tensorflow" and jit_setting() is not False
