from dataclasses import replace

import numpy as np
from tiny_study import TWO, tiny_profile

from rin.study.pretraining import plan_pretraining
from rin.study.probe_study import plan_probe, probe_sources
from rin.study.stages import part_of

SECTION = {"preprocessings": ["caffe", "symmetric"], "cases": 66, "epochs": 2, "images": 9}


def probing(study):
    """The tiny study with a section on the probe and a photographic corpus."""
    larger = {"stand_ins.corpus_radiologic": {"class_count": 3, "per_class": 26}}
    settings = TWO | larger | {"probe": SECTION, "pretraining.batch_norm_momentum": 0.5}
    return replace(study, profile=tiny_profile(settings), results=study.results.parent / "probing")


def test_the_plan_is_the_studys_pretraining_under_each_preprocessing_on_one_corpus(study):
    own = probing(study)
    runs = plan_probe(own)
    assert [(r.backbone, r.init, r.preprocessing) for r in runs] == [
        ("ResNet50", "radiologic", "caffe"),
        ("ResNet50", "radiologic", "symmetric"),
    ]
    assert {run.settings.epochs for run in runs} == {2}
    assert {len(run.parts) for run in runs} == {66}
    assert {run.store.digest for run in runs}.isdisjoint(
        run.store.digest for run in plan_pretraining(own)
    )
    assert len({run.run_id for run in runs}) == 2
    assert plan_probe(study) == []
    alone = part_of(own, ["probe"])
    assert ([run.run_id for run in plan_probe(alone)], plan_pretraining(alone)) == (
        [run.run_id for run in runs],
        [],
    )


def test_sources_are_unused_images_of_the_corpus_and_every_other_dataset_once(study):
    own = probing(study)
    (run, _) = plan_probe(own)
    sources = probe_sources(own, run)
    assert list(sources) == ["corpus_radiologic", "corpus_photographic", "busi"]
    images = run.store.images()
    trained = {picture.tobytes() for picture in images[run.parts == "train"]}
    corpus = sources["corpus_radiologic"]
    assert len(corpus) == 9
    assert trained.isdisjoint(picture.tobytes() for picture in corpus)
    shapes = [pictures.shape for pictures in sources.values()]
    assert shapes[1:] == [(9, 32, 32, 3), (9, 32, 32)]
    for name, pictures in probe_sources(own, run).items():
        np.testing.assert_array_equal(pictures, sources[name])
