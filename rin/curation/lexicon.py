"""The words by which an impression is judged: radiologic English, as data.

The rules that use them stand in :mod:`rin.curation.impressions`.  A word ends in ``*`` where any
ending may follow; a space also stands for a hyphen.  The lists are long rather than complete: a
word of the impression that none of them knows makes its verdict unclear, never normal.
"""

import re

NORMALITY = ("normal", "unremarkable")

#: Adverbs that weaken a statement of normality, and the speech of uncertainty.
HEDGES = (
    *("probabl*", "possib*", "likely", "unlikely", "suggest*", "suspect*", "suspicious"),
    *("suspicion", "may", "might", "could", "perhaps", "cannot exclude", "can not exclude"),
    *("cannot be excluded", "can not be excluded", "cannot rule out", "cannot be ruled out"),
    *("can't exclude", "not excluded", "not entirely excluded", "not ruled out", "not rule out"),
    *("difficult to exclude", "versus", "vs", "differential*", "questionable", "question of"),
    *("equivocal", "indeterminate", "uncertain*", "unclear", "concern*", "worrisome", "presum*"),
    *("favor*", "favour*", "apparent*", "seeming*", "borderline", "upper limit* of", "rule out"),
    *("lower limit* of", "low normal", "high normal", "grossly", "essentially", "near", "nearly"),
    *("almost", "relatively", "largely", "mostly", "predominantly", "somewhat", "no definite"),
    *("no convincing", "no obvious", "no gross", "no clear", "no definitive", "not definite*"),
    *("nonspecific", "non specific", "not certain", "doubtful"),
)
#: Hedges that are none where a negation governs them: "no suspicious nodule".
QUALIFIERS = ("suspicious", "suspicion", "concern*", "worrisome", "suggest*")

FOLLOW_UP = (
    *("recommend*", "advis*", "follow up", "followup", "further evaluation", "further imaging"),
    *("further assessment", "further workup", "further work up", "repeat", "correlat*"),
    *("biops*", "surveillance", "consider*", "if clinically *", "as clinically *", "referral"),
    *("short term", "short interval", "should be", "needs", "additional imaging"),
)
#: What a finding that is not named stands beside.
EXCEPTIONS = (
    *("otherwise", "remainder", "rest of", "remaining", "apart from", "aside from", "except*"),
    *("other than", "no other", "no new", "no additional", "no residual", "no recurrent"),
    *("for age", "for the patient's age", "for stated age", "age related"),
)
#: A study that shows less than all.
LIMITS = (
    *("limited", "suboptimal*", "motion", "degraded", "nondiagnostic", "non diagnostic"),
    *("incomplete*", "partially", "poorly", "obscured", "not included", "artifact*", "artefact*"),
    *("not well seen", "not well visuali*", "not fully *", "not completely *", "not optimally *"),
)

NEGATIONS = (
    *("no", "without", "negative for", "free of", "free from", "absence of", "nor", "neither"),
    *("not", "never", "nothing", "excludes", "isn't", "aren't"),
)
#: What looks like a negation of the finding that follows, and is none.
NO_NEGATIONS = (
    *("no change*", "no interval change*", "no significant change*", "no significant interval *"),
    *(
        "no increase*",
        "no decrease*",
        "no longer",
        "not only",
        "not changed",
        "not significantly *",
    ),
    *("without change*", "without significant change*", "without interval change*"),
    *("without contrast", "without intravenous contrast", "without iv contrast"),
    *("without gadolinium", "without and with", "not certain", "not excluded", "not rule*"),
    *("not entirely", "no growth", "not resolved", "not improved", "not decreased", "no improve*"),
)
_SEEN = (
    *("seen", "identified", "demonstrated", "present", "evident", "visuali*", "detected", "noted"),
    *("appreciated", "found", "apparent", "observed"),
)
NOT_SEEN = tuple(f"not {verb}" for verb in _SEEN)
#: What ends the reach of a negation.
ENDS = (
    *("but", "however", "although", "though", "yet", "except*", "apart", "aside", "other than"),
    *("whereas", "while", "which", "with", "there is", "there are", "there was", "there were"),
    *("demonstrat*", "shows", "showing", "reveal*", "status post", "otherwise", "secondary to"),
    *(
        "due to",
        "because",
        "consistent",
        "compatible",
        "likely",
        "probabl*",
        "possibl*",
        *NORMALITY,
    ),
)
#: After a comma or "and", these begin a finding of its own.
ASSERTING = (
    *("mild*", "moderate*", "small", "large", "tiny", "minimal*", "trace", "minor", "severe*"),
    *("new", "stable", "unchanged", "chronic", "old", "few", "several", "multiple", "scattered"),
    *("degenerative", "prominent", "increased", "decreased", "persistent", "known", "prior"),
    *("previous*", "postsurgical", "postoperative", "incidental*", "simple", "benign", "subtle"),
    *("bilateral", "unilateral", "mildly", "slight*", "early", "healed", "healing", "remote"),
)
#: Nouns that name no finding in particular: a word that follows one is no part of it.
GENERIC = ("abnormalit*", "finding", "findings", "disease", "process", "patholog*")
#: What may follow such a noun within the reach of one negation.
GOING_ON = (
    *("of", "in", "within", "involving", "to", "on", "at", "by", "or", "and", "nor", "is", "are"),
    *("was", "were", "can", "has", "have", "seen", "identified", "demonstrated", "detected"),
    *("noted", "evident", "present", "visuali*", "found", "appreciated", "process", "activity"),
)

FINDINGS = (
    # Forms of disease, by their endings.
    *("*itis", "*ectomy", "*ectomies", "*plasty", "*megaly", "*pathy", "*pathies", "*lithiasis"),
    *("*oma", "*omas", "*omata", "*listhesis", "*cele", "*celes", "*emia", "*iectasis"),
    # Bones, joints, spine.
    *("fractur*", "dislocat*", "sublux*", "tear", "tears", "tearing", "torn", "ruptur*", "sprain*"),
    *("strain*", "tendinos*", "contusion*", "contused", "bruis*", "chondromalac*", "osteoarth*"),
    *("arthros*", "arthropath*", "degenerat*", "spondylo*", "stenos*", "stenotic", "narrow*"),
    *("herniat*", "hernia", "hernias", "protrusion*", "protruding", "extrusion*", "extruded"),
    *("bulg*", "desiccat*", "impinge*", "cord compression", "nerve compression", "osteophyt*"),
    *("spur", "spurs", "spurring", "necros*", "necrotic", "avascular", "osteonecr*", "sclero*"),
    *("lytic", "blastic", "avulsion*", "avulsed", "loose bod*", "erosion*", "erosive", "scolio*"),
    *("kypho*", "deform*", "displac*", "malalign*", "misalign*", "instabil*", "insufficien*"),
    *("injur*", "disrupt*", "defect*", "ganglion", "coalition", "valgus", "varus", "syrinx"),
    *("osteopeni*", "osteopor*", "bone island", "bone marrow edema", "swell*", "swollen"),
    # Masses and their like.
    *("cyst", "cysts", "cystic", "pseudocyst*", "nodul*", "mass", "masses", "mass effect"),
    *("lesion*", "tumor*", "tumour*", "neoplas*", "malignan*", "metasta*", "cancer*", "fibroid*"),
    *("polyp*", "hyperplas*", "goiter*", "goitre*", "polycystic", "dysplas*"),
    # Vessels, bleeding, brain.
    *("infarct*", "hemorrhag*", "haemorrhag*", "bleed*", "ischem*", "ischaem*", "stroke*"),
    *("aneurysm*", "thromb*", "embol*", "occlusi*", "occluded", "dissection*", "atheroscl*"),
    *("plaque*", "ectas*", "ectatic", "tortuo*", "varices", "varicos*", "hydroceph*", "gliosis"),
    *("midline shift", "microvascular", "small vessel", "demyelinat*", "encephalomalac*"),
    *("chiari", "atroph*", "volume loss", "white matter change*", "vasculit*", "malformation*"),
    # Chest, abdomen, pelvis.
    *("effusion*", "edema*", "oedema*", "pneumothor*", "pneumoni*", "consolidat*", "opacit*"),
    *("opacif*", "infiltrat*", "atelecta*", "emphysem*", "bronchiecta*", "scar", "scars"),
    *("scarring", "scarred", "fibros*", "fibrotic", "granulom*", "honeycomb*", "ground glass"),
    *("ascites", "free fluid", "free air", "pneumoperiton*", "obstruct*", "perforat*", "abscess*"),
    *("collection", "collections", "stone", "stones", "gallstone*", "calculus", "calculi"),
    *("sludge", "diverticul*", "hydroneph*", "hydroureter*", "reflux", "steato*", "fatty"),
    *("cirrho*", "calcif*", "microcalcif*", "fistula*", "intussuscep*", "volvulus", "torsion"),
    *("hiatal hernia", "hiatus hernia", "air trapping", "mucus plug*", "tree in bud"),
    # Looks.
    *("dilat*", "distension", "enlarg*", "hypertroph*", "thicken*", "inflam*", "infect*"),
    *("hyperintens*", "hypointens*", "hyperdens*", "hypodens*", "hyperechoic", "hypoechoic"),
    *("anechoic", "hypoattenuat*", "hyperattenuat*", "heterogene*", "irregular*", "asymmetr*"),
    *("prominen*", "increased signal", "high signal", "hyperem*", "hypervascul*", "elevated"),
    *("echogenic foc*", "lucen*", "foreign bod*", "remarkable for", "patholog*", "disease*"),
    # What surgery and birth left.
    *("surgically absent", "congenitally absent", "agenesis", "aplasia", "status post", "s/p"),
    *("postsurg*", "post surg*", "postoperat*", "post operat*", "resect*", "surgical clip*"),
    *("clips", "hardware", "prosthe*", "stent*", "catheter*", "pacemaker*", "implant*"),
    *("transplant*", "anomal*", "congenital*", "variant*", "accessory", "duplicat*", "horseshoe"),
    *("ectopic", "cleft", "amputat*", "incidental*", "chronic", "sequela*", "resolved", "healed"),
)

#: The names of studies: what is normal "as a whole".
STUDIES = (
    *("study", "exam", "examination", "mri", "mr", "ct", "scan", "ultrasound", "sonogram"),
    *("us", "imaging", "evaluation", "sonography", "ultrasonography", "tomography", "arthrogram"),
)
_NEUTRAL = """
    a an all and any appear appearance appearances appearing appears are as at be been both by
    completely complete entire entirely each either evidence evident for from has have i in
    impression into is it its itself nor of on or other over per said seen since so some than
    that the their there these they this those through to too under up upon was were which
    within whole throughout exam examination examinations study studies mri mr ct scan scans
    ultrasound sonogram sonographic imaging evaluation sonography ultrasonography tomography
    computed magnetic resonance arthrogram angiogram angiography mra cta doppler color colour
    contrast enhanced unenhanced noncontrast nonenhanced gadolinium intravenous iv with
    without pre post sequence sequences image images series view views plane planes finding
    findings demonstrated demonstrates noted identified visualized visualised shown shows show
    present compared comparison prior previous interval unchanged stable again screening
    routine diagnostic baseline clinical clinically negative clear intact patent preserved
    maintained symmetric symmetrical homogeneous smooth regular regularly adequate appropriate
    age limits limit range size sized shape shaped contour contours configuration caliber
    calibre course position alignment aligned signal intensity attenuation echotexture
    echogenicity density texture morphology thickness width height heights flow vascularity
    perfusion enhancement aerated expanded distended well visualization fully bony osseous
    bone bones marrow soft tissue tissues joint joints cartilage articular ligament ligaments
    ligamentous tendon tendons tendinous meniscus menisci meniscal cruciate collateral
    anterior posterior medial lateral superior inferior left right bilateral bilaterally upper
    lower mid middle central peripheral proximal distal axial sagittal coronal knee knees hip
    hips ankle ankles foot feet shoulder shoulders rotator cuff labrum labral biceps femoral
    femur tibia tibial fibula fibular patella patellar talus talar calcaneus achilles plantar
    fascia humerus humeral glenoid glenohumeral acromioclavicular clavicle scapula acetabulum
    acetabular sacroiliac pelvis pelvic muscle muscles musculature muscular nerve nerves spine
    spinal cord canal cervical thoracic lumbar lumbosacral sacrum sacral coccyx vertebra
    vertebrae vertebral body bodies disc discs disk disks level levels foramen foramina neural
    conus medullaris cauda equina brain brainstem head cerebral cerebellum cerebellar
    intracranial ventricle ventricles ventricular sulci cistern cisterns white gray grey
    matter pituitary sella sellar orbit orbits orbital sinus sinuses paranasal mastoid
    mastoids internal auditory skull calvarium extraaxial neck chest thorax lung lungs
    pulmonary pleura pleural mediastinum mediastinal hilum hila hilar heart cardiac
    cardiomediastinal cardiopulmonary pericardium aorta aortic airway airways trachea bronchi
    abdomen abdominal liver hepatic gallbladder biliary bile duct ducts common spleen splenic
    pancreas pancreatic kidney kidneys renal adrenal adrenals gland glands ureter ureters
    urinary bladder bowel stomach gastric duodenum colon appendix rectum mesentery mesenteric
    peritoneum peritoneal retroperitoneum retroperitoneal uterus uterine endometrium
    endometrial cervix ovary ovaries ovarian adnexa adnexal prostate seminal vesicles testis
    testes testicle testicles testicular scrotum scrotal epididymis thyroid parathyroid
    isthmus lobe lobes breast lymph node nodes nodal artery arteries arterial vein veins
    venous portal vascular vessel vessels vasculature organ organs structure structures solid
    parenchyma parenchymal wall walls region regions area areas patient man woman male female
    child adult year old no not free absence neither never nothing excludes isn't aren't none
"""
#: Words that say nothing against normality; all others make an impression unclear.
NEUTRAL = frozenset(_NEUTRAL.split())


def words_pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    """Return what finds any of some words or phrases, the longest first, in any case.

    ``*`` stands for any letters, a space for a space or hyphen.
    """
    ordered = sorted(set(words), key=lambda word: (-len(word), word))
    parts = [re.escape(word).replace(r"\*", r"\w*").replace(r"\ ", r"[ -]") for word in ordered]
    return re.compile(rf"(?<!\w)(?<!non-)(?<!non )(?:{'|'.join(parts)})(?!\w)", re.IGNORECASE)
