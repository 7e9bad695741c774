"""What comparing spectra says of sets whose truth is known."""

import json
from pathlib import Path

import numpy as np
import pytest

from synthcmr.frequency.fourier import Plane, spectra
from synthcmr.frequency.settings import SpectrumSettings
from synthcmr.frequency.sources import ArrayImages
from synthcmr.frequency.spectrum.compare import (
    DETAIL,
    DISTANCE,
    PROBE,
    ComparedSpectra,
    Subjects,
    compare,
    compared,
    gap,
)
from synthcmr.frequency.spectrum.profiles import phase_peaks
from synthcmr.report.spectrum_page import to_json, verdict, write_spectrum
from tests.frequency.making import blurred, clouds
from tests.report.accessible import check

SETTINGS = SpectrumSettings(draws=100, halves=3, detail_steps=12, detail_images=80, by=("vendor",))


def images(pixels: np.ndarray, name: str, per_subject: int = 3) -> ArrayImages:
    who = [f"{name}{k // per_subject}" for k in range(len(pixels))]
    return ArrayImages(pixels, subjects=who, attributes=[{"vendor": "AB"[k % 2]} for k in range(len(pixels))])


@pytest.fixture(scope="module")
def found() -> ComparedSpectra:
    sets = {
        "alike": images(clouds(60, (32, 32), seed=2), "a"),
        "soft": images(blurred(clouds(60, (32, 32), seed=3)), "s"),
        "few": images(clouds(3, (32, 32)), "f"),
    }
    return compare(images(clouds(72, (32, 32), seed=1), "r"), sets, {"soft": "vae"}, SETTINGS)


def test_a_set_of_the_same_kind_is_at_the_floor_and_a_soft_one_is_not(found: ComparedSpectra) -> None:
    alike, soft, _ = found.sets
    floor = found.floors[DISTANCE]
    assert alike.scores[DISTANCE].value < 2 * floor.value
    assert soft.scores[DISTANCE].low > 5 * floor.high
    assert alike.scores[PROBE].value < 0.75
    assert soft.scores[PROBE].value > 0.99
    assert soft.scores[PROBE].low <= soft.scores[PROBE].value <= soft.scores[PROBE].high
    assert 0 <= soft.scores[DETAIL].value <= 1


def test_too_few_subjects_are_refused_with_the_reason(found: ComparedSpectra) -> None:
    few = found.sets[2]
    assert DISTANCE not in few.scores
    assert "at least 5" in few.absent[DISTANCE]


def test_groups_are_compared_apart(found: ComparedSpectra) -> None:
    groups = {g.name: g for g in found.sets[1].groups}
    assert set(groups) == {"vendor A", "vendor B"}
    assert groups["vendor A"].distance is not None
    assert found.sets[2].groups[0].refused


def test_the_page_opens_offline_and_the_json_holds_the_same(found: ComparedSpectra, tmp_path: Path) -> None:
    file = write_spectrum(found, "real", SETTINGS, tmp_path)
    check(file)
    page = file.read_text()
    assert "<svg" in page
    assert "http://" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    )
    written = json.loads((tmp_path / "spectrum.json").read_text())
    assert written.pop("checksum")
    assert written == json.loads(json.dumps(to_json(found, "real", SETTINGS)))
    assert "nearly always" in verdict(found)[1]


def test_the_interval_of_a_distance_covers_what_more_data_would_say() -> None:
    rng = np.random.default_rng(0)
    people = [rng.normal(0, 1, (40, 8)) + shift for shift in (0.0, 1.0)]
    sides = [Subjects.of(np.repeat(p, 3, axis=0), np.repeat(np.arange(40), 3).astype(object)) for p in people]
    found = compared(sides[0], sides[1], 500, rng)
    assert found.low < 1.0 < found.high
    assert found.value == pytest.approx(gap(people[0].mean(axis=0), people[1].mean(axis=0)))


def test_phases_of_noise_have_no_peaks_and_those_of_a_disc_have() -> None:
    plane = Plane(64, 64)
    noise = phase_peaks(spectra(np.random.default_rng(0).normal(size=(20, 64, 64)), plane)).mean(axis=0)
    assert np.abs(noise).max() < 0.3
    y, x = np.mgrid[:64, :64]
    disc = (np.hypot(y - 30, x - 33) < 12).astype(float)[None]
    assert phase_peaks(spectra(disc, plane))[0, 3] > 3
