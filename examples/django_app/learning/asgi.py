"""The application for an ASGI server: ``DATABASE_URL=… uvicorn learning.asgi:application``."""

import os

from django.core.asgi import get_asgi_application

from skilltree.contrib.django import with_lifespan

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "learning.settings")
application = with_lifespan(get_asgi_application())
