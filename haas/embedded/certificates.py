"""The broker's own certificate authority and server certificate, for one machine."""

from __future__ import annotations

import ipaddress
import socket
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from haas.embedded.folder import DataFolder

_AUTHORITY_DAYS = 3650
_SERVER_DAYS = 825  # the longest that Apple's TLS accepts
_RENEW_DAYS_BEFORE = 60
_BACKDATE = timedelta(hours=1)  # a device's clock may be a little behind


def ensure_certificates(folder: DataFolder, *, host: str, now: datetime) -> tuple[Path, Path, Path]:
    """The authority's certificate, the server's certificate and the server's key, made or renewed as needed.

    `host` is what devices connect to; this machine's own names are always in the certificate.
    The authority stays, since enrolled devices pinned it; only the server's certificate is renewed.
    """
    home = folder.folder("tls")
    authority_file, authority_key_file = home / "ca.pem", home / "ca.key"
    server_file, server_key_file = home / "server.pem", home / "server.key"
    if not (authority_file.exists() and authority_key_file.exists()):
        key = ec.generate_private_key(ec.SECP256R1())
        folder.write_private("tls/ca.key", _key_text(key))
        folder.write_private("tls/ca.pem", _certificate_text(_authority(key, now=now)))
    if not _is_fresh(server_file, host=host, now=now) or not server_key_file.exists():
        authority = x509.load_pem_x509_certificate(authority_file.read_bytes())
        authority_key = serialization.load_pem_private_key(authority_key_file.read_bytes(), password=None)
        if not isinstance(authority_key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{authority_key_file} does not hold an elliptic curve key")
        key = ec.generate_private_key(ec.SECP256R1())
        folder.write_private("tls/server.key", _key_text(key))
        certificate = _server(key, host=host, authority=authority, authority_key=authority_key, now=now)
        folder.write_private("tls/server.pem", _certificate_text(certificate))
    return authority_file, server_file, server_key_file


def _is_fresh(path: Path, *, host: str, now: datetime) -> bool:
    if not path.exists():
        return False
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    lasts = certificate.not_valid_after_utc - now > timedelta(days=_RENEW_DAYS_BEFORE)
    return lasts and _general_name(host) in names


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _authority(key: ec.EllipticCurvePrivateKey, *, now: datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "haas broker authority")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now + timedelta(days=_AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _server(
    key: ec.EllipticCurvePrivateKey,
    *,
    host: str,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    now: datetime,
) -> x509.Certificate:
    hosts = dict.fromkeys([host, "localhost", "127.0.0.1", "::1", socket.gethostname()])
    alternatives = [_general_name(each) for each in hosts]
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "haas broker")]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now + timedelta(days=_SERVER_DAYS))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
            critical=False,
        )
        .sign(authority_key, hashes.SHA256())
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _key_text(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def _certificate_text(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
