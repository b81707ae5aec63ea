"""Flip single bits in the files of a finished study: no number may change silently.

    python benchmarks/bit_flips.py [--flips 300] [--folder FOLDER] [--seed 7]

A tiny study (stand-ins, a curated archive, a dozen layers for ResNet50) runs once, and a reference
run is written.  Then, for each kind of kept file in turn, one random bit of one random file is
flipped, its size and times unchanged, and a fresh process reads everything again.  The outcomes
are counted: *noticed* (one line reports it), *rebuilt* (the same numbers, and the file is whole
again), *harmless* (the same numbers, as nothing needed the bit), *silent* (different numbers) or
*traceback*.  Exits with 1 if either of the last two occurs.
"""

import argparse
import hashlib
import multiprocessing
import os
import random
import re
import shutil
import sys
import tempfile
import traceback
import warnings
from collections import Counter, defaultdict
from pathlib import Path

os.environ["KERAS_BACKEND"] = "numpy"  # nothing is trained here
sys.path.append(str(Path(__file__).resolve().parent))
import keras
import numpy as np
import pandas as pd
from kills import CHANGES, run_to_end

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "study"))
import finished_study
from small_backbone import small_backbone
from tiny_study import write_profile

from rin.curation.build import curate, index_archive
from rin.errors import InputError
from rin.models.weights import load_weights
from rin.study import consolidate, fine_tuning, open_results, open_workspace, pretraining
from rin.study.corpora import curation_plan, open_corpus
from rin.study.forecast import forecast
from rin.study.reference import write_reference
from rin.training.checkpoint import WorkFolder

OUTCOMES = ("noticed", "rebuilt", "harmless", "silent", "traceback")
PROFILE, REFERENCE, CHECKPOINT = "tiny.yaml", "reference_runs", "tiny/weights/.work/begun"
SECONDS = 300


def write_everything(folder):
    """Run a tiny study to its end, write a reference run, and leave a checkpoint."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    profile = write_profile(folder / PROFILE, CHANGES)
    for stage in ("curate", "grid"):
        run_to_end(stage, profile, folder)
    draws = np.random.default_rng(1)
    arrays = {f"model/{number:05d}": draws.normal(size=(3, 40)) for number in range(4)}
    (folder / CHECKPOINT).mkdir(parents=True)
    WorkFolder(folder / CHECKPOINT).save(
        arrays, {"epoch": 2, "step": 5, "curves": [{"loss": 0.5}]}
    )
    with tempfile.TemporaryDirectory() as place:
        images = finished_study.write_images(Path(place))
        os.environ["RIN_MANIFESTS"] = str(finished_study.write_manifests(Path(place, "manifests")))
        write_reference(
            finished_study.finished_study(Path(place, "results"), images), folder / REFERENCE
        )


def read_everything(folder):
    """Return everything that can be read from a study, by name."""
    keras.applications.ResNet50 = small_backbone
    workspace = open_workspace(folder / PROFILE, results=folder)
    read = {"checkpoint": WorkFolder(folder / CHECKPOINT).load()}
    for run in pretraining.plan_pretraining(workspace):
        read[f"features {run.run_id}"] = pretraining.pretraining_features(
            workspace, run.init, run.backbone
        )
    for table in ("pretraining_results", "pretraining_histories", "pretraining_predictions"):
        read[table] = getattr(pretraining, table)(workspace)
    for entry in pretraining.local_entries(workspace):
        network = small_backbone(include_top=False, weights=None, input_shape=(32, 32, 3))
        read[f"weights {entry.file}"] = load_weights(entry, network, workspace.weights_folders)
    for part in fine_tuning.SCORED_PARTS:
        read[f"predictions {part}"] = consolidate(workspace).predictions(part=part)
    read["runs"], read["forecast"] = consolidate(workspace).records("breast"), forecast(workspace)
    read["maps"] = list(fine_tuning.cam_arrays(workspace, "breast"))
    inputs = workspace.inputs("breast")
    read["split"], read["patients"] = inputs.folds, inputs.used_images.cases
    plan = curation_plan(workspace)
    corpus, archive = curate(plan), index_archive(plan)
    read["corpus"] = list(corpus)
    texts = (path for path in corpus.folder.rglob("*") if path.suffix in (".csv", ".json"))
    read["texts of the corpus"] = {path.name: path.read_bytes() for path in sorted(texts)}
    # The time of a change, by which a corrected file is noticed, is not restored with the file.
    read["files of the archive"] = archive.files.drop(columns="changed_ns")
    read["reports of the archive"] = archive.reports
    whole = open_corpus(workspace, ["curated_archive"])
    read["curated"] = whole.cases
    for store in (inputs.store, workspace.store(whole, 32)):
        read[f"store {store.path.name}"] = [store.images(), store.masks(), store.cases]
    reference = open_results(folder / REFERENCE / "tiny")
    return read | reference.tables | {"facts": reference.facts.model_dump()}


def digest_of(value):
    if isinstance(value, dict):
        value = [*value.items()]
    if isinstance(value, list | tuple):
        content = repr([digest_of(part) for part in value])
    elif isinstance(value, np.ndarray):
        content = f"{value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}"
    else:
        content = value.to_csv() if isinstance(value, pd.DataFrame) else repr(value)
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()


def in_fresh_process(work, folder):
    """Return how a function ended, the digests of its results or its error, and its warnings."""
    ours, theirs = multiprocessing.Pipe(duplex=False)

    def run():
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            try:
                made = work(folder)
                answer = "read", {name: digest_of(made[name]) for name in made or ()}
            except InputError as error:
                answer = "error", str(error)
            except BaseException:
                answer = "traceback", traceback.format_exc()
        theirs.send((*answer, [str(warning.message) for warning in said]))

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    theirs.close()
    answer = "traceback", f"no answer in {SECONDS} seconds", []
    if ours.poll(SECONDS):
        try:
            answer = ours.recv()
        except EOFError:
            answer = "traceback", "the process died", []
    process.kill()
    process.join()
    return answer


def kind_of(path, folder):
    """Return the kind of a file: its top folder and its name, without identifiers."""
    place = path.relative_to(folder)
    top = place.parts[1] if place.parts[0] == "tiny" else place.parts[0]
    name = path.suffix if path.suffix in (".png", ".dcm", ".npy") else path.name
    return f"{top}: {re.sub(r'[0-9a-f]{8,}.*(?=[.])', '*', name)}"


def flip(path, draws):
    """Flip one bit of a file, keeping its size and times; return its new content."""
    stat, place = path.stat(), draws.randrange(8 * path.stat().st_size)
    content = bytearray(path.read_bytes())
    content[place // 8] ^= 1 << place % 8
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    return bytes(content)


def files_of(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def restore(folder, whole, times, flipped):
    """Restore files that are missing or changed, and remove new files."""
    now = files_of(folder)
    for path in now.keys() - times.keys():
        path.unlink()
    for path in times:
        if path == flipped or now.get(path) != times[path]:
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(whole / path.relative_to(folder), path)


def outcome_of(answer, expected, still_damaged, path):
    """Return the outcome of a flip, with its details."""
    how, content, said = answer
    if how == "traceback" or (how == "error" and len(content.splitlines()) > 1):
        return "traceback", content
    if how == "error":
        return "noticed", content
    if content == expected:
        return "harmless" if still_damaged else "rebuilt", ""
    changed = [name for name in expected if content.get(name) != expected[name]]
    is_said = any(str(path) in text for text in said)
    return "noticed" if is_said else "silent", ", ".join(changed)


def flip_often(folder, whole, flips, seed):
    """Return how often each outcome occurred for each kind of file; bad outcomes are printed."""
    draws, counts = random.Random(seed), defaultdict(Counter)
    times, kinds = files_of(folder), defaultdict(list)
    for path in sorted(times):
        # Reports are input: whatever is changed there is read again, as a correction is.
        if path.stat().st_size and path.name != PROFILE and path.parent.name != "reports":
            kinds[kind_of(path, folder)].append(path)
    how, expected, _ = in_fresh_process(read_everything, folder)
    if how != "read":
        sys.exit(f"the study cannot be read before anything is flipped: {expected}")
    for number in range(flips):
        kind = [*kinds][number % len(kinds)]
        path = draws.choice(kinds[kind])
        damaged = flip(path, draws)
        answer = in_fresh_process(read_everything, folder)
        still_damaged = path.is_file() and path.read_bytes() == damaged
        outcome, why = outcome_of(answer, expected, still_damaged, path)
        counts[kind][outcome] += 1
        if outcome in ("silent", "traceback"):
            print(f"{outcome}: {path.relative_to(folder)}: {why[-600:]}", flush=True)
        restore(folder, whole, times, path)
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--flips", type=int, default=300)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    base = arguments.folder or Path(tempfile.mkdtemp())
    folder, whole = base / "flipped", base / "whole"
    if not whole.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        how, why, _ = in_fresh_process(write_everything, folder)
        if how != "read":
            sys.exit(why)
    else:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(whole, folder)
        shutil.rmtree(whole)
    in_fresh_process(read_everything, folder)  # writes files that are made on first use
    shutil.copytree(folder, whole)
    counts = flip_often(folder, whole, arguments.flips, arguments.seed)
    print("| kept file |", *(f"{outcome} |" for outcome in OUTCOMES))
    print("|---|" + "---:|" * len(OUTCOMES))
    for kind in [*counts, "all"]:
        row = counts[kind] if kind in counts else sum(counts.values(), Counter())
        print(f"| {kind} |", *(f"{row[outcome]} |" for outcome in OUTCOMES))
    all_counts = sum(counts.values(), Counter())
    return int(all_counts["silent"] + all_counts["traceback"] > 0)


if __name__ == "__main__":
    sys.exit(main())
