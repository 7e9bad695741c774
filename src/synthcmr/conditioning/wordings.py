"""The words a prompt may use. One table each for writing and for reading."""

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
# How each code may be put, longest first when searched; all in lower case.
DIAGNOSIS_WORDS: dict[str, tuple[str, ...]] = {
    "NOR": ("healthy heart", "normal heart", "healthy", "no cardiac disease", "no heart disease", "nor", "control"),
    "HTN": ("arterial hypertension", "high blood pressure", "hypertension", "hypertensive", "htn"),
    "HFpEF": (
        "heart failure with preserved ejection fraction",
        "heart failure with preserved ef",
        "diastolic heart failure",
        "hfpef",
    ),
    "HFrEF": (
        "heart failure with reduced ejection fraction",
        "heart failure with reduced ef",
        "systolic heart failure",
        "hfref",
    ),
    "DCM": ("dilated cardiomyopathy", "dilatative cardiomyopathy", "dcm"),
    "HCM": ("hypertrophic cardiomyopathy", "hypertrophic obstructive cardiomyopathy", "hocm", "hcm"),
    "MINF": (
        "previous myocardial infarction",
        "myocardial infarction",
        "myocardial infarct",
        "heart attack",
        "infarction",
        "infarct",
        "nstemi",
        "stemi",
        "minf",
        "post-mi",
        "mi",
    ),
    "RV": (
        "abnormal right ventricle",
        "dilated right ventricle",
        "right ventricular dilatation",
        "right ventricular dilation",
        "rv dilatation",
        "rv dilation",
        "pulmonary hypertension",
        "rv",
    ),
    "HF": ("congestive heart failure", "heart failure", "cardiac failure", "chf", "hf"),
}
TAKEN_AS = {"HFrEF": "DCM"}  # a description rather than a diagnosis: the nearest diagnosis that is one
NARROWER = {"HF": ("HFpEF", "HFrEF", "DCM", "MINF", "HCM", "RV", "HTN")}  # may be said beside it without contradiction

SEX_WORDS: dict[str, tuple[str, ...]] = {
    "female": ("female", "woman", "women", "lady", "girl", "she", "f"),
    "male": ("male", "man", "men", "gentleman", "boy", "he", "m"),
}
SEX_WRITTEN = {"female": "Woman", "male": "Man"}
ONLY_WOMEN = ("pregnant", "pregnancy", "postpartum", "peripartum", "menopausal", "postmenopausal")
AGE_WORDS = {"young": 30.0, "middle-aged": 50.0, "middle aged": 50.0, "elderly": 75.0, "old": 75.0, "aged": 75.0}
BMI_WORDS = {
    "morbidly obese": (42.0, 40.0, 120.0),
    "severely obese": (38.0, 35.0, 120.0),
    "obese": (34.0, 30.0, 120.0),
    "obesity": (34.0, 30.0, 120.0),
    "overweight": (27.5, 25.0, 30.0),
    "normal weight": (22.0, 18.5, 25.0),
    "normal-weight": (22.0, 18.5, 25.0),
    "lean": (21.0, 18.5, 25.0),
    "slim": (21.0, 18.5, 25.0),
    "underweight": (17.5, 8.0, 18.5),
}  # word -> (taken as, from, to)
LEVEL_WRITTEN = {"basal": "basal slice", "mid": "mid-ventricular slice", "apical": "apical slice"}
LEVEL_WORDS: dict[str, tuple[str, ...]] = {
    "basal": ("basal", "base"),
    "mid": ("mid-ventricular", "midventricular", "mid ventricular", "mid-cavity", "mid"),
    "apical": ("apical", "apex"),
}
PHASE_WRITTEN = {"ED": "end-diastole", "ES": "end-systole"}
PHASE_WORDS: dict[str, tuple[str, ...]] = {
    "ED": ("end-diastole", "end-diastolic", "end diastole", "end diastolic", "diastole", "ed"),
    "ES": ("end-systole", "end-systolic", "end systole", "end systolic", "systole", "es"),
}
SEVERITY_WORDS = {"very severe": 2.0, "severe": 1.5, "moderate": 1.0, "mild": 0.5, "borderline": 0.25}
VENDOR_WORDS = ("siemens healthineers", "siemens", "philips", "ge healthcare", "general electric", "ge", "canon", "toshiba", "united imaging")
# Words that are understood to carry nothing.
EMPTY_WORDS = frozenset(
    """a an the of with and or in on at for to from has have having who is was her his their by as this that please
    image images picture pictures slice slices scan scans mri cmr mr cardiac heart hearts short-axis short axis sax cine view patient patients
    person people subject individual adult year years yr yrs yo y old aged age diagnosis diagnosed known history show me make
    generate create draw example magnetic resonance imaging synthetic scanner tesla about around approximately approx ca
    kg cm mm ml level left ventricular ventricle lv phase pair weighs tall""".split()
)
