"""Examples of the changing routes of the calendar."""

from __future__ import annotations

from tests.architecture.examples import Example

OWN = "it makes and revokes the caller's own address: there is no id to hide"

EXAMPLES: dict[str, Example | list[Example]] = {
    "calendar.make_feed": [
        Example(form={}, status=200, cleo=200, cleo_because=OWN),
        Example(form={}, status=200, user="vic", cleo=200, cleo_because=OWN),
    ],
    "calendar.revoke_feed": Example(
        form={},
        status=303,
        audited=False,
        unaudited_because="without an address there is nothing to revoke",
        cleo=303,
        cleo_because=OWN,
    ),
}
