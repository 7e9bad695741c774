"""Run every benchmark: `make bench`. Those on real data need SYNTHCMR_TEST_DATA, a folder with acdc/ and sunnybrook/."""

import os
import subprocess
import sys

REAL = os.environ.get("SYNTHCMR_TEST_DATA")
PEOPLE = "benchmarks/out/people"  # phantoms that the shipped weights never saw
MANY = "benchmarks/out/many_people"
RUNS = "benchmarks/out/family_runs"
SMALLER = ["--subjects", "30", "--spare", "20", "--test", "30"]  # PEOPLE has some 60 test subjects
ACDC = "benchmarks/out/acdc"
SUNNYBROOK = "benchmarks/out/sunnybrook"
OTHERS = [f"phantoms={PEOPLE}", f"sunnybrook={SUNNYBROOK}"]
WALK = "docs/how-to/use-acdc-mnms-ukb.md"
MEMORISE = {
    n: [
        "--members",
        str(n),
        "--others",
        str(others),
        "--work",
        f"benchmarks/out/memorise_{n}",
        "--out",
        f"benchmarks/out/memorise_{n}.json",
    ]
    for n, others in ((30, 80), (100, 240))
}
EPSILON_8 = ["--epsilon", "8", "--delta", "1e-5", "--out", "benchmarks/out/privacy_audit_8.json"]
RARE = ["--rare", "DCM", "--work", "benchmarks/out/recalibrated_training_rare"]
ALWAYS = [
    ["benchmarks.phantom_speed"],
    ["benchmarks.phantom_sheet"],
    ["benchmarks.demo_time", "--quick", "--out", "benchmarks/out/demo_quick"],
    ["benchmarks.demo_time", "--out", "benchmarks/out/demo"],
    ["benchmarks.demo_picture", "benchmarks/out/demo"],
    ["benchmarks.page_time", "docs/tutorial/ten-minutes.md"],
    ["synthcmr", "phantom", PEOPLE, "--preset", "everyone", "--subjects", "300", "--seed", "70"],
    ["benchmarks.anatomy_numbers", "--cohort", PEOPLE],
    ["benchmarks.adherence", "--cohort", PEOPLE, "--split", "train"],
    ["benchmarks.flow_sheet", "--cohort", PEOPLE, "--split", "train", "--out", "benchmarks/out/generated.png"],
    ["benchmarks.sampler_steps", "--cohort", PEOPLE],
    ["benchmarks.vendor_style", "--cohort", PEOPLE, "--split", "train", "--images", "24"],
    ["benchmarks.families", "--cohort", PEOPLE, "--runs", RUNS, "--train", "20"],
    ["benchmarks.gan_discriminators", "--cohort", PEOPLE, "--run", f"{RUNS}/vae"],
    ["synthcmr", "train", "few-step", PEOPLE, "benchmarks/out/few"],
    ["benchmarks.few_step", "--cohort", PEOPLE, "--run", "benchmarks/out/few"],
    ["benchmarks.debias_phantom"],
    ["benchmarks.fairness_paper", "--people", "benchmarks/out/debias/people"],
    ["benchmarks.recalibration", "--cohort", PEOPLE, "--runs", RUNS, "--detail"],
    ["benchmarks.recalibrated_training", "--people", "benchmarks/out/debias/people", "--runs", RUNS],
    ["benchmarks.recalibrated_training", "--people", "benchmarks/out/debias/people", "--runs", RUNS, *RARE],
    ["benchmarks.recalibration_speed"],
    ["synthcmr", "phantom", MANY, "--preset", "everyone", "--subjects", "1000", "--seed", "71"],
    ["benchmarks.planted_copies", MANY],
    ["benchmarks.memorise", "--cohort", PEOPLE, "--others", "30", "--steps", "700", "--seed", "1"],
    *[["benchmarks.memorise", "--cohort", MANY, *MEMORISE[n], "--steps", "2000", "--seed", "1"] for n in MEMORISE],
    ["benchmarks.memorise_kernel"],
    ["benchmarks.interval_coverage"],
    ["benchmarks.privacy_audit"],
    ["benchmarks.privacy_audit", *EPSILON_8],
    ["benchmarks.private_sums"],
    ["benchmarks.evaluation_scale"],
    ["benchmarks.families_utility", "--people", PEOPLE, "--runs", RUNS, *SMALLER],
    ["benchmarks.sampling_speed"],
    ["benchmarks.refine_speed"],
    ["benchmarks.presets"],
    ["benchmarks.cpu_preset", "--cohort", PEOPLE],
    ["benchmarks.label_calibration"],
    ["benchmarks.label_speed"],
    ["benchmarks.refined_picture"],
]
ON_REAL_DATA = [
    ["benchmarks.ingest_speed", "--data", f"{REAL}/acdc/training"],
    ["benchmarks.heart_shapes", "--acdc", f"{REAL}/acdc/training"],
    ["benchmarks.phantom_realism", "--acdc", f"{REAL}/acdc/training", "--sunnybrook", f"{REAL}/sunnybrook"],
    ["benchmarks.phantom_to_real"],
    ["benchmarks.label_patients", "--acdc", f"{REAL}/acdc/training", "--cines", f"{REAL}/sunnybrook"],
    ["benchmarks.label_strangers", "--acdc", f"{REAL}/acdc/training"],
    [
        "benchmarks.segmentation_on_patients",
        "--acdc",
        f"{REAL}/acdc/training",
        "--sunnybrook",
        f"{REAL}/sunnybrook",
        "--weights",
        "shipped=shipped",
        "phantoms=benchmarks/out/phantom_to_real/weights.safetensors",
    ],
    ["benchmarks.fine_tuning", "--acdc", f"{REAL}/acdc/training", "--sunnybrook", f"{REAL}/sunnybrook"],
    ["synthcmr", "ingest", f"{REAL}/acdc/training", ACDC],
    ["benchmarks.page_time", WALK, "--commands", "14", "--have", f"ACDC/database/training={REAL}/acdc/training"],
    ["synthcmr", "train", "flow", ACDC, f"{ACDC}_flow", "--init-from", "phantom", "--set", "loop.steps=900"],
    [
        "benchmarks.adherence",
        "--cohort",
        ACDC,
        "--run",
        f"{ACDC}_flow",
        "--split",
        "train",
        "--out",
        f"{ACDC}_adherence",
    ],
    ["benchmarks.beginnings", "--cohort", ACDC],
    ["benchmarks.encoders", "--cohort", ACDC, "--phantoms", PEOPLE, "--out", "benchmarks/out/encoders.json"],
    ["benchmarks.planted_copies", ACDC, "--out", "benchmarks/out/planted_copies_acdc.json"],
    ["benchmarks.real_cohorts", "sunnybrook-png", SUNNYBROOK, f"{REAL}/sunnybrook", "--pixel-mm", "1.33"],
    ["benchmarks.patch_probe", "--real", ACDC, "--other", *OTHERS],
    ["benchmarks.refine_fidelity", "--real", ACDC, "--sets", *OTHERS],
]
# named in the documentation, but not run here, and why
LEFT_OUT = {
    "refine_data": "reads all of Sunnybrook's people for the run that is to ship",
    "refine_long": "trains what is to ship, for as long as there is time",
    "refine_sheet": "needs a run of refine",
    "shipped_weights": "makes what ships, in a day; every other script measures what it made",
    "privacy_utility": "learns privately from 70 ACDC patients and tests on 30: needs all 100, and two hours",
    "supervised_segmenter": "learns from 70 ACDC patients and tests on 30: needs all 100",
    "teaching": "trains ten segmenters on all 100 ACDC patients, and needs a generator that learned from 70 of them",
    "card_campaign": "wants a graphics card that is lent for half an hour",
    "pipeline_audit": "makes 160 private runs and 6000 recalibrations: half an hour of a core, by itself",
    "one_evaluation": "trains on what `refine_data` makes, for an hour and more",
    "checked_reading": "needs a cohort, a plan, scores and a recalibration that are at hand",
    "fuzz": "goes on for hours, from a file of counts",
    "cine_flicker": "needs real cines, and cines of the generator that is to be judged",
}


def main() -> None:
    """Run them one after another; a failure stops."""
    chosen = ALWAYS + (ON_REAL_DATA if REAL else [])
    for words in chosen:
        print("==", *words, flush=True)
        subprocess.run([sys.executable, "-m", *words], check=True)
    if not REAL:
        print("Left out, because SYNTHCMR_TEST_DATA is not set:", ", ".join(w[0] for w in ON_REAL_DATA))


if __name__ == "__main__":
    main()
