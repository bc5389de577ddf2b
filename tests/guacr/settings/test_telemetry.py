"""The settings of OpenTelemetry."""

import pytest

from guacr.errors import SettingsError
from guacr.settings.configuration import Source, merge


def endpoint(url: str) -> str:
    return merge([Source("test", {"telemetry": {"endpoint": url}})]).telemetry.endpoint


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:4318", "https://[::1]:4318/otlp"])
def test_collectors(url: str) -> None:
    assert endpoint(url) == url


@pytest.mark.parametrize("url", ["127.0.0.1:4318", "ftp://host", "http://", "http://[::1", "/x"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="endpoint must be a URL such as"):
        endpoint(url)


def test_a_password_belongs_into_the_headers() -> None:
    with pytest.raises(SettingsError, match="OTEL_EXPORTER_OTLP_HEADERS") as caught:
        endpoint("http://user:secret@host:4318")
    assert "secret" not in str(caught.value)
