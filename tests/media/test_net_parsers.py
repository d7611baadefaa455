"""Any bytes, whole or cut anywhere, are an answer, a refusal or nothing to the first readers of the port."""

from __future__ import annotations

import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from server.media.net.dtls import DtlsServer, DtlsState, Fingerprint, Identity
from server.media.net.ice import Credentials, IceLite, Rejection, addressee
from server.media.net.srtp import MOST_SSRCS, PROFILES, SrtpPair
from server.media.rtp import header, rtcp

IDENTITY = Identity()
ICE = IceLite(Credentials("them", "x" * 22), 0)


@pytest.fixture(scope="module")
def srtp() -> SrtpPair:
    return SrtpPair(PROFILES[0], bytes(56))


class Road:
    """A path that leads nowhere."""

    def __init__(self, host: str = "192.0.2.9") -> None:
        self.address = (host, 9)

    def send(self, datagram: bytes) -> None: ...
    def close(self) -> None: ...


def request(**more: object) -> bytes:
    return request_to(ICE, **more)


def request_to(ice: IceLite, **more: object) -> bytes:
    message = stun.Message(
        message_method=stun.Method.BINDING,
        message_class=stun.Class.REQUEST,
        transaction_id=bytes(12),
        attributes={"USERNAME": f"{ice.local.ufrag}:them", "PRIORITY": 1, **more},
    )
    message.add_message_integrity(ice.local.password.encode())
    return bytes(message)


GENUINE = request(**{"USE-CANDIDATE": None})
DAMAGE = st.lists(st.tuples(st.integers(0, len(GENUINE) - 1), st.integers(0, 255)), max_size=4)


@pytest.mark.parametrize("host", ["192.0.2.9", "2001:db8::9"])
def test_a_genuine_request_is_answered_with_where_it_came_from(host: str) -> None:
    assert addressee(GENUINE) == ICE.local.ufrag
    answer = ICE.answer(GENUINE, Road(host), 1)
    assert isinstance(answer, bytes)
    response = stun.parse_message(answer)
    assert response.transaction_id == GENUINE[8:20]
    assert response.attributes["XOR-MAPPED-ADDRESS"] == (host, 9)
    assert "FINGERPRINT" in response.attributes
    assert response.check_message_integrity(ICE.local.password.encode())


def test_only_what_is_signed_nominates_a_path() -> None:
    ice = IceLite(Credentials("them", "x" * 22), 0)
    first, second = Road(), Road()
    nominating = request_to(ice, **{"USE-CANDIDATE": None})
    plain = request_to(ice, SOFTWARE="any length")
    appended = plain[:2] + (len(plain) - 16).to_bytes(2, "big") + plain[4:-8] + b"\x00\x25\x00\x00" + plain[-8:]
    assert isinstance(ice.answer(nominating, first, 1), bytes)
    assert isinstance(ice.answer(plain, second, 2), bytes)
    assert isinstance(ice.answer(appended, second, 3), bytes)
    assert ice.selected is first
    assert isinstance(ice.answer(nominating, second, 4), bytes)
    assert ice.selected is second


@pytest.mark.parametrize("username", ["", "nobody:them", "them"])
def test_a_request_for_somebody_else_is_forged_however_it_is_signed(username: str) -> None:
    assert ICE.answer(request(USERNAME=username), Road(), 1) is Rejection.FORGED


@given(st.binary(max_size=700))
def test_noise_has_no_addressee(noise: bytes) -> None:
    assert addressee(noise) is None


@given(DAMAGE, st.integers(0, len(GENUINE)))
def test_a_damaged_request_is_never_answered(damage: list[tuple[int, int]], cut: int) -> None:
    damaged = bytearray(GENUINE)
    for at, value in damage:
        damaged[at] = value
    datagram = bytes(damaged[:cut]) if cut < len(GENUINE) or bytes(damaged) != GENUINE else b""
    addressee(datagram)
    if datagram[:-8] != GENUINE[:-8]:
        assert isinstance(ICE.answer(datagram, Road(), 1), Rejection)


@given(st.binary(max_size=1500), st.integers(20, 63))
def test_dtls_takes_any_bytes(noise: bytes, first: int) -> None:
    server = DtlsServer(IDENTITY, [Fingerprint("sha-256", "AA")])
    server.receive(bytes((first,)) + noise)
    record = bytes((22, 0xFE, 0xFD)) + bytes(8) + len(noise).to_bytes(2, "big") + noise
    for _ in range(20):
        server.receive(record)
    assert server.state in (DtlsState.HANDSHAKE, DtlsState.FAILED)
    assert server.srtp is None


@given(st.binary(max_size=1600))
def test_srtp_takes_any_bytes(srtp: SrtpPair, noise: bytes) -> None:
    assert srtp.unprotect(noise) is None
    assert srtp.unprotect_rtcp(noise) is None


def test_srtp_remembers_only_so_many_streams_of_one_peer() -> None:
    """Each costs memory until the peer has gone, and every packet a search through all of them."""
    sender, receiver = SrtpPair(PROFILES[0], bytes(56)), SrtpPair(PROFILES[0], bytes(56))  # the same keys both ways
    opened = [
        receiver.unprotect(sender.protect(header.build(96, 1, 0, ssrc, b"x"))) is not None
        for ssrc in range(1, MOST_SSRCS + 50)
    ]
    assert sum(opened) == MOST_SSRCS
    assert receiver.unprotect(sender.protect(header.build(96, 2, 0, 1, b"x"))) is not None
    report = sender.protect_rtcp(rtcp.ReceiverReport(9_999).encode())
    assert receiver.unprotect_rtcp(report) is None


def test_forged_packets_use_up_no_streams() -> None:
    sender, receiver = SrtpPair(PROFILES[0], bytes(56)), SrtpPair(PROFILES[0], bytes(56))
    for ssrc in range(1, MOST_SSRCS + 50):
        assert receiver.unprotect(header.build(96, 1, 0, ssrc, bytes(40))) is None
    assert receiver.unprotect(sender.protect(header.build(96, 1, 0, 1, b"x"))) is not None
