"""Addresses of buckets: what they are, what they never hold, and which errors are whose."""

import pickle
import sys
from pathlib import Path

import pytest

from bottleneck.core import buckets
from bottleneck.core.buckets import Address, address
from bottleneck.core.errors import MissingDependencyError, UsageError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3://bucket", ("s3", "bucket", "")),
        ("s3://bucket/a/b/", ("s3", "bucket", "a/b")),
        ("gs://my.bucket-1/x y", ("gs", "my.bucket-1", "x y")),
        ("az://container//x", ("az", "container", "x")),
    ],
)
def test_an_address_is_scheme_bucket_and_prefix_also_as_a_path(text, expected):
    for spelled in (text, Path(text)):
        assert address(spelled) == Address(*expected)
    assert address(str(address(text))) == address(text)
    assert pickle.loads(pickle.dumps(address(text))) == address(text)


@pytest.mark.parametrize("path", ["a/b", "s3:bucket", "./s3://bucket", "http://x.org/a", "S3://b"])
def test_whatever_else_is_none(path):
    assert address(path) is None


@pytest.mark.parametrize(
    "text",
    ["s3://", "s3:///x", "s3:///st/x", "s3://a b/x", "s3://bucket/../x", "gs://-x"],
)
def test_an_address_without_a_bucket_or_that_leads_elsewhere_is_refused(text):
    with pytest.raises(UsageError):
        address(text)


@pytest.mark.parametrize(
    "text",
    [
        "s3://me:s3kr1t@bucket/x", "s3://s3kr1t@bucket", "s3://bucket/x?sig=s3kr1t",
        "s3://me:s3kr1t/more@bucket/x", "s3://s3kr1t$/x",
    ],
)  # fmt: skip
def test_what_may_be_a_secret_is_refused_and_not_repeated(text):
    with pytest.raises(UsageError) as caught:
        address(text)
    assert "s3kr1t" not in str(caught.value)


def test_without_the_extra_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(MissingDependencyError, match=r"bottleneck-cache\[objects\]"):
        address("s3://bucket/x").client()


def _profiles(tmp_path, monkeypatch, **env):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "keys").write_text(
        "[default]\naws_access_key_id = A\naws_secret_access_key = B%\n"
        "[lab]\naws_access_key_id = C\naws_secret_access_key = D\naws_session_token = E\n"
    )
    (tmp_path / "config").write_text("[profile lab]\nregion = eu-west-1\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "keys"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    return buckets._profile()


def test_a_profile_says_who_we_are(tmp_path, monkeypatch):
    found = _profiles(tmp_path, monkeypatch)
    assert found == {"access_key_id": "A", "secret_access_key": "B%"}
    found = _profiles(tmp_path, monkeypatch, AWS_PROFILE="lab")
    assert found == {
        "access_key_id": "C", "secret_access_key": "D", "session_token": "E", "region": "eu-west-1",
    }  # fmt: skip


def test_the_environment_counts_before_a_profile(tmp_path, monkeypatch):
    assert _profiles(tmp_path, monkeypatch, AWS_ACCESS_KEY_ID="Z") == {}
    found = _profiles(
        tmp_path, monkeypatch, AWS_ACCESS_KEY_ID="", AWS_PROFILE="lab", AWS_REGION="x"
    )
    assert "region" not in found


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AWS_ENDPOINT_URL_S3"])
@pytest.mark.parametrize(
    "said",
    [
        "", "localhost", "127.0.0.1:5555", "http://", "http://h:99999", "http://h ", "ftp://h",
        "http://me:s3kr1t@h", "http://h?sig=s3kr1t",
    ],
)  # fmt: skip
def test_an_endpoint_that_is_none_is_refused_before_the_client_fails(name, said, monkeypatch):
    pytest.importorskip("obstore", reason="make objects installs it")
    monkeypatch.setenv(name, said)
    with pytest.raises(UsageError, match=name) as caught:
        address("s3://bucket/x").client()
    assert "s3kr1t" not in str(caught.value)


@pytest.mark.parametrize(
    "said",
    ["http://127.0.0.1:9000", "https://h.example.org/minio/", "http://[::1]:9000", "HTTP://h"],
)
def test_an_endpoint_with_scheme_and_host_is_taken(said, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", said)
    buckets._check("s3")


@pytest.mark.parametrize("name", ["ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "REGION"])
def test_a_line_break_in_a_key_is_refused_and_the_key_is_not_shown(name, monkeypatch):
    pytest.importorskip("obstore", reason="make objects installs it")
    monkeypatch.setenv(f"AWS_{name}", "s3kr1t\n")
    with pytest.raises(UsageError, match=name) as caught:
        address("s3://bucket/x").client()
    assert "s3kr1t" not in str(caught.value)


@pytest.mark.parametrize("line", ["aws_secret_access_key = s3kr1t\n more", "endpoint_url = h"])
def test_a_profile_is_held_to_the_same(line, tmp_path, monkeypatch):
    _profiles(tmp_path, monkeypatch)
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "keys").write_text(f"[default]\naws_access_key_id = A\n{line}\n")
    with pytest.raises(UsageError, match="profile default") as caught:
        buckets._profile()
    assert "s3kr1t" not in str(caught.value)


def test_a_panic_of_the_client_is_one_line_and_the_stops_pass():
    panic = type("PanicException", (BaseException,), {"__module__": "pyo3_runtime"})
    with pytest.raises(UsageError, match="s3://bucket/x"), buckets.answers("s3://bucket/x"):
        raise panic("called unwrap() on s3kr1t")
    with pytest.raises(KeyboardInterrupt), buckets.answers("s3://bucket/x"):
        raise KeyboardInterrupt
