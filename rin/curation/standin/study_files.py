"""All instances of one study of the stand-in archive, as they would leave a PACS."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from pydicom import Dataset

from rin.curation.standin import images
from rin.curation.standin.documents import key_selection, outlined
from rin.curation.standin.dose import dose_report
from rin.curation.standin.headers import Series
from rin.curation.standin.phantom import Drawing
from rin.curation.standin.pictures import (
    display,
    draw_localizer,
    draw_slices,
    key_slices,
    outline_points,
)
from rin.curation.standin.studies import Study

#: Series numbers.
LOCALIZER, MAIN, CLIP, PROJECTION, CAPTURE = 1, 2, 3, 4, 99
KEY_SELECTIONS, OUTLINES, DOSE = 501, 502, 997
#: Shares of the studies that bring them.
CAPTURES, DOSES, PROJECTIONS, CLIPS, COLOR = 0.25, 0.6, 0.2, 0.25, 0.25
#: Ultrasound: whether a name is burned in, what BurnedInAnnotation says, and the share of each.
BURNED = ((True, "YES", 0.25), (True, "", 0.25), (False, "NO", 0.2), (False, "", 0.3))


@dataclass(frozen=True)
class StudyFiles:
    """The instances of a study by what they are."""

    diagnostic: list[Dataset]
    localizers: list[Dataset] = field(default_factory=list)
    projections: list[Dataset] = field(default_factory=list)
    clips: list[Dataset] = field(default_factory=list)
    captures: list[Dataset] = field(default_factory=list)
    dose_reports: list[Dataset] = field(default_factory=list)
    key_selections: list[Dataset] = field(default_factory=list)
    outlines: list[Dataset] = field(default_factory=list)

    def everything(self) -> list[Dataset]:
        """Return all instances."""
        return [one for sort in vars(self).values() for one in sort]

    def counts(self) -> Counter[str]:
        """Return the number of instances of each sort."""
        return Counter({name: len(sort) for name, sort in vars(self).items()})


def study_files(study: Study, size: int, seed: int, named: list[str]) -> StudyFiles:
    """Make the instances of a study.

    Parameters
    ----------
    named
        What the reader writes about each finding that is marked.
    """
    rng = np.random.default_rng([8, seed, study.number])
    drawings = draw_slices(study, size, seed)
    if study.modality == "US":
        files = _ultrasound(rng, study, drawings)
    else:
        files = _sectional(rng, study, drawings, draw_localizer(study, size, seed))
    if rng.random() < CAPTURES:
        series = Series(study, CAPTURE, "Screen save", study.modality)
        screen = display(drawings[len(drawings) // 2], study.region)
        files.captures.append(images.capture(series, screen))
    _add_readings(study, files, drawings, named)
    return files


def _sectional(
    rng: np.random.Generator, study: Study, drawings: list[Drawing], scout: np.ndarray
) -> StudyFiles:
    """Return the CT or MR images of a study; CT with dose reports and projections."""
    main = Series(study, MAIN, f"{study.region} diagnostic", study.modality)
    first = Series(study, LOCALIZER, "Localizer", study.modality)
    if study.modality == "MR":
        return StudyFiles(images.mr_slices(main, drawings), [images.mr_localizer(first, scout)])
    files = StudyFiles(images.ct_slices(main, drawings), [images.ct_localizer(first, scout)])
    if rng.random() < PROJECTIONS:
        series = Series(study, PROJECTION, "MIP", "CT")
        files.projections.append(images.ct_projection(series, drawings))
    if rng.random() < DOSES:
        files.dose_reports.append(dose_report(Series(study, DOSE, "Dose report", "SR")))
    return files


def _ultrasound(rng: np.random.Generator, study: Study, drawings: list[Drawing]) -> StudyFiles:
    main = Series(study, MAIN, f"{study.region} diagnostic", "US")
    chosen = rng.choice(len(BURNED), p=[share for *_, share in BURNED])
    burned, said, _ = BURNED[chosen]
    text = f"{study.patient.name} {study.day:%d.%m.%Y}" if burned else ""
    # A grayscale presentation state may not refer to a colour image.
    color = rng.random() < COLOR
    marked = {index for label in study.marked for index in key_slices(drawings, label)}
    files = StudyFiles(
        [
            images.us_image(
                main, index + 1, one, text=text, burned_in=said, color=color and index not in marked
            )
            for index, one in enumerate(drawings)
        ]
    )
    if rng.random() < CLIPS:
        files.clips.append(images.us_clip(Series(study, CLIP, "Clip", "US"), drawings))
    return files


def _add_readings(
    study: Study, files: StudyFiles, drawings: list[Drawing], named: list[str]
) -> None:
    """Add what the reader marked: a selection per finding, an outline per key image."""
    selections = Series(study, KEY_SELECTIONS, "Key images", "KO")
    states = Series(study, OUTLINES, "Outlines", "PR")
    for label, words in zip(study.marked, named, strict=True):
        chosen = key_slices(drawings, label)
        marked = [files.diagnostic[index] for index in chosen]
        number = len(files.key_selections) + 1
        files.key_selections.append(key_selection(selections, number, words, marked))
        for index, image in zip(chosen, marked, strict=True):
            points = outline_points(drawings[index].lesions[label])
            number = len(files.outlines) + 1
            files.outlines.append(outlined(states, number, image, points, words))
