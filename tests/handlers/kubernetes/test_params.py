"""The parameters are guacd's, by name; guacr's own follow."""

from __future__ import annotations

from handlers.kubernetes.params import KubernetesParams

NAMES = """
hostname port namespace pod container exec-command use-ssl client-cert client-key ca-cert
ignore-cert font-name font-size color-scheme typescript-path typescript-name
create-typescript-path typescript-write-existing recording-path recording-name
recording-exclude-output recording-exclude-mouse recording-include-keys
recording-include-clipboard create-recording-path recording-write-existing read-only backspace
scrollback func-keys-and-keypad clipboard-buffer-size disable-copy disable-paste terminal-type
""".split()  # noqa: SIM905 - a list of 34 strings is no easier to read


def test_names_are_guacds() -> None:
    names = [param.name for param in KubernetesParams.declared()]
    assert names[:34] == NAMES
    assert names[34:] == [
        "minimum-contrast",
        "allow-clipboard-read",
        "token",
        "kubeconfig",
        "context",
        "encoding",
        "enable-files",
        "files-root-directory",
        "disable-download",
        "disable-upload",
    ]


def test_scrollback_and_keys_are_not_mixed_up() -> None:
    params = KubernetesParams.parse({"scrollback": "500", "func-keys-and-keypad": "vt100"})
    assert (params.scrollback, params.func_keys_and_keypad) == (500, "vt100")


def test_secrets_are_marked() -> None:
    secret = {param.name for param in KubernetesParams.declared() if param.spec.secret}
    assert secret == {"client-key", "token", "kubeconfig"}
