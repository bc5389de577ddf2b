from pathlib import Path

import pytest

from guacr.errors import SettingsError
from guacr.settings import guacd_conf

DOCUMENTED = """\
#
# guacd.conf with everything that guacd has
#

[daemon]
pid_file = /var/run/guacd.pid
log_level = info

[server]
  bind_host = localhost   # a comment
\tbind_port=4822

[ssl]
server_certificate = "/etc/ssl/certs/my \\"own\\" \\\\ # certificate.crt"
server_key = /etc/ssl/private/guacd.key#comment
"""


def test_everything_that_guacd_has() -> None:
    assert guacd_conf.parse(DOCUMENTED) == {
        "daemon": {"pid_file": "/var/run/guacd.pid"},
        "log": {"level": "info"},
        "server": {
            "hosts": ["localhost"],
            "port": "4822",
            "tls_certificate": '/etc/ssl/certs/my "own" \\ # certificate.crt',
            "tls_key": "/etc/ssl/private/guacd.key",
        },
    }


@pytest.mark.parametrize("text", ["", "\n\r\n", "# only a comment", "[server]", "[other]\n"])
def test_nothing_set(text: str) -> None:
    assert guacd_conf.parse(text) == {}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[server]\nbind_prt = 1", "line 2: [server] bind_prt is unknown; guacd.conf has"),
        ("[other]\nbind_port = 1", "line 2: [other] bind_port is unknown; guacd.conf has"),
        ("bind_port = 1", "line 1: bind_port is before the first [section]"),
        ("[server", "line 1: '[server' is neither a [section] nor a name = value"),
        ("[server]\nbind_port", "line 2: 'bind_port' is neither"),
        ("[server]\nbind_port =", "line 2: 'bind_port =' is neither"),
        ('[server]\nbind_host = "a', "line 2: 'bind_host = \"a' is neither"),
        ("[server]\nbind_host = a b", "line 2: 'bind_host = a b' is neither"),
        ("[daemon]\nlog_level = loud", "line 2: log_level must be one of error, warning,"),
    ],
)
def test_line_that_guacd_would_refuse(text: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        guacd_conf.parse(text, "/etc/guacd.conf")
    assert str(caught.value).startswith(f"/etc/guacd.conf, {sentence}")


def test_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        guacd_conf.read(tmp_path / "guacd.conf")
