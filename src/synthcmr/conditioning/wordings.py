"""The words a prompt may use: for writing, and for reading. A space in a phrase also stands for a hyphen or nothing."""

# How each code is written. What is not here is written as it stands, in quotes.
DIAGNOSES: dict[str, str] = {
    "NOR": "healthy heart",
    "HTN": "hypertension",
    "HFpEF": "heart failure with preserved ejection fraction",
    "DCM": "dilated cardiomyopathy",
    "HCM": "hypertrophic cardiomyopathy",
    "MINF": "myocardial infarction",
    "RV": "abnormal right ventricle",
    "HF": "heart failure",
}
SEX_WRITTEN = {"female": "Woman", "male": "Man"}
LEVEL_WRITTEN = {"basal": "basal slice", "mid": "mid-ventricular slice", "apical": "apical slice"}
PHASE_WRITTEN = {"ED": "end-diastole", "ES": "end-systole"}

_HEART_FAILURE = ("heart failure", "hf")
_FUNCTION = ("ejection fraction", "lvef", "ef", "systolic function")
# How each code may be put; the longest phrase that fits is taken.
DIAGNOSIS_WORDS: dict[str, tuple[str, ...]] = {
    "NOR": (
        "healthy heart",
        "healthy volunteer",
        "healthy control",
        "normal heart",
        "normal volunteer",
        "normal control",
        "heart-healthy",
        "healthy",
        "control",
    ),
    "HTN": (
        "essential hypertension",
        "systemic hypertension",
        "arterial hypertension",
        "hypertensive heart disease",
        "hypertensive cardiomyopathy",
        "high blood pressure",
        "hypertension",
        "hypertensive",
        "hypertonic heart",
        "htn",
    ),
    "HFpEF": (
        *(f"{hf} with preserved {ef}" for hf in _HEART_FAILURE for ef in _FUNCTION),
        "diastolic heart failure",
        "hf-pef",
    ),
    "HFrEF": (
        *(f"{hf} with {low} {ef}" for hf in _HEART_FAILURE for low in ("reduced", "low") for ef in _FUNCTION),
        "systolic heart failure",
        "hf-ref",
    ),
    "HFmrEF": (*(f"{hf} with mildly reduced {ef}" for hf in _HEART_FAILURE for ef in _FUNCTION), "hf-mref", "hf-mr-ef"),
    "DCM": ("dilated cardiomyopathy", "dilatative cardiomyopathy", "idiopathic dilated cardiomyopathy", "dcm", "dcmp"),
    "HCM": (
        "hypertrophic obstructive cardiomyopathy",
        "hypertrophic cardiomyopathy",
        "hocm",
        "hcm",
        "hcmp",
    ),
    "ICM": ("ischaemic cardiomyopathy", "ischemic cardiomyopathy", "ischaemic heart disease", "ischemic heart disease"),
    "MINF": (
        *(
            f"{time}{what}"
            for time in ("", "old ", "previous ", "prior ", "acute ", "recent ", "chronic ", "post-", "s/p ")
            for what in ("myocardial infarction", "myocardial infarct", "heart attack", "infarction", "infarct", "mi")
        ),
        "n-stemi",
        "stemi",
        "minf",
        "ami",
    ),
    "RV": (
        "abnormal right ventricle",
        "abnormal rv",
        "dilated right ventricle",
        "dilated rv",
        "enlarged right ventricle",
        "right ventricular dilatation",
        "right ventricular dilation",
        "right ventricular failure",
        "right heart failure",
        "rv dilatation",
        "rv dilation",
        "rv failure",
        "cor pulmonale",
        "pulmonary arterial hypertension",
        "pulmonary hypertension",
        "pah",
    ),
    "HF": (
        "congestive heart failure",
        "chronic heart failure",
        "acute heart failure",
        "cardiac failure",
        *_HEART_FAILURE,
        "chf",
    ),
}
# Words that are a diagnosis in some places only: "normal weight" and "RV EF 35 %" are none. Looked for after all others.
DIAGNOSIS_PATTERNS = {
    "RV": r"(?<!normal )(?<!left )(?<!\w)rv(?=\s*(?:$|[,;.|)+]))",
    "NOR": r"(?<!\w)nor(?!\w)|(?<!\w)normal(?=(?:\s|[,;.)])*$|\s*[,;.)]|\s{2,}|\s+(?:subject|person|patient|adult|volunteer)s?\b)",
}
# A description rather than a diagnosis: the nearest that is one.
TAKEN_AS = {"HFrEF": "DCM", "ICM": "MINF", "HFmrEF": "HF"}
# May be said beside it without contradiction.
NARROWER = {
    "HF": ("HFpEF", "HFrEF", "HFmrEF", "DCM", "ICM", "MINF", "HCM", "RV", "HTN"),
    "HFrEF": ("DCM", "ICM", "MINF"),
    "ICM": ("MINF",),
}
WIDER = {"HF": ("DCM", "HFpEF")}  # asked for by a name that covers several diagnoses: it becomes one of them
# What is denied with a name: its kinds, and what a heart that has it is drawn as.
KINDS = {"HF": ("HFpEF", "HFrEF", "HFmrEF"), "cardiomyopathy": ("DCM", "HCM")}
SHOWN_AS = {"HF": ("DCM",), "HFrEF": ("DCM",), "HFmrEF": ("DCM", "HFpEF"), "ICM": ("MINF",)}
EF_OF = {"HFrEF": (0.0, 50.0), "HFmrEF": (35.0, 55.0), "HFpEF": (45.0, 100.0)}  # percent that the words allow

SEX_WORDS: dict[str, tuple[str, ...]] = {
    "female": ("female", "females", "woman", "women", "lady", "girl", "she", "f"),
    "male": ("male", "males", "man", "men", "gentleman", "boy", "he", "m"),
}
ONLY_WOMEN = (
    "pregnant",
    "pregnancy",
    "postpartum",
    "peripartum",
    "menopausal",
    "postmenopausal",
    "premenopausal",
    "breastfeeding",
)
AGE_WORDS = {
    "young": (30.0, 12.0, 45.0),
    "middle-aged": (50.0, 35.0, 65.0),
    "elderly": (75.0, 60.0, 120.0),
    "older": (75.0, 55.0, 120.0),
    "geriatric": (75.0, 65.0, 120.0),
}  # word -> (taken as, from, to)
BMI_WORDS = {
    "morbidly obese": (42.0, 40.0, 120.0),
    "morbid obesity": (42.0, 40.0, 120.0),
    "severely obese": (38.0, 35.0, 120.0),
    "severe obesity": (38.0, 35.0, 120.0),
    "extremely obese": (42.0, 40.0, 120.0),
    "very obese": (38.0, 35.0, 120.0),
    "moderately obese": (36.0, 30.0, 40.0),
    "mildly obese": (32.0, 30.0, 35.0),
    "obese": (34.0, 30.0, 120.0),
    "obesity": (34.0, 30.0, 120.0),
    "overweight": (27.5, 25.0, 30.0),
    "normal weight": (22.0, 18.5, 25.0),
    "normal bmi": (22.0, 18.5, 25.0),
    "lean": (21.0, 18.5, 25.0),
    "slim": (21.0, 18.5, 25.0),
    "underweight": (17.5, 8.0, 18.5),
}  # word -> (taken as, from, to)
SEVERITY_WORDS = {
    "very severe": 2.0,
    "moderate to severe": 1.25,
    "moderately severe": 1.25,
    "severe": 1.5,
    "severely": 1.5,
    "advanced": 1.5,
    "moderate": 1.0,
    "moderately": 1.0,
    "mild to moderate": 0.75,
    "mild": 0.5,
    "mildly": 0.5,
    "borderline": 0.25,
}
LEVEL_WORDS: dict[str, tuple[str, ...]] = {
    "basal": ("basal", "base"),
    "mid": ("mid-ventricular", "mid-cavity", "mid-ventricle", "mid-level", "mid"),
    "apical": ("apical", "apex"),
}
PHASE_WORDS: dict[str, tuple[str, ...]] = {
    "ED": ("end-diastole", "end-diastolic", "diastole", "ed"),
    "ES": ("end-systole", "end-systolic", "systole", "es"),
}
VENDOR_WORDS = (
    "siemens healthineers",
    "siemens",
    "philips healthcare",
    "philips",
    "ge healthcare",
    "general electric",
    "ge",
    "canon",
    "toshiba",
    "united imaging",
    "uih",
)
_FOREIGN = """und mit der das ist eine einer einem frau jahre jahren herz bild bilder zeige kann hier machen für ich bitte
una con años anos mujer hombre corazón corazon paciente de la el los las del imagen
et une avec femme homme ans du des coeur cœur donna uomo anni di della il cuore immagine uma mulher homem do da coração
het een vrouw jaar och kvinna på med år"""
_WEAK = "ed es mi he f m ge base normal control mid men older"
_EMPTY = """a an the of with w and or in on at for to from has have having had who whose is was are be her his their its it by
as this that there please i want would need give us me show make generate create draw example
image images picture pictures photo slice slices scan scans frame frames mri cmr mr cardiac heart hearts
short-axis short axis sax cine view patient patients person people subject subjects individual adult anyone someone
year years yr yrs yo y old aged age sex gender diagnosis diagnosed known history suffering suffers due presenting
magnetic resonance imaging synthetic scanner tesla about around approximately approx ca circa
level left ventricular ventricle lv phase phases pair tall body case but only also"""
FOREIGN_WORDS = frozenset(_FOREIGN.split())  # what a prompt in another language holds; none is an English word
# Understood, yet also words of other languages or slips: alone beside much that is unknown, they are no understanding.
WEAK_WORDS = frozenset(_WEAK.split())
EMPTY_WORDS = frozenset(_EMPTY.split())  # understood to carry nothing
