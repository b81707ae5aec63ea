"""Every shipped and documented profile can be planned, and one on released weights trained."""

import re
from collections import Counter
from dataclasses import replace
from functools import partial
from itertools import product

import jupytext
import pytest
from finished_study import pretrained_files
from tiny_study import SETTINGS, settings

from rin.data.manifest import find_task
from rin.files import REPOSITORY, read_yaml
from rin.study import Profile, load_profile, open_reference, open_workspace, profile_names
from rin.study.forecast import forecast
from rin.study.plan import group_blocks, plan_all, plan_study
from rin.study.pretraining import plan_pretraining
from rin.study.profile import numbers_of
from rin.study.workspace import folds_of, missing_inputs

KEPT = "ResNet50"
CORPORA = {"radiologic": "corpus_radiologic", "photographic": "corpus_photographic"}


def shrunk(name):
    """A profile on one task, one backbone and stand-ins, with all of its sections."""
    told = load_profile(name).model_dump() | {"reference": None}
    assert told["name"] == name
    told |= {"tasks": ["breast"], "live": None, "backbones": [KEPT], "folds": 1}
    told |= {"cases": None, "cases_of": {}, "splits_of": {}, "fine_tuning_of": {}}
    external = {"busbra": {"benign": 9, "malignant": 7}} if told["external"] else {}
    told |= {"stand_ins": SETTINGS["stand_ins"] | external, "execution": {}}
    told["fine_tuning"] |= SETTINGS["fine_tuning"]
    if told["pretraining"]:
        corpora = {init: CORPORA[init] for init in told["pretraining"]["corpora"]}
        told["pretraining"] |= SETTINGS["pretraining"] | {"corpora": corpora, "cases": None}
        told["pretraining"]["pretrainings"] = numbers_of(told["pretraining"]["pretrainings"], KEPT)
        for brief in told["pretraining"]["brief"]:
            brief |= {"training_images": 16, "backbones": [KEPT]}
    for study in told["studies"]:
        study |= dict.fromkeys(("tasks", "backbones"))
        study["pretrainings"] = numbers_of(study["pretrainings"], KEPT)
        if study["name"] == "confounder":
            kept = [n for n in study["vary"]["confounder"] if not n.startswith("sampled")]
            study["vary"]["confounder"] = kept
    told["sampled_confounder"] = None
    return Profile.model_validate(told | {"name": f"shrunk_{name}"})


#: The largest; the others plan alike.
QUICK = "open"


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name == QUICK else pytest.mark.slow)
        for name in profile_names()
    ],
)
def test_profile_plans_all_that_it_asks_for(name, study_folder):
    profile = shrunk(name)
    workspace = open_workspace(profile, results=study_folder)
    for run in plan_pretraining(workspace):
        workspace.weights.commit(run.run_id, run.config, partial(pretrained_files, run))
    planned = plan_all(workspace)
    chosen = profile.study_filters
    networks = [profile.pretrainings[way.backbone] for way in chosen["main"].scenarios]
    of_main = len(profile.inits) * sum(map(len, networks))
    assert len(plan_study(workspace)) == of_main <= len(planned)
    assert {run.study for run in planned} <= {*chosen}
    assert {run.init for run in planned} == {
        init for study in chosen.values() for init in study.inits
    }
    assert sum(map(len, group_blocks(planned))) == len(planned)
    # Ways of preprocessing may come to the same.
    others = [each for each in profile.studies if each.name != "preprocessing"]
    workspace = replace(workspace, profile=profile.model_copy(update={"studies": others}))
    said = forecast(workspace).set_index("stage").loc["fine-tuning", "runs"]
    assert said == len(plan_all(workspace))


def test_profile_of_the_committed_run_makes_what_is_committed():
    profile, kept = load_profile("open"), open_reference("open")
    named = ["study", "level", "task", "fold", "scenario", "init", "pretraining"]
    asked = Counter(
        (name, each.level or "", task, fold, way.name, init, each.pretraining)
        for name in profile.study_filters
        for each in profile.variants(name)
        for task, fold, way, init in product(
            each.tasks, range(each.folds), each.study.scenarios, each.inits
        )
    )
    runs = kept.table("runs")[named].fillna("").itertuples(index=False, name=None)
    assert asked == Counter(runs)
    networks = kept.table("pretraining").query("init in @profile.inits")
    made = networks.groupby("backbone")["pretraining"].unique().map(sorted)
    assert made.to_dict() == profile.pretrainings


PRINTED = {
    f"{path.relative_to(REPOSITORY)}, {number}": block
    for path in sorted([*REPOSITORY.glob("notebooks/**/*.py"), *REPOSITORY.glob("book/*.md")])
    for number, block in enumerate(
        re.findall(
            r"```yaml\n(.*?)```",
            "\n".join(
                cell.source for cell in jupytext.read(path).cells if cell.cell_type == "markdown"
            ),
            re.DOTALL,
        )
    )
}


@pytest.mark.parametrize("place", PRINTED)
def test_part_of_a_profile_that_the_book_prints_can_be_planned(place, tmp_path):
    """On stand-ins as small as they can be; curation has an archive of its own."""
    (tmp_path / "printed.yaml").write_text(PRINTED[place], encoding="utf-8")
    printed = read_yaml(tmp_path / "printed.yaml")
    told, section = settings(), printed.pop("pretraining", {})
    told |= {"inits": [*section["corpora"]]} if "corpora" in section else {}
    # Of features, nothing is pretrained.
    is_probe = printed.get("backbones") == ["features"]
    told["pretraining"] = None if is_probe else told["pretraining"] | section
    profile = Profile.model_validate(told | printed)
    assert {name for name in printed if getattr(profile, name)} == {*printed}
    workspace = open_workspace(profile, results=tmp_path)
    assert forecast(workspace)["runs"].sum() > 0
    assert not [problem for problem in missing_inputs(workspace) if "weights" in problem]


@pytest.mark.parametrize(
    ("name", "task", "folds"),
    [("open_added", "covid19", 2), ("open_added", "busbra", 2), ("paper", "covid19", 1)],
)
def test_tasks_with_parts_of_stated_sizes_have_as_many_folds_as_asked_for(name, task, folds):
    profile = load_profile(name)
    assert folds_of(profile, find_task(task)[1], profile.folds) == folds
