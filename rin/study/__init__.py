"""The study: from a profile to a ledger of finished runs, and back as tables."""

from rin import errors

try:
    from rin.study.by_hand import augment_layer, open_backbone, start_keras
    from rin.study.choices import compare_levels, external_scores
    from rin.study.consolidate import consolidate
    from rin.study.plan import find_run
    from rin.study.pretraining import (
        plan_pretraining,
        pretraining_histories,
        pretraining_predictions,
        pretraining_results,
        run_pretraining,
    )
    from rin.study.profile import Profile, load_profile, profile_names
    from rin.study.reference import open_reference
    from rin.study.results import Results, open_results
    from rin.study.stages import run_study
    from rin.study.workspace import Workspace, open_workspace
except ModuleNotFoundError as error:  # the core installs statistics without studies
    raise errors.missing_resource_error(type(error).__name__, str(error)) or error from None

__all__ = [
    "Profile",
    "Results",
    "Workspace",
    "augment_layer",
    "compare_levels",
    "consolidate",
    "external_scores",
    "find_run",
    "load_profile",
    "open_backbone",
    "open_reference",
    "open_results",
    "open_workspace",
    "plan_pretraining",
    "pretraining_histories",
    "pretraining_predictions",
    "pretraining_results",
    "profile_names",
    "run_pretraining",
    "run_study",
    "start_keras",
]
