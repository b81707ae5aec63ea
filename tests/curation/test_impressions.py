import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rin.curation.reports import screen_impression
from rin.curation.taxonomy import load_taxonomy

NORMAL = [
    "Normal study.",
    "Normal",
    "Unremarkable.",
    "Unremarkable MRI of the left knee.",
    "Within normal limits.",
    "Normal chest CT. No acute abnormality.",
    "No evidence of fracture. Normal alignment.",
    "No evidence of fracture or dislocation; normal left ankle.",
    "Normal MRI of the lumbar spine without disc herniation, spinal stenosis or cord compression.",
    "1. Normal thyroid gland.\n2. No nodules.",
    "• Normal liver\n• No gallstones",
    "Fracture is not seen. Normal MRI of the foot.",
    "No abnormality.",
    "No evidence of intracranial abnormality.",
    "No abnormal enhancement. Normal MRI of the brain.",
    "Negative for pulmonary embolism. Normal chest CT.",
    "Neither fracture nor dislocation. Normal hip.",
    "Normal MRI of the right shoulder – no rotator cuff tear.",
    "Normal study. No follow-up is needed.",
    "Normal MRI of\nthe left knee. No evidence\nof meniscal tear.",
    "Normal CT. " + "No fracture. " * 400,
    "Ligaments and menisci are intact. Normal knee.",
    "Normal kidneys, without hydronephrosis, stones or mass.",
]
NOT_NORMAL = [
    # Denied normality.
    "Abnormal study.",
    "Not normal.",
    "The appearance is no longer normal.",
    "Signal abnormality in the anterior cruciate ligament.",
    "Loss of normal lordosis.",
    "Larger than normal thyroid.",
    "Without normal flow in the portal vein.",
    # Hedges.
    "Probably normal.",
    "Normal chest. Cannot exclude early pneumonia.",
    "Likely normal variant.",
    "Normal versus early edema.",
    "Upper limits of normal.",
    "Grossly unremarkable.",
    "No definite fracture. Normal alignment.",
    "Normal study? Fracture not excluded.",
    "Normal MRI, fracture is unlikely.",
    # A finding beside normality, of the same or another organ.
    "Normal brain. Mild sinusitis.",
    "Normal appendix. Diverticulosis without diverticulitis.",
    "No fracture, mild joint effusion, normal alignment.",
    "No fracture but bone marrow edema; normal alignment.",
    "No acute abnormality\nGallstones\nNormal bowel",
    "No fracture and small effusion. Normal ligaments.",
    "No change in the cyst. Normal otherwise.",
    "Normal knee status post meniscectomy.",
    "Simple ovarian cyst, normal for age.",
    "Normal variant: accessory spleen.",
    # Otherwise unremarkable.
    "Small cyst. Otherwise unremarkable.",
    "Otherwise normal MRI of the knee aside from a Baker's cyst.",
    "Sinus disease — the remainder is unremarkable.",
    # Follow-up.
    "Normal study. Follow-up is recommended.",
    "Unremarkable. Consider MRI if symptoms persist.",
]
UNCLEAR = [
    "",
    "  \n ",
    "Normal MRI of the brain. Abnormal MRI of the brain.",
    "Normal study. This is not a normal study.",
    "Otherwise unremarkable.",
    "Normal for age.",
    "No significant abnormality.",
    "No fracture.",
    "See the report of Dr. Smith.",
    "Normal chest with xyzzy.",
    "Limited study. Normal as far as seen.",
    "Unremarkable, within the limits of motion.",
    "No new lesion. Normal MRI.",
]
ALL = [
    *((text, "normal") for text in NORMAL),
    *((text, "not normal") for text in NOT_NORMAL),
    *((text, "unclear") for text in UNCLEAR),
]
RANK = {"not normal": 0, "unclear": 1, "normal": 2}
HEDGED = [
    "Possible fracture.",
    "Cannot exclude a small tear",
    "Probably normal.",
    "Possibly a normal study.",
    "This may be an unremarkable examination.",
    "Likely no abnormality.",
    "Normal versus early edema.",
    "Pneumonia is not excluded.",
    "2 mm nodule, likely benign.",
]


def verdict(impression, findings=""):
    return screen_impression(findings, impression).verdict


@pytest.mark.parametrize(("text", "expected"), ALL, ids=[text[:50] for text, _ in ALL])
def test_verdict_of_an_impression(text, expected):
    found = screen_impression("", text)
    assert found.verdict == expected, found.reasons


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ("", "normal"),
        ("No effusion. The ligaments are intact. Marrow signal is normal.", "normal"),
        ("Lungs are clear without consolidation, effusion or pneumothorax.", "normal"),
        ("The gallbladder is normal, non-dilated ducts.", "normal"),
        ("LIVER: Normal.\nKIDNEYS: No stone or hydronephrosis.", "normal"),
        ("Words that the lexicon has never seen: xyzzy.", "normal"),
        ("There is a 4 mm nodule in the right lobe.", "not normal"),
        ("Trace joint effusion. No tear.", "not normal"),
        ("The spleen is not normal in size.", "not normal"),
        ("Abnormal signal in the marrow.", "not normal"),
        ("The gallbladder is surgically absent.", "not normal"),
        ("KIDNEYS: Small cyst on the left.", "not normal"),
    ],
)
def test_findings_section_with_a_finding_makes_a_normal_impression_not_normal(findings, expected):
    assert verdict("Normal study.", findings) == expected


@pytest.mark.parametrize(
    ("impression", "findings", "reason"),
    [
        ("Probably normal.", "", 'the impression hedges: "Probably"'),
        ("Not a normal study.", "", 'the impression denies normality: "Not a normal"'),
        ("Normal. Gallstones.", "", 'the impression reports a finding: "Gallstones"'),
        ("Normal. Repeat it.", "", 'the impression asks for more: "Repeat"'),
        ("Normal study.", "A cyst.", 'the findings report: "cyst"'),
        ("Otherwise normal.", "", 'it is normal only beside what it excepts: "Otherwise"'),
        ("Limited. Normal.", "", 'the study is limited: "Limited"'),
        ("Normal xyzzy.", "", 'the rules do not know the words: "xyzzy"'),
        ("", "", "the impression is empty"),
        ("No fracture.", "", "the impression does not state normality"),
        ("Normal study.", "", 'the impression states normality: "Normal"'),
        (
            "Normal MRI. Abnormal MRI.",
            "",
            'the impression contradicts itself: "Normal" and "Abnormal"',
        ),
    ],
)
def test_reason_quotes_what_decided(impression, findings, reason):
    assert reason in screen_impression(findings, impression).reasons


@settings(deadline=None)
@given(st.sampled_from(ALL), st.data())
def test_case_and_white_space_do_not_change_a_verdict(known, data):
    text, expected = known
    space = st.text(" \t\n\r\u00a0", min_size=1, max_size=3)
    pieces = re.split(r"\s+", text[:200])
    spaced = "".join(data.draw(space) + piece for piece in pieces) + data.draw(space)
    case = data.draw(st.sampled_from([str.upper, str.lower, str.title, str.swapcase, str]))
    assert verdict(case(spaced)) == verdict(text[:200])
    assert len(text) > 200 or verdict(text) == expected


@settings(deadline=None)
@given(st.sampled_from(ALL), st.sampled_from(HEDGED), st.booleans())
def test_hedged_sentence_never_makes_an_impression_more_normal(known, hedged, before):
    text, expected = known
    both = f"{hedged.rstrip('.')}. {text}" if before else f"{text.rstrip('. ')}. {hedged}"
    assert RANK[verdict(both)] <= RANK[expected]
    assert verdict(both) == "not normal"


@settings(deadline=None)
@given(st.text(), st.text())
def test_any_text_gets_a_verdict_with_a_reason(findings, impression):
    found = screen_impression(findings, impression)
    assert found.verdict in RANK and found.reasons


@pytest.mark.parametrize("dash", ["-", "–", "—", "‑", "−"])
def test_kind_of_dash_does_not_matter(dash):
    assert verdict(f"Normal knee {dash} no tear.") == "normal"
    assert verdict(f"Normal knee {dash} small cyst.") == "not normal"
    assert verdict(f"Normal knee. Follow{dash}up.") == "not normal"


def test_no_abnormal_label_of_the_database_beside_normality_is_normal():
    taxonomy = load_taxonomy()
    # The labels of ultrasound are mostly organs, which are no findings.
    labels = taxonomy.loc[taxonomy["modality"] != "US", "label"]
    passed = {
        label
        for label in labels
        if verdict(f"Normal study. {label.replace('_', ' ')}.") == "normal"
    }
    assert passed == {"normal"}
