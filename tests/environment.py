"""pytest plugin: the environment that the settings demand, before pytest-django reads them."""

import os

os.environ.setdefault(
    "ENS_SECRET_KEY", "a secret key for tests, long enough for the deployment check"
)
os.environ.setdefault("ENS_ENCRYPTION_KEYS", "dGVzdHMgb25seSwgdGVzdHMgb25seSwgdGVzdHMhISE=")
os.environ.setdefault("ENS_ALLOWED_NETWORKS", "127.0.0.0/8,::1/128")
os.environ.setdefault("ENS_HTTPS", "0")
os.environ.setdefault("ENS_LOG_LEVEL", "WARNING")
