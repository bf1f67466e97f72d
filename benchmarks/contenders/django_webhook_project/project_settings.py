"""Django with django-webhook and nothing else; the defaults of both, but for addresses."""

import os
from urllib.parse import urlsplit

_database = urlsplit(os.environ["CONTENDER_DATABASE_URL"])

SECRET_KEY = os.urandom(32).hex()
USE_TZ = True
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django_webhook"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _database.path[1:],
        "USER": _database.username,
        "PASSWORD": _database.password,
        "HOST": _database.hostname,
        "PORT": _database.port,
    }
}
