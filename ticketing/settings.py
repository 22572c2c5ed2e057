"""Settings from the environment. Unset SITE_MODE means production, which is closed and wants every setting named."""

import os
from datetime import timedelta
from pathlib import Path
from zoneinfo import available_timezones

import environ
from django.core.exceptions import ImproperlyConfigured

from ticketing.runtime import postgres
from ticketing.runtime.secret import local_secret

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent


def needed(name: str) -> str:
    """A setting that production cannot do without."""
    if value := env.str(name, default=""):
        return value
    raise ImproperlyConfigured(
        f"Production needs the setting {name}. Set it in the environment, or set SITE_MODE=demo to try the site out."
    )


def whole(name: str, default: int, highest: int = 1000) -> int:
    """A setting that is a positive whole number."""
    value = env.str(name, default=str(default))
    if not (value.isascii() and value.isdigit() and 1 <= int(value) <= highest):
        raise ImproperlyConfigured(f"{name} is “{value}”. It must be a whole number from 1 to {highest}.")
    return int(value)


# How this site is run. `web` answers requests; everything else is a worker or a command.
SITE_MODE = env.str("SITE_MODE", default="production")
if SITE_MODE not in ("production", "demo"):
    raise ImproperlyConfigured(f"SITE_MODE is “{SITE_MODE}”. Use SITE_MODE=production or SITE_MODE=demo.")
IS_DEMO = SITE_MODE == "demo"
IS_WEB = os.environ.get("TICKETING_ROLE") == "web"
TICKETING_HOME = Path(env.str("TICKETING_HOME", default=str(BASE_DIR / ".local"))).absolute()
WEB_PROCESSES = whole("WEB_PROCESSES", 2)
WEB_THREADS = whole("WEB_THREADS", 4)
PORT = whole("PORT", 8000, highest=65_535)

DEBUG = IS_DEMO and env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="") or (local_secret(TICKETING_HOME) if IS_DEMO else needed("SECRET_KEY"))
LOOPBACK = ["localhost", "127.0.0.1", "[::1]", "0.0.0.0"]  # noqa: S104 - host names, nothing is bound
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[]) or (LOOPBACK if IS_DEMO else [needed("ALLOWED_HOSTS")])
if not IS_DEMO and len(SECRET_KEY) < 50:
    raise ImproperlyConfigured("SECRET_KEY is too short to keep anything secret. Use 50 random characters or more.")
if not IS_DEMO and "*" in ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS must name the site's hosts, and not *.")
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# The database. Web connections give up early, so that nobody waits behind somebody else's lock for long.
DATABASE_URL = env.str("DATABASE_URL", default="")
USES_EMBEDDED_DATABASE = IS_DEMO and not DATABASE_URL
_url = DATABASE_URL or (postgres.url(TICKETING_HOME) if IS_DEMO else needed("DATABASE_URL"))
DATABASES = {"default": env.db_url_config(_url)}
if "postgresql" not in DATABASES["default"].get("ENGINE", ""):
    raise ImproperlyConfigured("DATABASE_URL must name a PostgreSQL database: postgres://user@host/name")
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
if IS_WEB:
    DATABASES["default"].setdefault("OPTIONS", {}).update(
        # The cluster's forked workers would share a pool's sockets and hang, so only web processes have one.
        pool={"min_size": 1, "max_size": WEB_THREADS + 2, "timeout": 5},
        options="-c lock_timeout=3s -c statement_timeout=10s -c idle_in_transaction_session_timeout=15s",
    )

INSTALLED_APPS = [
    "ticketing.toolkit.admin_site.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "django_q",
    "axes",
    "ticketing",  # last: its admin shows the queue's pages in its own way
    "support",
    "booking",
    "allocation",
]
MIDDLEWARE = [
    "ticketing.toolkit.middleware.SiteHeaders",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
    "ticketing.toolkit.middleware.RefusalPages",
]
ROOT_URLCONF = "ticketing.urls"
WSGI_APPLICATION = "ticketing.wsgi.application"
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
                "ticketing.toolkit.panel.site",
            ]
        },
    }
]

# Accounts and log-in. Five failures of one name from one address lock the pair for a quarter of an hour.
AUTH_USER_MODEL = "ticketing.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "ticketing.toolkit.authentication.SiteBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "account:log_in"
SESSION_ENGINE = "ticketing.sessions"
# Called in the transaction in which a person has proven an e-mail address, with the account and the invitation's terms.
WHEN_ADDRESS_IS_PROVEN = ["support.actions.welcome", "booking.actions.welcome"]
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
AXES_LOCKOUT_CALLABLE = "ticketing.toolkit.middleware.locked_out"

# Security. Production behind a proxy that ends TLS.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; frame-ancestors 'self'; form-action 'self'; base-uri 'none'; object-src 'none'"
)
CSRF_FAILURE_VIEW = "ticketing.toolkit.middleware.csrf_failure"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not IS_DEMO
SECURE_SSL_REDIRECT = not IS_DEMO and env.bool("SECURE_SSL_REDIRECT", default=True)
SECURE_HSTS_SECONDS = 0 if IS_DEMO else 31_536_000
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_PROXY", default=False) else None
SECURE_REFERRER_POLICY = "same-origin"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

# Times are stored as instants; this zone is how people on site read their clocks.
USE_TZ = True
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
if TIME_ZONE not in available_timezones():
    raise ImproperlyConfigured(f"TIME_ZONE is “{TIME_ZONE}”. It must be an IANA name, such as Europe/Berlin.")
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
USE_I18N = True

STATIC_URL = "static/"
STATIC_ROOT = None if IS_DEMO else BASE_DIR / "staticfiles"  # the demo serves the files where they are
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = IS_DEMO
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if IS_DEMO
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

REST_FRAMEWORK = {
    "EXCEPTION_HANDLER": "ticketing.toolkit.problems.exception_handler",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

# Workers. `retry` is at least four times `timeout` and the queue no longer than the workers, or tasks run twice.
Q_CLUSTER = {
    "name": "ticketing",
    "label": "Queue",
    "orm": "default",
    "workers": whole("WORKERS", 2),
    "queue_limit": whole("WORKERS", 2),
    "timeout": 15,
    "retry": 60,
    "max_attempts": 3,
    "poll": 0.2,
    "bulk": 1,
    "save_limit": 250,
    "catch_up": False,
    "guard_cycle": 1,
    "log_level": "WARNING",
}

# How long an agent who logged in by the ticket-service contract, whose clients send no sign of life, counts as there.
AGENT_LOGIN_LEASE = timedelta(hours=whole("AGENT_LOGIN_LEASE_HOURS", 8))

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="WARNING")},
    "loggers": {
        # A refused request is an answer, not an event.
        "django.request": {"level": "ERROR"},
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        "django.security.csrf": {"level": "ERROR"},
        "axes": {"level": "ERROR"},
    },
}
