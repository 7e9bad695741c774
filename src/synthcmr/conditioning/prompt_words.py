"""The words of prompts, as data: what parser and writer both go by. A space in a phrase also stands for a hyphen or nothing."""

import math
import re
from dataclasses import dataclass

FLAG = "--prompt"


@dataclass(frozen=True)
class Term:
    """One value of one attribute, and the phrases that state it."""

    value: str | float
    phrases: tuple[str, ...]
    low: float = -math.inf  # for numbers: what the phrases allow
    high: float = math.inf
    note: str = ""  # what to say where one of them is taken for the value


@dataclass(frozen=True)
class Measure:
    """How a number is stated: its labels, its units with their factors, and how it is written."""

    labels: tuple[str, ...]
    units: dict[str, float]
    written: str
    by_unit: bool = False  # the unit alone says which measure it is
    decimals: int = 1


def _several(phrases: str) -> tuple[str, ...]:
    """Phrases between commas."""
    return tuple(re.split(r",\s+", phrases))


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

_LEFT = ("", "lv ", "left ventricular ", "left ventricle ")
_RIGHT = ("rv ", "right ventricular ", "right ventricle ")
FUNCTION = (
    *(
        f"{side}{what}"
        for side in ("", "lv ", "left ventricular ")
        for what in ("ejection fraction", "systolic function")
    ),
    *("lv function", "left ventricular function", "lvef", "ef"),
)
_HEART_FAILURE = ("heart failure", "hf")
_PRESERVED, _REDUCED, _MILDLY = ("preserved", "normal"), ("reduced", "low"), ("mildly reduced", "mid-range")
_INFARCTS = (
    "myocardial infarction",
    "myocardial infarct",
    "heart attack",
    "infarction",
    "infarct",
    "mi",
    "n-stemi",
    "stemi",
)
_WHEN = ("", "old ", "previous ", "prior ", "acute ", "recent ", "chronic ", "post ", "s/p ")


def _failure(function: tuple[str, ...]) -> tuple[str, ...]:
    """Heart failure named by its ejection fraction."""
    return tuple(f"{failure} with {word} {ef}" for failure in _HEART_FAILURE for word in function for ef in FUNCTION)


# How each diagnosis may be put; the longest phrase that fits is taken.
DIAGNOSIS_TERMS = (
    Term(
        "HTN",
        (
            *(f"{kind}hypertension" for kind in ("", "essential ", "systemic ", "arterial ")),
            *("hypertensive heart disease", "hypertensive cardiomyopathy", "high blood pressure", "hypertensive"),
            *("hypertonic heart", "htn"),
        ),
    ),
    Term("HFpEF", (*_failure(_PRESERVED), "diastolic heart failure", "hf-pef")),
    Term("HFrEF", (*_failure(_REDUCED), "systolic heart failure", "hf-ref", "hf-r-ef")),
    Term("HFmrEF", (*_failure(_MILDLY), "hf-mref", "hf-mr-ef")),
    Term(
        "DCM",
        ("dilated cardiomyopathy", "dilatative cardiomyopathy", "idiopathic dilated cardiomyopathy", "dcm", "dcmp"),
    ),
    Term("HCM", ("hypertrophic obstructive cardiomyopathy", "hypertrophic cardiomyopathy", "hocm", "hcm", "hcmp")),
    Term(
        "ICM",
        tuple(f"{word} {what}" for word in ("ischaemic", "ischemic") for what in ("cardiomyopathy", "heart disease")),
    ),
    Term(
        "MINF",
        (
            *(f"{time}{what}" for time in _WHEN for what in _INFARCTS),
            *(f"{time}{what}" for time in _WHEN for what in ("n-stemi", "stemi")),
            "minf",
            "ami",
        ),
    ),
    Term(
        "RV",
        (
            *(f"{word} {rv}" for word in ("abnormal", "dilated", "enlarged") for rv in ("right ventricle", "rv")),
            *(f"{rv} {word}" for rv in ("right ventricle", "rv") for word in ("dilated", "enlarged")),
            *(f"{rv} {word}" for rv in ("right ventricular", "rv") for word in ("dilatation", "dilation", "failure")),
            *(
                "right heart failure",
                "cor pulmonale",
                "pulmonary arterial hypertension",
                "pulmonary hypertension",
                "pah",
            ),
        ),
    ),
    Term(
        "HF",
        (
            *_several("congestive heart failure, chronic heart failure, acute heart failure, cardiac failure, chf"),
            *_HEART_FAILURE,
        ),
    ),
)
HEALTH_TERMS = (
    Term(
        "NOR",
        (
            *(f"{word} {who}" for word in ("healthy", "normal") for who in ("heart", "volunteer", "control")),
            *(f"normal {what}" for what in ("lv and rv", "study", "scan", "cmr", "findings")),
            *("heart-healthy", "healthy", "control"),
        ),
    ),
)
# Words that are a diagnosis in some places only: "normal weight" and "RV EF 35 %" are none. Looked for after all others.
DIAGNOSIS_PATTERNS = {
    "RV": r"(?<!normal )(?<!left )(?<!lv and )(?<!lv & )(?<!lv/)(?<!\w)rv(?=\s*(?:$|[,;.|)+]))",
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
WIDER = {"HF": ("DCM", "HFpEF")}  # a name that covers several diagnoses: it becomes one of them
# What is denied with a name: its kinds, and what a heart that has it is drawn as.
KINDS = {"HF": ("HFpEF", "HFrEF", "HFmrEF"), "cardiomyopathy": ("DCM", "HCM")}
SHOWN_AS = {"HF": ("DCM",), "HFrEF": ("DCM",), "HFmrEF": ("DCM", "HFpEF"), "ICM": ("MINF",)}
EF_OF = {"HFrEF": (0.0, 50.0), "HFmrEF": (35.0, 55.0), "HFpEF": (45.0, 100.0)}  # percent that the words allow
_ONLY_WOMEN = _several(
    "pregnant, pregnancy, postpartum, peripartum, menopausal, postmenopausal, premenopausal, breastfeeding, post-partum, peri-partum"
)
SEX_TERMS = (
    Term("female", ("female", "females", "woman", "women", "lady", "girl", "she", "f")),
    Term("male", ("male", "males", "man", "men", "gentleman", "boy", "he", "m")),
    Term("female", _ONLY_WOMEN, note="{} taken as female; the generator knows nothing more of it"),
)
AGE_TERMS = (
    Term(30.0, ("young",), 12.0, 45.0),
    Term(50.0, ("middle-aged",), 35.0, 65.0),
    Term(75.0, ("elderly",), 60.0, 120.0),
    Term(75.0, ("older",), 55.0, 120.0),
    Term(75.0, ("geriatric",), 65.0, 120.0),
    Term(65.0, ("sexagenarian",), 60.0, 70.0),
    Term(75.0, ("septuagenarian",), 70.0, 80.0),
    Term(85.0, ("octogenarian",), 80.0, 90.0),
    Term(95.0, ("nonagenarian",), 90.0, 100.0),
)
OLD = Term(75.0, ("old",), 60.0, 120.0)  # of a person; an old infarct is another thing
BMI_TERMS = (
    Term(42.0, ("morbidly obese", "morbid obesity", "extremely obese"), 40.0, 120.0),
    Term(42.0, ("class iii obesity", "class 3 obesity", "obesity class iii", "obesity class 3"), 40.0, 120.0),
    Term(38.0, ("severely obese", "severe obesity", "very obese"), 35.0, 120.0),
    Term(37.5, ("class ii obesity", "class 2 obesity", "obesity class ii", "obesity class 2"), 35.0, 40.0),
    Term(36.0, ("moderately obese",), 30.0, 40.0),
    Term(32.0, ("mildly obese",), 30.0, 35.0),
    Term(32.5, ("class i obesity", "class 1 obesity", "obesity class i", "obesity class 1"), 30.0, 35.0),
    Term(34.0, ("obese", "obesity"), 30.0, 120.0),
    Term(27.5, ("overweight",), 25.0, 30.0),
    Term(22.0, ("normal weight", "normal bmi"), 18.5, 25.0),
    Term(21.0, ("lean", "slim"), 18.5, 25.0),
    Term(17.5, ("underweight",), 8.0, 18.5),
)
HEART_RATE_TERMS = (
    Term(110.0, ("tachycardic", "tachycardia"), 100.0, 250.0),
    Term(50.0, ("bradycardic", "bradycardia"), 20.0, 60.0),
)
# Grades of Lang et al. (2015, table 4): normal from 52 (men) or 54 (women), mildly 41-51, moderately 30-40, severely below 30.
EF_TERMS = (
    Term(25.0, ("severely reduced", "severely impaired", "severely depressed", "very low", "poor"), 0.0, 30.0),
    Term(35.0, ("moderately reduced", "moderately impaired", "moderately depressed"), 30.0, 41.0),
    Term(45.0, ("mildly reduced", "mildly impaired", "mildly depressed", "slightly reduced"), 40.0, 54.0),
    Term(35.0, ("reduced", "low", "impaired", "depressed"), 0.0, 52.0),
    Term(60.0, ("preserved", "normal"), 50.0, 100.0),
)
SEVERITY_TERMS = (
    Term(2.0, ("very severe", "end-stage"), 1.75, 2.5),
    Term(1.5, ("severe", "severely", "advanced"), 1.25, 1.75),
    Term(1.25, ("moderate to severe", "moderately severe"), 1.0, 1.5),
    Term(1.0, ("moderate", "moderately"), 0.75, 1.25),
    Term(0.75, ("mild to moderate",), 0.5, 1.0),
    Term(0.5, ("mild", "mildly"), 0.25, 0.75),
    Term(0.25, ("borderline", "very mild"), 0.0, 0.5),
)
LEVEL_TERMS = (
    Term("basal", ("basal", "base")),
    Term("mid", ("mid-ventricular", "mid-cavity", "mid-ventricle", "mid-level", "mid-slice", "mid-lv", "mid")),
    Term("apical", ("apical", "apex")),
)
_FRAMES = tuple(f"{end}{{}}ic {what}" for end in ("", "end-") for what in ("frame", "phase", "image"))
PHASE_TERMS = (
    Term("ED", ("end-diastole", "end-diastolic", "diastole", "ed", *(what.format("diastol") for what in _FRAMES))),
    Term("ES", ("end-systole", "end-systolic", "systole", "es", *(what.format("systol") for what in _FRAMES))),
)
_MODEL = "{} taken as %s; the model of the scanner is not followed"
VENDOR_TERMS = (
    Term("Siemens", ("siemens healthineers", "siemens")),
    Term("Philips", ("philips healthcare", "philips")),
    Term("GE", ("ge healthcare", "general electric", "ge")),
    Term("Canon", ("canon", "toshiba")),
    Term("United Imaging", ("united imaging", "uih")),
    Term("Siemens", ("magnetom", "aera", "avanto", "skyra", "verio", "prisma", "tim trio"), note=_MODEL % "Siemens"),
    Term("Philips", ("achieva", "ingenia", "intera"), note=_MODEL % "Philips"),
    Term("GE", ("signa",), note=_MODEL % "GE"),
    Term("Canon", ("vantage orian", "orian"), note=_MODEL % "Canon"),
)

# In the order in which they are looked for: diseases before health, so that "healthy heart failure" is seen to contradict itself.
TERMS: tuple[tuple[str, tuple[Term, ...]], ...] = (
    ("age", AGE_TERMS),
    ("sex", SEX_TERMS),
    ("bmi", BMI_TERMS),
    ("diagnosis", DIAGNOSIS_TERMS),
    ("diagnosis", HEALTH_TERMS),
    ("severity", SEVERITY_TERMS),
    ("heart_rate", HEART_RATE_TERMS),
    ("slice_level", LEVEL_TERMS),
    ("phase", PHASE_TERMS),
    ("vendor", VENDOR_TERMS),
)

_ML = {"ml": 1.0, "cc": 1.0, "millilitres": 1.0, "milliliters": 1.0, "l": 1000.0}
_PERCENT = {"%": 1.0, "percent": 1.0, "per cent": 1.0, "pct": 1.0}
_MM = {"mm": 1.0, "cm": 10.0}
_MMHG = {"mmhg": 1.0, "mm hg": 1.0}
_YEARS = {
    "years": 1.0,
    "year": 1.0,
    "yrs": 1.0,
    "yr": 1.0,
    "yo": 1.0,
    "y/o": 1.0,
    "y.o.": 1.0,
    "y.o": 1.0,
    "y-o": 1.0,
    "y": 1.0,
}
_EDV, _ESV = ("edv", "end diastolic volume", "ed volume"), ("esv", "end systolic volume", "es volume")
_EF = ("ef", "ejection fraction")
_WALLS = (
    *(f"{which}{what}" for which in ("", "basal ", "interventricular ") for what in ("septum", "septal")),
    *("ivs", "ivsd", "max wall", "maximal wall", "maximum wall", "wall", "lv wall", "mwt", "lvwt"),
)
_BP = ("", " bp", " pressure", " blood pressure")


def _labels(sides: tuple[str, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{side}{name}" for side in sides for name in names)


# In the order in which they are looked for: the narrower label first.
MEASURES: dict[str, Measure] = {
    "rv_edv_ml": Measure(_labels(_RIGHT, _EDV), _ML, "RV EDV {} ml"),
    "rv_esv_ml": Measure(_labels(_RIGHT, _ESV), _ML, "RV ESV {} ml"),
    "rv_ef_percent": Measure(_labels(_RIGHT, _EF), _PERCENT, "RVEF {} %"),
    "lv_edv_ml": Measure(_labels(_LEFT, _EDV), _ML, "LV EDV {} ml"),
    "lv_esv_ml": Measure(_labels(_LEFT, _ESV), _ML, "LV ESV {} ml"),
    "lv_ef_percent": Measure(_labels(_LEFT, _EF), _PERCENT, "LVEF {} %"),
    "bmi": Measure(("bmi", "b.m.i.", "body mass index"), {"kg/m2": 1.0, "kg/m^2": 1.0, "kg m-2": 1.0}, "BMI {}", True),
    "weight_kg": Measure(
        ("weight", "wt", "body weight", "body mass", "weighs", "weighing"),
        {
            "kg": 1.0,
            "kgs": 1.0,
            "kilograms": 1.0,
            "kilos": 1.0,
            "lbs": 0.45359,
            "lb": 0.45359,
            "pounds": 0.45359,
            "stone": 6.35029,
        },
        "{} kg",
        by_unit=True,
    ),
    "lv_mass_g": Measure(
        (*_labels(_LEFT, ("mass",)), "myocardial mass", "lvm"), {"grams": 1.0, "g": 1.0}, "LV mass {} g"
    ),
    "wall_max_mm": Measure(
        (*_WALLS, *(f"{w} thickness" for w in _WALLS), *(f"{w} wall" for w in _WALLS)), _MM, "wall {} mm"
    ),
    "chest_fat_mm": Measure(
        _labels(("chest ", "chest wall ", "subcutaneous ", "subcutaneous chest "), ("fat", "fat thickness")),
        _MM,
        "chest fat {} mm",
    ),
    "severity": Measure(("severity",), {}, "severity {}", decimals=2),
    "systolic_bp": Measure(("sbp", *(f"systolic{bp}" for bp in _BP)), _MMHG, "systolic {} mmHg"),
    "diastolic_bp": Measure(("dbp", *(f"diastolic{bp}" for bp in _BP)), _MMHG, "diastolic {} mmHg"),
    "heart_rate": Measure(
        ("heart rate", "hr", "pulse", "pulse rate"),
        {"bpm": 1.0, "/min": 1.0, "1/min": 1.0, "beats per minute": 1.0, "beats/min": 1.0, "min-1": 1.0},
        "heart rate {}",
        by_unit=True,
    ),
    "height_cm": Measure(
        ("height", "ht", "body height"),
        {"cm": 1.0, "centimetres": 1.0, "centimeters": 1.0, "cm tall": 1.0},
        "{} cm",
        by_unit=True,
    ),
    "field_strength_t": Measure(
        ("field", "field strength"), {"t": 1.0, "tesla": 1.0}, "{} T", by_unit=True, decimals=2
    ),
    "age": Measure(
        ("age", "aged"),
        _YEARS | {f"{unit} old": 1.0 for unit in _YEARS} | {"months": 1 / 12, "month": 1 / 12, "months old": 1 / 12},
        "{} years",
        by_unit=True,
    ),
}

# Diseases that prompts have no code for.
OTHER_DISEASES = _several(
    """amyloidosis, amyloid, attr, sarcoidosis, sarcoid, fabry disease, fabry, haemochromatosis, hemochromatosis, myocarditis,
    arrhythmogenic cardiomyopathy, arrhythmogenic right ventricular cardiomyopathy, arvc, arvd, non-compaction, lvnc,
    noncompaction cardiomyopathy, takotsubo, tako-tsubo, chagas, endomyocardial fibrosis, restrictive cardiomyopathy,
    constrictive pericarditis, tetralogy of fallot, fallot, single ventricle, transposition of the great arteries,
    ebstein anomaly, ebstein, heart transplant, transplanted heart"""
)
# What cannot be had, and what to say of it.
HINTS = (
    (
        _several(
            "four chamber, 4 chamber, two chamber, 2 chamber, three chamber, 3 chamber, 4ch, 2ch, 3ch, long axis, lax"
        ),
        "only short-axis images are generated",
    ),
    (
        _several("echo, echocardiogram, ct, lge, late gadolinium, t1 map, t2 map, perfusion"),
        "only cine MRI is generated",
    ),
    (
        _several("child, infant, neonate, newborn, toddler, teenager, paediatric, pediatric"),
        "only adults are generated; say an age",
    ),
    (
        OTHER_DISEASES,
        "this disease cannot be drawn by name, and is left out; a code of the cohort that was learned from goes in quotes: "
        'diagnosis "ARV"',
    ),
)

TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
ONES = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9}
ORDINALS = ("second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
PART_OF_DECADE = {"early": 2.0, "mid": 5.0, "late": 8.0}
WHOSE = {"her": "female", "his": "male"}

_FOREIGN = """und mit der das ist eine einer einem frau jahre jahren herz bild bilder zeige kann hier machen für ich bitte
una con años anos mujer hombre corazón corazon paciente de la el los las del imagen
et une avec femme homme ans du des coeur cœur donna uomo anni di della il cuore immagine uma mulher homem do da coração
het een vrouw jaar och kvinna på med år"""
_WEAK = "ed es mi he f m ge base normal control mid men older"
_EMPTY = """a an the of with w and or in on at for to from has have having had who whose is was are be her his their its it by
as this that there please i want would need give us me show make generate create draw example
image images picture pictures photo slice slices scan scans frame frames mri cmr mr cardiac heart hearts
short-axis short axis sax cine view patient patients pt pts person people subject subjects individual adult anyone someone
volunteer volunteers vendor manufacturer
year years yr yrs yo y old aged age sex gender diagnosis diagnosed dx known history hx suffering suffers due presenting
magnetic resonance imaging synthetic scanner tesla about around approximately approx ca circa
level left ventricular ventricle lv phase phases pair tall body case but only also"""
FOREIGN_WORDS = frozenset(_FOREIGN.split())  # what a prompt in another language holds; none is an English word
# Understood, yet also words of other languages or slips: alone beside much that is unknown, they are no understanding.
WEAK_WORDS = frozenset(_WEAK.split())
EMPTY_WORDS = frozenset(_EMPTY.split())  # understood to carry nothing
