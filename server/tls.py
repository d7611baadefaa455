"""TLS for the pages: a given certificate, or a self-signed one made once and kept."""

from __future__ import annotations

import datetime
import ipaddress
import os
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from server import address
from server.config import Config

LIFETIME = datetime.timedelta(days=397)
"""Browsers refuse certificates that live longer."""
RENEW_BEFORE = datetime.timedelta(days=14)


def context(config: Config) -> ssl.SSLContext | None:
    """What to serve with; None without TLS. Raises OSError or ssl.SSLError for files that cannot be used."""
    if not config.own_tls:
        return None
    certificate, key = config.tls_cert, config.tls_key
    if certificate is None:
        certificate, key = self_signed(config.data / "keys", names(config))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    tls.load_cert_chain(certificate, key)
    return tls


def names(config: Config) -> list[str]:
    """For whom a certificate of our own is."""
    return sorted({"localhost", "127.0.0.1", config.host, *address.all_reachable(config)} - address.EVERYWHERE)


def self_signed(folder: Path, wanted: list[str]) -> tuple[Path, Path]:
    """Certificate and key for these names, made anew when they are missing, about to expire or for other names."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    certificate, key = folder / "tls.crt", folder / "tls.key"
    if not (key.exists() and certificate.exists() and _good(certificate.read_bytes(), wanted)):
        secret = ec.generate_private_key(ec.SECP256R1())
        _write(key, secret.private_bytes(*_PEM_KEY, serialization.NoEncryption()))
        _write(certificate, _certificate(secret, wanted).public_bytes(serialization.Encoding.PEM))
    return certificate, key


_PEM_KEY = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)


def _certificate(secret: ec.EllipticCurvePrivateKey, wanted: list[str]) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Bichron, self-signed")])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in wanted]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(secret, hashes.SHA256())
    )


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _good(pem: bytes, wanted: list[str]) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return False
    lasting = certificate.not_valid_after_utc - datetime.datetime.now(datetime.UTC) > RENEW_BEFORE
    return lasting and set(found) == {_alternative(name) for name in wanted}


def _write(path: Path, content: bytes) -> None:
    """Readable by its owner from the first byte on."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
