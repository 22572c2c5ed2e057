"""Settings from the environment. Unset SITE_MODE means production, which is closed and wants every setting named."""

import os
import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import environ
from django.core.exceptions import ImproperlyConfigured

from ticketing import rights
from ticketing.runtime import postgres
from ticketing.runtime.secret import local_secret
from ticketing.texts import SLUG

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


def whole_if_any(name: str) -> int | None:
    """The same; None where it is not set."""
    return whole(name, 1) if env.str(name, default="") else None


def whole_numbers(name: str, default: str, highest: int = 1000) -> list[int]:
    """A setting that is a list of positive whole numbers with commas between them; it may be empty."""
    said = env.str(name, default=default)
    parts = [part.strip() for part in said.split(",")] if said.strip() else []
    if not all(part.isascii() and part.isdigit() and 1 <= int(part) <= highest for part in parts):
        raise ImproperlyConfigured(
            f"{name} is “{said}”. It must be whole numbers from 1 to {highest} with commas between them, or empty."
        )
    return [int(part) for part in parts]


def switch(name: str, default: bool) -> bool:
    """A setting that is on or off."""
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    value = env.str(name, default="") or str(default)
    if value.lower() not in words:
        raise ImproperlyConfigured(f"{name} is “{value}”. Use {name}=1 or {name}=0.")
    return words[value.lower()]


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

DEBUG = switch("DEBUG", False)
if DEBUG and not IS_DEMO:
    raise ImproperlyConfigured("DEBUG shows everybody the inside of the site. Unset it, or set SITE_MODE=demo.")
SECRET_KEY = env.str("SECRET_KEY", default="") or (local_secret(TICKETING_HOME) if IS_DEMO else needed("SECRET_KEY"))
LOOPBACK = ["localhost", "127.0.0.1", "[::1]", "0.0.0.0"]  # noqa: S104 - host names, nothing is bound
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[]) or (LOOPBACK if IS_DEMO else [needed("ALLOWED_HOSTS")])
if not IS_DEMO and len(SECRET_KEY) < 50:
    raise ImproperlyConfigured("SECRET_KEY is too short to keep anything secret. Use 50 random characters or more.")
if not IS_DEMO and "*" in ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS must name the site's hosts, and not *.")
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# One's own proxy ends TLS in front of the site, and says who calls.
BEHIND_PROXY = switch("BEHIND_PROXY", False)

# Contracts whose clients go on in production as they did before, without accounts; rights.py says what that opens.
OPEN_CONTRACTS = [name.strip() for name in env.list("OPEN_CONTRACTS", default=[])]
if unknown := sorted(set(OPEN_CONTRACTS) - set(rights.CONTRACTS)):
    raise ImproperlyConfigured(f"OPEN_CONTRACTS names {unknown[0]}. It may name: {', '.join(rights.CONTRACTS)}.")
# The tickets an agent sees: all, or those assigned to the agent and those that wait in the agent's departments.
AGENTS_SEE = env.str("AGENTS_SEE", default="all")
if AGENTS_SEE not in ("all", "assigned"):
    raise ImproperlyConfigured(f"AGENTS_SEE is “{AGENTS_SEE}”. Use AGENTS_SEE=all or AGENTS_SEE=assigned.")

# The database. Web connections give up early, so that nobody waits behind somebody else's lock for long.
DATABASE_URL = env.str("DATABASE_URL", default="")
USES_EMBEDDED_DATABASE = IS_DEMO and not DATABASE_URL
_url = DATABASE_URL or (postgres.url(TICKETING_HOME) if IS_DEMO else needed("DATABASE_URL"))
DATABASES = {"default": env.db_url_config(_url)}
if "postgresql" not in DATABASES["default"].get("ENGINE", ""):
    raise ImproperlyConfigured("DATABASE_URL must name a PostgreSQL database: postgres://user@host/name")
DATABASES["default"]["CONN_HEALTH_CHECKS"] = not IS_WEB
if IS_WEB:
    DATABASES["default"]["ENGINE"] = "ticketing.runtime.pooled"  # which has checks of its own
    DATABASES["default"].setdefault("OPTIONS", {}).update(
        # The cluster's forked workers would share a pool's sockets and hang, so only web processes have one.
        pool={"min_size": 1, "max_size": WEB_THREADS + 2, "timeout": 5},
        prepare_threshold=0,  # for toolkit.database.planned_once; the ORM's own statements are never prepared
        # Nor does one request take several processors, which would also bring the shelves of a search out of order.
        options="-c lock_timeout=3s -c statement_timeout=10s -c idle_in_transaction_session_timeout=15s "
        "-c max_parallel_workers_per_gather=0",
    )

INSTALLED_APPS = [
    "ticketing.toolkit.admin_site.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "corsheaders",
    "django_filters",
    "django_htmx",
    "django_q",
    "axes",
    "ticketing",  # last: its admin shows the queue's pages in its own way
    "support",
    "booking",
    "allocation",
]
MIDDLEWARE = [
    "ticketing.toolkit.logs.RequestLog",
    "ticketing.toolkit.middleware.RealAddress",
    "ticketing.toolkit.middleware.SiteHeaders",
    "ticketing.toolkit.compression.CompressedPages",
    "corsheaders.middleware.CorsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "ticketing.toolkit.programs.Sessions",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "ticketing.toolkit.programs.Accounts",
    "ticketing.toolkit.programs.Messages",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "ticketing.toolkit.language.PageLanguage",
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
                "ticketing.views.navigation.navigation",
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
# Called with the terms of an invitation before it is written, to refuse those that make no sense.
WHEN_SOMEBODY_IS_INVITED = ["support.actions.check_invitation"]
# Called in the transaction in which a person has proven an e-mail address, with the account and the invitation's terms.
WHEN_ADDRESS_IS_PROVEN = ["support.actions.welcome", "booking.actions.welcome", "ticketing.actions.waiting.welcome"]
AXES_USERNAME_CALLABLE = "ticketing.toolkit.authentication.typed_name"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
AXES_LOCKOUT_CALLABLE = "ticketing.toolkit.middleware.locked_out"

# Security. Production behind a proxy that ends TLS.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
# The sites whose pages may show the booking steps (/panel/book/embed/) in a frame: none, unless named.
EMBED_ORIGINS = [origin.strip() for origin in env.list("EMBED_ORIGINS", default=[])]
for origin in EMBED_ORIGINS:
    if not re.fullmatch(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?", origin):
        raise ImproperlyConfigured(
            f"EMBED_ORIGINS names “{origin}”. Name origins with commas between them: https://www.example.org"
        )
PERMISSIONS_POLICY = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
# Of the pages that read codes by camera, whose reader works in a thread of its own.
CAMERA_CONTENT_SECURITY_POLICY = f"{CONTENT_SECURITY_POLICY}; worker-src blob:"
CAMERA_PERMISSIONS_POLICY = PERMISSIONS_POLICY.replace("camera=()", "camera=(self)")
CSRF_FAILURE_VIEW = "ticketing.toolkit.middleware.csrf_failure"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not IS_DEMO
# With this prefix browsers take the cookie from this very host and over TLS only.
SESSION_COOKIE_NAME = "sessionid" if IS_DEMO else "__Host-sessionid"
CSRF_COOKIE_NAME = "csrftoken" if IS_DEMO else "__Host-csrftoken"
SECURE_SSL_REDIRECT = not IS_DEMO and switch("SECURE_SSL_REDIRECT", True)
SECURE_REDIRECT_EXEMPT = [r"^health(/ready)?/?$"]  # asked on the machine itself, without TLS
SECURE_HSTS_SECONDS = 0 if IS_DEMO else whole("HSTS_SECONDS", 31_536_000, highest=126_144_000)
# Other hosts of the domain, and lists inside browsers that nothing is removed from for years, are their owner's affair.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021", *env.list("SILENCE_CHECKS", default=[])]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_REFERRER_POLICY = "same-origin"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

# Times are stored as instants; this zone is how people on site read their clocks.
USE_TZ = True
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
if TIME_ZONE not in available_timezones():
    raise ImproperlyConfigured(f"TIME_ZONE is “{TIME_ZONE}”. It must be an IANA name, such as Europe/Berlin.")
LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = ["ticketing.formats"]
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_AGE = 365 * 24 * 60 * 60
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
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Ticketing",
    "DESCRIPTION": "Support tickets, bookings and event tickets of one organisation.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "PREPROCESSING_HOOKS": ["ticketing.toolkit.schema.only_the_api"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "ticketing.toolkit.schema.site_address",
    ],
    "TAGS": [
        {"name": name, "description": sentence}
        for name, sentence in {
            "booking": "Services, the times they are open for, and the bookings of them.",
            "waiting": "Places on the waiting lists for what is full.",
            "support": "Questions, the agents who answer them, and what was written.",
            "allocation": "What is on, what was bought of it, and the tickets that let people in.",
            "hours": "When the organisation is open: calendars, closures and special openings.",
            "account": "The caller's own account.",
            "accounts": "Everybody's accounts, for whoever manages them.",
            "invitations": "Accounts that were offered by mail.",
            "sign-ups": "How people ask for an account.",
            "password-resets": "How people take a new password for a forgotten one.",
            "links": "What the links in such mails do.",
            "tokens": "The caller's API tokens.",
            "sessions": "Where the caller is logged in.",
            "activities": "The audit trail: who did what, and when.",
            "webhooks": "Addresses of other sites that are told what happens here.",
            "deliveries": "What was sent to webhooks, and what became of it.",
            "mails": "What was mailed, and what became of it.",
        }.items()
    ],
    "COMPONENT_SPLIT_REQUEST": False,
    "ENUM_NAME_OVERRIDES": {"DepartmentEnum": "support.models.Department"},
}

# Programs in browsers of other sites: none, unless named.
CORS_ALLOWED_ORIGINS = env.list("CORS_ALLOWED_ORIGINS", default=[])
CORS_URLS_REGEX = r"^/api/v1/"
CORS_ALLOW_HEADERS = ["authorization", "content-type", "idempotency-key", "if-match", "manage-token"]
CORS_EXPOSE_HEADERS = ["ETag", "Location", "Retry-After", "Idempotent-Replayed", "X-Request-ID"]

# How much a caller without an account may do from one address, and an account: of one operation, or of all the others.
THROTTLES: dict[str, str] = {
    **(
        {}
        if IS_DEMO
        else {
            "anonymous": "120/minute",
            "account": "1200/minute",
            "support.raise_unverified": "10/minute",
            "booking.book": "20/minute",
            "waiting.join": "5/minute",
            "account.sign_up": "5/minute",
            "account.use_link": "20/minute",
            "account.profile": "20/hour",  # each asks for the password, which nobody should guess
        }
    ),
    **dict(pair.partition("=")[::2] for pair in env.list("THROTTLES", default=[])),
}
for name, rate in THROTTLES.items():
    if name not in (*rights.RIGHTS, "anonymous", "account") or not rights.RATE.fullmatch(rate):
        raise ImproperlyConfigured(f"THROTTLES says “{name}={rate}”. Write it like booking.book=30/minute.")

# Where people and programs reach the site: what links in mails start with.
SITE_URL = env.str("SITE_URL", default="") or (f"http://127.0.0.1:{PORT}" if IS_DEMO else needed("SITE_URL"))
if not re.fullmatch(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?", SITE_URL):
    raise ImproperlyConfigured(
        f"SITE_URL is “{SITE_URL}”. It must be http:// or https:// with a host and no path: https://tickets.example.org"
    )
SITE_HOST = urlsplit(SITE_URL).hostname or ""

# What leaves the site. The demo shows its mails where it was started.
_email_url = env.str("EMAIL_URL", default="") or ("consolemail://" if IS_DEMO else needed("EMAIL_URL"))
try:
    globals().update(env.email_url_config(_email_url))
except (ImproperlyConfigured, ValueError) as error:
    raise ImproperlyConfigured("EMAIL_URL makes no sense. Use smtp+tls://user:password@host:587.") from error
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("MAIL_FROM", default=f"noreply@{SITE_HOST}")
if not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+|[^<>\n]*<[^@\s<>]+@[^@\s<>]+>", DEFAULT_FROM_EMAIL):
    raise ImproperlyConfigured(f"MAIL_FROM is “{DEFAULT_FROM_EMAIL}”. Write it like tickets@example.org.")
# Webhooks go to public addresses only, and to these hosts and addresses, which may be inside and have any port.
WEBHOOK_PRIVATE_HOSTS = [host.lower() for host in env.list("WEBHOOK_PRIVATE_HOSTS", default=[])]
for host in WEBHOOK_PRIVATE_HOSTS:
    if not re.fullmatch(r"[a-z0-9.:-]+", host):
        raise ImproperlyConfigured(
            f"WEBHOOK_PRIVATE_HOSTS names “{host}”. Name hosts and single addresses, not networks."
        )

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

# What can be waited for, and the module of the app that keeps it, with two functions: `require_wish(stock, quantity,
# least, by)` refuses a wish that makes no sense there; `take_up(waiter, by)` returns the address where whoever accepts
# goes on. The app calls `use_offer` in the transaction in which it makes a booking or a purchase of the places.
WAITING_LISTS = {"booking.slot": "booking.actions.waiting", "allocation.ticketoption": "allocation.actions.waiting"}
# How long what is offered to somebody on a waiting list is held for them.
WAITING_OFFER_LASTS = timedelta(hours=whole("WAITING_OFFER_HOURS", 24))
# How long somebody has to confirm by the mailed link that they want to wait.
WAITING_CONFIRM_LASTS = timedelta(hours=whole("WAITING_CONFIRM_HOURS", 24))

# How long tickets are held for whoever is about to buy them.
HOLD_LASTS = timedelta(minutes=whole("HOLD_MINUTES", 10))

# How long before a visit people are reminded of it by mail, each time; none where it is empty.
BOOKING_REMINDERS = [timedelta(hours=hours) for hours in whole_numbers("BOOKING_REMINDER_HOURS", "24,1")]
# How many bookings that are not over yet one phone number, and one e-mail address, may have; empty for any number.
BOOKINGS_PER_PHONE = whole_if_any("BOOKINGS_PER_PHONE")
BOOKINGS_PER_ADDRESS = whole_if_any("BOOKINGS_PER_ADDRESS")
# Where the links in mails lead that open something of an app: called with what the mail names, it returns a path.
LINKS_IN_MAILS = {
    "booking.booking": "booking.links.address_of",
    "allocation.transfer": "allocation.links.address_of_transfer",
    "allocation.ticket": "allocation.links.address_of_ticket",
    "allocation.tickets": "allocation.links.address_of_tickets",
    "support.ticket": "support.links.address_of_ticket",
    "support.rating": "support.links.address_of_rating",
}
# What mails tell of and bring along, by its kind: a function of the rest of the mail's “about”, called as it is sent,
# which returns more context (with “headers” of the mail, if it wants some) and the files (name, content, type).
ABOUT_IN_MAILS = {"allocation.tickets": "allocation.documents.of_mail", "support.ticket": "support.letters.of_mail"}

# What there is of people, said by each app of its own tables (see ticketing/people.py); the core's comes last.
PERSONAL_DATA = ["support.personal", "booking.personal", "allocation.personal", "ticketing.personal"]

# What can be forgotten by age, and the module that does so, with two functions: `outlived(age)` says how much there is,
# and `forget(age, limit)` forgets some of it and says how much.
RETENTION = {
    "questions": "support.actions.forgetting",
    "tickets": "allocation.actions.forgetting",
    "accounts": "ticketing.actions.idle",
    "trail": "ticketing.actions.old_lines",
}
# After how many days that is, of each kind; what is not named is kept.
RETENTION_DAYS = {}
for _said in env.list("RETENTION_DAYS", default=[]):
    _kind, _, _days = _said.strip().partition("=")
    if _kind not in RETENTION or not re.fullmatch(r"[1-9][0-9]{0,4}", _days):
        raise ImproperlyConfigured(
            f"RETENTION_DAYS says “{_said}”. Write it like questions=730,tickets=365, of {', '.join(RETENTION)}."
        )
    RETENTION_DAYS[_kind] = int(_days)

# What a question at the support desk can be about, by its kind: a function of ids and of the account whose they have to
# be, which returns of each that is there, by its id, what people call it and the address of its page.
QUESTIONS_ABOUT = {
    "booking.booking": "booking.links.bookings_of",
    "allocation.purchase": "allocation.links.purchases_of",
    "allocation.ticket": "allocation.links.tickets_of",
}

# How long an agent who logged in by the ticket-service contract, whose clients send no sign of life, counts as there.
AGENT_LOGIN_LEASE = timedelta(hours=whole("AGENT_LOGIN_LEASE_HOURS", 8))
# How long an agent whose presence lapsed keeps what nobody has answered yet: a train in a tunnel is no end of work.
AGENT_GRACE = timedelta(seconds=whole("AGENT_GRACE_SECONDS", 60))
# The short name of the business calendar that the desk keeps; without such a calendar it keeps no hours.
SUPPORT_CALENDAR = env.str("SUPPORT_CALENDAR", default="default")
if not re.fullmatch(SLUG, SUPPORT_CALENDAR):
    raise ImproperlyConfigured(f"SUPPORT_CALENDAR is “{SUPPORT_CALENDAR}”. Use the short name of a business calendar.")

# Where answers to the desk's mails go: before the @ comes a plus with the question's code and a signature, so that what
# reads the mailbox knows which question it is about. Without one the mails say that nobody reads what is answered.
SUPPORT_REPLY_ADDRESS = env.str("SUPPORT_REPLY_ADDRESS", default="")
if SUPPORT_REPLY_ADDRESS and not re.fullmatch(
    r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,28}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", SUPPORT_REPLY_ADDRESS
):
    raise ImproperlyConfigured(
        f"SUPPORT_REPLY_ADDRESS is “{SUPPORT_REPLY_ADDRESS}”. Write it like support@example.org, without a "
        "plus, with up to 29 characters before the @."
    )

# What people may attach to what they write at the support desk: files up to so many MiB each, so many at once, with
# these endings of their names. A form may be as large as that and the rest of it, so the limits always fit each other.
ATTACHMENT_MIB = whole("ATTACHMENT_MIB", 5, highest=25)
ATTACHMENTS_AT_ONCE = whole("ATTACHMENTS_AT_ONCE", 5, highest=20)
_KNOWN_TYPES = "pdf,png,jpg,jpeg,gif,webp,heic,txt,log,csv,json,eml,rtf,doc,docx,xls,xlsx,ppt,pptx,odt,ods,odp,zip"
ATTACHMENT_TYPES = [name.strip().lower() for name in env.list("ATTACHMENT_TYPES", default=_KNOWN_TYPES.split(","))]
for name in ATTACHMENT_TYPES:
    if not re.fullmatch("[a-z0-9]{1,10}", name):
        raise ImproperlyConfigured(
            f"ATTACHMENT_TYPES names “{name}”. Name endings with commas between them: pdf,png,txt"
        )
UPLOAD_BYTES = DATA_UPLOAD_MAX_MEMORY_SIZE + ATTACHMENTS_AT_ONCE * ATTACHMENT_MIB * 1024 * 1024

LOG_LEVEL = env.str("LOG_LEVEL", default="WARNING")
LOG_FORMAT = env.str("LOG_FORMAT", default="line" if IS_DEMO else "json")
if LOG_LEVEL not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL") or LOG_FORMAT not in ("json", "line"):
    raise ImproperlyConfigured(
        f"LOG_LEVEL is “{LOG_LEVEL}” and LOG_FORMAT is “{LOG_FORMAT}”. "
        "Use a level from DEBUG to CRITICAL, and json or line."
    )
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"without_paths": {"()": "ticketing.toolkit.logs.WithoutPaths"}},
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"},
        "json": {"()": "ticketing.toolkit.logs.JsonLines"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "filters": ["without_paths"]}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "ticketing.request": {"level": "WARNING" if IS_DEMO else "INFO"},
        # A refused request is an answer, not an event.
        "django.request": {"level": "ERROR"},
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        "django.security.csrf": {"level": "ERROR"},
        "axes": {"level": "ERROR"},
    },
}
