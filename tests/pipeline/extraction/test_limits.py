"""What limited an extraction is what the other stages waited for."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from bottleneck.core.recipe import ImageSpec
from bottleneck.core.reporter import Silent
from bottleneck.data.decode import is_faster_fast
from bottleneck.pipeline.extraction import limits
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.flow import Seconds
from bottleneck.pipeline.extraction.limits import Meter, Used, limiting, sentence
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.network.options import NetworkOptions

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))
# Ten seconds on two cores in which nothing happened.
NOTHING = Used(
    wall=10, cores=2, threads=2, read_cpu=0, decode_cpu=0, network_cpu=0,
    read_wall=0, decode_wall=0, network_wall=0,
)  # fmt: skip
DECODING = replace(
    NOTHING, decode_cpu=14.2, network_cpu=4, read_cpu=0.5,
    read_wall=1, decode_wall=18.5, network_wall=9,
)  # fmt: skip
NETWORK_BOUND = replace(
    NOTHING, decode_cpu=2, network_cpu=17, read_cpu=0.5,
    read_wall=1, decode_wall=3, network_wall=9.9,
)  # fmt: skip
ONE_THREAD = replace(DECODING, threads=1, decode_cpu=9.5, decode_wall=9.7, read_wall=0.2,
                     network_cpu=1, network_wall=1)  # fmt: skip
READING = replace(
    NOTHING, read_cpu=0.4, decode_cpu=1, network_cpu=1,
    read_wall=17, decode_wall=2, network_wall=2,
)  # fmt: skip
DEVICE = replace(
    NOTHING, decode_cpu=3, network_cpu=0.5, read_wall=1, decode_wall=4, network_wall=9.5
)


@pytest.mark.parametrize(
    ("used", "fast", "said"),
    [
        (DECODING, False, "decoding took 71 % of both cores"),
        # The network is never idle, but it is so for want of a core.
        (replace(DECODING, network_wall=9.9), False, "decoding took 71 % of both cores"),
        (
            DECODING,
            True,
            "decoding took 71 % of both cores: --decode fast in another store may help",
        ),
        (ONE_THREAD, False, "decoding took 48 % of both cores: --threads 2 may help"),
        (NETWORK_BOUND, True, "the network took 85 % of both cores"),
        (DEVICE, False, "the network took 95 % of the time"),
        (READING, False, "reading took 85 % of the time: --threads 8 may help"),
        (NOTHING, False, None),
        (replace(DECODING, wall=2.9), False, None),
        (None, False, None),
    ],
)
def test_the_stage_that_others_wait_for_is_named_with_its_share(used, fast, said):
    found = limiting(used, may_decode_fast=fast)
    assert (found and sentence(found, 2)) == said


def test_one_core_and_many_are_named():
    found = {"stage": "decode", "share": 0.5, "of": "cores", "advice": None}
    assert sentence(found, 1).endswith("of the core")
    assert sentence(found, 16).endswith("of all 16 cores")


def test_a_meter_takes_differences_and_leaves_the_rest_of_the_process_to_the_network():
    now = {"wall": 100.0, "process": 50.0, "thread": 7.0}
    clocks = {name: lambda name=name: now[name] for name in now}
    seconds = Seconds(hash=1, decode=2, compute=3)
    seconds.processor.update(hash=0.5, decode=1.5)
    meter = Meter(seconds, cores=4, threads=3, **clocks)
    meter.end()
    assert meter.used is None  # nothing was computed
    meter.begin()
    now.update(wall=110.0, process=80.0, thread=8.0)
    seconds.hash, seconds.decode, seconds.compute = 3, 12, 9
    seconds.processor.update(hash=1.5, decode=10.5, write=0.5)
    meter.begin()  # only the first one counts
    meter.end()
    assert meter.used == Used(
        wall=10, cores=4, threads=3, read_cpu=1, decode_cpu=9, network_cpu=30 - 1 - 9 - 0.5 - 1,
        read_wall=2, decode_wall=10, network_wall=6,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "size", "decode", "is_faster"),
    [
        ("JPEG", (32, 32), "exact", True),
        ("JPEG", (32, 31), "exact", False),
        ("JPEG", (32, 32), "fast", False),
        ("PNG", (64, 64), "exact", False),
    ],
)
def test_fast_is_proposed_for_jpegs_of_four_times_the_networks_size(
    tmp_path, kind, size, decode, is_faster
):
    path = tmp_path / "image"
    Image.new("RGB", size).save(path, kind)
    image = ImageSpec(size=(8, 8), decode=decode)
    assert is_faster_fast(path.read_bytes(), image) is is_faster
    assert not is_faster_fast(b"\xff\xd8 and no more", image)
    assert not is_faster_fast(np.zeros((64, 64, 3), np.uint8), image)


class Said(Silent):
    """Keeps what is said."""

    def __init__(self):
        self.lines = []

    def say(self, message):
        self.lines.append(message)


@pytest.mark.usefixtures("numpy_network")
def test_an_extraction_reports_what_limited_it_and_says_it(tmp_path, monkeypatch, later):
    """Real files; what took how long is told by a clock of ours."""
    for i in range(12):
        pixels = np.random.default_rng(i).integers(0, 256, (40, 40, 3), np.uint8)
        path = tmp_path / "photos" / "ab"[i % 2] / f"{i}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    later()
    real = Meter.end

    def end(meter):
        real(meter)
        if meter.used is not None:
            assert meter.used.wall > 0
            assert meter.used.cores >= 1
            meter.used = replace(DECODING, cores=meter.used.cores, threads=meter.used.cores)

    monkeypatch.setattr(Meter, "end", end)
    monkeypatch.setattr(limits, "IDLE", 0.0)
    said = Said()
    options = ExtractOptions(cache=tmp_path / "s", data=str(tmp_path / "photos"), network=NETWORK)
    report = extract(options, said)
    assert set(report["seconds"]) == {"scan", "hash", "decode", "compute", "write", "total"}
    assert report["processor_seconds"]["decode"] == 14.2
    assert report["limits"]["stage"] == "decode"
    assert report["limits"]["advice"] == "--decode fast in another store may help"
    assert sentence(report["limits"], report["cores"]) in said.lines
    again = extract(options, Said())
    assert (again["computed"], again["limits"], again["processor_seconds"]) == (0, None, None)
