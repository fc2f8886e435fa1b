"""Which passwords are taken, and that checking one never reveals who exists."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haas.auth import passwords
from haas.errors import InvalidInput


class TestStrength:
    @pytest.mark.parametrize(
        "password",
        [
            "short",
            "password1234",
            "Password1234!",
            "P@ssw0rd2026",
            "qwertyuiop12",
            "aaaaaaaaaaaa",
            "abcabcabcabc",
            "123456789012",
            "letmeinletmein",
            "Summer2026Summer",
        ],
    )
    def test_refuses_what_is_guessed_first(self, password):
        with pytest.raises(InvalidInput):
            passwords.check_strength(password)

    @pytest.mark.parametrize(
        "password", ["correct horse battery staple", "x7Gq9!mzP2vw", "blue lamp river", "überzwerg im wald"]
    )
    def test_takes_words_that_do_not_belong_together(self, password):
        passwords.check_strength(password)

    def test_counts_the_persons_own_names_as_one_character(self):
        with pytest.raises(InvalidInput):
            passwords.check_strength("Northwind-Ana!", about=["Ana Owner", "Northwind IT"])

    def test_asks_for_no_kind_of_character(self):
        passwords.check_strength("tugboat mango fern")

    def test_says_the_remedy_at_the_field(self):
        with pytest.raises(InvalidInput) as refusal:
            passwords.check_strength("short")
        assert "12" in refusal.value.fields["password"][0]

    @given(st.text(min_size=1, max_size=60))
    def test_never_counts_more_pieces_than_characters(self, text):
        assert 1 <= passwords.pieces(text) <= len(passwords._prepared(text).casefold()) * 3


class TestVerify:
    def test_takes_the_right_one_alone(self):
        hashed = passwords.hash_password("tugboat mango fern")
        assert hashed.startswith("$argon2id$")
        assert passwords.verify_password("tugboat mango fern", hashed)
        assert not passwords.verify_password("tugboat mango ferns", hashed)

    def test_takes_the_same_letters_from_another_keyboard(self):
        hashed = passwords.hash_password("caf\u00e9 caf\u00e9 caf\u00e9")
        assert passwords.verify_password("cafe\u0301 cafe\u0301 cafe\u0301", hashed)

    def test_says_no_without_a_hash_though_it_does_the_work(self):
        assert not passwords.verify_password("nobody has this password", None)

    def test_says_no_to_a_damaged_hash(self):
        assert not passwords.verify_password("tugboat mango fern", "$argon2id$broken")

    def test_hashes_no_more_than_two_at_once(self, monkeypatch):
        running, most, lock = 0, 0, threading.Lock()
        real = passwords._hasher().hash

        class Watched:
            def hash(self, text):
                nonlocal running, most
                with lock:
                    running += 1
                    most = max(most, running)
                try:
                    return real(text)
                finally:
                    with lock:
                        running -= 1

        monkeypatch.setattr(passwords, "_hasher", Watched)
        threads = [
            threading.Thread(target=passwords.hash_password, args=("tugboat mango fern",)) for _ in range(5)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert most <= 2
