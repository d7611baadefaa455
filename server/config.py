"""Every setting, once: its flag, its environment variable, its default, its meaning.

The command line, the environment and docs/configuration.md are all read off SETTINGS; a flag wins over the environment,
the environment over the default. What is *not* here: what a setting does (its one reader knows) and any secret (keys
are files under the data directory, never flags).
"""

from __future__ import annotations

import argparse
import ipaddress
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class Setting(Struct, frozen=True):
    """One setting. The flag is `--name`, the environment variable `BICHRON_NAME`."""

    name: str
    default: str
    metavar: str
    meaning: str

    @property
    def flag(self) -> str:
        return f"--{self.name}"

    @property
    def env(self) -> str:
        return "BICHRON_" + self.name.upper().replace("-", "_")

    @property
    def field(self) -> str:
        return self.name.replace("-", "_")


SETTINGS: tuple[Setting, ...] = (
    Setting("data", "./data", "DIR", "Where classes, recordings, catalogue and keys are kept. Made if missing."),
    Setting(
        "host",
        "localhost",
        "ADDRESS",
        "Address to listen on, for pages and media. The default serves this machine only; "
        "`0.0.0.0` serves the network, and then browsers need TLS to give out a camera.",
    ),
    Setting("port", "8080", "PORT", "TCP port of the pages and the WebSocket. `0` takes a free one."),
    Setting("udp-port", "8189", "PORT", "The one UDP port of all media. `0` takes a free one."),
    Setting(
        "public-address",
        "",
        "IPS",
        "The address under which browsers reach the UDP port, where it differs from `--host` (behind NAT, in a "
        "container); several, separated by commas, if there are several ways. Empty: `--host`, or this machine's own "
        "address when listening on all.",
    ),
    Setting(
        "public-url",
        "",
        "URL",
        "The address people type, such as `https://class.example.org`, where a proxy stands in front. Invitations are "
        "built from it and no other name is answered. Empty: what the browser asked for.",
    ),
    Setting(
        "trusted-proxies",
        "",
        "NETWORKS",
        "Networks, separated by commas, whose `X-Forwarded-For` is believed when limiting attempts by address.",
    ),
    Setting(
        "turn-urls",
        "",
        "URLS",
        "Addresses of a TURN server, separated by commas, for participants whose network lets only relayed traffic "
        "out: `turn:class.example.org:3478` (UDP), `turn:class.example.org:3478?transport=tcp` where no UDP gets out, "
        "`turns:class.example.org:443?transport=tcp` where only TLS does. Browsers prefer them in this order. Needs "
        "`--turn-secret-file`.",
    ),
    Setting(
        "turn-secret-file",
        "",
        "FILE",
        "Holds the secret that the TURN server knows too (coturn: `static-auth-secret`). Each participant gets a name "
        "and a password made from it that end after six hours.",
    ),
    Setting("tls-cert", "", "FILE", "Certificate chain (PEM). With `--tls-key` the server speaks TLS itself."),
    Setting("tls-key", "", "FILE", "Private key (PEM) of `--tls-cert`."),
    Setting(
        "tls",
        "off",
        "MODE",
        "`self-signed` makes a certificate of one's own under the data directory: enough to try cameras on a local "
        "network, after each browser has been told to accept it. `off`: no TLS unless a certificate is given.",
    ),
    Setting("log-level", "info", "LEVEL", "`debug`, `info`, `warning` or `error`. Logs go to standard error."),
)


class BadSetting(ValueError):
    """A setting that cannot be used; the message names it and says what to do."""


class Config(Struct, frozen=True):
    """The settings, parsed. Field for field SETTINGS."""

    data: Path = Path("data")
    host: str = "localhost"
    port: int = 8080
    udp_port: int = 8189
    public_address: tuple[str, ...] = ()
    public_url: str = ""
    trusted_proxies: tuple[str, ...] = ()
    turn_urls: tuple[str, ...] = ()
    turn_secret_file: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls: str = "off"
    log_level: str = "info"

    @property
    def bind_address(self) -> str:
        """The numeric address to bind; "localhost" is IPv4 loopback, which every browser tries."""
        return "127.0.0.1" if self.host == "localhost" else self.host

    @property
    def local_only(self) -> bool:
        """Nobody but this machine can reach us."""
        return self.host in LOOPBACK_NAMES

    @property
    def secure(self) -> bool:
        """Browsers reach us by TLS: ours, or that of the proxy named in `public_url`."""
        return self.own_tls or self.public_url.startswith("https://")

    @property
    def own_tls(self) -> bool:
        return self.tls == "self-signed" or self.tls_cert is not None

    def origin(self, port: int) -> str:
        """Where to send people: scheme, name and port, as a browser would write it."""
        if self.public_url:
            return self.public_url
        everywhere = self.host in {"0.0.0.0", "::"}  # noqa: S104
        name = next(iter(self.public_address), "localhost") if everywhere else self.host
        name = f"[{name}]" if ":" in name else name
        scheme, usual = ("https", 443) if self.own_tls else ("http", 80)
        return f"{scheme}://{name}" if port == usual else f"{scheme}://{name}:{port}"


def parse(values: Mapping[str, str]) -> Config:
    """Settings by field name as text -> Config. Raises BadSetting."""
    config = Config(
        data=Path(values["data"]),
        host=_host(values["host"]),
        port=_port("port", values["port"]),
        udp_port=_port("udp-port", values["udp_port"]),
        public_address=_addresses(values["public_address"]),
        public_url=_url(values["public_url"]),
        trusted_proxies=_networks(values["trusted_proxies"]),
        turn_urls=_turn_urls(values["turn_urls"]),
        turn_secret_file=Path(values["turn_secret_file"]) if values["turn_secret_file"] else None,
        tls_cert=Path(values["tls_cert"]) if values["tls_cert"] else None,
        tls_key=Path(values["tls_key"]) if values["tls_key"] else None,
        tls=_one_of("tls", values["tls"], ("off", "self-signed")),
        log_level=_one_of("log-level", values["log_level"], ("debug", "info", "warning", "error")),
    )
    if (config.tls_cert is None) != (config.tls_key is None):
        raise BadSetting("--tls-cert and --tls-key belong together: give both or neither")
    if config.tls == "self-signed" and config.tls_cert is not None:
        raise BadSetting("--tls self-signed makes its own certificate: leave --tls-cert and --tls-key out")
    if config.turn_urls and config.turn_secret_file is None:
        raise BadSetting("--turn-urls needs --turn-secret-file: nobody could use the TURN server without a password")
    if config.port == config.udp_port != 0:
        raise BadSetting("--port and --udp-port must differ: media uses its port number for TCP too")
    return config


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Give a command every setting as a flag."""
    group = parser.add_argument_group("settings (each also from the environment)")
    for setting in SETTINGS:
        meaning = setting.meaning.replace("`", "").replace("%", "%%")
        group.add_argument(
            setting.flag,
            metavar=setting.metavar,
            default=None,
            help=f"{meaning} [{setting.env}, default {setting.default or 'empty'}]",
        )


def from_arguments(arguments: argparse.Namespace, environ: Mapping[str, str]) -> Config:
    """Flag, else environment, else default. Raises BadSetting."""
    values = {}
    for setting in SETTINGS:
        given = getattr(arguments, setting.field, None)
        values[setting.field] = environ.get(setting.env, setting.default) if given is None else given
    return parse(values)


def from_environment(environ: Mapping[str, str], flags: Sequence[str] = ()) -> Config:
    """What `bichron serve` with these flags would run with. Raises BadSetting."""
    parser = argparse.ArgumentParser(prog="bichron")
    add_flags(parser)
    return from_arguments(parser.parse_args(list(flags)), environ)


def document() -> str:
    """docs/configuration.md."""
    rows = "\n".join(_row(setting) for setting in SETTINGS)
    return f"""# Settings

<!-- Written by `python -m server.config`; edit server/config.py instead. -->

`bichron serve`, `doctor` and `verify` take these flags. Each may also come from the environment; a flag wins. There are
no secrets among them: the keys are files under `DIR/keys`, made at the first start and readable by their owner only
(`session.key` signs cookies, `instructor.key` is the key in the instructor link, `api.key` is the bearer token of the
REST interface). Delete one and start again to make a new one; what the old one opened is then closed.

| Flag | Environment | Default | Meaning |
|---|---|---|---|
{rows}
"""


def _row(setting: Setting) -> str:
    default = f"`{setting.default}`" if setting.default else "none"
    return f"| `{setting.flag} {setting.metavar}` | `{setting.env}` | {default} | {setting.meaning} |"


def _host(text: str) -> str:
    if text in LOOPBACK_NAMES:
        return text
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise BadSetting(f"--host wants localhost or an address of this machine (0.0.0.0: all), not {text!r}") from None


def _port(name: str, text: str) -> int:
    if re.fullmatch(r"\d{1,5}", text, re.ASCII) and int(text) <= 65535:
        return int(text)
    raise BadSetting(f"--{name} wants a number from 0 to 65535, not {text!r}")


def _addresses(text: str) -> tuple[str, ...]:
    try:
        return tuple(dict.fromkeys(str(ipaddress.ip_address(part.strip())) for part in text.split(","))) if text else ()
    except ValueError:
        raise BadSetting(f"--public-address wants IP addresses, separated by commas, not {text!r}") from None


def _url(text: str) -> str:
    if not text:
        return ""
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path not in {"", "/"} or parts.query:
        raise BadSetting(f"--public-url wants scheme and name, as https://class.example.org, not {text!r}")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _networks(text: str) -> tuple[str, ...]:
    try:
        return tuple(str(ipaddress.ip_network(part.strip())) for part in text.split(",") if part.strip())
    except ValueError as wrong:
        raise BadSetting(f"--trusted-proxies wants networks such as 10.0.0.0/8: {wrong}") from None


def _turn_urls(text: str) -> tuple[str, ...]:
    urls = tuple(part.strip() for part in text.split(",") if part.strip())
    for url in urls:
        if not re.fullmatch(r"turns?:[^\s/?:@]+(:\d{1,5})?(\?transport=(udp|tcp))?", url, re.ASCII):
            raise BadSetting(
                f"--turn-urls wants addresses such as turn:class.example.org:3478?transport=udp, not {url!r}"
            )
    return urls


def _one_of(name: str, text: str, choices: tuple[str, ...]) -> str:
    if text in choices:
        return text
    raise BadSetting(f"--{name} is one of {', '.join(choices)}, not {text!r}")


def public(config: Config) -> dict[str, object]:
    """The settings as plain values, for logs and `doctor`."""
    return {name: str(value) for name, value in msgspec.structs.asdict(config).items()}


if __name__ == "__main__":
    target = Path(__file__).parents[1] / "docs" / "configuration.md"
    target.write_text(document(), encoding="utf-8")
    sys.stdout.write(f"wrote {target.name}\n")
