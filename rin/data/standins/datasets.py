"""The stand-in of each dataset: the phantoms of its cases, and its files and tables.

`datasets.yaml` says which images and lesions a kind of case has.  The files of a case do not
depend on the number of cases.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple
from uuid import NAMESPACE_OID, uuid5
from zlib import crc32

import numpy as np
import pandas as pd
from numpy import ndarray
from numpy.random import default_rng
from PIL import Image
from pydicom import dcmwrite
from scipy.ndimage import zoom
from skimage import measure  # its functions load what they need, some a second's worth
from skimage.color import hsv2rgb

from rin.data.dicom import to_uint8
from rin.data.layouts import arrays, folders, rsna
from rin.data.pixels import resize_picture
from rin.data.standins.phantoms import LESIONS, Phantom, draw
from rin.data.standins.writers import (
    make_uid,
    new_instance,
    set_pixels,
    write_json,
    write_picture,
    write_table,
)
from rin.files import read_facts

FACTS = read_facts(__file__)
SIDES = ("left", "right")


class CaseImage(NamedTuple):
    """Image `take` of a case: the kind that it shows, its phantom, and its masks by lesion."""

    kind: str
    index: int  # type: ignore[assignment]  # a tuple has a method of this name
    take: int
    shown: str
    phantom: Phantom
    masks: dict[str, list[ndarray]]


def draw_images(dataset: str, counts: dict[str, int], seed: int) -> Iterator[CaseImage]:
    """Draw the images of the counted cases of each kind, in order."""
    # Not in threads: drawing consists of short steps, for whose turn threads wait.
    turns = FACTS["cases"][dataset]["heights"]
    for kind, n in counts.items():
        for index in range(n):
            for take, height in enumerate(turns[index % len(turns)]):
                yield draw_image(dataset, kind, index, seed, take, height)


def draw_image(
    dataset: str, kind: str, index: int, seed: int, take: int = 0, height: float = 0.0
) -> CaseImage:
    """Draw image `take` of a case; its images share the body and the suspicion of lesions."""
    facts = FACTS["cases"][dataset]
    shown = kind
    if subtypes := facts.get("subtypes", {}).get(kind):
        # One image of the case shows one subtype, in turn.
        shown = subtypes[index % len(subtypes)] if take == index % 2 else "none"
    who = [seed, crc32(f"{dataset} {kind}".encode()), index]
    anatomy = default_rng(who)
    texture = default_rng([*who, take])
    case = default_rng([*who, 0, 0])
    height_of, width_of = (int(draw(anatomy, side)) for side in facts["shape"])
    phantom = Phantom(facts["body"], (height_of, width_of), anatomy, texture, height)
    masks = {}
    for lesion, mean in facts["kinds"][shown].items():
        suspicion = mean + case.normal()
        count = round(draw(case, LESIONS[lesion]["count"], suspicion))
        drawn = [phantom.add_lesion(lesion, texture, suspicion) for _ in range(count)]
        masks[lesion] = [mask for mask in drawn if mask.any()]
    return CaseImage(kind, index, take, shown, phantom, masks)


def write_busi(folder: Path, counts: dict[str, int], seed: int) -> None:
    """Write pictures and masks; the last benign case repeats the first, cropped by two pixels."""
    last = counts["benign"]
    for image in draw_images("busi", counts | {"benign": max(1, last - 1)}, seed):
        stem = f"{image.kind} ({image.index + 1})"
        write_picture(folder / image.kind / f"{stem}.png", image.phantom.picture())
        masks = image.masks.get("breast lesion") or [np.zeros(image.phantom.shape, bool)]
        for number, mask in enumerate(masks):
            tail = f"_{number}" if number else ""
            write_picture(folder / image.kind / f"{stem}_mask{tail}.png", mask)
    if last > 1:
        for path in list(folder.glob("benign/benign (1)*")):
            repeat = path.with_name(path.name.replace("(1)", f"({last})"))
            write_picture(repeat, np.asarray(Image.open(path))[2:-2, 2:-2])


def write_busbra(folder: Path, counts: dict[str, int], seed: int) -> None:
    """Write pictures (two of every second patient), masks, and tables of cases and five folds."""
    rows = []
    for image in draw_images("busbra", counts, seed):
        malignant = 1 if image.kind == "malignant" else 0
        patient = 2 * image.index + malignant + 1
        name = f"{patient:04d}-{SIDES[image.take][0]}"
        write_picture(folder / "Images" / f"bus_{name}.png", image.phantom.picture())
        mask = np.any(image.masks["breast lesion"], axis=0)
        write_picture(folder / "Masks" / f"mask_{name}.png", mask)
        rows.append(
            {
                "ID": f"bus_{name}",
                "Case": patient,
                "Pathology": image.kind,
                "Histology": image.kind,
                "Side": SIDES[image.take],
                "BIRADS": image.index % 3 + 2 + malignant,
                "Device": f"GE Logiq {5 + image.index % 2 * 2}",
                "kFold": image.index % 5 + 1,
            }
        )
    table = pd.DataFrame(rows).sort_values("ID")
    table.drop(columns="kFold").to_csv(folder / "bus_data.csv", index=False)
    table[["ID", "kFold"]].to_csv(folder / "5-fold-cv.csv", index=False)


def write_ddti(folder: Path, counts: dict[str, int], seed: int) -> None:
    """Write one XML file per patient, and JPEGs; the class is the TI-RADS category."""
    marks: dict[tuple[int, str], str] = defaultdict(str)
    for image in draw_images("ddti", counts, seed):
        number = 2 * image.index + (2 if image.kind == "malignant" else 1)
        take = image.take + 1
        write_picture(folder / f"{number}_{take}.jpg", image.phantom.picture(), quality=92)
        regions = json.dumps([_region(mask) for mask in image.masks["thyroid nodule"]])
        categories = FACTS["tirads"][image.kind]
        tirads = categories[image.index % len(categories)]
        marks[number, tirads] += f"<mark><image>{take}</image><svg>{regions}</svg></mark>"
    for (number, tirads), text in marks.items():
        (folder / f"{number}.xml").write_text(
            f"<case><number>{number}</number><tirads>{tirads}</tirads>{text}</case>", "utf-8"
        )


def _region(mask: ndarray) -> dict[str, Any]:
    """Return the outline of a mask in the form of the dataset's annotations."""
    outline = max(measure.find_contours(np.pad(mask, 1), 0.5), key=len)
    corners = measure.approximate_polygon(outline - 1, 0.6)[:-1]
    return {"points": [{"x": int(x), "y": int(y)} for y, x in np.rint(corners)]}


def write_covid19_ct(folder: Path, counts: dict[str, int], seed: int) -> None:
    """Write the slices of the counted patients in class folders."""
    for image in draw_images("covid19_ct", counts, seed):
        name = f"{image.kind[0]}{image.index + 1:04d}_{image.take + 1}.png"
        write_picture(folder / image.kind / name, image.phantom.picture())


def write_cc_ccii(folder: Path, counts: dict[str, int], seed: int) -> None:
    """Write one scan per patient; the table lists two slices of each scan with a lesion."""
    listed = []
    for image in draw_images("cc_ccii", counts, seed):
        # Numbers interleave, so that no two patients or scans of the whole set share a number.
        patient = 3 * image.index + list(counts).index(image.kind) + 1
        folder_name = FACTS["cc_ccii"][image.kind]
        name = f"{folder_name}/{patient}/{1000 + patient}/{image.take:04d}.png"
        write_picture(folder / name, image.phantom.picture())
        if image.kind != "normal" and image.take < 2:
            listed.append((name,))
    write_table(folder / folders.LESIONS, ["imgpath"], listed)


def write_mrnet(folder: Path, counts: dict[str, int], seed: int) -> None:
    """Write tables and volumes of the sagittal plane; the dataset has two more planes."""
    tables = defaultdict(list)
    images = draw_images("mrnet", counts, seed)
    for (kind, index), of_exam in groupby(images, lambda image: (image.kind, image.index)):
        # Drawn smaller and enlarged, which is faster.
        slices = [to_uint8(zoom(image.phantom.scan(), 2)) for image in of_exam]
        number = list(counts).index(kind)
        training, validation = arrays.SPLITS
        split = validation if (index + number) % 8 == 0 else training
        exam = f"{5 * index + number:04d}"
        path = folder / split / "sagittal" / f"{exam}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, np.stack(slices))
        for finding, label in zip(arrays.FINDINGS, FACTS["knees"][kind], strict=True):
            tables[f"{split}-{finding}.csv"].append(f"{exam},{label}\n")
    for name, lines in tables.items():
        (folder / name).write_text("".join(lines), "utf-8")


def challenge_name(*parts: object) -> str:
    """Return a name, as in RSNA's challenges, from the parts that define an image or a patient."""
    return str(uuid5(NAMESPACE_OID, " ".join(map(str, parts))))


def _write_dicom(path: Path, header: str, patient: str, stored: ndarray, bits: int) -> None:
    """Write stored values (h, w) with the elements that `FACTS` has for a header."""
    image = new_instance(
        SOPInstanceUID=make_uid("image", path.stem), PatientID=patient, **FACTS[header]
    )
    path.parent.mkdir(exist_ok=True)
    dcmwrite(path, set_pixels(image, stored, bits), enforce_file_format=True)


def write_pneumonia(folder: Path, counts: dict[str, int], seed: int) -> None:
    """Write the radiographs and tables of the counted patients; every sixth has two images.

    As in the published set, every image has its own `patientId`, and a mapping names patients.
    """
    labels = []
    classes = []
    mapping = []
    for image in draw_images("rsna_pneumonia", counts, seed):
        name = challenge_name(seed, image.kind, image.index, image.take)
        path = folder / rsna.RADIOGRAPHS / f"{name}.dcm"
        _write_dicom(path, "radiograph", name, image.phantom.picture(), 8)
        boxes = [_box(mask) for mask in image.masks.get("opacity", ())]
        labels += [(name, *box, 1) for box in boxes] or [(name, "", "", "", "", 0)]
        classes.append((name, FACTS["radiographs"][image.kind]))
        patient = 10**6 * list(counts).index(image.kind) + image.index
        mapping.append({"subset_img_id": name, "img_id": f"{patient:08d}_{image.take:03d}.png"})
    write_table(folder / rsna.BOXES, ["patientId", *rsna.SIDES, "Target"], labels)
    write_table(folder / rsna.CLASS_INFO, ["patientId", "class"], classes)
    write_json(folder / rsna.MAPPING, mapping)


def _box(mask: ndarray) -> list[int]:
    """Return x, y, width and height of the box around a mask."""
    top, left, bottom, right = measure.regionprops(mask.astype(int))[0].bbox
    return [left, top, right - left, bottom - top]


def write_hemorrhage(folder: Path, counts: dict[str, int], seed: int) -> None:
    """Write two CT slices per patient, and the table of labels.

    One slice of a patient with hemorrhage shows it.  Scanners differ in the bits that they store.
    """
    labels = []
    kinds = [*FACTS["cases"]["rsna_hemorrhage"]["subtypes"]["hemorrhage"], "any"]
    for image in draw_images("rsna_hemorrhage", counts, seed):
        bits, signed = (12, np.uint16) if image.index % 2 else (16, np.int16)
        stored = np.clip(np.rint(image.phantom.scan()) + 1024, 0, 4095).astype(signed)
        patient = f"ID_{challenge_name(seed, image.kind, image.index)[:8]}"
        name = f"ID_{challenge_name(seed, image.kind, image.index, image.take)[:8]}"
        _write_dicom(folder / rsna.SLICES / f"{name}.dcm", "head", patient, stored, bits)
        present = () if image.shown == "none" else (image.shown, "any")
        labels += [(f"{name}_{kind}", int(kind in present)) for kind in kinds]
    write_table(folder / rsna.KINDS_TABLE, ["ID", "Label"], labels)


def write_corpus(
    folder: Path, counts: dict[str, int], seed: int, *, kind: str, ending: str
) -> None:
    """Write `class_count` folders of `per_class` pictures, 64 x 64: `looks`, or `motifs`.

    They are drawn larger and reduced, so that speckle is as fine as in a dataset.  Motifs and
    their background have one hue, which depends on the class and on the round of classes.
    """
    classes = list(FACTS[kind].items())
    for number in range(counts["class_count"]):
        variant, place = divmod(number, len(classes))
        name, (body, lesion, suspicion) = classes[place]
        for index in range(counts["per_class"]):
            rng = default_rng([seed, number, index])
            phantom = Phantom(body, (128, 128), rng, rng, 0.3 * variant, 1.3**variant)
            if lesion:
                phantom.add_lesion(lesion, rng, suspicion)
            picture = resize_picture(phantom.picture(), 64, "stretch")
            if kind == "motifs":
                hue = (place / 7 + variant / 3 + rng.normal(0, 0.02)) % 1
                planes = [np.full((64, 64), hue), np.full((64, 64), rng.uniform(0.4, 0.9))]
                picture = to_uint8(hsv2rgb(np.stack([*planes, picture / 255], axis=-1)))
            path = folder / f"{number:02d}_{name}" / f"{index + 1:04d}{ending}"
            write_picture(path, picture, quality=90)
