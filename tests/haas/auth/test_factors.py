"""Codes that are good once, secrets that only their key opens, delays that grow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from haas.auth import lockout, totp, vault

NOW = datetime(2026, 6, 15, 9, 0, 10, tzinfo=UTC)
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


class TestCodes:
    def test_agree_with_rfc_6238(self):
        # Appendix B, SHA-1, the last six of 94287082 at 59 s; the secret is "12345678901234567890".
        secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
        assert totp.code_at(secret, datetime.fromtimestamp(59, UTC)) == "287082"

    @pytest.mark.parametrize("off", [-30, 0, 30])
    def test_are_taken_half_a_minute_early_or_late(self, off):
        code = totp.code_at(SECRET, NOW + timedelta(seconds=off))
        assert totp.matched_step(SECRET, code, now=NOW, after=None) is not None

    @pytest.mark.parametrize("off", [-90, 90])
    def test_are_not_taken_later(self, off):
        code = totp.code_at(SECRET, NOW + timedelta(seconds=off))
        assert totp.matched_step(SECRET, code, now=NOW, after=None) is None

    def test_are_good_once(self):
        code = totp.code_at(SECRET, NOW)
        step = totp.matched_step(SECRET, code, now=NOW, after=None)
        assert totp.matched_step(SECRET, code, now=NOW, after=step) is None

    @pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦"])
    def test_are_six_digits(self, typed):
        assert totp.matched_step(SECRET, typed, now=NOW, after=None) is None

    def test_may_be_typed_with_a_blank(self):
        code = totp.code_at(SECRET, NOW)
        assert totp.matched_step(SECRET, f"{code[:3]} {code[3:]}", now=NOW, after=None) is not None


class TestVault:
    def test_opens_with_the_same_key_and_purpose(self):
        sealed = vault.seal("a secret", secret_key="k" * 32, purpose="totp")
        assert "a secret" not in sealed
        assert vault.unseal(sealed, secret_key="k" * 32, purpose="totp") == "a secret"

    @pytest.mark.parametrize(("key", "purpose"), [("x" * 32, "totp"), ("k" * 32, "webhook")])
    def test_stays_shut_with_another(self, key, purpose):
        sealed = vault.seal("a secret", secret_key="k" * 32, purpose="totp")
        with pytest.raises(vault.SecretKeyChanged):
            vault.unseal(sealed, secret_key=key, purpose=purpose)


class TestLockout:
    def test_waits_longer_with_each_failure_and_at_most_an_hour(self):
        waits = [lockout.wait_after(failures).total_seconds() for failures in range(1, 16)]
        assert waits[:8] == [0, 0, 0, 0, 30, 60, 120, 240]
        assert waits == sorted(waits)
        assert waits[-1] == 3600
