"""The web process: pages and API over HTTP, live hints over a WebSocket."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jarvish_regen.settings")

from django.core.asgi import get_asgi_application

http_application = get_asgi_application()

# Django must be set up before anything that knows a model is imported.
from channels.routing import ProtocolTypeRouter  # noqa: E402

import jarvish_regen.celery  # noqa: E402, F401  requests ring
from jarvish_regen.warm import warm_up  # noqa: E402
from learning.routing import websocket_application  # noqa: E402

warm_up()
application = ProtocolTypeRouter({"http": http_application, "websocket": websocket_application})
