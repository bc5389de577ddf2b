"""The connections that a browser may open."""

import pytest

from guacr.access.gateway import FORM_LIFETIME, JOIN_LIFETIME, Gateway, Offer, Opening
from guacr.access.guacamole_lite import make_guacamole_lite_token
from guacr.access.keys import ProcessKeys
from guacr.access.tokens import Grant, make_token
from guacr.errors import (
    BadRequestError,
    ForbiddenError,
    NotFoundError,
    UnauthorizedError,
    UnsupportedError,
)
from guacr.policy.client import Client
from guacr.session.origin import ANYONE, Origin
from guacr.session.params import Params
from guacr.session.protocols import Protocols
from guacr.settings.access import AccessSettings
from guacr.settings.models import Settings
from tests.support.loopback import SketchHandler, SketchParams

KEY = "a key that is long enough for tokens"
LITE_KEY = "x" * 32
KEYS = ProcessKeys("the daemon's own key")
NOW = 1_800_000_000.0
CONNECTIONS = {
    "desk": {
        "protocol": "sketch",
        "title": "The desk",
        "parameters": {"hostname": "inside", "password": "pa55", "level": 3, "read-only": False},
        "allow_query_parameters": ["level", "read-only"],
    },
    "plain": {"protocol": "sketch"},
}


class Clock:
    """A time that tests set."""

    now = NOW

    def __call__(self) -> float:
        return self.now


def gateway(clock: Clock | None = None, keys: ProcessKeys = KEYS, **websocket: object) -> Gateway:
    settings = Settings.model_validate({"websocket": websocket, "connections": CONNECTIONS})

    def params_type(select: str) -> type[Params]:
        if select == "$gone":
            raise NotFoundError("unknown connection")
        return SketchParams

    protocols = Protocols({"sketch": SketchHandler})
    return Gateway(settings, protocols, params_type, keys, clock or Clock())


def resolve(of: Gateway, **query: str) -> Opening:
    return of.resolve([(name.replace("_", "-"), text) for name, text in query.items()])


def token(grant: Grant, lifetime: float = 60) -> str:
    return make_token(KEY, grant, now=NOW, lifetime=lifetime)


def test_a_configured_connection() -> None:
    opening = resolve(gateway(), connection="desk", width="800", height="600")
    assert opening.select == "sketch"
    assert opening.values == {
        "hostname": "inside",
        "password": "pa55",
        "level": "3",
        "read-only": "false",
    }
    assert (opening.info.width, opening.info.height) == (800, 600)
    assert "pa55" not in repr(opening)


def test_an_operator_vouches_for_what_no_address_has_set() -> None:
    opening = resolve(gateway(), connection="desk", level="4")
    trusted = frozenset({"hostname", "password", "read-only"})
    assert opening.origin == Origin(trusted, connection="desk")


def test_a_token_vouches_for_its_parameters_and_its_subject() -> None:
    parameters = {"hostname": "a", "level": "2"}
    grant = Grant(protocol="sketch", parameters=parameters, allow=("level",), subject="alice")
    opening = resolve(gateway(token_keys=[KEY]), token=token(grant), level="3")
    assert opening.origin == Origin(frozenset({"hostname"}), "alice")
    named = token(Grant(name="plain", subject="bob"))
    origin = resolve(gateway(token_keys=[KEY]), token=named).origin
    assert origin == Origin(subject="bob", connection="plain")


def test_a_form_and_guacamole_lite_vouch_for_nothing() -> None:
    open_gateway = gateway(allow_query_parameters=["*"])
    form = open_gateway.form_token("sketch", {"hostname": "a"})
    assert resolve(open_gateway, token=form).origin == ANYONE
    assert resolve(open_gateway, protocol="sketch", hostname="a").origin == ANYONE
    lite = make_guacamole_lite_token(
        LITE_KEY, Grant(protocol="sketch", parameters={"hostname": "a"})
    )
    assert resolve(gateway(guacamole_lite_key=LITE_KEY), token=lite).origin == ANYONE


def test_what_the_page_lists() -> None:
    assert gateway().offers() == [
        Offer("desk", "The desk", "sketch"),
        Offer("plain", "plain", "sketch"),
    ]
    assert gateway(token_keys=[KEY]).offers() == []


def test_the_page_lists_what_access_rules_allow() -> None:
    made = gateway(allow_query_parameters=["*"])
    rules = {"rules": [{"connections": ["d*"], "addresses": ["127.0.0.1"]}]}
    limited = AccessSettings.model_validate(rules)
    made.reload(made._settings.model_copy(update={"access": limited}))
    here, elsewhere = Client("websocket", "127.0.0.1"), Client("websocket", "10.0.0.1")
    assert [offer.name for offer in made.offers(here)] == ["desk"]
    assert made.offers(elsewhere) == []
    assert made.forms(here) == {}


def test_a_token_that_is_authenticated_is_an_invitation() -> None:
    made = gateway(token_keys=[KEY], guacamole_lite_key=LITE_KEY)
    link = made.join_token("$id", read_only=True)
    assert resolve(made, token=link).origin.invited
    lite = make_guacamole_lite_token(LITE_KEY, Grant(join="$id"))
    assert not resolve(made, token=lite).origin.invited


def test_an_unknown_connection() -> None:
    with pytest.raises(NotFoundError, match="'nowhere'"):
        resolve(gateway(), connection="nowhere")


def test_nothing_asked_for() -> None:
    with pytest.raises(NotFoundError, match="does not say what to connect to"):
        resolve(gateway(), width="800")


def test_the_address_sets_what_is_allowed_alone() -> None:
    assert resolve(gateway(), connection="desk", level="5").values["level"] == "5"
    with pytest.raises(ForbiddenError, match="'hostname' may not be set"):
        resolve(gateway(), connection="desk", hostname="elsewhere")
    with pytest.raises(ForbiddenError, match="'level'"):
        resolve(gateway(), connection="plain", level="5")
    everywhere = gateway(allow_query_parameters=["level"])
    assert resolve(everywhere, connection="plain", level="5").values == {"level": "5"}


def test_rights_once_set_are_fixed() -> None:
    opening = resolve(gateway(), connection="desk", read_only="true")
    assert opening.values["read-only"] == "false"
    opening = resolve(gateway(allow_query_parameters=["*"]), connection="plain", read_only="true")
    assert opening.values["read-only"] == "true"


def test_with_a_key_everything_needs_a_token() -> None:
    locked = gateway(token_keys=[KEY], allow_query_parameters=["*"])
    for query in ({"connection": "desk"}, {"protocol": "sketch"}, {}):
        with pytest.raises(UnauthorizedError, match="token is required"):
            resolve(locked, **query)
    assert resolve(locked, token=token(Grant(name="desk"))).values["hostname"] == "inside"


def test_a_token_with_parameters() -> None:
    grant = Grant(protocol="sketch", parameters={"hostname": "h"}, allow=("level",))
    opening = resolve(gateway(token_keys=[KEY]), token=token(grant), level="7")
    assert (opening.select, opening.values) == ("sketch", {"hostname": "h", "level": "7"})
    with pytest.raises(ForbiddenError, match="'colour'"):
        resolve(gateway(token_keys=[KEY]), token=token(grant), colour="red")


def test_a_token_that_has_expired() -> None:
    clock = Clock()
    locked = gateway(clock, token_keys=[KEY])
    text = token(Grant(name="desk"))
    resolve(locked, token=text)
    clock.now += 60
    with pytest.raises(UnauthorizedError, match="expired"):
        resolve(locked, token=text)


def test_every_configured_key_is_taken() -> None:
    rotated = gateway(token_keys=["a new key, which makes tokens now on", KEY])
    assert resolve(rotated, token=token(Grant(name="plain"))).select == "sketch"


def test_a_token_for_a_connection_that_is_gone() -> None:
    with pytest.raises(NotFoundError, match="'old'"):
        resolve(gateway(token_keys=[KEY]), token=token(Grant(name="old")))


# ---- joining


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize("keys", [[], [KEY]])
def test_join_links(read_only: bool, keys: list[str]) -> None:
    clock = Clock()
    of = gateway(clock, token_keys=keys)
    link = of.join_token("$session", read_only=read_only)
    opening = resolve(of, token=link)
    assert opening.select == "$session"
    assert opening.values == {"read-only": "true" if read_only else "false"}
    clock.now += JOIN_LIFETIME
    with pytest.raises(UnauthorizedError, match="expired"):
        resolve(of, token=link)


def test_a_viewer_cannot_make_more_of_a_link() -> None:
    of = gateway(allow_query_parameters=["*"])
    link = of.join_token("$session", read_only=True)
    assert resolve(of, token=link, read_only="false").values["read-only"] == "true"


def test_links_of_another_daemon_are_refused() -> None:
    token = gateway(keys=ProcessKeys.generate()).join_token("$session", read_only=True)
    with pytest.raises(UnauthorizedError, match="another key"):
        resolve(gateway(), token=token)


def test_processes_with_the_same_keys_take_each_others_links() -> None:
    token = gateway().join_token("$session", read_only=True)
    assert resolve(gateway(), token=token).select == "$session"


def test_an_id_alone_is_refused() -> None:
    with pytest.raises(ForbiddenError, match="join link"):
        resolve(gateway(), join="$session")
    with pytest.raises(ForbiddenError):
        resolve(gateway(), protocol="$session")


# ---- any host


def test_forms_are_there_where_the_address_may_set_the_protocol() -> None:
    assert gateway().forms() == {}
    assert gateway(allow_query_parameters=["hostname"]).forms() == {}
    assert gateway(allow_query_parameters=["*"], token_keys=[KEY]).forms() == {}
    allowed = gateway(allow_query_parameters=["protocol", "hostname"])
    assert allowed.forms()["sketch"] is SketchParams
    assert (allowed.may_set("hostname"), allowed.may_set("password")) == (True, False)


def test_a_filled_in_form() -> None:
    clock = Clock()
    of = gateway(clock, allow_query_parameters=["*"])
    link = of.form_token("sketch", {"hostname": "h", "password": "pa55"})
    assert resolve(of, token=link).values == {"hostname": "h", "password": "pa55"}
    clock.now += FORM_LIFETIME
    with pytest.raises(UnauthorizedError, match="expired"):
        resolve(of, token=link)


def test_forms_that_are_refused() -> None:
    with pytest.raises(ForbiddenError, match="choose one of the list"):
        gateway().form_token("sketch", {})
    of = gateway(allow_query_parameters=["protocol", "level"])
    with pytest.raises(ForbiddenError, match="'hostname'"):
        of.form_token("sketch", {"hostname": "h"})
    with pytest.raises(BadRequestError, match="level"):
        of.form_token("sketch", {"level": "many"})
    with pytest.raises(UnsupportedError, match="'fax'"):
        of.form_token("fax", {})
    with pytest.raises(UnsupportedError):
        gateway(allow_query_parameters=["*"]).form_token("$session", {})


def test_a_protocol_in_the_address() -> None:
    of = gateway(allow_query_parameters=["protocol", "hostname"])
    opening = resolve(of, protocol="sketch", hostname="h")
    assert (opening.select, opening.values) == ("sketch", {"hostname": "h"})
    with pytest.raises(UnsupportedError):
        resolve(of, protocol="$session")


# ---- guacamole-lite


def lite(**settings: str) -> str:
    return make_guacamole_lite_token(LITE_KEY, Grant(protocol="sketch", parameters=settings))


def test_guacamole_lites_tokens() -> None:
    of = gateway(guacamole_lite_key=LITE_KEY)
    text = lite(hostname="h", width="640", height="480", dpi="120", unknown="left out")
    opening = resolve(of, token=text, height="500", nonsense="left out")
    assert (opening.select, opening.values) == ("sketch", {"hostname": "h"})
    assert (opening.info.width, opening.info.height, opening.info.dpi) == (640, 500, 120)


def test_guacamole_lites_joins() -> None:
    of = gateway(guacamole_lite_key=LITE_KEY)
    grant = Grant(join="$session", parameters={"read-only": "true", "width": "99"})
    opening = resolve(of, token=make_guacamole_lite_token(LITE_KEY, grant), read_only="false")
    assert (opening.select, opening.values) == ("$session", {"read-only": "true"})
    gone = Grant(join="$gone")
    with pytest.raises(NotFoundError):
        resolve(of, token=make_guacamole_lite_token(LITE_KEY, gone))


def test_the_beginning_of_a_token_is_told_to_be_incomplete() -> None:
    made = gateway(token_keys=[KEY])
    token = made.join_token("$id", read_only=True)
    with pytest.raises(UnauthorizedError, match="incomplete: open the whole link"):
        resolve(made, token=token[:20])


def test_guacamole_lites_tokens_need_their_key() -> None:
    with pytest.raises(UnauthorizedError, match="guacamole_lite_key"):
        resolve(gateway(), token=lite())
    with pytest.raises(UnauthorizedError, match="token is required"):
        resolve(gateway(guacamole_lite_key=LITE_KEY), connection="desk")
