"""Settings, all from the environment, each with a safe default. `docs/settings.md` lists them."""

from __future__ import annotations

import ipaddress
import socket
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

from octoworkers.api.openapi import SPECTACULAR
from octoworkers.conf import load_keys
from octoworkers.master_keys import MasterKeys
from octoworkers.storage import object_storage
from octoworkers.version import VERSION

env = environ.FileAwareEnv()

BASE_DIR = Path(__file__).resolve().parent.parent
HOME = Path(env.str("OCTOWORKERS_HOME", str(BASE_DIR / "var"))).expanduser().absolute()
PRODUCTION = env.bool("OCTOWORKERS_PRODUCTION", False)
DEBUG = env.bool("OCTOWORKERS_DEBUG", False)

KEYS_FILE = HOME / "keys.json"
_keys = load_keys(KEYS_FILE)
SECRET_KEY = env.str("OCTOWORKERS_SECRET_KEY", _keys.secret_key)
#: Seal sensitive values, see `variables.services.sealing`.
MASTER_KEYS = MasterKeys(KEYS_FILE)
#: The same on every node of an installation, whichever master key it has.
INSTALLATION_MARK = _keys.mark
SERVER_KEY = _keys.server_key

#: Address under which browsers and agents reach this server, for example https://ops.example.org
PUBLIC_URL = env.str("OCTOWORKERS_PUBLIC_URL", "").rstrip("/")
ALLOWED_HOSTS = env.list("OCTOWORKERS_ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL else []
HTTPS = PUBLIC_URL.startswith("https://")
if env.bool("OCTOWORKERS_BEHIND_PROXY", False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    USE_X_FORWARDED_HOST = True

#: How e-mails are sent, see `common.mail`; without a host none are.
SMTP_HOST = env.str("OCTOWORKERS_SMTP_HOST", "")
SMTP_PORT = env.int("OCTOWORKERS_SMTP_PORT", 0)
SMTP_SECURITY = env.str("OCTOWORKERS_SMTP_SECURITY", "starttls").lower()
SMTP_USER = env.str("OCTOWORKERS_SMTP_USER", "")
SMTP_PASSWORD = env.str("OCTOWORKERS_SMTP_PASSWORD", "")
SMTP_FROM = env.str("OCTOWORKERS_SMTP_FROM", "")
if SMTP_SECURITY not in ("starttls", "tls", "none"):
    raise ImproperlyConfigured("OCTOWORKERS_SMTP_SECURITY must be starttls, tls or none.")
if SMTP_HOST and "@" not in SMTP_FROM:
    raise ImproperlyConfigured(
        "OCTOWORKERS_SMTP_FROM must be the address that e-mails of this server are from."
    )

#: Networks that HTTP requests of the server may reach besides the open internet, see `programs.http.checked`.
HTTP_ALLOWED = env.list("OCTOWORKERS_HTTP_ALLOWED", default=[])
for _network in HTTP_ALLOWED:
    try:
        ipaddress.ip_network(_network, strict=False)
    except ValueError as error:
        raise ImproperlyConfigured(
            f"OCTOWORKERS_HTTP_ALLOWED has {_network!r} in it, which is no network such as 10.1.0.0/16."
        ) from error

if PRODUCTION:
    _unsafe = {
        "OCTOWORKERS_DEBUG is on: it shows source and settings to visitors.": DEBUG,
        "OCTOWORKERS_PUBLIC_URL must be the https:// address of this server.": not HTTPS,
        "OCTOWORKERS_ALLOWED_HOSTS must name the hosts of this server, and no *.": not ALLOWED_HOSTS
        or "*" in ALLOWED_HOSTS,
        "OCTOWORKERS_SECRET_KEY is shorter than 50 characters.": len(SECRET_KEY) < 50,
    }
    if any(_unsafe.values()):
        raise ImproperlyConfigured(
            "Not started in production mode:\n- " + "\n- ".join(text for text, bad in _unsafe.items() if bad)
        )

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "django_htmx",
    "template_partials",
    "common",
    "spaces",
    "accounts",
    "environments",
    "tenants",
    "pools",
    "workers",
    "processes",
    "variables",
    "packages",
    "tasks",
    "projects",
    "runbooks",
    "octoworkers",
]

MIDDLEWARE = [
    "octoworkers.health.HealthMiddleware",
    "octoworkers.api.middleware.ApiMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "common.csp.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "spaces.middleware.SpaceMiddleware",
    "accounts.middleware.SignInRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "octoworkers.urls"
ASGI_APPLICATION = "octoworkers.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["common.templatetags.ui", "template_partials.templatetags.partials"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "octoworkers.context.shell",
            ],
        },
    },
]

DATABASES = {"default": env.db("DATABASE_URL", f"sqlite:///{HOME / 'octoworkers.sqlite3'}")}
_database = DATABASES["default"]
# Closing the connection after every call halves the rate at which log lines are taken in.
_database["CONN_MAX_AGE"] = None
if _database["ENGINE"].endswith("sqlite3"):
    _database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16000;",
    }
else:
    INSTALLED_APPS.append("procrastinate.contrib.django")
    # A connection that the server closed meanwhile is noticed before a page needs it.
    _database["CONN_HEALTH_CHECKS"] = True
    _options = _database.setdefault("OPTIONS", {})
    # Seconds; a database that is away is reported instead of waited for.
    _options.setdefault("connect_timeout", 10)
    # Locks of a node whose machine died, or that stands still, are free after a minute.
    _options.setdefault(
        "options",
        "-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3 "
        "-c idle_in_transaction_session_timeout=60s",
    )
#: Its jobs are in `tasks.engine.drivers`; it need not look for any.
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = ""
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", "")
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "common.layers.RedisLayer",
        "CONFIG": {
            "hosts": [{"address": REDIS_URL, "health_check_interval": 15}],
            "prefix": env.str("OCTOWORKERS_REDIS_PREFIX", "octoworkers"),
        },
    }
    if REDIS_URL
    else {"BACKEND": "channels.layers.InMemoryChannelLayer", "CONFIG": {"capacity": 5000}}
}

#: `shared` is what all nodes count in; see common/counting.py.
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "shared": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": env.str("OCTOWORKERS_REDIS_PREFIX", "octoworkers"),
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},
    }
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}

AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "dashboard"
LOGOUT_REDIRECT_URL = "login"

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = env.str("OCTOWORKERS_SESSION_COOKIE", "octoworkers_session")
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31536000 if HTTPS else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
# All variables of a project are saved as one form, with a handful of fields per value.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000

LANGUAGE_CODE = "en"
TIME_ZONE = env.str("OCTOWORKERS_TIME_ZONE", "UTC")
USE_TZ = True

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Served straight from the sources: an installation has no build step.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_MAX_AGE = 3600
STORAGES = {
    "default": object_storage(env),
    "staticfiles": {"BACKEND": "common.static.VersionedStorage"},
}
MEDIA_ROOT = HOME / "media"
# What was pushed may hold secrets; only the server itself reads it.
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700
#: Bytes that a package may have.
PACKAGE_MAX_BYTES = env.int("OCTOWORKERS_PACKAGE_MAX_MB", 2000) * 1_000_000

#: Whether every node reaches the same objects. Otherwise logs stay in the database while there are several.
OBJECTS_SHARED = bool(env.str("OCTOWORKERS_S3_BUCKET", "")) or env.bool("OCTOWORKERS_SHARED_MEDIA", False)
#: Logs and artifacts of runs: days, and runs of each runbook per environment and tenant; 0 for no limit.
KEEP_LOGS_DAYS = env.int("OCTOWORKERS_KEEP_LOGS_DAYS", 365)
#: Bytes that one attempt of a step may leave as artifacts.
ARTIFACT_BYTES = env.int("OCTOWORKERS_ARTIFACT_MB", 1024) * 1024 * 1024
KEEP_LOGS_RUNS = env.int("OCTOWORKERS_KEEP_LOGS_RUNS", 100)

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_THROTTLE_RATES": {"enrolment": env.str("OCTOWORKERS_ENROLMENT_RATE", "60/min")},
    "UNAUTHENTICATED_USER": None,
    # Whom the throttles count: the peer itself, or the address that the one proxy in front names.
    "NUM_PROXIES": 1 if env.bool("OCTOWORKERS_BEHIND_PROXY", False) else 0,
    "DEFAULT_SCHEMA_CLASS": "octoworkers.api.schema.ApiSchema",
}
SPECTACULAR_SETTINGS = SPECTACULAR
#: Requests to the API per minute and key, on all nodes together.
API_RATE = env.int("OCTOWORKERS_API_RATE", 6000)
#: The version of Octopus Deploy's API that clients are to take this for.
API_VERSION = "2025.4.0"

#: Name of this node, unique in the installation.
NODE_NAME = env.str("OCTOWORKERS_NODE", "") or socket.gethostname()
#: Runs that a new node may execute at once; the nodes page changes it for one that is known.
TASK_CAP = env.int("OCTOWORKERS_TASK_CAP", 100)
#: Whether the default pool of a space may fall back to the server's own worker while it is empty.
BUILTIN_WORKER = env.bool("OCTOWORKERS_BUILTIN_WORKER", True)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("OCTOWORKERS_LOG_LEVEL", "WARNING")},
    "loggers": {
        "octoworkers": {"level": env.str("OCTOWORKERS_LOG_LEVEL", "INFO")},
        "django.channels.server": {"level": "WARNING"},
        # A missing page is the visitor's business; what breaks is an error.
        "django.request": {"level": "ERROR"},
        "daphne": {"level": "WARNING"},
    },
}

SERVER_VERSION = VERSION
