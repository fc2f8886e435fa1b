"""What a broker is told: hashes, access rules, configuration."""

import base64
import hashlib

import pytest

from haas.broker import acl_file_text, mosquitto_password_hash, password_file_text


class TestMosquittoPasswordHash:
    def test_is_pbkdf2_sha512_in_mosquittos_form(self) -> None:
        salt = bytes(range(12))

        kind, rounds, written_salt, digest = mosquitto_password_hash("secret", salt=salt).split("$")[1:]

        assert (kind, rounds) == ("7", "101")
        assert base64.b64decode(written_salt) == salt
        assert base64.b64decode(digest) == hashlib.pbkdf2_hmac("sha512", b"secret", salt, 101)

    def test_differs_each_time(self) -> None:
        assert mosquitto_password_hash("secret") != mosquitto_password_hash("secret")


class TestPasswordFileText:
    def test_is_the_same_for_the_same_rows_in_any_order(self) -> None:
        rows = [("d-2", "$7$b"), ("d-1", "$7$a")]

        assert password_file_text(rows) == password_file_text(reversed(rows)) == "d-1:$7$a\nd-2:$7$b\n"

    @pytest.mark.parametrize(
        ("user", "password_hash"),
        [("d-1\nroot", "x"), ("d:1", "x"), ("", "x"), ("d-1", "x\nroot:y"), ("d-1", "x\0"), ("d\r", "x")],
    )
    def test_refuses_what_would_add_a_user(self, user: str, password_hash: str) -> None:
        with pytest.raises(ValueError, match="password file"):
            password_file_text([(user, password_hash)])


class TestAclFileText:
    def test_names_no_device(self) -> None:
        assert [line for line in acl_file_text().splitlines() if line] == [
            "pattern write haas/v1/%u/up/#",
            "pattern read haas/v1/%u/down/#",
            "user ingest",
            "topic read haas/v1/+/up/#",
            "topic write haas/v1/+/down/#",
        ]
