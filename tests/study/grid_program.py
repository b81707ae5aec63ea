"""Everything that a study trains, as a program of its own: PROFILE RESULTS."""

import sys

from rin.study import open_study, run_grid, run_pretraining, task_inputs

if __name__ == "__main__":
    study = open_study(sys.argv[1], results=sys.argv[2])
    inputs = task_inputs(study, "breast")
    run_pretraining(study)
    run_grid(study, inputs)
