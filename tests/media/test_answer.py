"""Offers of real browsers are read, and the answers say what the server will do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.media.answer import Endpoint, Idle, Publishing, Role, Session, Slotted, build_answer
from server.media.formats import NO_RTX, Kind, shown_as
from server.media.net.dtls import Fingerprint
from server.media.net.ice import Credentials
from server.media.offer import MID, RID, Declined, Line, Offer, parse_offer
from server.media.rtp.rewrite import PayloadTypes

SDP = Path(__file__).parent / "sdp"
OFFERS = sorted(path.name for path in SDP.glob("*.offer.sdp"))
HERE = Endpoint(("192.0.2.7",), 40000, True, Fingerprint("sha-256", "AA:BB"))
US = Credentials("ours", "secret")
SESSION = Session(4711, 1)


_WHOLE = (SDP / "chromium-publish-simulcast.offer.sdp").read_text()


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
    assert (audio.format.payload_type, audio.format.rtx_payload_type, audio.ssrcs) == (111, NO_RTX, (805747895,))
    assert (video.format.payload_type, video.format.rtx_payload_type, video.rids) == (96, 97, ("l", "m", "h"))
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
    assert video.format.payload_type == 120
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


@pytest.mark.parametrize(
    ("name", "mid"), [("chromium-publish-simulcast.offer.sdp", "0"), ("chromium-slots.offer.sdp", "0")]
)
def test_sound_carries_its_own_repair_both_ways(name: str, mid: str) -> None:
    assert "a=fmtp:111 minptime=10;useinbandfec=1" in section(answer_to(offer_of(name)), mid)


def without(codecs: str, text: str) -> str:
    """An offer in which these codecs have names that nobody knows."""
    return re.sub(rf"^(a=rtpmap:\d+ )({codecs})/", r"\1X-\2/", text, flags=re.MULTILINE)


@pytest.mark.parametrize(
    ("missing", "codec", "answered"),
    [
        ("AV1", Kind("vp8"), ["a=rtpmap:96 VP8/90000", "a=rtpmap:97 rtx/90000"]),
        ("VP8", Kind("vp9"), ["a=rtpmap:98 VP9/90000", "a=rtpmap:99 rtx/90000"]),
        ("VP[89]", Kind("h264", "constrained-baseline"), ["a=rtpmap:108 H264/90000", "a=rtpmap:109 rtx/90000"]),
    ],
)
def test_a_publisher_is_told_to_send_the_one_codec_most_can_show(
    missing: str, codec: Kind, answered: list[str]
) -> None:
    offer = parse_offer(without(missing, _WHOLE))
    video = offer.lines[1]
    assert isinstance(video, Line)
    assert video.format.kind == codec
    text = section(answer_to(offer), "1")
    assert [line for line in text if line.startswith("a=rtpmap")] == answered


def test_a_publisher_of_h264_is_answered_in_its_own_profile() -> None:
    text = section(answer_to(parse_offer(without("VP[89]", _WHOLE))), "1")
    assert text[0] == "video 9 UDP/TLS/RTP/SAVPF 108 109"
    parameters = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
    assert f"a=fmtp:108 {parameters};x-google-start-bitrate=1000" in text
    assert {"a=rtcp-fb:108 nack pli", "a=rtcp-fb:108 transport-cc", "a=fmtp:109 apt=108"} <= set(text)


def test_a_viewer_keeps_every_codec_that_may_come() -> None:
    offer = offer_of("chromium-slots.offer.sdp")
    text = section(answer_to(offer), "2")
    assert text[0] == "video 9 UDP/TLS/RTP/SAVPF 96 97 98 99 108 109 102 103 116 117"
    line = offer.lines[2]
    assert isinstance(line, Line)
    shown = shown_as(line.formats)
    assert shown[Kind("vp8")] == PayloadTypes(96, 97)
    assert shown[Kind("h264", "constrained-baseline")] == PayloadTypes(108, 109)
    assert Kind("h264", "high") not in shown


def test_payload_types_that_rtcp_would_be_taken_for_are_refused() -> None:
    with pytest.raises(ValueError, match="RFC 5761"):
        parse_offer(_WHOLE.replace("SAVPF 96", "SAVPF 70").replace("rtpmap:96", "rtpmap:70"))


H264 = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=rtcp-mux\r\na=rtpmap:96 h264/90000\r\na=fmtp:96 {}\r\n"


def h264_line(parameters: str) -> Line | None:
    """A line that offers H.264 alone with this fmtp, or None if it is declined."""
    head = "v=0\r\na=group:BUNDLE 0 1\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n"
    head += "a=setup:actpass\r\na=fingerprint:sha-256 AA\r\n"
    sound = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n"
    line = parse_offer(head + H264.format(parameters) + sound).lines[0]
    return line if isinstance(line, Line) else None


@pytest.mark.parametrize(
    ("parameters", "profile"),
    [
        ("packetization-mode=1;profile-level-id=42e01f", "constrained-baseline"),
        ("profile-level-id=42C033; packetization-mode=1", "constrained-baseline"),
        ("packetization-mode=1;profile-level-id=4d801f", "constrained-baseline"),
        ("packetization-mode=1;profile-level-id=42001f", "baseline"),
        ("packetization-mode=1;;;=", "baseline"),
        ("packetization-mode=1;profile-level-id=4d001f", "main"),
        ("packetization-mode=1;profile-level-id=640c1f", "constrained-high"),
        ("packetization-mode=1;profile-level-id=64001f", "high"),
        ("profile-level-id=42e01f", None),
        ("packetization-mode=0;profile-level-id=42e01f", None),
        ("packetization-mode=1;profile-level-id=f4001f", None),
        ("packetization-mode=1;profile-level-id=42e0", None),
        ("packetization-mode=1;profile-level-id=42e01\u0669", None),
        ("packetization-mode=1;profile-level-id=zzzzzz", None),
    ],
)
def test_profiles_of_h264_are_told_apart(parameters: str, profile: str | None) -> None:
    line = h264_line(parameters)
    assert (line.format.kind.profile if line is not None else None) == profile


@pytest.mark.parametrize(
    ("sent", "viewer", "shown"),
    [
        ("42e01f", "42e01f", True),
        ("42e01f", "64001f", True),
        ("42e01f", "4d001f", True),
        ("640c1f", "64001f", True),
        ("64001f", "42e01f", False),
        ("42001f", "42e01f", False),
        ("4d001f", "64001f", True),
    ],
)
def test_a_profile_is_shown_by_those_that_include_it(sent: str, viewer: str, shown: bool) -> None:
    publisher, watcher = (h264_line(f"packetization-mode=1;profile-level-id={level}") for level in (sent, viewer))
    assert publisher is not None
    assert watcher is not None
    assert (publisher.format.kind in shown_as(watcher.formats)) is shown


@given(parameters=st.text(st.characters(exclude_characters="\r\n"), max_size=60))
def test_any_fmtp_is_a_profile_or_declined(parameters: str) -> None:
    line = h264_line(f"packetization-mode=1;{parameters}")
    if line is not None:
        assert line.format.parameters.isascii()


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
    ],
)
def test_an_offer_that_cannot_be_answered_is_refused_or_declined(old: str, new: str) -> None:
    text = (SDP / "chromium-slots.offer.sdp").read_text().replace(old, new)
    try:
        offer = parse_offer(text)
    except ValueError:
        return
    assert any(isinstance(line, Declined) for line in offer.lines)


@given(cut=st.integers(0, len(_WHOLE)), noise=st.text(max_size=40), at=st.integers(0, len(_WHOLE)))
def test_any_text_gives_an_offer_or_a_value_error(cut: int, noise: str, at: int) -> None:
    for text in (_WHOLE[:cut], _WHOLE[:at] + noise + _WHOLE[at:], _WHOLE[:cut] + _WHOLE[at:]):
        try:
            offer = parse_offer(text)
        except ValueError:
            continue
        assert answer_to(offer).isascii()
