"""An image whose every text-valued attribute, at every level, carries planted identifiers."""

from export_files import header, item
from pydicom import Dataset, config
from pydicom.datadict import DicomDictionary

NAME, GIVEN, WORD = "Zwiebelfisch", "Xaverine", "QUVVYX"
LATIN, KANJI = "Käsköpfigß", "漢字丸山"
NUMBER, DAY, TIME, AGE = "735190468", "19471213", "112358.132134", "097Y"
UID = f"1.2.276.0.{NUMBER}.{DAY}"
#: What must not occur in any output; numbers as they stand, texts in any encoding and case.
TEXTS = (NAME, GIVEN, WORD, LATIN, KANJI)
DIGITS = (NUMBER, DAY, "1947-12-13", "1947.12.13", "13.12.1947", "112358", "11:23:58", AGE, UID)
#: Without these the file would be no image; the character set decides how texts are stored.
SPARED = {"SpecificCharacterSet", "PhotometricInterpretation", "NumberOfFrames", "SOPClassUID"}
#: What every item of every sequence holds at each of three levels.
FEW = ("PatientName", "StudyDate", "ReferencedSOPInstanceUID")
#: Sequences that hold every keyword, three levels deep: some are kept, some are not.
DEEP = (
    "ReferencedImageSequence", "VOILUTSequence", "SequenceOfUltrasoundRegions", "ContentSequence",
)  # fmt: skip
VRS = {entry[4]: (tag, entry[0]) for tag, entry in DicomDictionary.items() if entry[4]}


def values(foreign):
    """A planted value per text-valued VR; `foreign` is a word that is not ASCII."""
    return {
        "AE": f"{WORD} {NAME[:9]}",
        "AS": AGE,
        "CS": WORD,
        "DA": DAY,
        "DS": f"{NUMBER}.25",
        "DT": f"{DAY}{TIME}",
        "IS": NUMBER,
        "LO": [f"{NAME} {foreign}", f"born 13.12.1947 {WORD}"],
        "LT": f"{foreign} {NAME}, {GIVEN}\r\n1947-12-13 11:23:58 {NUMBER}",
        "PN": f"{NAME}^{GIVEN}^{foreign}",
        "SH": NAME,
        "ST": f"{GIVEN} {foreign} {DAY}",
        "TM": TIME,
        "UC": f"{NAME}{foreign}",
        "UI": UID,
        "UR": f"https://{NAME}.example/{NUMBER}",
        "UT": f"{foreign} {GIVEN} {WORD} 1947.12.13",
    }


def planted_image(pixels, foreign, charset):
    """Return the image, in which all of `KEYWORDS` are planted."""
    known = values(foreign)
    dataset = header(pixels=pixels, SpecificCharacterSet=charset)
    with config.disable_value_validation():
        _plant(dataset, known, KEYWORDS)
        _plant_unnamed(dataset, known)
        for keyword, (tag, vr) in VRS.items():
            if vr == "SQ" and tag >> 16 >= 8:
                _add_item(dataset, keyword, known, FEW)
        for keyword in DEEP:
            _plant(dataset[keyword][0][keyword][0][keyword][0], known, KEYWORDS)
        dataset.preamble = f"{NAME} {GIVEN} {NUMBER}".encode().ljust(128, b"\0")
        dataset.file_meta.SourceApplicationEntityTitle = WORD
        dataset.file_meta.SendingApplicationEntityTitle = WORD
        dataset.file_meta.MediaStorageSOPInstanceUID = UID
        dataset.file_meta.PrivateInformationCreatorUID = UID
        dataset.file_meta.PrivateInformation = f"{NAME} {foreign}".encode()
    return dataset


#: Keywords of the dictionary that have a text-valued VR and belong into a data set.
KEYWORDS = [
    keyword
    for keyword, (tag, vr) in sorted(VRS.items(), key=lambda one: one[1])
    if vr in values("") and 0x0008 <= tag >> 16 < 0xFFFC and keyword not in SPARED
]


def _plant(dataset, known, keywords):
    for keyword in keywords:
        tag, vr = VRS[keyword]
        dataset.add_new(tag, vr, known[vr])


def _plant_unnamed(dataset, known):
    """Private blocks, curves, overlays, unknown attributes and bytes."""
    raw = f"{NAME} {GIVEN} {NUMBER} ".encode()
    block = dataset.private_block(0x0009, f"{WORD} {NAME}", create=True)
    for place, vr in enumerate(sorted(known)):
        block.add_new(place, vr, known[vr])
    block.add_new(0x40, "UN", raw)
    block.add_new(0x41, "OB", raw)
    block.add_new(0x42, "SQ", [item(PatientName=known["PN"])])
    curve = {0x0022: "LO", 0x0040: "SH", 0x3000: "OW"}
    overlay = {0x0022: "LO", 0x1500: "LO", 0x3000: "OW", 0x4000: "LT"}
    for group, own in {0x5000: curve, 0x5010: curve, 0x6000: overlay, 0x601E: overlay}.items():
        for element, vr in own.items():
            dataset.add_new((group, element), vr, known.get(vr, raw))
    for tag in (0x0008FFF0, 0x0018FFF0, 0x40100001):
        dataset.add_new(tag, "UN", raw)
    for tag in (0x00420011, 0xFFFCFFFC):
        dataset.add_new(tag, "OB", raw)


def _add_item(dataset, keyword, known, keywords):
    """Add a sequence that is three deep, planted at each level."""
    for level in range(3):
        dataset.add_new(VRS[keyword][0], "SQ", [Dataset()])
        dataset = dataset[keyword][0]
        _plant(dataset, known, keywords)
        if level == 2:
            dataset.private_block(0x0029, WORD, create=True).add_new(1, "LO", known["LO"])


def found_in(content):
    """Planted identifiers that occur in bytes, in any of the encodings of text."""
    folded = content.lower()
    hits = set()
    for text in TEXTS:
        for form in (text, text[::-1], text.lower(), text.upper()):
            for encoding in ("ascii", "latin-1", "utf-8", "utf-16-le", "utf-16-be", "iso2022_jp"):
                coded = form.encode(encoding, "ignore")
                # What an encoding cannot say is cut; too short a rest would be found by chance.
                if len(coded) >= 6 and (coded in content or coded.lower() in folded):
                    hits.add(text)
    return hits | {digits for digits in DIGITS if digits.encode() in content}
