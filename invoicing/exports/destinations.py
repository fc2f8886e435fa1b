"""Where a profile's files are sent to: an address, or a folder of an SFTP server whose key was confirmed."""

from __future__ import annotations

import re

from sqlalchemy.orm import Session

from haas.accounts.people import check_email
from haas.auth import vault
from haas.errors import Conflict, InvalidInput
from haas.tenancy.scope import Tenant
from invoicing.exports import sftp
from invoicing.exports.models import ExportProfile
from invoicing.exports.profiles import get_profile

SECRET_PURPOSE = "export_sftp"  # noqa: S105 - names a key, is none
_SECRET_MAX = 20_000
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?|[0-9A-Fa-f:]{2,45}")


def send_to(
    session: Session,
    tenant: Tenant,
    *,
    profile_id: str,
    channel: str,
    secret_key: str,
    address: str = "",
    host: str = "",
    port: int = 22,
    user: str = "",
    folder: str = "/",
    secret: str = "",
) -> ExportProfile:
    """Send a profile's files over a channel; of the other fields it reads its own.

    :raises InvalidInput: naming the field.
    """
    if channel == "mail":
        return send_by_mail(session, tenant, profile_id=profile_id, address=address)
    if channel == "sftp":
        return send_by_sftp(
            session,
            tenant,
            profile_id=profile_id,
            host=host,
            port=port,
            user=user,
            folder=folder,
            secret=secret,
            secret_key=secret_key,
        )
    return send_nowhere(session, tenant, profile_id=profile_id)


def send_nowhere(session: Session, tenant: Tenant, *, profile_id: str) -> ExportProfile:
    """Files are only kept for download."""
    profile = get_profile(session, tenant, profile_id=profile_id)
    profile.channel, profile.destination, profile.secret = "none", {}, None
    session.flush()
    return profile


def send_by_mail(session: Session, tenant: Tenant, *, profile_id: str, address: str) -> ExportProfile:
    """Each file goes to an address.

    :raises InvalidInput: if it is no address.
    """
    profile = get_profile(session, tenant, profile_id=profile_id)
    profile.channel, profile.destination = "mail", {"address": check_email(address)}
    profile.secret = None
    session.flush()
    return profile


def send_by_sftp(
    session: Session,
    tenant: Tenant,
    *,
    profile_id: str,
    host: str,
    port: int,
    user: str,
    folder: str,
    secret: str,
    secret_key: str,
) -> ExportProfile:
    """Each file goes into a folder of a server; nothing is sent before the server's key is confirmed.

    :param secret: the password, or a private key in PEM; empty keeps the one that is there.
    :raises InvalidInput: naming the field.
    """
    profile = get_profile(session, tenant, profile_id=profile_id)
    host, user, folder = host.strip().lower(), user.strip(), folder.strip() or "/"
    if not _HOST.fullmatch(host):
        raise InvalidInput("Write the server's name, such as sftp.example.com.", field="host")
    if not 0 < port < 65_536:
        raise InvalidInput("A port is a number from 1 to 65535.", field="port")
    if not 0 < len(user) <= 100 or not user.isprintable():
        raise InvalidInput("Write the user's name on the server.", field="user")
    if not folder.startswith("/") or len(folder) > 300 or not folder.isprintable() or ".." in folder:
        raise InvalidInput("Write the folder from the root on, such as /in/haas.", field="folder")
    before = profile.destination if profile.channel == "sftp" else {}
    is_same_server = (before.get("host"), before.get("port")) == (host, port)
    # A password that was given for one server is never shown to another.
    kept = profile.secret if is_same_server and before.get("user") == user else None
    if not secret and kept is None:
        raise InvalidInput("Write the password or the private key.", field="secret")
    if len(secret) > _SECRET_MAX:
        raise InvalidInput("A key has at most 20,000 signs.", field="secret")
    profile.channel = "sftp"
    profile.secret = vault.seal(secret, secret_key=secret_key, purpose=SECRET_PURPOSE) if secret else kept
    profile.destination = {
        "host": host,
        "port": port,
        "user": user,
        "folder": folder,
        "host_key": before.get("host_key", "") if is_same_server else "",
        "offered_key": "",
    }
    session.flush()
    return profile


def ask_host_key(
    session: Session, tenant: Tenant, *, profile_id: str, secret_key: str, allow_private: bool
) -> str:
    """Ask the server for its key, and keep it to be confirmed; the fingerprint that a person compares.

    :raises Conflict: if the server cannot be asked, with the reason.
    """
    profile = get_profile(session, tenant, profile_id=profile_id)
    place = place_of(profile, secret_key=secret_key)
    try:
        offered = sftp.offered_key(place, allow_private=allow_private)
    except sftp.SftpFailed as failure:
        raise Conflict(f"The server did not answer: {failure}. Look at its name and port.") from failure
    profile.destination = {**profile.destination, "offered_key": offered}
    session.flush()
    return sftp.fingerprint(offered)


def confirm_host_key(session: Session, tenant: Tenant, *, profile_id: str, shown: str) -> ExportProfile:
    """Pin the key whose fingerprint was shown: files go only to a server that has it.

    :raises Conflict: if no such key waits to be confirmed.
    """
    profile = get_profile(session, tenant, profile_id=profile_id)
    offered = profile.destination.get("offered_key", "")
    if not offered or sftp.fingerprint(offered) != shown:
        raise Conflict("That is not the key that the server showed. Ask for it again.")
    profile.destination = {**profile.destination, "host_key": offered, "offered_key": ""}
    session.flush()
    return profile


def place_of(profile: ExportProfile, *, secret_key: str) -> sftp.Place:
    """The server with its secret, for the one who connects to it.

    :raises Conflict: if the profile does not send by SFTP.
    :raises SecretKeyChanged: if the secret was sealed with another key.
    """
    if profile.channel != "sftp" or profile.secret is None:
        raise Conflict("This profile does not send by SFTP.")
    to = profile.destination
    return sftp.Place(
        host=to["host"],
        port=to["port"],
        user=to["user"],
        folder=to["folder"],
        host_key=to.get("host_key", ""),
        secret=vault.unseal(profile.secret, secret_key=secret_key, purpose=SECRET_PURPOSE),
    )
