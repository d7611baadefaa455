"""The doctor names what is wrong and what to do, and passes what is right."""

from __future__ import annotations

import shutil
import socket
import sysconfig
from pathlib import Path

import pytest

from server import doctor, tls
from server.config import Config
from server.doctor import Verdict
from server.media.fanout import best as fanout
from server.media.net import best as intake


def test_a_free_port_is_fine_and_a_taken_one_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        finding = doctor.tcp_port(Config(port=port))
        assert (finding.verdict, str(port) in finding.what, "--port" in finding.advice) == (Verdict.FAIL, True, True)
    assert doctor.tcp_port(Config(port=port)).verdict is Verdict.OK
    assert doctor.tcp_port(Config(port=0)).verdict is Verdict.OK


def test_a_taken_udp_port_is_named() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        finding = doctor.udp_port(Config(udp_port=taken.getsockname()[1]))
    assert finding.verdict is Verdict.FAIL
    assert "--udp-port" in finding.advice


def test_a_data_directory_below_a_file_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert doctor.data_directory(Config(data=tmp_path / "file" / "data")).verdict is Verdict.FAIL
    assert doctor.data_directory(Config(data=tmp_path / "not" / "yet")).verdict is Verdict.OK
    assert not (tmp_path / "not").exists()


@pytest.mark.parametrize(
    ("config", "verdict"),
    [
        (Config(), Verdict.OK),
        (Config(host="0.0.0.0"), Verdict.FAIL),
        (Config(host="0.0.0.0", tls="self-signed"), Verdict.OK),
        (Config(host="0.0.0.0", public_url="https://class.example.org"), Verdict.OK),
        (Config(host="0.0.0.0", public_url="http://class.example.org"), Verdict.FAIL),
    ],
)
def test_browsers_give_no_camera_to_plain_http_of_another_machine(config: Config, verdict: Verdict) -> None:
    assert doctor.secure_context(config).verdict is verdict


def test_a_certificate_is_looked_at(tmp_path: Path) -> None:
    cert, key = tls.self_signed(tmp_path, ["localhost"])
    good = Config(tls_cert=cert, tls_key=key)
    assert doctor.certificate(good).verdict is Verdict.OK
    assert doctor.certificate(Config(tls_cert=key, tls_key=cert)).verdict is Verdict.FAIL
    assert doctor.certificate(Config(tls_cert=tmp_path / "none", tls_key=key)).verdict is Verdict.FAIL


def test_keys_that_others_can_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "api.key").touch(mode=0o600)
    assert doctor.keys_private(Config(data=tmp_path)).verdict is Verdict.OK
    (tmp_path / "keys" / "api.key").chmod(0o644)
    assert "api.key" in doctor.keys_private(Config(data=tmp_path)).what


def test_the_exit_code_says_whether_something_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = Config(data=tmp_path, port=0, udp_port=0)
    findings = list(doctor.examine(good))
    assert doctor.main(good) == (1 if any(found.verdict is Verdict.FAIL for found in findings) else 0)
    assert doctor.main(Config(data=tmp_path, port=0, udp_port=0, host="0.0.0.0")) == 1
    assert "-> add --tls self-signed" in capsys.readouterr().out


def test_what_is_not_compiled_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = {"fan-out": fanout, "intake": intake}
    for module in parts.values():
        monkeypatch.setattr(module, "why_not_native", lambda: "")
    assert "compiled code" in doctor.fan_out(Config()).what
    for name, module in parts.items():
        monkeypatch.setattr(module, "why_not_native", lambda: "no compiler")
        assert f"{name}: no compiler" in doctor.fan_out(Config()).what


CAN_COMPILE = shutil.which("cc") is not None and Path(sysconfig.get_path("include"), "Python.h").exists()


@pytest.mark.skipif(not CAN_COMPILE, reason="needs a compiler and Python's headers")
def test_where_there_is_a_compiler_the_code_is_compiled() -> None:
    """The twins' tests pass over what did not compile, so that somebody must say it."""
    assert (fanout.why_not_native(), intake.why_not_native()) == ("", "")
