"""Kubeconfig texts: what is understood, what is refused, and a session with one over TLS."""

from __future__ import annotations

import json
import ssl
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from guacr.daemon import Daemon
from guacr.errors import BadRequestError
from guacr.protocol.status import Status
from handlers.kubernetes.kubeconfig import TEXT_MAX, Place, applied
from handlers.kubernetes.params import KubernetesParams
from tests.handlers.kubernetes.test_session import failure
from tests.support.certificates import Authority
from tests.support.kube_api import KubeApi, kube_api
from tests.support.ssh_desk import desk
from tests.support.waiting import until

YAML = """
apiVersion: v1
kind: Config
current-context: work
preferences: {}
contexts:
- name: work
  context: {cluster: one, user: account, namespace: team}
- name: home
  context:
    cluster: two
    user: person
clusters:
- name: one
  cluster:
    server: https://api.example:6443/k8s/clusters/c-1/
    certificate-authority-data: UEVN
    tls-server-name: kubernetes
- name: two
  cluster:
    server: http://[::1]
    insecure-skip-tls-verify: true
users:
- name: account
  user:
    token: "123"
- name: person
  user:
    client-certificate-data: Y2VydA==
    client-key-data: |
      a2
      V5
"""


def b64(text: str) -> str:
    return b64encode(text.encode()).decode()


def config(server: str, user: dict[str, Any], **cluster: Any) -> str:
    """A kubeconfig in JSON, which is YAML too."""
    return json.dumps(
        {
            "kind": "Config",
            "current-context": "a",
            "contexts": [{"name": "a", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
            "users": [{"name": "u", "user": user}],
        }
    )


def read(text: str, **values: str) -> tuple[KubernetesParams, Place]:
    return applied(KubernetesParams.parse({"kubeconfig": text} | values))


def test_the_current_context() -> None:
    params, place = read(YAML)
    assert (params.hostname, params.port, params.use_ssl) == ("api.example", 6443, True)
    assert (params.namespace, params.token, params.ca_cert) == ("team", "123", "PEM")
    assert (params.client_cert, params.ignore_cert) == ("", False)
    assert place == Place("/k8s/clusters/c-1", "kubernetes")


def test_another_context() -> None:
    params, place = read(YAML, context="home", namespace="mine")
    assert (params.hostname, params.port, params.use_ssl) == ("::1", 80, False)
    assert (params.namespace, params.token, params.ignore_cert) == ("mine", "", True)
    assert (params.client_cert, params.client_key) == ("cert", "key")
    assert place == Place()


def test_without_one_nothing_changes() -> None:
    params = KubernetesParams.parse({"hostname": "h", "token": "t"})
    assert applied(params) == (params, Place())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("just a text", "is not a kubeconfig"),
        ("kind: Pod", "is not a kubeconfig"),
        ("a: [1", "is not YAML: see line"),
        ("[" * 50_000, "is not YAML"),
        ("a\x01", "is not YAML"),
        ('"\\UFFFFFFFF"', "is not YAML"),
        ('"\\U00110000"', "is not YAML"),
        ("%YAML " + "9" * 5000 + ".1\n--- {}", "is not YAML"),
        ("a: &a [*a]", "is not YAML"),
        ("? [a]\n: b", "is not YAML"),
        (config(f"https://h:{'9' * 5000}", {}), "server must be like"),
        (config("https://[h", {}), "server must be like"),
        ("kind: Config", "no current-context"),
        ("current-context: [1]", "current-context must be a text"),
        ("current-context: x", "no context 'x'"),
        ("current-context: x\ncontexts: 3", "no context 'x'"),
        ("#" * (TEXT_MAX + 1), "longer than"),
        (config("https://h", {}, **{"certificate-authority": "/etc/ca"}), "names a file in certif"),
        (config("https://h", {"client-key": "/k"}), "names a file in client-key"),
        (config("https://h", {"tokenFile": "/t"}), "names a file in tokenFile"),
        (config("https://h", {"exec": {"command": "aws"}}), "requests a program to run"),
        (config("https://h", {"auth-provider": {"name": "gcp"}}), "an authentication provider"),
        (config("https://h", {"username": "u", "password": "sesame"}), "a user name and password"),
        (config("https://h", {"as": "root"}), "another user to act as"),
        (config("https://h", {}, **{"proxy-url": "http://p"}), "a proxy"),
        (config("ftp://h", {}), "server must be like"),
        (config("https://h:99999", {}), "server must be like"),
        (config("https://u:sesame@h", {}), "server must be like https://HOST:PORT, not 'h'"),
        (config("", {}), "server must be like"),
        (config("https://h", {"client-key-data": "sesame!"}), "must be a PEM text in base64"),
        (config("https://h", {"token": ["sesame"]}), "token must be a text"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(BadRequestError) as raised:
        read(text)
    assert message in str(raised.value)
    assert "sesame" not in str(raised.value)


@pytest.mark.parametrize("name", ["hostname", "token", "client-key"])
def test_two_answers_to_one_question(name: str) -> None:
    with pytest.raises(BadRequestError, match=f"sets what {name} sets, too"):
        read(YAML, **{name: "x"})


def test_references_do_not_grow() -> None:
    levels = "".join(f"l{n}: &l{n} [*l{n - 1}, *l{n - 1}]\n" for n in range(1, 60))
    with pytest.raises(BadRequestError, match="no current-context"):
        read(f"l0: &l0 x\n{levels}")


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def tls(authority: Authority, tmp_path: Path) -> ssl.SSLContext:
    return authority.server_context(tmp_path)


def text_for(values: dict[str, str], user: dict[str, str], authority: Authority) -> dict[str, str]:
    """The parameters for a server, with all that can be in a kubeconfig."""
    server = f"https://127.0.0.1:{values['port']}/clusters/c-1"
    trusted = {"certificate-authority-data": b64(authority.certificate)}
    named = trusted | {"tls-server-name": "localhost"}
    return {"pod": "web", "kubeconfig": config(server, user, **named)}


async def test_a_service_account(daemon: Daemon, authority: Authority, tls: ssl.SSLContext) -> None:
    api = KubeApi(token="sesame")
    async with kube_api(api, tls) as values:
        right = text_for(values, {"token": "sesame"}, authority)
        async with desk(daemon, right, protocol="kubernetes") as person:
            await until(lambda: person.text.rstrip().endswith("ready>"), "a prompt")
        assert api.paths == ["/clusters/c-1/api/v1/namespaces/default/pods/web/attach"]
        _, status = await failure(daemon, text_for(values, {"token": "sesame-not"}, authority))
        assert status == Status.CLIENT_UNAUTHORIZED
        other = text_for(values, {"token": "sesame"}, Authority())
        sentence, _ = await failure(daemon, other)
        assert "is not trusted" in sentence


async def test_a_client_certificate(
    daemon: Daemon, authority: Authority, tls: ssl.SSLContext
) -> None:
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_verify_locations(cadata=authority.certificate)
    own = authority.issue("ann")
    api = KubeApi()
    user = {"client-certificate-data": b64(own.certificate), "client-key-data": b64(own.key)}
    async with kube_api(api, tls) as values:
        parameters = text_for(values, user, authority)
        async with desk(daemon, parameters, protocol="kubernetes") as person:
            await until(lambda: person.text.rstrip().endswith("ready>"), "a prompt")
    assert api.clients == ["ann"]


async def test_the_name_in_the_servers_certificate_counts(
    daemon: Daemon, authority: Authority, tls: ssl.SSLContext
) -> None:
    async with kube_api(KubeApi(), tls) as values:
        parameters = text_for(values, {}, authority)
        wrong = parameters["kubeconfig"].replace('"localhost"', '"elsewhere"')
        sentence, status = await failure(daemon, parameters | {"kubeconfig": wrong})
    assert status == Status.UPSTREAM_ERROR
    assert "is not trusted" in sentence


async def test_a_refused_text_ends_the_session(daemon: Daemon) -> None:
    sentence, status = await failure(daemon, {"pod": "web", "kubeconfig": "kind: Pod"})
    assert status == Status.CLIENT_BAD_REQUEST
    assert "is not a kubeconfig" in sentence
