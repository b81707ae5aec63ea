"""The pretraining of a study, as a program of its own: PROFILE RESULTS [small].

With `small`, a dozen layers stand in for ResNet50.  Reading is slowed down, so that there is
time to kill it.
"""

import sys
import time

from rin.study import open_study, run_pretraining

if __name__ == "__main__":
    profile, results, *small = sys.argv[1:]
    import keras

    from rin.training.batches import Part

    if small:
        from small_backbone import small_backbone

        keras.applications.ResNet50 = small_backbone
    take = Part.take

    def slowly(self, rows, channels):
        time.sleep(0.05)
        return take(self, rows, channels)

    Part.take = slowly
    run_pretraining(open_study(profile, results=results))
