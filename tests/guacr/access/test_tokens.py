"""Tokens: what they grant, and when they are refused."""

import hashlib
import json
import subprocess

import pytest
from joserfc import jwe
from joserfc.jwk import OctKey

from guacr.access.guacamole_lite import (
    is_guacamole_lite,
    make_guacamole_lite_token,
    read_guacamole_lite_token,
)
from guacr.access.tokens import ALGORITHMS, CLOCK_SKEW, TOKEN_MAX, Grant, make_token, read_token
from guacr.errors import UnauthorizedError
from guacr.protocol.status import Status
from guacr.session.origin import TokenTerms
from guacr.settings.limits import OwnLimits
from tests.support.node import require_package
from tests.support.require import require

KEY = "a key that is long enough for tokens"
OTHER_KEY = "another key, which made other tokens"
NOW = 1_800_000_000.0
LIMITED = TokenTerms("", 0.0, OwnLimits(connects=0.5, session_length=60.0))
LITE_KEY = "MySuperSecretKeyForParamsToken12"
LITE_SSH = (
    "eyJpdiI6IkJIaDF0YlpCbXFMY0lVMEdvTzVKUkE9PSIsInZhbHVlIjoicGYyZ3RmNlpEVWhVSWkyOUZnZnFPUW4vU2hx"
    "N045L0F4ZHNPSnBNSHU2ZjF4QXZzRktiM05LbWVSaXo3aDNPS0d3YTRPMEliR3hMbDVJOHQxS1VPYWFsQ01mSHZRenp1"
    "bm5ReFJaMEZ1L2xTN0pLbEdTN1hXeGt0OGZRY0I5Mkh3L0l1T2tNYlZiZjdZM0JpaFpHVnU2R3VYTHlubDdqdUNudDJs"
    "R0EyY29xcVlLcGM2M01YRVRjWUE0eTR0WWdJUGcyaS9WaCszdzUwRlVWSnJTazFDVmJCSExWVUIvMWFFanY3U2dZKzhR"
    "aGxXRmhLaEFsbHhabXptODgrNS9VeCJ9"
)
LITE_JOIN = (
    "eyJpdiI6IjlaaHl5SXBodUNMWnd4N3RnbElnekE9PSIsInZhbHVlIjoiTWpha3VyYVlUS0dkbzFXMTh1SHNGakVqUUlG"
    "Mzk4dlVLWHNtOEdHTW9rV3lZY2pMeG9HSEc1TVpmdUlQSXFSRHprVXZ1eGxFNmhVZkxZZFczL3BqUFhXRlBBeXd2K1R1"
    "QjZuVkRRZFYwbkR4aTM3U1FjWjdXUU9VYTJ2dytIcjUifQ=="
)
LITE_NON_ASCII = (
    "eyJpdiI6ImJvME53cGVrYjJqRVZOQk91bWVFNUE9PSIsInZhbHVlIjoid2h3bFpnMWxxKzUyR3FnZ0MrMGlONDhtdlF4"
    "NXpwd3BXMFUxTGJWT2lKYVRPV0IzaW5IaG1OUXJXaHd4aXFicVQ0K1pLWU1yZFZiaGxaUEE2ckU2UjI4ZHRESFo0b1I3"
    "ZHdVWHpqUVgzdC85bTE3bXVjNC82cTZvUy9yVFd3S0sifQ=="
)
"""Made by guacamole-lite 1.2.0's own Crypt.js."""


def claims_token(claims: object, key: str = KEY) -> str:
    """A token with any claims, made as another program would make it."""
    secret = OctKey.import_key(hashlib.sha256(key.encode()).digest())
    header = {"alg": "dir", "enc": "A256GCM"}
    return jwe.encrypt_compact(header, json.dumps(claims), secret, algorithms=list(ALGORITHMS))


def refusal(token: str, *keys: str, now: float = NOW) -> str:
    with pytest.raises(UnauthorizedError) as caught:
        read_token(keys or (KEY,), token, now=now)
    assert caught.value.status is Status.CLIENT_UNAUTHORIZED
    return str(caught.value)


def lite_refusal(token: str, key: str = LITE_KEY) -> str:
    with pytest.raises(UnauthorizedError) as caught:
        read_guacamole_lite_token(key, token)
    return str(caught.value)


@pytest.mark.parametrize(
    "grant",
    [
        Grant(protocol="ssh", parameters={"hostname": "h", "password": "pä55 😀"}),
        Grant(protocol="vnc", allow=("color-scheme", "font-size"), terms=TokenTerms("t-1")),
        Grant(name="router", terms=TokenTerms("t-2", once_until=NOW + 60)),
        Grant(join="$id", parameters={"read-only": "true"}, subject="ann", terms=LIMITED),
        Grant(name="router"),
        Grant(join="$id", parameters={"read-only": "true"}),
        Grant(join="$id", parameters={"read-only": "false"}),
    ],
)
def test_a_grant_comes_back(grant: Grant) -> None:
    token = make_token(KEY, grant, now=NOW, lifetime=60)
    assert read_token([OTHER_KEY, KEY], token, now=NOW + 59) == grant
    assert "pä55" not in token


def test_recordings_are_watched_with_many_requests() -> None:
    grant = Grant(recordings="*", terms=TokenTerms("t", once_until=1))
    assert "cannot work once" in refusal(make_token(KEY, grant, now=NOW, lifetime=60))


def test_tokens_of_the_same_grant_differ() -> None:
    one, other = (make_token(KEY, Grant(name="a"), now=NOW, lifetime=9) for _ in range(2))
    assert one != other


def test_nothing_secret_is_in_the_representation() -> None:
    assert "pa55" not in repr(Grant(protocol="ssh", parameters={"password": "pa55"}))


def test_it_expires() -> None:
    token = make_token(KEY, Grant(name="a"), now=NOW, lifetime=60)
    assert "expired: ask for a new one" in refusal(token, now=NOW + 60)


def test_another_key() -> None:
    token = make_token(OTHER_KEY, Grant(name="a"), now=NOW, lifetime=60)
    assert "another key" in refusal(token)


def test_every_changed_character_is_noticed() -> None:
    token = make_token(KEY, Grant(name="a"), now=NOW, lifetime=60)
    for index, character in enumerate(token):
        if index == len(token) - 1:
            continue  # of the last one two bits count
        changed = token[:index] + ("A" if character != "A" else "B") + token[index + 1 :]
        assert "token is invalid" in refusal(changed)


@pytest.mark.parametrize(
    "token",
    [
        "", ".", "a.b.c.d.e", "....", "é.é.é.é.é", "\udcff....", "e30..AA.AA.AA", "[" * 5000,
        "eyJhbGciOiJkaXIiLCJlbmMiOltdfQ....",  # "enc": []
        "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwiY3JpdCI6MX0..AA.AA.AA",  # "crit": 1
    ],
)  # fmt: skip
def test_what_is_no_token(token: str) -> None:
    assert "token is invalid" in refusal(token)


def test_a_token_that_is_too_long() -> None:
    assert "longer" in refusal("a" * (TOKEN_MAX + 1))
    assert "token is invalid" in refusal("a" * TOKEN_MAX)


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"connection": {"name": "a"}}, "no expiry time"),
        ({"exp": "soon", "connection": {"name": "a"}}, "not a time"),
        ({"exp": True, "connection": {"name": "a"}}, "not a time"),
        ({"exp": 10**400, "connection": {"name": "a"}}, "not a time"),
        ({"exp": NOW + 9, "iat": -(10**400), "connection": {"name": "a"}}, "not a time"),
        ({"exp": float("nan"), "connection": {"name": "a"}}, "token is invalid"),
        ({"exp": float("inf"), "connection": {"name": "a"}}, "token is invalid"),
        ({"exp": NOW + 9, "connection": {"name": "\ud800"}}, "token is invalid"),
        ({"exp": NOW + 9, "nbf": NOW + CLOCK_SKEW + 1, "connection": {"name": "a"}}, "not valid y"),
        ({"exp": NOW + 9, "iat": NOW + CLOCK_SKEW + 1, "connection": {"name": "a"}}, "not valid y"),
        ({"exp": NOW + 9}, "what to connect to"),
        ({"exp": NOW + 9, "connection": "ssh"}, "what to connect to"),
        ({"exp": NOW + 9, "connection": {}}, "must name one"),
        ({"exp": NOW + 9, "connection": {"name": "a", "join": "$b"}}, "must name one"),
        ({"exp": NOW + 9, "connection": {"name": ["a"]}}, "must name one"),
        ({"exp": NOW + 9, "connection": {"protocol": "ssh", "parameters": []}}, "not an object"),
        ({"exp": NOW + 9, "connection": {"protocol": "s", "parameters": {"a": []}}}, "not text"),
        ({"exp": NOW + 9, "connection": {"name": "a"}, "allow": "all"}, "list of names"),
        ([], "token is invalid"),
    ],
)
def test_claims_that_do_not_do(claims: object, words: str) -> None:
    assert words in refusal(claims_token(claims))


def test_clocks_may_differ_a_little() -> None:
    claims = {"exp": NOW + 9, "iat": NOW + CLOCK_SKEW, "connection": {"name": "a"}}
    assert read_token([KEY], claims_token(claims), now=NOW) == Grant(name="a")


def test_values_of_parameters_become_texts() -> None:
    parameters = {"port": 22, "scale": 1.5, "enable-sftp": False, "read-only": True, "none": None}
    claims = {"exp": NOW + 9, "connection": {"protocol": "ssh", "parameters": parameters}}
    assert read_token([KEY], claims_token(claims), now=NOW).parameters == {
        "port": "22",
        "scale": "1.5",
        "enable-sftp": "false",
        "read-only": "true",
    }


@pytest.mark.parametrize("given", [{}, {"read-only": None}, {"read-only": "yes"}])
def test_a_joiner_may_only_watch_unless_the_token_says_otherwise(given: dict[str, object]) -> None:
    claims = {"exp": NOW + 9, "connection": {"join": "$id"} | given}
    assert read_token([KEY], claims_token(claims), now=NOW).parameters == {"read-only": "true"}


# ---- guacamole-lite


def test_guacamole_lites_own_tokens() -> None:
    grant = read_guacamole_lite_token(LITE_KEY, LITE_SSH)
    assert (grant.protocol, grant.join, grant.lenient) == ("ssh", "", True)
    assert grant.parameters == {
        "hostname": "10.0.0.12",
        "username": "ann",
        "password": "pa55",
        "port": "22",
        "enable-sftp": "false",
        "dpi": "120",
        "width": "800",
    }


def test_guacamole_lites_join() -> None:
    grant = read_guacamole_lite_token(LITE_KEY, LITE_JOIN)
    assert grant.join == "$0f9ee9f2-6a23-4c6e-9d40-19ba1a4ed9a4"
    assert grant.parameters == {"read-only": "true"}


def test_settings_beyond_ascii_arrive_whole() -> None:
    grant = read_guacamole_lite_token(LITE_KEY, LITE_NON_ASCII)
    assert grant.parameters == {"hostname": "h", "username": "Zoë 😀"}


def test_tokens_as_addresses_change_them() -> None:
    grant = read_guacamole_lite_token(LITE_KEY, LITE_SSH)
    for changed in (LITE_SSH.replace("+", " "), LITE_SSH.rstrip("="), LITE_SSH.replace("/", "_")):
        assert read_guacamole_lite_token(LITE_KEY, changed) == grant


def test_the_two_kinds_are_told_apart() -> None:
    assert is_guacamole_lite(LITE_SSH)
    assert not is_guacamole_lite(make_token(KEY, Grant(name="a"), now=NOW, lifetime=1))


@pytest.mark.parametrize(
    "token", ["", "!!!", "e30=", "W10=", "bnVsbA==", "[" * 5000, "W1tb" * 5000, LITE_SSH[:-8]]
)
def test_what_is_no_guacamole_lite_token(token: str) -> None:
    assert "token is invalid" in lite_refusal(token)


def test_guacamole_lite_with_another_key() -> None:
    assert "another key" in lite_refusal(LITE_SSH, "x" * 32)
    assert "longer" in lite_refusal("a" * (TOKEN_MAX + 1))


def test_a_guacamole_lite_token_for_nothing() -> None:
    assert "what to connect to" in lite_refusal(make_guacamole_lite_token(LITE_KEY, Grant()))


@pytest.fixture
def crypt() -> str:
    """JavaScript that makes `crypt`, guacamole-lite's own."""
    module = json.dumps(str(require_package("guacamole-lite") / "lib" / "Crypt.js"))
    key = json.dumps(LITE_KEY)
    return f"const crypt = new (require({module}))('AES-256-CBC', {key});"


def run_node(script: str) -> str:
    node = require("node")
    done = subprocess.run([node, "-e", script], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_guacamole_lite_reads_ours(crypt: str) -> None:
    grant = Grant(protocol="ssh", parameters={"hostname": "h", "password": "pa55"})
    token = make_guacamole_lite_token(LITE_KEY, grant)
    read = run_node(f"{crypt} console.log(JSON.stringify(crypt.decrypt({json.dumps(token)})))")
    assert json.loads(read) == {
        "connection": {"type": "ssh", "settings": {"hostname": "h", "password": "pa55"}}
    }


def test_we_read_guacamole_lites(crypt: str) -> None:
    connection = {"connection": {"type": "vnc", "settings": {"hostname": "ü", "port": "1"}}}
    script = f"for (let i = 0; i < 50; i++) console.log(crypt.encrypt({json.dumps(connection)}))"
    for token in run_node(f"{crypt} {script}").split():
        grant = read_guacamole_lite_token(LITE_KEY, token)
        assert grant.parameters == {"hostname": "ü", "port": "1"}
