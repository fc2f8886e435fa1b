"""The demo's sign-ins and API tokens: random, kept in one file that only its owner reads."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FILE = "sign-ins.json"


@dataclass(slots=True)
class SignIns:
    """Who may sign in with what; saved before the database commits, so that no password is lost."""

    path: Path
    address: str
    people: list[dict[str, str]] = field(default_factory=list)
    tokens: list[dict[str, str]] = field(default_factory=list)

    @classmethod
    def load(cls, folder: Path, *, address: str) -> SignIns:
        """What a run before has written, if any."""
        path = folder / FILE
        known: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return cls(path, address, known.get("sign_ins", []), known.get("api_tokens", []))

    def add_person(self, *, house: str, who: str, email: str) -> str:
        """A new random password for somebody."""
        password = secrets.token_urlsafe(12)
        self.people = [row for row in self.people if row["email"] != email]
        self.people.append({"house": house, "who": who, "email": email, "password": password})
        return password

    def add_token(self, *, house: str, name: str, token: str) -> None:
        """Remember a token of a partner; it replaces one of the same name."""
        self.tokens = [row for row in self.tokens if (row["house"], row["name"]) != (house, name)]
        self.tokens.append({"house": house, "name": name, "token": token})

    def save(self) -> None:
        """Replace the file at once; mode 0600 from its first byte."""
        body = {"address": self.address, "sign_ins": self.people, "api_tokens": self.tokens}
        draft = self.path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            json.dump(body, file, indent=1, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path)
