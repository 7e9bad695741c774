"""Networks that others published: random ones here, in the published names; what each is shown, and what is said where it is not there."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from synthcmr.cohort import Cohort
from synthcmr.errors import SettingsError
from synthcmr.evaluation.features.extractors import extractor
from synthcmr.evaluation.features.published_networks import (
    CINEMA_CONFIG,
    CINEMA_SIDE,
    CINEMA_SLICES,
    CINEMA_WEIGHTS,
    CINEMA_WIDTH,
    CinemaExtractor,
    as_trained,
)
from synthcmr.evaluation.features.stream import batches
from synthcmr.evaluation.settings import EvaluateSettings
from synthcmr.training.weights import file_hash
from tests.evaluation.making import PIXEL, cohort_of, heart
from tests.evaluation.making import SIDE as DRAWN
from tests.evaluation.making import SLICES as DRAWN_SLICES


class Published(nn.Module):
    """As the authors wrap a ResNet50: its parts in a row, without the classifier."""

    def __init__(self) -> None:
        from monai.networks.nets import resnet50

        super().__init__()
        whole = resnet50(spatial_dims=2, n_input_channels=3, conv1_t_stride=2, num_classes=7, bias_downsample=False)
        self.backbone = nn.Sequential(*list(whole.children())[:9])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.backbone(x).flatten(1)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, nn.Module]:
    torch.manual_seed(0)
    network = Published().eval()
    file = tmp_path_factory.mktemp("rad") / "ResNet50.pt"
    torch.save(network.state_dict(), file)
    return file, network


def test_features_are_those_of_the_published_network(published: tuple[Path, nn.Module], phantom_cohort: Cohort) -> None:
    file, network = published
    names = torch.load(file).keys()
    assert "backbone.0.weight" in names
    assert "backbone.4.0.downsample.0.weight" in names
    found = extractor("radimagenet", EvaluateSettings(radimagenet=file))
    assert found.hash == file_hash(file)
    few = phantom_cohort.select(subject_id=phantom_cohort.subjects["subject_id"].iloc[0])
    batch = next(iter(batches(few, 2)))
    values = found.of(batch)
    assert values.shape == (len(few), len(found.columns))
    grey = torch.from_numpy(batch.image[:, :1])
    large = functional.interpolate(grey, (224, 224), mode="bilinear", align_corners=False)
    with torch.no_grad():
        expected = network((large * 255).sub(127.5).div(127.5).repeat(1, 3, 1, 1)).numpy()
    np.testing.assert_allclose(values, expected, rtol=1e-3, atol=1e-5)


def test_an_ordinary_resnet50_with_its_classifier_is_read_too(
    published: tuple[Path, nn.Module], tmp_path: Path
) -> None:
    parts = {"0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "6": "layer3", "7": "layer4"}
    named = {}
    for name, value in torch.load(published[0]).items():
        _, number, rest = name.split(".", 2)
        named[f"{parts[number]}.{rest}"] = value
    torch.save(named | {"fc.weight": torch.zeros(7, 2048), "fc.bias": torch.zeros(7)}, tmp_path / "r.pt")
    assert extractor("radimagenet", EvaluateSettings(radimagenet=tmp_path / "r.pt")).columns


def test_missing_and_wrong_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--set radimagenet=FILE"):
        extractor("radimagenet", EvaluateSettings())
    (tmp_path / "text.pt").write_text("not weights")
    torch.save({"backbone.0.weight": torch.zeros(1)}, tmp_path / "other.pt")
    for name in ("text.pt", "other.pt"):
        with pytest.raises(SettingsError, match=f"expected .*{name} to hold RadImageNet's ResNet50"):
            extractor("radimagenet", EvaluateSettings(radimagenet=tmp_path / name))


class Sums:
    """Answers as CineMA does, with the sum of each slice."""

    def feature_forward(self, views: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        (stack,) = views["sax"]
        assert stack.shape == (1, CINEMA_SIDE, CINEMA_SIDE, CINEMA_SLICES)
        sums = stack[0].sum(dim=(0, 1))
        return {"cls": torch.cat([sums, torch.zeros(CINEMA_WIDTH - CINEMA_SLICES)])[None, None]}


def test_stacks_are_shown_in_its_order_at_a_millimetre() -> None:
    stack = np.zeros((3, 20, 30), dtype=np.float32)
    stack[1, 4:6, 20:24] = 2.0
    shown = as_trained(stack, (2.0, 1.0))
    assert shown.shape == (CINEMA_SIDE, CINEMA_SIDE, CINEMA_SLICES)
    assert shown.max() == 1
    columns, rows, slices = np.nonzero(shown.numpy() > 0.5)
    assert set(slices) == {1}
    assert (columns.min(), columns.max()) == (20, 23)
    assert (rows.min(), rows.max()) == (8, 11)
    large = as_trained(np.random.default_rng(0).random((20, 300, 300), dtype=np.float32), (1.0, 1.0))
    assert large.shape == (CINEMA_SIDE, CINEMA_SIDE, CINEMA_SLICES)


def test_one_row_for_each_whole_stack(tmp_path: Path) -> None:
    cohort = cohort_of(tmp_path / "c", [heart(k) for k in range(3)])
    found = np.full((len(cohort), CINEMA_WIDTH), np.nan)
    for batch in batches(cohort, 2):
        found[batch.rows] = CinemaExtractor(Sums(), "x").of(batch)
    told = np.isfinite(found).all(axis=1)
    assert told.sum() == 3
    assert set(cohort.images["slice_index"][told]) == {cohort.images["slice_index"].min()}
    assert DRAWN * PIXEL < CINEMA_SIDE
    assert ((found[told][:, :CINEMA_SLICES] > 0).sum(axis=1) == DRAWN_SLICES).all()


def test_missing_files_and_a_missing_package_are_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--set cinema=FOLDER"):
        extractor("cinema", EvaluateSettings(cinema=tmp_path))
    if importlib.util.find_spec("cinema") is not None:
        pytest.skip("CineMA is installed here")
    for name in (CINEMA_WEIGHTS, CINEMA_CONFIG):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(SettingsError, match="what PyPI calls 'cinema' is another package"):
        extractor("cinema", EvaluateSettings(cinema=tmp_path))
