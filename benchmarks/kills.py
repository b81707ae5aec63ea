"""Kill running programs at random moments: nothing may be lost, doubled, or left running.

    python benchmarks/kills.py [--kills 200] [--folder FOLDER] [--seed 7]

Curation, pretraining, a grid and a whole study of the tests' tiny profile, in turn: each runs once
undisturbed, then again and again until its share of the kills has hit a running program, and
finally to its end.  Every run must exist once, with files that equal those of the undisturbed run
byte for byte (except times), and no process may be left five seconds after a kill.  Exits with 1
if that fails.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1] / "tests" / "study"
sys.path.append(str(TESTS))
from tiny_study import write_profile  # noqa: E402

STAGES = ("curate", "pretrain", "grid", "study")
CHANGES = {
    "curation": {"studies": 40, "size": 48, "label_map": "label_map.csv"},
    "execution": {"workers": 2, "threads": 1},
    "fine_tuning.epochs": 2,
    "pretraining.epochs": 2,
}
#: Files that contain durations or dates (for curation, when its archive was drawn), folders of
#: such files, and a secret.
LEFT_OUT = ("done.json", "history.parquet", "curated.json", "index", "exported", "pseudonym.key")


def start(stage, profile, folder):
    """Start one stage in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-B", TESTS / "study_program.py", profile, folder, "small", stage],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS.parents[1]), str(TESTS)])},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def group_members(group):
    """Return the processes of a group that are still alive."""
    alive = []
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, of_group = place.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(of_group) == group and state not in "ZX":
            alive.append(int(place.parent.name))
    return alive


def contents(folder):
    """Return every kept file as bytes, without locks, drafts, indexes and times."""
    places = [path for path in (folder / "tiny").rglob("*") if path.is_file()]
    places = [p for p in places if not any(part.startswith(".") for part in p.parts)]
    kept = [p for p in places if not {*p.relative_to(folder).parts}.intersection(LEFT_OUT)]
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in kept}


def run_to_end(stage, profile, folder):
    started = time.monotonic()
    if start(stage, profile, folder).wait():
        sys.exit(f"{stage} failed undisturbed")
    return time.monotonic() - started


def kill_often(stage, profile, base, expected, seconds, kills, draws):
    """Kill a running stage `kills` times; return the number of starts, and what is wrong."""
    wrong, folder, starts, killed = [], base / f"{stage}-killed", 0, 0
    begin_anew(folder, base / "before", base / "calm")
    while killed < kills:
        program, starts = start(stage, profile, folder), starts + 1
        try:
            program.wait(draws.uniform(0, seconds))
        except subprocess.TimeoutExpired:
            program.kill()  # only the parent: its workers must notice
            killed += program.wait() == -signal.SIGKILL
            deadline = time.monotonic() + 5
            while (left := group_members(program.pid)) and time.monotonic() < deadline:
                time.sleep(0.1)
            if left:
                wrong.append(f"kill {killed}: {len(left)} processes left after five seconds")
                os.killpg(program.pid, signal.SIGKILL)
        else:  # it ended before it was killed: begin again
            wrong += compare(contents(folder), expected)
            begin_anew(folder, base / "before", base / "calm")
    run_to_end(stage, profile, folder)
    return starts, wrong + compare(contents(folder), expected)


def begin_anew(folder, before, calm):
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(before, folder) if before.exists() else folder.mkdir()
    for key in calm.rglob("pseudonym.key"):  # the secret of the pseudonyms is drawn once
        target = folder / key.relative_to(calm)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(key, target)


def compare(contents, expected):
    return [
        f"{name}: {'missing' if name not in contents else 'unexpected or different'}"
        for name in sorted(contents.keys() | expected.keys())
        if contents.get(name) != expected.get(name)
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--stages", nargs="+", default=STAGES, choices=STAGES)
    arguments = parser.parse_args()
    draws, failed = random.Random(arguments.seed), False
    base = arguments.folder or Path(tempfile.mkdtemp())
    base.mkdir(parents=True, exist_ok=True)
    profile = write_profile(base / "tiny.yaml", CHANGES)
    for stage in arguments.stages:
        for name in ("before", "calm"):
            shutil.rmtree(base / name, ignore_errors=True)
        (base / "calm").mkdir()
        if stage == "grid":  # the pretraining that a grid needs is not killed
            run_to_end("pretrain", profile, base / "calm")
            shutil.copytree(base / "calm", base / "before")
        seconds = run_to_end(stage, profile, base / "calm")
        expected = contents(base / "calm")
        kills = arguments.kills // len(arguments.stages)
        starts, wrong = kill_often(stage, profile, base, expected, 1.2 * seconds, kills, draws)
        failed |= bool(wrong)
        print(f"{stage}: {kills} kills of a running program in {starts} starts, ", end="")
        print(f"{len(expected)} files, {len(wrong)} wrong", flush=True)
        for line in wrong[:20]:
            print(f"  {line}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
