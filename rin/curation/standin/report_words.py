"""Sentences that the reports of the stand-in archive are put together from.

Fields in braces are filled per study: ``exam``, ``mm``, ``side``, ``lobe``, ``disc``.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """How readers describe a lesion: in full, in short, and in a term of the site's own."""

    sentences: tuple[str, ...]
    short: tuple[str, ...]
    site_term: str


@dataclass(frozen=True)
class Words:
    """How readers write about a region.

    Attributes
    ----------
    exam
        The examination in running text.
    history, technique
        Why and how it was done.
    organs
        Sentences about organs that look as they should; those beyond the second fit every
        finding of the region.
    negated
        Impressions of completely normal studies that deny findings.
    unflagged
        The same in words that a search for "normal" or "unremarkable" does not find.
    hedged
        Impressions that leave it open.
    beside
        What is normal next to a finding.
    """

    exam: str
    history: tuple[str, ...]
    technique: str
    organs: tuple[str, ...]
    negated: tuple[str, ...]
    unflagged: tuple[str, ...]
    hedged: tuple[str, ...]
    beside: tuple[str, ...]
    findings: dict[str, Finding]


WORDS: dict[str, Words] = {
    "lung": Words(
        "CT of the chest",
        ("Cough.", "Pre-employment check.", "Weight loss.", "Smoker, screening."),
        "Helical CT without contrast.",
        (
            "The lungs are clear.",
            "Heart size is normal.",
            "The mediastinum is unremarkable.",
            "No pleural effusion.",
            "The visualized upper abdomen is unremarkable.",
            "The bones are intact.",
        ),
        (
            "No acute cardiopulmonary abnormality. Normal heart size.",
            "No nodule, no consolidation. The lungs are normal.",
            "No evidence of pneumonia or mass. Unremarkable chest.",
        ),
        ("No acute cardiopulmonary process.", "The lungs are clear. No effusion."),
        (
            "Probably normal variant of the azygos fissure, cannot exclude a small nodule.",
            "Likely within normal limits. Faint basal opacity, cannot exclude early infection.",
        ),
        ("Normal heart size.", "Unremarkable mediastinum."),
        {
            "Nodule": Finding(
                ("There is a solid nodule of {mm} mm in the {lobe} lobe.",),
                ("{mm} mm nodule in the {lobe} lobe", "solitary pulmonary nodule of {mm} mm"),
                "Pulmonary nodule",
            ),
            "Airspace_opacity": Finding(
                ("Consolidation with air bronchograms in the {lobe} lobe.",),
                ("{lobe} lobe consolidation", "airspace opacity in the {lobe} lobe"),
                "Consolidation",
            ),
        },
    ),
    "abd": Words(
        "CT of the abdomen",
        ("Abdominal pain.", "Follow-up.", "Elevated liver enzymes.", "Right lower quadrant pain."),
        "Portal venous phase after intravenous contrast, 5 × 5 mm.",
        (
            "The liver is normal in size and density.",
            "Spleen, pancreas and adrenals are unremarkable.",
            "Both kidneys enhance normally.",
            "The appendix is normal.",
            "No free fluid.",
            "No enlarged lymph nodes.",
        ),
        (
            "No acute abnormality. Normal appendix.",
            "No evidence of appendicitis. Normal abdominal organs.",
            "No mass, no free fluid. Unremarkable abdomen.",
        ),
        ("No acute abdominal process.", "No cause for the pain is seen."),
        (
            "Probably normal variant of hepatic perfusion, cannot exclude a small lesion.",
            "Essentially unremarkable; a subtle hypodensity at the falciform ligament is "
            "indeterminate.",
        ),
        ("Normal appendix.", "The kidneys are unremarkable.", "Normal spleen and pancreas."),
        {
            "liver_lesion": Finding(
                ("There is a hypodense lesion of {mm} mm in the {side} hepatic lobe.",),
                ("{mm} mm lesion in the {side} hepatic lobe", "hypodense liver lesion of {mm} mm"),
                "Focal hepatic lesion",
            )
        },
    ),
    "brain": Words(
        "MRI of the brain",
        ("Headache.", "Dizziness.", "Sudden weakness.", "Memory complaints."),
        "Axial FLAIR, T2 and diffusion-weighted images.",
        (
            "Gray and white matter are well differentiated.",
            "No restricted diffusion.",
            "The ventricles are normal in size.",
            "The midline structures are unremarkable.",
            "No extra-axial collection.",
        ),
        (
            "No acute infarct. Normal intracranial appearance.",
            "No acute intracranial abnormality.",
            "No mass and no abnormal signal. Unremarkable brain.",
        ),
        ("No acute intracranial process.", "No infarct, no hemorrhage, no mass."),
        (
            "Probably normal variant of the perivascular spaces, cannot exclude a lacune.",
            "Grossly normal, limited by motion; early ischemia is not excluded.",
        ),
        ("The ventricles are normal.", "Unremarkable orbits."),
        {
            "acute_infarct": Finding(
                ("Area of high signal and restricted diffusion in the {side} hemisphere.",),
                ("acute infarct in the {side} hemisphere", "acute {side} MCA branch infarct"),
                "Stroke",
            )
        },
    ),
    "knee": Words(
        "MRI of the knee",
        ("Pain after a fall.", "Locking.", "Instability.", "Sports injury."),
        "Sagittal proton density with fat saturation.",
        (
            "The cruciate and collateral ligaments are intact.",
            "The menisci are normal in shape and signal.",
            "The cartilage is preserved.",
            "Marrow signal is normal.",
            "The extensor mechanism is unremarkable.",
        ),
        (
            "No meniscal tear and no ligament injury. Normal knee.",
            "No internal derangement. Unremarkable MRI of the knee.",
            "No abnormal signal of menisci or ligaments.",
        ),
        ("No internal derangement.", "No fracture, no ligament or meniscal tear."),
        (
            "Probably normal variant of the posterior horn, cannot exclude a small tear.",
            "Likely normal; partial volume of the ligament, a partial tear is not excluded.",
        ),
        ("The collateral ligaments are normal.", "Unremarkable cartilage."),
        {
            "acl_pathology": Finding(
                ("The anterior cruciate ligament is thickened and of high signal.",),
                ("complete tear of the anterior cruciate ligament", "ACL tear"),
                "ACL rupture",
            ),
            "meniscal_abnormality": Finding(
                ("High signal reaches the surface of the {side} meniscus.",),
                ("tear of the {side} meniscus", "{side} meniscal tear"),
                "Torn meniscus",
            ),
        },
    ),
    "spine": Words(
        "MRI of the lumbar spine",
        ("Low back pain.", "Leg pain.", "Numbness of one foot.", "Follow-up."),
        "Sagittal and axial T2.",
        (
            "Disc heights and signal are normal.",
            "No canal stenosis.",
            "Alignment is normal.",
            "Vertebral body heights are preserved.",
            "The conus is unremarkable.",
        ),
        (
            "No disc herniation. Vertebral alignment is normal.",
            "No fracture, no stenosis. Unremarkable lumbar spine.",
            "No abnormality of the lumbar spine.",
        ),
        ("No disc herniation and no stenosis.", "No cause for the leg pain is seen."),
        (
            "Probably normal variant of a transitional vertebra; disc bulge cannot be excluded.",
            "Borderline disc signal, possibly normal for age.",
        ),
        ("Normal conus.", "The facet joints are unremarkable."),
        {
            "disc_pathology": Finding(
                ("Loss of signal of the disc {disc} with a protrusion into the canal.",),
                ("disc protrusion {disc}", "degenerated and bulging disc {disc}"),
                "Slipped disc",
            )
        },
    ),
    "usthyroid": Words(
        "ultrasound of the thyroid",
        ("Palpable neck.", "Elevated TSH.", "Family history.", "Check-up."),
        "Linear probe, 12 MHz.",
        (
            "The gland is normal in size.",
            "The echo texture is homogeneous.",
            "No enlarged lymph nodes.",
            "Perfusion is normal.",
        ),
        (
            "No thyroid nodule. Normal gland.",
            "No abnormal lymph nodes. Unremarkable thyroid.",
        ),
        ("No thyroid nodule.",),
        (),
        ("Normal lymph nodes.", "The other lobe is unremarkable."),
        {
            "thyroid_nodule": Finding(
                ("Hypoechoic nodule of {mm} mm in the {side} lobe.",),
                ("{mm} mm nodule of the {side} thyroid lobe", "{side} thyroid nodule"),
                "Struma nodosa",
            )
        },
    ),
    "usabd": Words(
        "ultrasound of the abdomen",
        ("Pain after meals.", "Elevated bilirubin.", "Check-up."),
        "Curved probe, 5 MHz.",
        (
            "The liver is normal in size.",
            "The right kidney is unremarkable.",
            "The bile ducts are not dilated.",
            "No free fluid.",
        ),
        (),
        (),
        (),
        ("Normal liver.", "The right kidney is unremarkable.", "Bile ducts within normal limits."),
        {
            "gb": Finding(
                ("Stones of up to {mm} mm in the gallbladder, with shadow.",),
                ("cholelithiasis", "gallstones of up to {mm} mm"),
                "Gallstones",
            )
        },
    ),
}
