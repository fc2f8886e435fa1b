"""SFTP against a real server: only to a pinned key, whole or not at all, never over another's file."""

from __future__ import annotations

from collections.abc import Iterator

import asyncssh
import pytest

from invoicing.exports import sftp
from tests.invoicing.exports.sftp_server import Server, serving

CONTENT = b"batch,entry\r\nEXP-2026-00001,1\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """It takes one password and one key, and shows the root of a folder alone."""
    with serving(tmp_path_factory.mktemp("sftp")) as opened:
        yield opened


def put(place: sftp.Place, name: str, content: bytes = CONTENT, *, allow_private: bool = True) -> None:
    """One upload."""
    sftp.upload(place, name=name, content=content, allow_private=allow_private)


class TestUpload:
    def test_puts_the_whole_file_there_and_leaves_no_draft(self, server: Server) -> None:
        put(server.place(), "EXP-1.csv")
        assert (server.folder / "EXP-1.csv").read_bytes() == CONTENT
        assert [name for name in server.names() if name.endswith(".part")] == []

    def test_signs_in_by_a_key(self, server: Server) -> None:
        put(server.place(secret=server.client_key), "EXP-2.csv")
        assert "EXP-2.csv" in server.names()

    def test_takes_its_own_file_as_delivered(self, server: Server) -> None:
        for _ in range(2):
            put(server.place(), "EXP-3.csv")
        assert server.names().count("EXP-3.csv") == 1

    def test_never_overwrites_another_file(self, server: Server) -> None:
        (server.folder / "EXP-4.csv").write_bytes(b"somebody else's")
        with pytest.raises(sftp.SftpFailed, match="not overwritten") as refused:
            put(server.place(), "EXP-4.csv")
        assert refused.value.is_final
        assert (server.folder / "EXP-4.csv").read_bytes() == b"somebody else's"

    def test_goes_on_after_an_upload_that_broke_off(self, server: Server) -> None:
        (server.folder / ".EXP-5.csv.part").write_bytes(CONTENT[:5])
        put(server.place(), "EXP-5.csv")
        assert (server.folder / "EXP-5.csv").read_bytes() == CONTENT

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"host_key": ""}, "never confirmed"),
            ({"secret": "wrong"}, "sign-in failed"),
            ({"folder": "/nowhere"}, "127.0.0.1"),
        ],
    )
    def test_says_why_it_did_not_arrive(self, server: Server, changes, words) -> None:
        with pytest.raises(sftp.SftpFailed, match=words):
            put(server.place(**changes), "EXP-6.csv")
        assert "EXP-6.csv" not in server.names()

    def test_shows_no_password_to_a_server_with_another_key(self, server: Server) -> None:
        other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().split()
        with pytest.raises(sftp.SftpFailed, match="another key") as refused:
            put(server.place(host_key=" ".join(other[:2])), "EXP-7.csv")
        assert refused.value.is_final

    def test_goes_to_no_private_network_unless_it_may(self, server: Server) -> None:
        with pytest.raises(sftp.SftpFailed, match="private network") as refused:
            put(server.place(), "EXP-8.csv", allow_private=False)
        assert refused.value.is_final


class TestHostKey:
    def test_is_told_by_its_fingerprint_as_ssh_keygen_does(self, server: Server) -> None:
        offered = sftp.offered_key(server.place(host_key=""), allow_private=True)
        assert offered == server.public_key
        public = asyncssh.import_public_key(offered)
        assert sftp.fingerprint(offered) == public.get_fingerprint()
