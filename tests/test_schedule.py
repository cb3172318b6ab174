"""scripts/schedule: each file does what it says, as cron, systemd and Kubernetes would read it."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from world import picture

from bottleneck.extract import parser

ROOT = Path(__file__).parents[1]
SCHEDULE = ROOT / "scripts/schedule"


def printed(folder, *words):
    """Return the line that the script prints."""
    done = subprocess.run(
        [sys.executable, SCHEDULE / "line.py", "--folder", folder, *words],
        capture_output=True,
        text=True,
        check=True,
    )
    (line,) = done.stdout.splitlines()
    return line


def as_cron_runs_it(line, home):
    """Run a line of a crontab: crontab(5) on %, the shell, and the environment."""
    *when, rest = line.split(maxsplit=5)
    assert len(when) == 5
    assert all(re.fullmatch(r"[\d*/,-]+", field) for field in when)
    command, *rest = re.split(r"(?<!\\)%", rest, maxsplit=1)
    assert not rest, "what stands behind a bare % is input of the command"
    return subprocess.run(
        ["/usr/bin/env", "-i", "SHELL=/bin/sh", f"HOME={home}", "PATH=/usr/bin:/bin",
         "/bin/sh", "-c", command.replace("\\%", "%")],
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip


@pytest.fixture
def checkout(tmp_path):
    """A folder of an unlucky name with two stores of real rows, and an image that is new."""
    folder = tmp_path / '50% o\' "the" $HOME & co'
    for i in range(4):
        picture(folder / "photos" / "ab"[i % 2] / f"{i}.png", i)
    (folder / "bottleneck").symlink_to(ROOT / "bottleneck")
    for name, more in (("one", []), ("two", ["--pooling", "max"])):
        subprocess.run(
            [sys.executable, "-m", "bottleneck.extract", "--data", "photos", "--backbone", "mini",
             "--cache", f"cache/{name}", "--quiet", *more],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=True,
        )  # fmt: skip
    picture(folder / "photos/a/new.png", 9)
    return folder


def history(store):
    return [json.loads(line) for line in (store / "history.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_crons_line_brings_every_store_up_to_date_night_after_night(checkout, tmp_path):
    line = printed(checkout, "--log", "nightly 100%.log")
    home = tmp_path / "home"
    home.mkdir()
    for computed in (1, 0):
        done = as_cron_runs_it(line, home)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")  # else cron sends a mail
        for name in ("one", "two"):
            last = history(checkout / "cache" / name)[-1]
            assert (last["computed"], last["code"]) == (computed, 0)
    assert "2 stores in" in (checkout / "nightly 100%.log").read_text()
    assert list(home.iterdir()) == []


@pytest.mark.slow
def test_a_night_with_a_store_that_is_held_and_one_that_is_damaged(checkout, tmp_path):
    from bottleneck.store.lock import hold

    line = printed(checkout, "--wait", "0s")
    with hold(checkout / "cache/one"):
        done = as_cron_runs_it(line, tmp_path)
    assert done.returncode == 75
    assert len(done.stderr.splitlines()) == 1
    assert history(checkout / "cache/two")[-1]["computed"] == 1
    newest = max((checkout / "cache/two/log").glob("*.json"))
    newest.write_bytes(newest.read_bytes()[:-20])
    done = as_cron_runs_it(line, tmp_path)
    assert done.returncode == 5
    assert "verify --repair" in done.stderr
    assert history(checkout / "cache/one")[-1]["computed"] == 1


def test_the_line_waits_quietly_unless_it_is_told_otherwise(tmp_path):
    words = shlex.split(printed(tmp_path).split("&& ")[1])
    assert words[1:] == [
        "-m",
        "bottleneck",
        "extract",
        "--all",
        "cache",
        "--wait",
        "10m",
        "--quiet",
    ]
    assert Path(words[0]).is_absolute()
    told = ["--cache", "c", "--wait", "1h", "--budget", "4h", "--when", "*/15 * * * *"]
    line = printed(tmp_path, *told)
    assert line.startswith("*/15 * * * *  cd ")
    assert line.endswith("extract --cache c --wait 1h --budget 4h --quiet")


def test_a_folder_with_a_line_break_is_refused(tmp_path):
    done = subprocess.run(
        [sys.executable, SCHEDULE / "line.py", "--folder", f"{tmp_path}/a\nb"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode
    assert "line break" in done.stderr
    assert done.stdout == ""


# --- systemd ----------------------------------------------------------------------------------


def units(tmp_path):
    """Return the two files as somebody has them who followed the comment."""
    folder = tmp_path / "features"
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/bin/python").symlink_to(sys.executable)
    for name in ("bottleneck-extract.service", "bottleneck-extract.timer"):
        text = (SCHEDULE / name).read_text().replace("/srv/features", str(folder))
        (tmp_path / name).write_text(text)
    return [tmp_path / "bottleneck-extract.service", tmp_path / "bottleneck-extract.timer"]


def verified(files):
    return subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *files],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_takes_the_service_and_the_timer_and_would_not_take_a_mistake(tmp_path):
    files = units(tmp_path)
    done = verified(files)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    files[0].write_text(files[0].read_text().replace("TimeoutStopSec=30", "TimeoutStopSec=soon"))
    assert "Failed to parse time value" in verified(files).stderr


def test_the_service_stops_in_time_and_takes_a_held_store_for_no_failure(tmp_path):
    service, timer = (path.read_text() for path in units(tmp_path))
    for line in ("Type=oneshot", "SuccessExitStatus=75", "TimeoutStopSec=30"):
        assert line in service.splitlines()
    for line in ("Persistent=true", "RandomizedDelaySec=15min"):
        assert line in timer.splitlines()
    (command,) = re.findall(r"^ExecStart=(.*)$", service, re.MULTILINE)
    words = shlex.split(command)
    assert words[1:4] == ["-m", "bottleneck", "extract"]
    parser().parse_args(words[4:])


# --- Kubernetes -------------------------------------------------------------------------------


def test_the_cron_job_is_one_that_kubernetes_takes():
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    job = yaml.safe_load((SCHEDULE / "cronjob.yaml").read_text())
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "CronJob")
    assert re.fullmatch(r"[a-z0-9-]+", job["metadata"]["name"])
    spec = job["spec"]
    assert len(spec["schedule"].split()) == 5
    assert spec["concurrencyPolicy"] == "Forbid"
    assert set(spec) <= {
        "schedule", "concurrencyPolicy", "startingDeadlineSeconds", "successfulJobsHistoryLimit",
        "failedJobsHistoryLimit", "jobTemplate",
    }  # fmt: skip
    batch = spec["jobTemplate"]["spec"]
    pod = batch["template"]["spec"]
    assert pod["restartPolicy"] == "Never"  # a podFailurePolicy asks for it
    assert pod["terminationGracePeriodSeconds"] >= 10
    (container,) = pod["containers"]
    for rule in batch["podFailurePolicy"]["rules"]:
        assert rule["action"] in {"FailJob", "Ignore", "Count"}
        assert rule["onExitCodes"]["containerName"] == container["name"]
        assert not {0, 12, 75} & set(rule["onExitCodes"]["values"])
    volumes = {volume["name"] for volume in pod["volumes"]}
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    assert set(mounts) == volumes
    assert mounts["images"]["readOnly"] is True
    assert container["command"] == ["python", "-m", "bottleneck"]
    assert container["args"][0] == "extract"
    parser().parse_args(container["args"][1:])
