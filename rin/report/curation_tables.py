"""Tables of the curation: from the archive to the corpus, with a count at every step.

Nothing here holds text or an identifier of a report or an image: those of a stand-in are in
`rin.report.curation_examples`.  Tables are text unless said to be numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from rin.curation.exclusions import RULES
from rin.curation.reasons import AT_RISK, RARE
from rin.curation.selection import NO_CLASS, NOT_MARKED, NOT_NORMAL
from rin.errors import unknown
from rin.paper import DATABASE
from rin.report.banner import Source, provenance_banner
from rin.report.format import MISSING
from rin.report.provenance import hardware

if TYPE_CHECKING:
    from IPython.display import HTML, Markdown

    from rin.curation.archive import Archive
    from rin.curation.build import CuratedCorpus
    from rin.study import Study

NORMAL, KEY = "normal", "key"


def curation_banner(study: Study, archive: Archive, corpus: CuratedCorpus) -> HTML:
    """Return the banner of the page: which archive, real or a stand-in, and when it was read."""
    remark = f"{corpus.counts['studies']:,} studies of {corpus.counts['patients']:,} patients"
    source = Source("Archive of studies", archive.provenance, archive.root.name, (remark,))
    return provenance_banner(
        [source],
        profile=f"{study.profile.name}: {study.profile.about}",
        weights={},
        computed=f"{pd.Timestamp.now('UTC'):%Y-%m-%d %H:%M} UTC",
        hardware=hardware(),
    )


def modality_table(counts: pd.DataFrame) -> pd.DataFrame:
    """Return `rin.curation.archive.modality_counts` as text."""
    table = counts.set_index("modality").map(whole)
    return table.rename(columns=str.capitalize).rename_axis("Modality of the series")


def curation_steps(corpus: CuratedCorpus) -> pd.DataFrame:
    """Return what is left after every step, as numbers.

    Returns
    -------
    pandas.DataFrame
        One row a step, in order: `block` ("Normal studies", "Key images", "Images"), `step`,
        `count`, `published` (Int64, missing where the paper states none).
    """
    images, screened = corpus.images, corpus.screened
    kinds = images["kind"]
    keys, normal = images[kinds == KEY], images[kinds == NORMAL]
    files, left_out = corpus.counts["instances"], left_out_counts(corpus)
    diagnostic = files - left_out["rules"]
    wanted = diagnostic - left_out["not wanted"]
    rows = [
        ("Normal studies", "studies in the archive", corpus.counts["studies"], ""),
        ("Normal studies", "flagged by the query", len(screened), ""),
        ("Normal studies", "pass the rules", int((screened["verdict"] == NORMAL).sum()), ""),
        ("Normal studies", "confirmed", sum(corpus.confirmed_by.values()), "normal_studies"),
        ("Normal studies", "with images in the corpus", normal["study_id"].nunique(), ""),
        ("Key images", "studies with key images", keys["study_id"].nunique(), ""),
        ("Key images", "key images", len(keys), ""),
        ("Key images", "with an outline", int((keys["roi"] != "").sum()), ""),
        ("Images", "files in the archive", files, ""),
        ("Images", "diagnostic, by rules", diagnostic, ""),
        ("Images", "key or of normal studies", wanted, ""),
        ("Images", "without burned-in text", wanted - left_out["burned in"], ""),
        ("Images", "in the corpus", len(images), "images"),
        ("Images", "of these, of normal studies", len(normal), "normal_images"),
    ]
    table = pd.DataFrame(rows, columns=["block", "step", "count", "published"])
    stated = [DATABASE[name].value if name else pd.NA for name in table["published"]]
    return table.assign(published=pd.array(stated, dtype="Int64"))


def left_out_counts(corpus: CuratedCorpus) -> dict[str, int]:
    """Count the files that are not in the corpus, by the step that left them out.

    Returns
    -------
    dict
        `rules` (no diagnostic image), `not wanted` (neither marked nor of a normal study),
        `burned in` (text may show), `rare` (classes with too few patients).

    Raises
    ------
    InputError
        A reason that belongs to no step.
    """
    steps = dict.fromkeys(RULES, "rules") | dict.fromkeys((NOT_MARKED, NOT_NORMAL, NO_CLASS),
                                                          "not wanted")  # fmt: skip
    steps |= {AT_RISK: "burned in", RARE: "rare"}
    rows = corpus.excluded
    for rule in rows["rule"]:
        if rule not in steps:
            raise unknown("reason", rule, list(steps))
    sums = rows.groupby(rows["rule"].map(steps))["images"].sum()
    return {step: int(sums.get(step, 0)) for step in dict.fromkeys(steps.values())}


def steps_table(steps: pd.DataFrame) -> pd.DataFrame:
    """Return `curation_steps` as text, one row a step."""
    return pd.DataFrame(
        {
            "Of": steps["block"].where(~steps["block"].duplicated(), ""),
            "Step": steps["step"],
            "Here": [f"{count:,}" for count in steps["count"]],
            "Paper": [whole(count) for count in steps["published"]],
        }
    )


def steps_reading(corpus: CuratedCorpus) -> Markdown:
    """Return the sentences that read the steps."""
    from IPython.display import Markdown

    count = curation_steps(corpus).set_index("step")["count"]
    by = " and ".join(f"{n:,} by {_confirmer(who)}" for who, n in corpus.confirmed_by.items())
    studies, flagged = count["studies in the archive"], count["flagged by the query"]
    return Markdown(
        f"Of {studies:,} studies the query flags {flagged:,} ({_percent(flagged, studies)}); "
        f"{count['pass the rules']:,} of these pass the rules and {count['confirmed']:,} are "
        f"confirmed ({by or 'none'}). Readers marked {count['key images']:,} key images in "
        f"{count['studies with key images']:,} studies. The corpus holds "
        f"{count['in the corpus']:,} of {count['files in the archive']:,} files "
        f"({_percent(count['in the corpus'], count['files in the archive'])})."
    )


def published_table(corpus: CuratedCorpus) -> pd.DataFrame:
    """Return the size of the paper's database beside that of the corpus."""
    images = corpus.images
    normal = images[images["kind"] == NORMAL]
    stated = {name: fact.value for name, fact in DATABASE.items()}
    studies = normal["study_id"].nunique()
    each = stated["normal_images"] / stated["normal_studies"]
    rows = {
        "Patients": (stated["patients"], images["patient_id"].nunique()),
        "Images": (stated["images"], len(images)),
        "Normal studies": (stated["normal_studies"], studies),
        "Images of normal studies": (stated["normal_images"], len(normal)),
        "Labels": (stated["labels"], len(images[["region", "name"]].drop_duplicates())),
        "Anatomic regions": (stated["regions"], images["region"].nunique()),
        "Modalities": (len(stated["modalities"]), images["modality"].nunique()),
    }
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["Paper", "Here"])
    table = table.map(whole)
    here = f"{len(normal) / studies:.1f}" if studies else MISSING
    table.loc["Images a normal study"] = [f"{each:.1f}", here]
    return table.rename_axis("What")


def excluded_table(corpus: CuratedCorpus) -> pd.DataFrame:
    """Return how many files each rule left out, the most frequent first."""
    rows = corpus.excluded.sort_values("images", ascending=False, kind="stable")
    table = {
        "Rule": rows["rule"],
        "Files": [f"{n:,}" for n in rows["images"]],
        "Why": rows["kept_out_because"],
    }
    return pd.DataFrame(table).reset_index(drop=True)


def excluded_reading(corpus: CuratedCorpus) -> Markdown:
    """Return the sentence that reads the exclusions, step by step."""
    from IPython.display import Markdown

    files, left_out = corpus.counts["instances"], left_out_counts(corpus)
    rows = corpus.excluded[corpus.excluded["rule"].isin(list(RULES))]
    most = ""
    if len(rows):
        first = rows.sort_values("images", ascending=False, kind="stable").iloc[0]
        most = f", most often as {first['rule']} ({first['images']:,})"
    return Markdown(
        f"Of {files:,} files, {left_out['rules']:,} ({_percent(left_out['rules'], files)}) are no "
        f"diagnostic images{most}. Another {left_out['not wanted']:,} are not wanted: no reader "
        f"marked them, and their study is not confirmed as normal. {left_out['burned in']:,} are "
        f"left out because text may be burned in, {left_out['rare']:,} because their class has too "
        "few patients to be divided."
    )


def whole(count: float | None) -> str:
    """Return a count with separators, a dash where there is none."""
    return MISSING if count is None or pd.isna(count) else f"{int(count):,}"


def _confirmer(who: str) -> str:
    return {"radiologist": "a radiologist", "rules": "the rules alone"}.get(who, who)


def _percent(part: int, total: int) -> str:
    return f"{100 * part / total:.0f} %" if total else MISSING
