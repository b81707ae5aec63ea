"""The stand-in of each dataset: which phantoms its cases are, and its files and tables.

``datasets.yaml`` says which lesions a kind of case has.  Files of a case do not depend on how many
cases there are.
"""

import json
from collections import Counter
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5
from xml.etree import ElementTree
from zlib import crc32

import numpy as np
import pandas as pd
from numpy import ndarray
from numpy.random import default_rng
from pydicom import dcmwrite
from skimage.color import hsv2rgb
from skimage.measure import approximate_polygon, find_contours

from rin.data.layouts import folders, mrnet, rsna
from rin.data.standins import writers
from rin.data.standins.phantoms import LESIONS, Phantom, draw, resized, to_uint8
from rin.files import read_yaml

FACTS = read_yaml(Path(__file__).with_suffix(".yaml"))
#: Slices of the chest, from -1 (diaphragm) to 1, and those that CC-CCII lists as with lesions.
HEIGHTS, LISTED = (-0.45, 0.0, 0.4), (0, 1)
PNEUMONIA_CLASSES = dict(
    zip(("opacity", "not_normal", "normal"), rsna.PNEUMONIA_CLASSES, strict=True)
)


def draw_case(
    dataset: str,
    kind: str,
    index: int,
    seed: int,
    take: int = 0,
    height: float = 0.0,
    shown: str = "",
) -> tuple[Phantom, dict[str, list[ndarray]]]:
    """Draw image ``take`` of a case, at a height of its body; return the masks of each lesion.

    Images of a case share the body, and how suspicious its lesions are.  Where an image does not
    show what its case has, ``shown`` is the kind that it shows.
    """
    facts = FACTS["cases"][dataset]
    who = [seed, crc32(f"{dataset} {kind}".encode()), index]
    anatomy, texture, case = default_rng(who), default_rng([*who, take]), default_rng([*who, 0, 0])
    shape = tuple(int(draw(anatomy, side)) for side in facts["shape"])
    phantom = Phantom(facts["body"], shape, anatomy, texture, height)
    masks = {}
    for lesion, mean in facts["kinds"][shown or kind].items():
        suspicion = mean + case.normal()
        count = round(draw(case, LESIONS[lesion].get("count", 1), suspicion))
        drawn = [phantom.add_lesion(lesion, texture, suspicion) for _ in range(count)]
        masks[lesion] = [mask for mask in drawn if mask.any()]
    return phantom, masks


def write_busi(folder: Path, counts: dict[str, int], seed: int) -> list[tuple]:
    """Write pictures and masks; the last benign case copies the first, for the leakage checks."""

    def write(kind: str, index: int) -> Iterator[tuple]:
        repeat = kind == "benign" and 0 < index == counts[kind] - 1
        phantom, lesions = draw_case("busi", kind, 0 if repeat else index, seed)
        picture = phantom.picture()
        masks = lesions.get("breast lesion") or [np.zeros(phantom.shape, bool)]
        if repeat:
            picture = to_uint8(picture[2:-2, 2:-2] / 255 * 1.04 + 0.01)
            masks = [mask[2:-2, 2:-2] for mask in masks]
        stem = f"{kind} ({index + 1})"
        writers.write_picture(folder / kind / f"{stem}.png", picture)
        for number, mask in enumerate(masks):
            tail = f"_{number}" if number else ""
            writers.write_picture(folder / kind / f"{stem}_mask{tail}.png", mask)
        yield kind, 1, len(masks)

    return writers.write_cases(write, counts)


def write_busbra(folder: Path, counts: dict[str, int], seed: int) -> list[tuple]:
    """Write pictures (two of every second patient), masks, and tables of cases and five folds."""

    def write(kind: str, index: int) -> Iterator[tuple]:
        malignant = kind == "malignant"
        patient, category = 2 * index + malignant + 1, index % 3 + 2 + malignant
        histology = "invasive ductal carcinoma" if malignant else "fibroadenoma"
        for take, side in enumerate(["left", "right"] if index % 2 else ["single"]):
            phantom, masks = draw_case("busbra", kind, index, seed, take)
            name, mask = f"{patient:04d}-{side[0]}", np.any(masks["breast lesion"], axis=0)
            writers.write_picture(folder / "Images" / f"bus_{name}.png", phantom.picture())
            writers.write_picture(folder / "Masks" / f"mask_{name}.png", mask)
            device, sides = f"GE Logiq {5 + index % 2 * 2}", phantom.shape[::-1]
            yield f"bus_{name}", patient, histology, kind, category, device, *sides, side, ""

    rows = sorted(writers.write_cases(write, counts))
    folds = [(name, kind, (patient - 1) // 2 % 5 + 1) for name, patient, _, kind, *_ in rows]
    writers.write_table(folder / "bus_data.csv", FACTS["bus-bra columns"], rows)
    writers.write_table(folder / "5-fold-cv.csv", ["ID", "Pathology", "kFold"], folds)
    return [(row[3], 1, 1) for row in rows]


def write_ddti(folder: Path, counts: dict[str, int], seed: int) -> list[tuple]:
    """Write an XML file a patient, and JPEGs; the class is the TI-RADS category.

    To each dozen patients comes one without a category, which the study leaves out.
    """

    def write(kind: str, index: int) -> Iterator[tuple]:
        number = 3 * index + list(FACTS["tirads"]).index(kind) + 1
        tirads = FACTS["tirads"][kind][index % len(FACTS["tirads"][kind])]
        case, images = ElementTree.Element("case"), range(1, 3 if index % 3 == 1 else 2)
        fields = {"number": number, "age": 20 + index % 60, "sex": "F", "tirads": tirads}
        for tag, text in (fields | FACTS["ddti fields"]).items():
            ElementTree.SubElement(case, tag).text = str(text)
        for image in images:
            phantom, masks = draw_case("ddti", kind, index, seed, image)
            path = folder / f"{number}_{image}.jpg"
            writers.write_picture(path, phantom.picture(), quality=92)
            mark = ElementTree.SubElement(case, "mark")
            ElementTree.SubElement(mark, "image").text = str(image)
            regions = [_region(mask) for mask in masks["thyroid nodule"]]
            ElementTree.SubElement(mark, "svg").text = json.dumps(regions)
        path = folder / f"{number}.xml"
        ElementTree.ElementTree(case).write(path, encoding="utf-8", xml_declaration=True)
        yield tirads or "unrated", len(images), len(images)

    return writers.write_cases(write, counts | {"unrated": -(-sum(counts.values()) // 12)})


def _region(mask: ndarray) -> dict:
    """Return the outline of a mask in the form of the dataset's annotations."""
    contours = find_contours(np.pad(mask, 1), 0.5)
    corners = approximate_polygon(max(contours, key=len) - 1, 0.6)[:-1]
    points = [{"x": int(x), "y": int(y)} for y, x in np.rint(corners)]
    return {"points": points, "annotation": {}, "regionType": "freehand"}


def write_covid19_ct(folder: Path, counts: dict[str, int], seed: int) -> list[tuple]:
    """Write the slices of so many patients in class folders."""

    def write(kind: str, index: int) -> Iterator[tuple]:
        for take, height in enumerate(HEIGHTS):
            phantom, _ = draw_case("covid19_ct", kind, index, seed, take, height)
            path = folder / kind / f"{kind[0]}{index + 1:04d}_{take + 1}.png"
            writers.write_picture(path, phantom.picture())
        yield kind, len(HEIGHTS), 0

    return writers.write_cases(write, counts)


def write_cc_ccii(folder: Path, counts: dict[str, int], seed: int) -> list[tuple]:
    """Write the scans of so many patients, and tables; counted are listed and normal slices."""
    classes = FACTS["cc_ccii"]

    def write(kind: str, index: int) -> Iterator[tuple]:
        # Numbers interleave, so that each patient and scan has one number in the whole set.
        patient = 3 * index + list(classes).index(kind) + 1
        place = f"{classes[kind]}/{patient}/{1000 + patient}"
        names = [f"{place}/{take:04d}.png" for take in range(len(HEIGHTS))]
        for take, height in enumerate(HEIGHTS):
            phantom, _ = draw_case("cc_ccii", kind, index, seed, take, height)
            writers.write_picture(folder / names[take], phantom.picture())
        yield classes[kind], patient, names

    scans, listed, rows = [], [], []
    for name, patient, names in writers.write_cases(write, counts):
        scans.append((f"{name}-1.zip", name, patient, 1000 + patient, len(names)))
        lesions = [] if name == folders.NORMAL else [names[number] for number in LISTED]
        listed += [(lesion,) for lesion in lesions]
        rows.append((name, len(lesions or names), 0))
    writers.write_table(folder / folders.LESIONS, ("imgpath",), listed)
    writers.write_table(folder / folders.SCANS, folders.SCAN_COLUMNS, scans)
    patients = [(patient,) for _, name, patient, *_ in scans if name == classes["ncp"]]
    writers.write_table(folder / folders.METADATA, ("patient_id",), patients)
    return rows


def write_mrnet(folder: Path, counts: dict[str, int], seed: int) -> list[tuple]:
    """Write tables and volumes of the sagittal plane; the dataset has two planes more."""
    kinds, classes = list(FACTS["knees"]), {name: labels for labels, name in mrnet.CLASSES.items()}
    for split in mrnet.SPLITS:
        (folder / split / "sagittal").mkdir(parents=True)

    def write(kind: str, index: int) -> Iterator[tuple]:
        number = kinds.index(kind)
        split, name = mrnet.SPLITS[(index + number) % 8 == 0], f"{5 * index + number:04d}"
        n, slices = 9 + (index + number) % 3, []
        for take in range(n):
            phantom, _ = draw_case("mrnet", kind, index, seed, take, (2 * take + 1) / n - 1)
            # Drawn smaller and enlarged, which is faster.
            slices.append(to_uint8(resized(phantom.scan(), (256, 256))))
        np.save(folder / split / "sagittal" / f"{name}.npy", np.stack(slices))
        yield split, name, *classes[FACTS["knees"][kind]]

    rows = sorted(writers.write_cases(write, counts))
    exams = pd.DataFrame(rows, columns=["split", "name", *mrnet.FINDINGS])
    for split, sign in product(mrnet.SPLITS, mrnet.FINDINGS):
        table = exams.loc[exams["split"] == split, ["name", sign]]
        table.to_csv(folder / f"{split}-{sign}.csv", header=False, index=False)
    return [(FACTS["knees"][kind], n, 0) for kind, n in counts.items()]


def case_name(*parts: object) -> str:
    """Return a name, as the challenges of RSNA give them, of what draws an image or a patient."""
    return str(uuid5(NAMESPACE_OID, " ".join(map(str, parts))))


def _write_dicom(
    path: Path, header: str, patient: str, stored: ndarray, bits: int, **elements: Any
) -> None:
    """Write stored values (h, w) under the elements that `FACTS` has for a header."""
    image = writers.new_instance(
        SOPInstanceUID=writers.make_uid("image", path.stem),
        StudyInstanceUID=writers.make_uid("study", patient),
        SeriesInstanceUID=writers.make_uid("series", patient),
        PatientID=patient,
        PatientName=patient,
        **FACTS[header] | elements,
    )
    path.parent.mkdir(exist_ok=True)
    dcmwrite(path, writers.set_pixels(image, stored, bits), enforce_file_format=True)


def write_pneumonia(folder: Path, counts: dict[str, int], seed: int) -> list[tuple]:
    """Write radiographs and tables of so many patients; every sixth patient has two images.

    As in the published files, every image bears its own ``patientId``, while the mapping table
    names the patients.
    """

    def write(kind: str, index: int) -> Iterator[tuple]:
        for take in range(1 + (index % 6 == 5)):
            phantom, masks = draw_case("rsna_pneumonia", kind, index, seed, take)
            name = case_name(seed, kind, index, take)
            path, view = folder / rsna.RADIOGRAPHS / f"{name}.dcm", ("PA", "AP")[index % 2]
            _write_dicom(path, "radiograph", name, phantom.picture(), 8, ViewPosition=view)
            patient = f"{list(PNEUMONIA_CLASSES).index(kind):02d}{index:06d}"
            yield PNEUMONIA_CLASSES[kind], name, patient, [*map(_box, masks.get("opacity", ()))]

    labels, classes, mapping, takes = [], [], [], Counter()
    images = writers.write_cases(write, counts)
    for source_class, name, patient, boxes in images:
        labels += [(name, *box, 1) for box in boxes] or [(name, *4 * [""], 0)]
        classes.append((name, source_class))
        picture = f"{patient}_{takes[patient]:03d}.png"
        mapping.append({"subset_img_id": name, "img_id": picture})
        takes[patient] += 1
    writers.write_table(folder / rsna.BOXES, ["patientId", *rsna.SIDES, "Target"], labels)
    writers.write_table(folder / rsna.CLASS_INFO, ["patientId", "class"], classes)
    writers.write_json(folder / rsna.MAPPING, mapping)
    return [(source_class, 1, len(boxes)) for source_class, *_, boxes in images]


def _box(mask: ndarray) -> list[int]:
    """Return x, y, width and height of the box around a mask."""
    places = np.argwhere(mask)[:, ::-1]
    return [*places.min(axis=0).tolist(), *(np.ptp(places, axis=0) + 1).tolist()]


def write_hemorrhage(folder: Path, counts: dict[str, int], seed: int) -> list[tuple]:
    """Write two CT slices of so many patients, and the table of labels.

    Of a patient with hemorrhage one slice shows it, of every fifth both, and it alone is labelled
    so.  Scanners differ: every other patient has 16 signed bits, the others 12 unsigned ones.
    """

    def write(kind: str, index: int) -> Iterator[tuple[str, str]]:
        bits, signed = (12, np.uint16) if index % 2 else (16, np.int16)
        patient = f"ID_{case_name(seed, kind, index)[:8]}"
        for take in (0, 1):
            shown = "none"
            if kind == "hemorrhage" and (take == index % 2 or index % 5 == 0):
                shown = rsna.SUBTYPES[index % len(rsna.SUBTYPES)]
            height = 0.3 * take
            phantom, _ = draw_case("rsna_hemorrhage", kind, index, seed, take, height, shown)
            stored = np.clip(np.rint(phantom.scan()) + 1024, 0, 4095).astype(signed)
            name = f"ID_{case_name(seed, kind, index, take)[:8]}"
            path, place = folder / rsna.SLICES / f"{name}.dcm", [0.0, 0.0, 15.0 * take]
            _write_dicom(path, "head", patient, stored, bits, ImagePositionPatient=place)
            yield name, shown

    images = writers.write_cases(write, counts)
    labels = [
        (f"{name}_{kind}", int(shown != "none" and kind in (shown, "any")))
        for name, shown in images
        for kind in rsna.KINDS
    ]
    writers.write_table(folder / rsna.KINDS_TABLE, ["ID", "Label"], labels)
    return sorted((rsna.HEMORRHAGE_CLASSES[shown != "none"], 1, 0) for _, shown in images)


def write_corpus(
    folder: Path, counts: dict[str, int], seed: int, *, kind: str, ending: str
) -> list[tuple]:
    """Write ``class_count`` folders of ``per_class`` pictures, 64 x 64: `looks`, or `motifs`.

    Motifs, and what they stand in front of, are of a hue for each round of the classes.
    """
    rows, classes = [], list(FACTS[kind].items())
    for number in range(counts["class_count"]):
        variant, place = divmod(number, len(classes))
        name, (body, lesion, suspicion) = classes[place]
        for index in range(counts["per_class"]):
            rng = default_rng([seed, number, index])
            phantom = Phantom(body, (64, 64), rng, rng, 0.3 * variant, 1.3**variant)
            if lesion:
                phantom.add_lesion(lesion, rng, suspicion)
            picture = phantom.picture()
            if kind == "motifs":
                hue = (place / 7 + variant / 3 + rng.normal(0, 0.02)) % 1
                planes = [np.full((64, 64), hue), np.full((64, 64), rng.uniform(0.4, 0.9))]
                picture = to_uint8(hsv2rgb(np.stack([*planes, picture / 255], axis=-1)))
            path = folder / f"{number:02d}_{name}" / f"{index + 1:04d}{ending}"
            writers.write_picture(path, picture, quality=90)
        rows.append((f"{number:02d}_{name}", counts["per_class"], 0))
    return rows
