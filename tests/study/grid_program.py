"""Everything that a study trains, as a program of its own: PROFILE RESULTS [small].

With `small`, a dozen layers stand in for ResNet50, so that a killed grid is soon back at work.
"""

import sys
from pathlib import Path

from rin.study import open_study, run_grid, run_pretraining

if __name__ == "__main__":
    profile, results, *small = sys.argv[1:]
    if small:
        import keras
        from small_backbone import small_backbone

        keras.applications.ResNet50 = small_backbone
    study = open_study(profile, results=results)
    run_pretraining(study)
    Path(results, "ready").touch()
    run_grid(study)
