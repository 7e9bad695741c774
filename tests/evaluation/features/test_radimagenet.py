"""RadImageNet's weights as they are published: random ones here, in the published file's names."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from synthcmr.cohort import Cohort
from synthcmr.errors import SettingsError
from synthcmr.evaluation.features.extractors import extractor
from synthcmr.evaluation.features.stream import batches
from synthcmr.evaluation.settings import EvaluateSettings
from synthcmr.training.weights import file_hash


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
