"""Examples of the changing routes of views that people keep."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session

from haas.saved_views import operations
from tests.architecture.examples import Example
from tests.cast import Cast


def view_of_ana(session: Session, cast: Cast) -> Mapping[str, str]:
    view = operations.keep_view(
        session,
        cast.tenant,
        user_id=cast.ana.id,
        list_name="fleet",
        name="Laptops",
        query={"category": ["laptop"]},
        is_shared=True,
    )
    return {"view_id": view.id}


EXAMPLES = {
    "saved_views.create": Example(
        form={"list": "fleet", "query": "grade=A", "name": "Best"},
        cleo=303,
        cleo_because="everyone keeps views of their own; there is no id to guess",
    ),
    "saved_views.edit": Example(prepare=view_of_ana, form={"name": "Notebooks"}),
    "saved_views.replace": Example(prepare=view_of_ana, form={"query": "grade=B"}),
    "saved_views.delete": Example(prepare=view_of_ana),
}
