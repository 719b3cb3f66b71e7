"""Say who can sign in to the demo."""

import json
from argparse import ArgumentParser

from django.core.management.base import BaseCommand

from jarvish_regen.content.demo.loader import OPERATOR, demo_firms


class Command(BaseCommand):
    """Print three logins and what to try with each."""

    help = "Print three demo logins and what to try. Example: manage.py demo_logins --json"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="a list of {who, email, password, try}")

    def handle(self, *args: object, json: bool = False, **options: object) -> None:
        members = {member["email"]: member for firm in demo_firms() for member in firm["members"]}
        shown = [
            {
                "who": "advisor",
                **_login(members["asha@sahyadri.example"]),
                "try": "open a draft marked in red, reject it, read the better one",
            },
            {
                "who": "reviewer",
                **_login(members["meghana@sahyadri.example"]),
                "try": "/admin/ : the cases that wait for a person",
            },
            {
                "who": "operator",
                "email": OPERATOR["email"],
                "password": OPERATOR["password"],
                "try": "/admin/ : everything, read-only where it must be",
            },
        ]
        if json:
            self.stdout.write(_dump(shown))
            return
        for login in shown:
            self.stdout.write(f"{login['who']:<9} {login['email']:<28} {login['password']:<22} {login['try']}")


def _login(member: dict[str, str]) -> dict[str, str]:
    return {"email": member["email"], "password": member["password"]}


def _dump(shown: list[dict[str, str]]) -> str:
    return json.dumps(shown, ensure_ascii=False)
