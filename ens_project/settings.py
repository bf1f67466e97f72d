"""The one settings file. Every variable that it reads is in the README's table."""

import os
from pathlib import Path

import structlog

from ens_project.environment import Environment

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = "0.1.0"

environment = Environment(os.environ)

# --- What an installation sets -------------------------------------------------------------

DEMO = environment.flag("ENS_DEMO", default=False)
DEBUG = environment.flag("ENS_DEBUG", default=False)
DATA_DIR = Path(environment.text("ENS_DATA_DIR", str(BASE_DIR / "var"))).resolve()
PORT = environment.number("ENS_PORT", 8000, low=1, high=65535)
HOST = environment.text("ENS_HOST", "127.0.0.1")
WEB_PROCESSES = environment.number("ENS_WEB_PROCESSES", 1, low=1, high=64)
SECRET_KEY = environment.text("ENS_SECRET_KEY")
ENCRYPTION_KEYS = environment.fernet_keys("ENS_ENCRYPTION_KEYS")
ALLOWED_HOSTS = environment.words("ENS_ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
HTTPS = environment.flag("ENS_HTTPS", default=not (DEMO or DEBUG))
TRUST_PROXY = environment.flag("ENS_TRUST_PROXY", default=False)
REDIS_URL = environment.url("REDIS_URL", "", "redis", "rediss", "unix")
WORKERS = environment.number("ENS_WORKERS", os.cpu_count() or 1, low=1, high=256)
LOG_LEVEL = environment.choice("ENS_LOG_LEVEL", "INFO", "DEBUG", "INFO", "WARNING", "ERROR")
LOG_FORMAT = environment.choice("ENS_LOG_FORMAT", "json", "json", "console")

ALLOWED_NETWORKS = environment.networks("ENS_ALLOWED_NETWORKS")
CA_BUNDLE = environment.text("ENS_CA_BUNDLE")
REQUESTS_PER_MINUTE = environment.number("ENS_REQUESTS_PER_MINUTE", 1_000, low=1, high=10**9)
EVENTS_PER_MINUTE = environment.number("ENS_EVENTS_PER_MINUTE", 50_000, low=1, high=10**9)
RETENTION_DAYS = environment.number("ENS_RETENTION_DAYS", 30, low=2, high=3_650)
DEACTIVATE_AFTER_DAYS = environment.number("ENS_DEACTIVATE_AFTER_DAYS", 5, low=1, high=365)
SENDERS = environment.number("ENS_SENDERS", 1_000, low=4, high=10_000)
FAILPOINT = environment.text("ENS_FAILPOINT")
ENRICHMENT_PROVIDER = environment.dotted_path(
    "ENS_ENRICHMENT_PROVIDER", "delivery.enrichment.database.DatabaseProvider"
)
MAIL = environment.mail("EMAIL_URL", DATA_DIR / "mails" if DEMO or DEBUG else None)
MAIL_FROM = environment.mail_address("ENS_EMAIL_FROM", "ens@localhost.localdomain")
PUBLIC_URL = environment.public_url("ENS_PUBLIC_URL", f"http://{HOST}:{PORT}")

DATABASES = {"default": environment.database("DATABASE_URL", f"sqlite:///{DATA_DIR}/ens.sqlite3")}

environment.require(
    "ENS_SECRET_KEY", SECRET_KEY, "Use 50 or more random characters, the same on every machine."
)
environment.require(
    "ENS_ENCRYPTION_KEYS",
    ENCRYPTION_KEYS,
    "Header values and signing secrets are encrypted with it. Make one with: python -c "
    "'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'",
)
if os.environ.get("EMAIL_URL", "").startswith("smtp"):
    for name in ("ENS_EMAIL_FROM", "ENS_PUBLIC_URL"):
        environment.require(name, os.environ.get(name), "Mails name their sender, and lead here.")
CELERY_BROKER_URL = environment.url(
    "CELERY_BROKER_URL",
    REDIS_URL or "memory://",
    "redis",
    "rediss",
    "unix",
    "amqp",
    "amqps",
    "memory",
)
environment.exit_if_wrong()

# --- What every installation shares --------------------------------------------------------

USER_AGENT = f"ENS/{VERSION}"
MAX_EVENT_BYTES = 1024 * 1024
MAX_EVENTS_BYTES = 8 * 1024 * 1024
DELIVERY_HOURS = 24
WEBHOOK_URL_CHECK = "delivery.url_check.check_webhook_url"
OAUTH_TOKEN_S = 300
# What the demo was seeded with, its passwords too; readable by its user only.
DEMO_FILE = DATA_DIR / "demo.json"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "csp",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "organizations",
    "events",
    "webhooks",
    "delivery",
    "ens_project",
]

MIDDLEWARE = [
    "ens_project.middleware.RequestIdMiddleware",
    "ens_project.middleware.ApiMiddleware",
    "ens_project.middleware.UnstoredMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "organizations.middleware.TimeZoneMiddleware",
    "ens_project.middleware.TextMiddleware",
]

ROOT_URLCONF = "ens_project.urls"
WSGI_APPLICATION = "ens_project.wsgi.application"
APPEND_SLASH = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_EVENTS_BYTES
# A form with all event types and far too many headers is still read, to be told what is wrong.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 25_000
DATA_UPLOAD_MAX_NUMBER_FILES = 1
FILE_UPLOAD_HANDLERS = [
    "organizations.uploads.LimitedUpload",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "organizations.pages.page.shell",
            ]
        },
    }
]

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}

# Per process: what must be shared stands in Redis or in the database, and says so.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"
SESSION_ENGINE = "organizations.sessions"
SESSION_COOKIE_AGE = 12 * 3600
CSRF_FAILURE_VIEW = "ens_project.views.csrf_failure"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^v3/", r"^livez$", r"^readyz$"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# The pages hold no inline style or script; `data:` is for the pictures inside the stylesheet.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}
if TRUST_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "organizations.authentication.TillAuthentication",
        "organizations.authentication.TokenAuthentication",
        "organizations.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["organizations.permissions.WebhooksAccess"],
    "DEFAULT_THROTTLE_CLASSES": ["organizations.throttles.RequestThrottle"],
    "DEFAULT_PARSER_CLASSES": ["ens_project.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["ens_project.responses.EnvelopeRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "ens_project.parsers.JSONNegotiation",
    "DEFAULT_METADATA_CLASS": None,
    "URL_FORMAT_OVERRIDE": None,
    "ALLOWED_VERSIONS": [VERSION],  # else the description repeats any that it is asked for
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "ens_project.errors.handle_exception",
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "TEST_REQUEST_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Event Notification Service",
    "DESCRIPTION": "Webhooks for what happens in a loyalty programme.",
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": ["rest_framework.authentication.SessionAuthentication"],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SCHEMA_PATH_PREFIX": "/v3",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "persistAuthorization": False},
    "PREPROCESSING_HOOKS": ["ens_project.openapi.plain_paths"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "ens_project.openapi.describe",
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# A message is only a wake-up: it may be lost, doubled or late without harm.
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = False
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "ens"
# Not `worker_disable_prefetch`: under gevent its limit is the number of running tasks, so an
# idle worker fetches nothing.
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 35.0
CELERY_RESULT_BACKEND_THREAD_SAFE = True  # else every task under gevent re-reads entry points
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_POOL_LIMIT = 4
CELERY_BROKER_CONNECTION_TIMEOUT = 2.0
# Without these whoever publishes waits for a broker that is away until it is back.
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, object] = {
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
}
if CELERY_BROKER_URL.startswith(("redis", "unix")):
    CELERY_BROKER_TRANSPORT_OPTIONS |= {
        "visibility_timeout": 120,
        "unacked_restore_interval": 5,
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
        "health_check_interval": 10,
        "retry_on_timeout": False,
        "queue_order_strategy": "priority",
    }

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": structlog.stdlib.ProcessorFormatter,
            "foreign_pre_chain": [
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer()
                if LOG_FORMAT == "json"
                else structlog.dev.ConsoleRenderer(colors=False),
            ],
        }
    },
    "filters": {"without path": {"()": "ens_project.log_lines.WithoutPath"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["without path"],
        }
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "celery": {"level": "WARNING"},
        # It quotes receivers' URLs, which may carry credentials.
        "urllib3": {"level": "ERROR"},
        "django.request": {"level": "ERROR"},
    },
}
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
