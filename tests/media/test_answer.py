"""Offers of real browsers are read, and the answers say what the server will do."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.media.answer import Endpoint, Idle, Publishing, Role, Session, Slotted, build_answer
from server.media.net.dtls import Fingerprint
from server.media.net.ice import Credentials
from server.media.offer import MID, NO_RTX, RID, Declined, Line, Offer, parse_offer

SDP = Path(__file__).parent / "sdp"
OFFERS = sorted(path.name for path in SDP.glob("*.offer.sdp"))
HERE = Endpoint(("192.0.2.7",), 40000, True, Fingerprint("sha-256", "AA:BB"))
US = Credentials("ours", "secret")
SESSION = Session(4711, 1)


def offer_of(name: str) -> Offer:
    return parse_offer((SDP / name).read_text())


def answer_to(offer: Offer) -> str:
    roles: dict[str, Role] = {}
    for index, line in enumerate(offer.lines):
        if isinstance(line, Line):
            roles[line.mid] = Publishing() if line.sends else Slotted(1000 + index, 2000 + index)
    return build_answer(offer, roles, US, HERE, SESSION)


def section(answer: str, mid: str) -> list[str]:
    sections = answer.split("m=")[1:]
    return next(text for text in sections if f"a=mid:{mid}\r\n" in text).splitlines()


def test_chromium_simulcast_is_received_with_all_layers() -> None:
    offer = offer_of("chromium-publish-simulcast.offer.sdp")
    audio, video = offer.lines
    assert isinstance(audio, Line)
    assert isinstance(video, Line)
    assert (audio.payload_type, audio.rtx_payload_type, audio.ssrcs) == (111, NO_RTX, (805747895,))
    assert (video.payload_type, video.rtx_payload_type, video.rids) == (96, 97, ("l", "m", "h"))
    assert (video.extensions[MID], video.extensions[RID]) == (4, 10)

    text = section(answer_to(offer), "1")
    assert text[0] == "video 9 UDP/TLS/RTP/SAVPF 96 97"
    assert {"a=recvonly", "a=rid:l recv", "a=rid:h recv", "a=simulcast:recv l;m;h"} <= set(text)
    assert "a=fmtp:96 x-google-start-bitrate=1000" in text
    assert not any("video-orientation" in line for line in text)


def test_firefox_announces_its_layers_by_ssrc_and_repair_group() -> None:
    offer = offer_of("firefox-publish.offer.sdp")
    video = offer.lines[1]
    assert isinstance(video, Line)
    assert video.payload_type == 120
    assert video.ssrcs == (2601652177, 1604049154)
    assert video.repairs == {721076528: 2601652177, 1105187374: 1604049154}
    assert "x-google" not in answer_to(offer)


def test_a_slot_has_our_ssrc_and_sends_only() -> None:
    text = section(answer_to(offer_of("chromium-slots.offer.sdp")), "2")
    assert "a=sendonly" in text
    assert "a=ssrc-group:FID 1002 2002" in text
    assert "a=ssrc:1002 cname:bichron" in text


@pytest.mark.parametrize("name", OFFERS)
def test_every_answer_is_ice_lite_passive_and_on_one_transport(name: str) -> None:
    offer = offer_of(name)
    answer = answer_to(offer)
    assert "a=ice-lite\r\n" in answer
    assert f"a=group:BUNDLE {' '.join(line.mid for line in offer.lines)}\r\n" in answer
    assert answer.count("a=setup:passive\r\n") == len(offer.lines)
    assert answer.count("a=candidate:") == 2 * len(offer.lines)
    assert "a=candidate:1 1 udp 2130706431 192.0.2.7 40000 typ host\r\n" in answer


def test_a_server_of_two_families_offers_a_candidate_of_each() -> None:
    both = Endpoint(("2001:db8::7", "192.0.2.7"), 40000, True, HERE.fingerprint)
    offer = offer_of("chromium-slots.offer.sdp")
    text = build_answer(offer, {line.mid: Idle() for line in offer.lines}, US, both, SESSION)
    found = {
        tuple(line.split()[3:5]) for line in text.splitlines() if line.startswith("a=candidate") and " udp " in line
    }
    assert found == {("2130706431", "2001:db8::7"), ("2130706175", "192.0.2.7")}


def test_what_we_do_not_speak_is_declined_line_by_line() -> None:
    text = (SDP / "chromium-slots.offer.sdp").read_text().replace("BUNDLE 0 1 2 3", "BUNDLE 0 1 2 3 9")
    offer = parse_offer(
        text + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:9\r\na=setup:actpass\r\n"
    )
    assert offer.lines[-1] == Declined("9", "application", "UDP/DTLS/SCTP", "webrtc-datachannel")
    answer = answer_to(offer)
    assert "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n" in answer
    assert "a=group:BUNDLE 0 1 2 3\r\n" in answer


def test_an_unused_line_stays_idle() -> None:
    offer = offer_of("chromium-slots.offer.sdp")
    answer = build_answer(offer, {line.mid: Idle() for line in offer.lines}, US, HERE, SESSION)
    assert answer.count("a=inactive") == 4
    assert "a=ssrc" not in answer


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a=ice-ufrag:/GY1", "a=ice-ufrag:\u00e4"),
        ("a=fingerprint:", "a=fingerprinted:"),
        ("a=setup:actpass", "a=setup:passive"),
        ("a=mid:1", "a=mid:0"),
        ("a=mid:1", "a=mid:1 2"),
        ("opus/48000/2", "opus/44100/2"),
        ("a=rtpmap:96 VP8", "a=rtpmap:96 VP7"),
    ],
)
def test_an_offer_that_cannot_be_answered_is_refused_or_declined(old: str, new: str) -> None:
    text = (SDP / "chromium-slots.offer.sdp").read_text().replace(old, new)
    try:
        offer = parse_offer(text)
    except ValueError:
        return
    assert any(isinstance(line, Declined) for line in offer.lines)


_WHOLE = (SDP / "chromium-publish-simulcast.offer.sdp").read_text()


@given(cut=st.integers(0, len(_WHOLE)), noise=st.text(max_size=40), at=st.integers(0, len(_WHOLE)))
def test_any_text_gives_an_offer_or_a_value_error(cut: int, noise: str, at: int) -> None:
    for text in (_WHOLE[:cut], _WHOLE[:at] + noise + _WHOLE[at:], _WHOLE[:cut] + _WHOLE[at:]):
        try:
            offer = parse_offer(text)
        except ValueError:
            continue
        assert answer_to(offer).isascii()
