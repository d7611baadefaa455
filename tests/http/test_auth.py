"""Cookies and join tokens: what is forged, foreign, late or used opens nothing."""

from __future__ import annotations

from pathlib import Path

import jwt
import pytest

from server.http.auth import (
    AUDIENCE,
    INSTRUCTOR_LIFETIME_S,
    PERSON_LIFETIME_S,
    TOKEN_LIFETIME_S,
    Admission,
    Cookies,
    JoinTokens,
    TokenRefused,
    Visitor,
    api_key_fits,
)
from server.http.keys import Keys, load
from server.rooms.kernel import ClassId, ParticipantId, Role

NOW = 1_800_000_000
KEY = b"k" * 32
CLASS = ClassId("biology00000")
ANN = Admission(ParticipantId("ann"), CLASS, Role.LEARNER, "Ann")


def keys(session: bytes = b"s" * 32, instructor: str = "i" * 43) -> Keys:
    return Keys(session, instructor, "a" * 43)


def claims(**changed: object) -> dict[str, object]:
    good: dict[str, object] = {
        "exp": NOW + 300,
        "iat": NOW,
        "aud": AUDIENCE,
        "sub": "ann",
        "jti": "1",
        "class": CLASS,
        "role": "learner",
        "name": "Ann",
    }
    return {name: value for name, value in (good | changed).items() if value is not None}


def refusal(token: str, class_id: ClassId = CLASS, now: int = NOW) -> str:
    with pytest.raises(TokenRefused) as refused:
        JoinTokens(KEY).take(token, class_id, now)
    return refused.value.reason


def test_a_token_lets_in_once() -> None:
    tokens = JoinTokens()
    token = tokens.write(ANN, NOW)
    assert tokens.take(token, CLASS, NOW + 1) == ANN
    with pytest.raises(TokenRefused, match=r"token\.used"):
        tokens.take(token, CLASS, NOW + 2)


def test_a_spent_token_is_remembered_until_it_expires_and_no_longer() -> None:
    tokens = JoinTokens()
    first = tokens.write(ANN, NOW)
    tokens.take(first, CLASS, NOW)
    later = NOW + TOKEN_LIFETIME_S
    tokens.take(tokens.write(ANN, later), CLASS, later)
    assert len(tokens._used) == 1
    with pytest.raises(TokenRefused, match=r"token\.expired"):
        tokens.take(first, CLASS, later)


def test_a_token_expires_after_five_minutes() -> None:
    tokens = JoinTokens()
    with pytest.raises(TokenRefused, match=r"token\.expired"):
        tokens.take(tokens.write(ANN, NOW), CLASS, NOW + TOKEN_LIFETIME_S)


def test_a_token_for_one_class_does_not_open_another() -> None:
    tokens = JoinTokens()
    with pytest.raises(TokenRefused, match=r"token\.invalid"):
        tokens.take(tokens.write(ANN, NOW), ClassId("chemistry000"), NOW)


def test_a_token_from_before_a_restart_opens_nothing_after_it() -> None:
    with pytest.raises(TokenRefused, match=r"token\.invalid"):
        JoinTokens().take(JoinTokens().write(ANN, NOW), CLASS, NOW)


@pytest.mark.parametrize("claim", ["exp", "iat", "aud", "sub", "jti", "class", "role"])
def test_every_claim_is_required(claim: str) -> None:
    assert refusal(jwt.encode(claims(**{claim: None}), KEY, "HS256")) == "token.invalid"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"aud": "another"}, "token.invalid"),
        ({"role": "owner"}, "token.invalid"),
        ({"exp": NOW + 86_400}, "token.expired"),
        ({"iat": NOW + 3600, "exp": NOW + 3700}, "token.invalid"),
        ({"class": ["biology00000"]}, "token.invalid"),
        ({"admin": True}, "token.invalid"),
    ],
)
def test_claims_are_taken_literally(changed: dict[str, object], reason: str) -> None:
    assert refusal(jwt.encode(claims(**changed), KEY, "HS256")) == reason


def test_no_other_algorithm_is_accepted() -> None:
    assert refusal(jwt.encode(claims(), "", "none")) == "token.invalid"
    assert refusal(jwt.encode(claims(), KEY * 2, "HS512")) == "token.invalid"


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é", "." * 100])
def test_anything_else_is_no_token(token: str) -> None:
    assert refusal(token) == "token.invalid"


def test_a_cookie_comes_back_as_the_visitor_it_was_written_for() -> None:
    cookies = Cookies(keys())
    visitor = Visitor("ann", "Ann Ö", signed_in_at=NOW)
    assert cookies.read(cookies.write(visitor, NOW), NOW + 60) == visitor
    assert visitor.instructor


def test_a_clock_that_was_set_back_makes_nobody_a_stranger() -> None:
    cookies = Cookies(keys())
    visitor = Visitor("ann", "Ann", signed_in_at=NOW)
    assert cookies.read(cookies.write(visitor, NOW), NOW - 3600) == visitor


@pytest.mark.parametrize("tampered", ["", ".", "x.y", "é.é", "a" * 2000])
def test_anything_else_is_a_stranger(tampered: str) -> None:
    assert Cookies(keys()).read(tampered, NOW) == Visitor()


def test_a_cookie_changed_in_any_place_is_a_stranger() -> None:
    cookies = Cookies(keys())
    cookie = cookies.write(Visitor("ann", "Ann", NOW), NOW)
    for at in range(len(cookie)):
        changed = cookie[:at] + ("A" if cookie[at] != "A" else "B") + cookie[at + 1 :]
        assert cookies.read(changed, NOW) == Visitor()


def test_replacing_the_session_key_forgets_everybody() -> None:
    cookie = Cookies(keys()).write(Visitor("ann", "", NOW), NOW)
    assert Cookies(keys(session=b"t" * 32)).read(cookie, NOW) == Visitor()


def test_replacing_the_instructor_key_signs_everybody_out_and_forgets_nobody() -> None:
    cookie = Cookies(keys()).write(Visitor("ann", "", NOW), NOW)
    assert Cookies(keys(instructor="j" * 43)).read(cookie, NOW) == Visitor("ann")


def test_signing_in_lasts_a_month_however_often_the_cookie_is_renewed() -> None:
    cookies = Cookies(keys())
    renewed = cookies.write(Visitor("ann", "", NOW), NOW + INSTRUCTOR_LIFETIME_S)
    assert cookies.read(renewed, NOW + INSTRUCTOR_LIFETIME_S).instructor
    assert not cookies.read(renewed, NOW + INSTRUCTOR_LIFETIME_S + 1).instructor


def test_an_old_cookie_is_a_stranger() -> None:
    cookies = Cookies(keys())
    assert cookies.read(cookies.write(Visitor("ann"), NOW), NOW + PERSON_LIFETIME_S + 1) == Visitor()


def test_a_person_is_one_participant_in_a_class_and_another_in_the_next() -> None:
    cookies = Cookies(keys())
    here = cookies.participant("ann", CLASS, Role.LEARNER)
    assert here == cookies.participant("ann", CLASS, Role.LEARNER)
    assert here != cookies.participant("ann", ClassId("chemistry000"), Role.LEARNER)
    assert here != cookies.participant("bo", CLASS, Role.LEARNER)


def test_a_form_token_is_for_one_person() -> None:
    cookies = Cookies(keys())
    assert cookies.csrf_fits("ann", cookies.csrf("ann"))
    assert not cookies.csrf_fits("bo", cookies.csrf("ann"))
    assert not cookies.csrf_fits("", cookies.csrf(""))
    assert not cookies.csrf_fits("ann", "é")


def test_two_installations_on_one_machine_do_not_share_a_cookie() -> None:
    assert Cookies(keys()).name != Cookies(keys(session=b"t" * 32)).name


def test_keys_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    first = load(tmp_path / "keys")
    assert load(tmp_path / "keys") == first
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    for path in (tmp_path / "keys").iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
    assert len(first.session) == 32
    assert first.instructor not in repr(first)


def test_a_key_file_cut_short_is_refused(tmp_path: Path) -> None:
    load(tmp_path)
    (tmp_path / "instructor.key").write_text("abc\n")
    with pytest.raises(ValueError, match=r"instructor\.key is too short"):
        load(tmp_path)


def test_only_the_api_key_is_the_api_key() -> None:
    assert api_key_fits(keys(), "a" * 43)
    assert not api_key_fits(keys(), "a" * 42)
    assert not api_key_fits(keys(), "é")
