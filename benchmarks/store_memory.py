"""Resident memory while training batches are drawn from a small and from a very large store.

Command    python benchmarks/store_memory.py
Measures   resident memory (anonymous and mapped file pages separately, if the system reports them)
           of a fresh process that draws shuffled training batches from a store of 10,000 and from
           one of 1,350,000 images of 224 px, the same number of batches from each, enough to touch
           several GB.  The project's own input path is compared with reading the same rows one by
           one into a buffer and, where --ways names them, with indexing the memory map, and the
           same with advice to the system that its pages are no longer needed.
Checks     that every way returns the rows it was asked for, and that the project's path grows by
           less than 1 GB from the small to the large store.
Prints     a Markdown table, one line for each way.
Time       about two minutes on two cores; the memory maps take some ten minutes more, because
           every page of a sparse file that a map touches for the first time is a fault.

The large store is a sparse file: it appears to have 67 GB and takes almost no disk.  Rows that
were never written are read as zeros, but their pages count in memory like all others.
"""

import argparse
import gc
import json
import mmap
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

TARGET_BYTES = 1e9
MARKED = 1000  # number of rows of a store that contain their number in their first bytes


def by_indexing(images):
    """Read rows by indexing the map: simple, but every page that was touched stays resident."""
    return lambda rows: np.asarray(images[rows])


def by_dropping(images):
    """Read rows by indexing, then tell the system that the map's pages are no longer needed."""

    def read(rows):
        taken = np.asarray(images[rows])
        images.base.madvise(mmap.MADV_DONTNEED)
        return taken

    return read


def by_positions(images):
    """Read every row from its position in the file straight into the batch, without the map."""
    file = os.open(images.filename, os.O_RDONLY)
    row_bytes = images[0].nbytes

    def read(rows):
        taken = np.empty((len(rows), *images.shape[1:]), images.dtype)
        places = (images.offset + rows.astype("int64") * row_bytes).tolist()
        for row, place in zip(taken, places, strict=True):
            if os.preadv(file, [row], place) != row_bytes:
                raise OSError(f"{images.filename} ends within a row")
        return taken

    return read


WAYS = {"memory map": by_indexing, "map, pages dropped": by_dropping, "pread": by_positions}
PROJECT = "rin.training"


def plain_batches(read, n, batch, seed):
    """Yield shuffled batches, read in one of the plain ways."""
    draws = np.random.default_rng(seed)
    while True:
        order = draws.permutation(n)
        for start in range(0, n, batch):
            rows = np.sort(order[start : start + batch])
            yield read(rows), rows


def project_batches(images, batch, seed):
    """Yield the batches of a training step, as the project draws them; labels are row numbers."""
    from rin.training.batches import ImageSubset, ShuffledBatches

    rows = np.arange(len(images))
    yield from ShuffledBatches(ImageSubset(images, rows, rows), batch=batch, channels=1, seed=seed)


def memory():
    """Return resident bytes: all, anonymous, mapped files; the last two None if not reported."""
    status = Path("/proc/self/status")
    if not status.exists():
        # Linux counts in KiB, macOS in bytes, and only the highest ever is known.
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit, None, None
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return tuple(
        int(lines[key].split()[0]) * 1024 if key in lines else None
        for key in ("VmRSS", "RssAnon", "RssFile")
    )


def make_sparse_store(path, n, size):
    """Write an .npy file of n images that takes almost no disk; some rows contain their number."""
    header = {"descr": "|u1", "fortran_order": False, "shape": (n, size, size)}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        start = file.tell()
        file.truncate(start + n * size * size)
        for row in range(0, n, n // MARKED):
            file.seek(start + row * size * size)
            file.write(np.int64(row).tobytes())
    return path


def watch(way, path, batch, batches, seed):
    """Draw batches; return memory before and at its highest, and seconds."""
    images = np.load(path, mmap_mode="r")
    if way == PROJECT:
        drawn = project_batches(images, batch, seed)
    else:
        drawn = plain_batches(WAYS[way](images), len(images), batch, seed)
    next(drawn)  # imports and first allocations are not due to the store
    gc.collect()
    before, highest, seconds = memory(), None, 0.0
    for _ in range(batches):
        started = time.perf_counter()
        pixels, rows = next(drawn)
        seconds += time.perf_counter() - started
        now = memory()
        highest = max(highest or now, now)
        numbers = pixels.reshape(len(pixels), -1)[:, :8].copy().view("int64")[:, 0]
        marked = rows % (len(images) // MARKED) == 0
        if not np.array_equal(numbers, np.where(marked, rows, 0)):
            sys.exit(f"{way}: rows other than those asked for")
    return {"before": before, "highest": highest, "seconds": seconds}


def watch_in_fresh_process(way, path, arguments):
    job = [way, str(path), arguments.batch, arguments.batches, arguments.seed]
    done = subprocess.run(
        [sys.executable, __file__, "--job", json.dumps(job)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def forget(path):
    """Ask the system to drop the file from its cache."""
    if hasattr(os, "posix_fadvise"):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def compare(arguments, folder):
    stores = {}
    for n in (arguments.small, arguments.large):
        stores[n] = make_sparse_store(folder / f"{n}.npy", n, arguments.size)
        taken = stores[n].stat().st_blocks * 512
        print(f"{n:,} images: {stores[n].stat().st_size / 1e9:.1f} GB, on disk {taken / 1e9:.2f}.")
    touched = arguments.batch * arguments.batches * arguments.size**2
    print(f"{arguments.batches} batches of {arguments.batch}: {touched / 1e9:.1f} GB read.\n")
    print("| way | small store, MB | large store, MB | growth, MB | of it mapped | images/s |")
    print("|---|---:|---:|---:|---:|---:|")
    growth = {}
    for way in arguments.ways:
        small, large = (
            watch_in_fresh_process(way, stores[n], arguments)
            for n in (arguments.small, arguments.large)
        )
        growth[way], _, mapped = (
            None if b is None else b - a
            for a, b in zip(small["highest"], large["highest"], strict=True)
        )
        mapped = "" if mapped is None else f"{mapped / 1e6:.0f}"
        speed = arguments.batch * arguments.batches / large["seconds"]
        print(
            f"| {way} | {small['highest'][0] / 1e6:.0f} | {large['highest'][0] / 1e6:.0f} "
            f"| {growth[way] / 1e6:.0f} | {mapped} | {speed:.0f} |",
            flush=True,
        )
        for path in stores.values():
            forget(path)
    return growth


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", type=int, default=10_000, help="images of the small store")
    parser.add_argument("--large", type=int, default=1_350_000, help="images of the large store")
    parser.add_argument("--size", type=int, default=224, help="side of the images in pixels")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--batches", type=int, default=300, help="batches drawn from each store")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where the sparse files are made")
    parser.add_argument(
        "--ways", nargs="*", default=[PROJECT, "pread"], choices=[PROJECT, *WAYS], metavar="WAY"
    )
    parser.add_argument("--job", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.job:
        print(json.dumps(watch(*json.loads(arguments.job))))
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the folder goes, too
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        growth = compare(arguments, Path(folder))
    if growth.get(PROJECT, 0) >= TARGET_BYTES:
        sys.exit(f"{PROJECT} grows by {growth[PROJECT] / 1e9:.2f} GB; the target is below 1 GB")


if __name__ == "__main__":
    main()
