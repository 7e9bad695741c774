"""Beginning from weights: those of another run, all of them or low-rank additions; and students of a flow."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from synthcmr.cohort import Cohort
from synthcmr.conditioning.condition import Condition
from synthcmr.conditioning.vocabulary import CategoryWord, NumberWord, Vocabulary
from synthcmr.errors import SettingsError
from synthcmr.generators.conditional.condition_batch import around_batch
from synthcmr.generators.conditional.noise_paths import LinearPath, VariancePreservingPath
from synthcmr.generators.conditional.render import render
from synthcmr.generators.conditional.spectrum import BINS, power
from synthcmr.generators.conditional.training_task import ConditionalTrainee
from synthcmr.generators.conditional.warm_start import begin_from
from synthcmr.generators.diffusion import DiffusionGenerator, DiffusionNetwork
from synthcmr.generators.family_settings import DiffusionSettings, FewStepSettings
from synthcmr.generators.few_step import FewStepGenerator
from synthcmr.generators.flow import FlowGenerator, FlowNetwork
from synthcmr.generators.gan import GanGenerator
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.generators.vae import VaeGenerator
from synthcmr.training.batches import Order
from synthcmr.training.images import load_images
from synthcmr.training.low_rank import LowRank, merge_low_rank, tune_low_rank
from synthcmr.training.run_folder import WEIGHTS, RunFolder
from synthcmr.training.settings import PrivacySettings
from synthcmr.training.weights import read_header, read_tensors
from tests.generators.making import FAMILIES, LOOP, TINY

NOTHING = LOOP.model_copy(update={"steps": 1, "learning_rate": 1e-12, "warmup": 0, "weight_decay": 0.0, "ema": 0.0})


def test_a_run_that_learns_nothing_more_is_what_it_began_from(
    tiny_run: Path, phantom_cohort: Cohort, tmp_path: Path
) -> None:
    model = TINY.model_copy(update={"start": str(tiny_run)})
    FlowGenerator.fit(phantom_cohort, tmp_path / "run", model, NOTHING)
    before, after = (read_tensors(run / WEIGHTS) for run in (tiny_run, tmp_path / "run"))
    assert before.keys() == after.keys()
    assert all(torch.allclose(before[k].float(), after[k].float(), atol=1e-3) for k in before)


def test_a_diffusion_that_begins_from_a_flow_expects_the_images_that_the_flow_expects(
    tiny_run: Path, phantom_cohort: Cohort
) -> None:
    flow = FlowGenerator.load(tiny_run / WEIGHTS).network
    diffusion = DiffusionNetwork(DiffusionSettings(**TINY.model_dump()), flow.text.vocabulary).eval()
    DiffusionGenerator.begin(diffusion, tiny_run / WEIGHTS)
    images = load_images(phantom_cohort, "train")
    batch = ConditionalTrainee(flow, images, None).batch(list(Order(len(images), 0).draws(0, 4, range(4))))
    around, t = around_batch(batch, 4), batch["time"]
    alpha, sigma = (v[:, None, None, None] for v in (t / torch.hypot(t, 1 - t), (1 - t) / torch.hypot(t, 1 - t)))
    tokens = flow.text(batch["text"])
    on_line, _ = LinearPath().mix(batch["noise"], batch["image"], t)
    on_arc, _ = VariancePreservingPath().mix(batch["noise"], batch["image"], t)
    by_flow = on_line + (1 - t)[:, None, None, None] * flow.field(on_line, t, around, tokens)
    by_diffusion = alpha * on_arc - sigma * diffusion.field(on_arc, t, around, tokens)
    assert torch.allclose(by_flow, by_diffusion, atol=1e-3)
    assert (by_flow - on_line).abs().mean() > 0.01


def test_low_rank_tuning_changes_matrices_by_that_rank_and_nothing_else(
    tiny_run: Path, phantom_cohort: Cohort, tmp_path: Path
) -> None:
    model = TINY.model_copy(update={"start": str(tiny_run), "rank": 2})
    loop = LOOP.model_copy(update={"learning_rate": 1e-2, "ema": 0.5})
    FlowGenerator.fit(phantom_cohort, tmp_path / "run", model, loop)
    before, after = (read_tensors(run / WEIGHTS) for run in (tiny_run, tmp_path / "run"))
    assert before.keys() == after.keys()
    changes = {k: (after[k].float() - before[k].float()).flatten(1) for k in before if before[k].dim() >= 2}
    changed = [k for k, v in changes.items() if v.abs().max() > 1e-3 and not k.startswith("text.")]
    assert len(changed) > 5
    for name in changed:
        values = torch.linalg.svdvals(changes[name])
        assert values[2:].max() < 0.1 * values[0]  # rounding to half precision leaves a little
    norms = [k for k in before if before[k].dim() == 1 and not k.startswith("text.")]
    assert all(torch.equal(before[k], after[k]) for k in norms)


def test_merged_additions_compute_what_separate_ones_did() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(8 * 16, 4))
    tune_low_rank(network, 2)
    for module in network.modules():
        if isinstance(module, LowRank):
            nn.init.normal_(module.b)
    x = torch.randn(2, 3, 6, 6)
    separate = network(x)
    merge_low_rank(network)
    assert torch.allclose(network(x), separate, atol=1e-5)
    assert not any(isinstance(m, LowRank) for m in network.modules())


def test_new_words_join_and_old_ones_keep_their_meaning(tiny_run: Path, tmp_path: Path) -> None:
    generator = FlowGenerator.load(tiny_run / WEIGHTS)
    known = generator.vocabulary
    rows = [
        {"diagnosis": "Fabry", "age": 20.0, "shoe_size": 42.0},
        {"diagnosis": "DCM", "age": 30.0, "shoe_size": 40.0},
    ]
    grown = known.extended(rows, ("diagnosis", "age", "shoe_size"))
    assert grown.words[: len(known.words)] != known.words
    assert {w.name: w for w in grown.words}["age"] == {w.name: w for w in known.words}["age"]
    assert grown.knows("diagnosis", "Fabry")
    assert grown.knows("shoe_size", 41.0)
    network = FlowNetwork(TINY, grown).eval()
    begin_from(network, tiny_run / WEIGHTS)
    asked = {"diagnosis": "DCM", "sex": "female"}
    old, new = (n.text(n.text.prepare([asked])) for n in (generator.network, network))
    assert torch.allclose(new[:, : len(known.words)], old, atol=1e-5)


def test_weights_of_another_shape_or_family_are_refused(tiny_run: Path, phantom_cohort: Cohort, tmp_path: Path) -> None:
    wider = TINY.model_copy(update={"channels": (64, 64), "start": str(tiny_run)})
    with pytest.raises(SettingsError, match="network of the same shape"):
        FlowGenerator.fit(phantom_cohort, tmp_path / "run", wider, LOOP)
    from synthcmr.generators.vae import VaeGenerator

    model, _ = VaeGenerator.settings("cpu")
    with pytest.raises(SettingsError, match="expected a run of family 'vae', got one of 'flow'"):
        VaeGenerator.fit(phantom_cohort, tmp_path / "vae", model.model_copy(update={"start": str(tiny_run)}), LOOP)


def test_public_numbers_say_nothing_of_the_cohort() -> None:
    public = Vocabulary.public(("age", "troponin", "sex", "scanner"))
    assert public.names == ("age", "sex")
    assert public.words == (NumberWord("age", 55.0, 15.0), CategoryWord("sex", ("female", "male")))


def test_a_student_comes_closer_to_its_teacher_and_leaps(
    tiny_run: Path, phantom_cohort: Cohort, tmp_path: Path
) -> None:
    model = FewStepSettings(**{**TINY.model_dump(), "start": str(tiny_run), "leaps": 2, "teacher_steps": 3})
    loop = LOOP.model_copy(update={"steps": 30, "learning_rate": 2e-3, "held_out_every": 10, "ema": 0.5})
    student = FewStepGenerator.fit(phantom_cohort, tmp_path / "run", model, loop)
    held_out = [m["held_out"] for m in RunFolder(tmp_path / "run").metrics() if "held_out" in m]
    assert held_out[-1] < held_out[0]
    calls: list[int] = []
    handle = student.network.unet.register_forward_hook(lambda *args, **kwargs: calls.append(1), with_kwargs=False)
    asked = [Condition(phantom_cohort.mask(0), {"sex": "female"})]
    made = student.sample(asked, [1], SamplerSettings())
    handle.remove()
    assert len(calls) == 2
    assert np.isfinite(made).all()


def ring_power(images: np.ndarray) -> torch.Tensor:
    return power(torch.from_numpy(images) * 2 - 1)


def test_what_leaps_lose_at_each_frequency_is_made_up_for(
    tiny_run: Path, phantom_cohort: Cohort, tmp_path: Path
) -> None:
    model = FewStepSettings(**{**TINY.model_dump(), "start": str(tiny_run), "leaps": 1, "teacher_steps": 4})
    loop = LOOP.model_copy(update={"steps": 1, "precision": "fp32"})
    network = FewStepGenerator.fit(phantom_cohort, tmp_path / "run", model, loop).network
    assert not torch.allclose(network.gain, torch.ones(BINS))
    teacher = FlowGenerator.load(tiny_run / WEIGHTS).network
    network.learn_from(teacher)
    settings = SamplerSettings(**model.model_dump(include={"guidance", "branch", "until", "rescale"}), precision="fp32")
    asked = [Condition(phantom_cohort.mask(k), {"sex": "female"}) for k in range(6)]
    network.gain.fill_(1.0)
    as_landed = render(network, asked, range(6), settings)
    network.make_up(asked, settings)
    made_up = render(network, asked, range(6), settings)
    wanted = render(teacher, asked, range(6), settings)
    off = [(ring_power(image) / ring_power(wanted)).log().abs()[:40].mean() for image in (made_up, as_landed)]
    assert off[0] < 0.3 * off[1]


def test_a_student_without_a_teacher_is_refused(phantom_cohort: Cohort, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="few-step: expected a teacher"):
        FewStepGenerator.fit(phantom_cohort, tmp_path / "few", FewStepSettings(start=None), LOOP)


def test_a_control_network_that_begins_from_a_flow_stands_on_it_without_what_saw_the_mask(
    tiny_run: Path, phantom_cohort: Cohort, tmp_path: Path
) -> None:
    model = DiffusionSettings(**TINY.model_dump(), mask="controlnet").model_copy(update={"start": str(tiny_run)})
    DiffusionGenerator.fit(phantom_cohort, tmp_path / "run", model, NOTHING)
    flow, made = (read_tensors(run / WEIGHTS) for run in (tiny_run, tmp_path / "run"))
    first = "unet.conv_in.conv.weight"
    image, planes = TINY.frames * TINY.patch**2, TINY.planes
    kept = torch.cat([flow[first][:, :image], flow[first][:, -planes:]], dim=1)
    assert torch.allclose(made[first].float(), kept.float(), atol=1e-3)
    others = [k for k in flow if k.startswith("unet.") and k != first]
    assert all(torch.allclose(made[k].float(), flow[k].float(), atol=1e-3) for k in others)
    assert read_header(tmp_path / "run-base" / WEIGHTS)["model"]["mask"] == "none"


def test_a_private_control_network_stands_on_a_base_that_saw_phantoms_alone(
    tiny_run: Path, phantom_cohort: Cohort, tmp_path: Path
) -> None:
    shutil.copytree(phantom_cohort.path, tmp_path / "run-phantom" / "cohort")  # so that none need be made
    model = DiffusionSettings(**TINY.model_dump(), mask="controlnet").model_copy(update={"start": str(tiny_run)})
    private = NOTHING.model_copy(update={"dp": PrivacySettings(epsilon=8.0)})
    made = DiffusionGenerator.fit(phantom_cohort, tmp_path / "run", model, private)
    assert made.facts["privacy"]
    assert read_header(tmp_path / "run-base" / WEIGHTS)["privacy"] is None
    inputs = RunFolder(tmp_path / "run-base").path / "provenance.json"
    assert "run-phantom" in inputs.read_text()


def test_a_gan_that_begins_from_an_autoencoder_is_it_with_discriminators(
    phantom_cohort: Cohort, tmp_path: Path
) -> None:
    (_, vae), (_, gan) = FAMILIES["vae"], FAMILIES["gan"]
    VaeGenerator.fit(phantom_cohort, tmp_path / "vae", vae, LOOP)
    begun = gan.model_copy(update={"start": str(tmp_path / "vae")})
    GanGenerator.fit(phantom_cohort, tmp_path / "gan", begun, NOTHING)
    before, after = (read_tensors(tmp_path / name / WEIGHTS) for name in ("vae", "gan"))
    assert all(torch.allclose(before[k].float(), after[k].float(), atol=1e-3) for k in before)
    assert {k.split(".")[0] for k in after.keys() - before.keys()} == {"judge"}
