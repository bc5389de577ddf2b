"""Private keys as ssh-keygen and openssl write them."""

from __future__ import annotations

import pytest

from guacr.errors import BadRequestError, UnauthorizedError
from handlers.ssh.armour import KEY_MAX
from handlers.ssh.keys import PASSPHRASE_TRIES, load_private_key
from tests.handlers.ssh.people import Person
from tests.support.openssh import OpenSsh

TYPES = {
    "ed25519": ("-t", "ed25519"),
    "rsa": ("-t", "rsa", "-b", "2048"),
    "rsa PKCS#1": ("-t", "rsa", "-b", "2048", "-m", "PEM"),
    "rsa PKCS#8": ("-t", "rsa", "-b", "2048", "-m", "PKCS8"),
    "ecdsa 256": ("-t", "ecdsa", "-b", "256"),
    "ecdsa 384": ("-t", "ecdsa", "-b", "384"),
    "ecdsa 521": ("-t", "ecdsa", "-b", "521"),
    "ecdsa SEC 1": ("-t", "ecdsa", "-m", "PEM"),
    "ecdsa PKCS#8": ("-t", "ecdsa", "-m", "PKCS8"),
}


@pytest.mark.parametrize("passphrase", ["", "Käse & Brot"])
@pytest.mark.parametrize("kind", TYPES)
async def test_every_type_and_format_is_read(server: OpenSsh, kind: str, passphrase: str) -> None:
    options = (*TYPES[kind], "-a", "2")
    text = server.make_key(*options, passphrase=passphrase, authorize=False)
    person = Person()
    key = await load_private_key(text, passphrase, "", person)
    assert len(key.identities) == 1
    assert person.asked == []


@pytest.mark.parametrize("kind", ["ed25519", "rsa PKCS#1", "ecdsa PKCS#8"])
async def test_a_passphrase_is_asked_for_until_it_fits(server: OpenSsh, kind: str) -> None:
    text = server.make_key(*TYPES[kind], "-a", "2", passphrase="right", authorize=False)
    person = Person(["wrong", "right"])
    await load_private_key(text, "", "", person)
    assert person.asked == [("Key passphrase: ", False)] * 2
    assert len(person.shown) == 1

    person = Person(["right"])
    await load_private_key(text, "wrong from the start", "", person)
    assert len(person.asked) == 1


async def test_three_wrong_passphrases_are_enough(server: OpenSsh) -> None:
    text = server.make_key("-t", "ed25519", "-a", "2", passphrase="right", authorize=False)
    person = Person(["wrong"] * 10)
    with pytest.raises(UnauthorizedError, match="passphrases for the private key were wrong"):
        await load_private_key(text, "", "", person)
    assert len(person.asked) == PASSPHRASE_TRIES


async def test_line_ends_may_have_suffered(server: OpenSsh) -> None:
    text = server.make_key("-t", "ed25519", authorize=False)
    for suffered in (
        text.replace("\n", "\r\n"),
        text.replace("\n", "\r"),
        text.replace("\n", " "),
        text.replace("\n", "\\r\\n"),
        text.replace("\n", "\n    "),
        "\ufeff" + text,
        f'"{text.strip()}"',
        "Here it is:\n" + text + "Keep it safe.\n",
        text.replace("\n", "\\n"),
        "\n\n" + text + "\n",
        text.rstrip(),
    ):
        key = await load_private_key(suffered, "", "", Person())
        assert len(key.identities) == 1


@pytest.mark.parametrize("space", [" ", "\n\t"])
async def test_an_encrypted_pem_file_may_have_suffered(server: OpenSsh, space: str) -> None:
    options = ("-t", "rsa", "-b", "2048", "-m", "PEM")
    text = server.make_key(*options, passphrase="right", authorize=False)
    assert "DEK-Info" in text
    await load_private_key(text.replace("\n", space), "right", "", Person())


async def test_a_certificate_may_have_been_folded(server: OpenSsh) -> None:
    text = server.make_key("-t", "ed25519", authorize=False)
    certificate = server.certify(text)
    key = await load_private_key(text, "", "\ufeff  " + certificate.replace(" ", "\n"), Person())
    assert b"cert" in key.identities[0][0]


async def test_a_certificate_comes_with_its_key(server: OpenSsh) -> None:
    text = server.make_key("-t", "ed25519", authorize=False)
    key = await load_private_key(text, "", server.certify(text), Person())
    first, second = key.identities
    assert b"cert" in first[0]
    assert b"cert" not in second[0]


async def test_a_public_key_beside_the_private_one_does_no_harm(server: OpenSsh) -> None:
    text = server.make_key("-t", "ed25519", authorize=False)
    key = await load_private_key(text, "", server.host_key(), Person())
    assert len(key.identities) == 1


async def test_a_certificate_of_another_key_is_refused(server: OpenSsh) -> None:
    text = server.make_key("-t", "ed25519", authorize=False)
    other = server.certify(server.make_key("-t", "ed25519", authorize=False))
    with pytest.raises(BadRequestError, match="no certificate of this private key"):
        await load_private_key(text, "", other, Person())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("hello", "contains no private key"),
        ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== me", "contains a public key or a certificate"),
        ("ssh-rsa-cert-v01@openssh.com AAAAHHNz me", "contains a public key or a certificate"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "contains a public key"),
        ("\ufeff PuTTY-User-Key-File-2: ssh-rsa Encryption: none", "PuTTYgen"),
        ("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n", "PuTTYgen"),
        (
            "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
            "cannot be read",
        ),
        ("-----BEGIN RSA PRIVATE KEY-----\n!\n-----END RSA PRIVATE KEY-----\n", "cannot be read"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n", "its end is missing"),
        ("-----BEGIN PRIVATE KEY-----\n\N{SNOWMAN}\n-----END PRIVATE KEY-----\n", "cannot be read"),
        ("PRIVATE KEY" + "x" * KEY_MAX, "longer than"),
    ],
)
async def test_what_is_no_key_is_told(text: str, reason: str) -> None:
    with pytest.raises(BadRequestError, match=reason):
        await load_private_key(text, "", "", Person())
