"""The page for people: it asks and answers, and shows a recipe.

its doors    front (the page, asking), recipe (the second page), opinion (thumbs), sign_in, assets (styles and scripts)
what it says result (an answer as templates show it), fields (filters), streaming (events), problems (what went wrong)
forgery      what keeps other pages from sending its forms
"""

from __future__ import annotations

from fastapi import APIRouter, FastAPI

from . import assets, front, opinion, recipe, sign_in
from .problems import show_problem

router = APIRouter(include_in_schema=False)
for door in (front, recipe, opinion, sign_in, assets):
    router.include_router(door.router)


def install(app: FastAPI) -> None:
    """Let what goes wrong on the page be shown as a page."""
    app.state.show_problem = show_problem
