from pathlib import Path
import json
from tests.privacy.making import *
from synthcmr.generators.flow.generator import FlowGenerator

def test_it(tmp_path: Path):
    c = patients(tmp_path/"acdc")
    print(c.info["ledger"], c.summary())
    print(c.subjects["split"].value_counts())
    FlowGenerator.fit(c, tmp_path/"private", TINY, PRIVATE)
    print(run("generate", tmp_path/"out", "--run", tmp_path/"private", "-n", 2, *FEW).stdout)
    print(Cohort.open(tmp_path/"out").info["ledger"])
    print(run("release", tmp_path/"out", tmp_path/"rel").stdout)
    print((tmp_path/"rel/statement.json").read_text()); print((tmp_path/"rel/cohort.json").read_text()); print((tmp_path/"rel/provenance.json").read_text())
    print((tmp_path/"rel/data_sheet.md").read_text()); print((tmp_path/"rel/model_card.md").read_text())
    print(Cohort.open(tmp_path/"rel").images.iloc[0]); print(Cohort.open(tmp_path/"rel").subjects.iloc[0])
    print(run("release", tmp_path/"private", tmp_path/"relrun").stdout)
    from synthcmr.training.weights import read_header
    print(read_header(tmp_path/"relrun/weights.safetensors"))
    print(read_header(tmp_path/"private/weights.safetensors"))
    print(run("generate", tmp_path/"out2", "--run", tmp_path/"relrun", "-n", 2, *FEW).stdout)
    print(run("release", c.path, tmp_path/"no", ok=False).stderr)
    assert 0
