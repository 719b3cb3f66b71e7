"""Load the demo firms."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from jarvish_regen.content.demo.loader import load_demo


class Command(BaseCommand):
    """Lay out three firms, nine people and their drafts; running it again adds only what is missing."""

    help = "Load the demo firms, people and drafts. Example: manage.py load_demo"

    def handle(self, *args: object, **options: object) -> None:
        if settings.IS_PRODUCTION:
            raise CommandError(
                "The demo has known passwords; it is not loaded into a production database.", returncode=2
            )
        loaded = load_demo()
        self.stdout.write(f"demo: {loaded.firms} firms, {loaded.people} people, {loaded.drafts} drafts added")
