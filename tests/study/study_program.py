"""What a study trains, as a program of its own that tests kill: PROFILE RESULTS OPTIONS.

With `small`, a dozen layers stand in for ResNet50, so that a killed one is soon back at work; with
`slow`, it pretrains alone, and reading is slowed down, so that there is time to kill it.
"""

import sys
import time

if __name__ == "__main__":  # workers import this file, too, and are to begin at once
    profile, results, *options = sys.argv[1:]
    import keras
    from tiny_study import run_grid

    from rin.curation.build import curate
    from rin.study import open_workspace, run_pretraining, run_study
    from rin.study.corpora import curation_plan
    from rin.training.batches import ImageSubset

    if "small" in options:
        import small_backbone

        from rin.study import fine_tuning, pretraining

        keras.applications.ResNet50 = small_backbone.small_backbone
        # What travels to another process makes the networks small there.
        fine_tuning.run_block = small_backbone.small_block
        pretraining.pretrain_block = small_backbone.small_pretraining
    study, take = open_workspace(profile, results=results), ImageSubset.take
    if "slow" in options:
        ImageSubset.take = lambda *given: (time.sleep(0.05), take(*given))[1]
    if "curate" in options:
        curate(curation_plan(study))
    elif "study" in options:
        run_study(study)
    else:
        run_pretraining(study)
    if not {"slow", "curate", "pretrain", "study"} & {*options}:
        run_grid(study)
