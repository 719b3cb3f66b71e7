"""Settings of Jarvish Regen: one file, flat names, units in names. The environment is read here and nowhere else."""

import contextlib
import os
from pathlib import Path
from typing import Any

import environ
from celery.schedules import schedule
from csp.constants import NONCE, NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _
from kombu import Queue

BASE_DIR = Path(__file__).resolve().parent.parent
_YES, _NO = ("1", "true", "yes", "on", "y"), ("0", "false", "no", "off", "n", "")


class _Environment(environ.FileAwareEnv):
    """The environment, or `<NAME>_FILE`: a value that cannot be read stops the start, by name."""

    def bool(self, var: str, default: Any = False) -> Any:
        given = self.str(var, str(default)).strip().lower()
        if given not in (*_YES, *_NO):
            raise ImproperlyConfigured(f"{var} is {given!r}; write 1 or 0.")
        return given in _YES

    def int(self, var: str, default: Any = 0) -> Any:
        return self._number(var, int, default)

    def float(self, var: str, default: Any = 0.0) -> Any:
        return self._number(var, float, default)

    def _number(self, var: str, kind: Any, default: Any) -> Any:
        given = self.str(var, str(default)).strip()
        try:
            return kind(given)
        except ValueError as error:
            raise ImproperlyConfigured(f"{var} is {given!r}; write a number.") from error


env = _Environment()

# --- Where we run -----------------------------------------------------------------------------------------------

IS_EMBEDDED = env.bool("JARVISH_EMBEDDED", False)
IS_TEST = env.bool("JARVISH_TEST", False)
# Where tests lay down which process shall die at which place (jarvish_regen.faults).
_faultpoints = env.str("JARVISH_FAULTPOINTS_DIR", "") if IS_TEST else ""
FAULTPOINTS_DIR = Path(_faultpoints) if _faultpoints else None
# A machine that is given its own servers is a deployment: nothing there may fall back to a development default.
IS_PRODUCTION = env.bool("JARVISH_PRODUCTION", not (IS_EMBEDDED or IS_TEST) and "DATABASE_URL" in os.environ)
STATE_DIR = Path(env.str("JARVISH_STATE_DIR", str(BASE_DIR / "var")))

DEBUG = False


def _secret_key() -> str:
    """Return the signing key: from the environment, or, outside production, one kept under the state directory."""
    given: str = env.str("JARVISH_SECRET_KEY", "")
    if given:
        return given
    if IS_PRODUCTION:
        raise ImproperlyConfigured(
            "JARVISH_SECRET_KEY (or JARVISH_SECRET_KEY_FILE) is not set; production has no default."
        )
    path = STATE_DIR / "secret_key"
    if not path.exists():
        STATE_DIR.mkdir(parents=True, exist_ok=True)
        from django.core.management.utils import get_random_secret_key  # needed on the very first start only

        # Several processes start at once: the first to link its file wins, the others read that one.
        own = path.with_suffix(f".{os.getpid()}")
        own.write_text(get_random_secret_key())
        own.chmod(0o600)
        with contextlib.suppress(FileExistsError):
            os.link(own, path)
        own.unlink()
    return path.read_text()


SECRET_KEY = _secret_key()
ALLOWED_HOSTS: list[str] = env.list(
    "JARVISH_ALLOWED_HOSTS", default=[] if IS_PRODUCTION else ["localhost", "127.0.0.1", "[::1]", "testserver"]
)
PUBLIC_URL = env.str("JARVISH_PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL.startswith("https://") else []

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.simple_history",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "channels",
    "csp",
    "django_htmx",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "drf_standardized_errors",
    "knox",
    "pgtrigger",
    "rest_framework",
    "simple_history",
    "jarvish_regen.journal",
    "jarvish_regen.llm",
    "jarvish_regen.access",
    "jarvish_regen.content",
    "feedback",
    "regeneration",
    "escalation",
    "learning",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "jarvish_regen.middleware.PolicyOfPrefixMiddleware",
    "jarvish_regen.caching.CacheControlMiddleware",
    "jarvish_regen.middleware.ApiErrorMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "jarvish_regen.access.middleware.StaffMfaMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "jarvish_regen.urls"
ASGI_APPLICATION = "jarvish_regen.asgi.application"

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
                "csp.context_processors.nonce",
                "jarvish_regen.access.context.viewer",
            ],
        },
    },
]

WARM_TEMPLATES = ["content/items.html", "content/item.html", "feedback/form.html", "regeneration/answer.html"]

# --- PostgreSQL -------------------------------------------------------------------------------------------------

DATABASE_POOL_MAX_CONNECTIONS = env.int("JARVISH_DATABASE_POOL_MAX_CONNECTIONS", 12)
# Web, relay, beat and four workers, as `./jarvish up` starts them; a check compares the sum with max_connections.
DATABASE_PROCESSES = env.int("JARVISH_DATABASE_PROCESSES", 7)
DATABASES: dict[str, dict[str, Any]] = {
    "default": environ.Env.db_url_config(env.str("DATABASE_URL", "postgresql://jarvish@localhost/jarvish"))
}
if DATABASES["default"].get("ENGINE") != "django.db.backends.postgresql":
    raise ImproperlyConfigured("DATABASE_URL is not an address of the form postgresql://user:password@host:5432/name.")
DATABASES["default"] |= {
    "CONN_MAX_AGE": 0,  # the pool keeps the connections; Django refuses both at once
    "CONN_HEALTH_CHECKS": False,
    "DISABLE_SERVER_SIDE_CURSORS": True,  # PgBouncer in transaction mode
    "OPTIONS": {
        **DATABASES["default"].get("OPTIONS", {}),  # the URL's query: a socket's directory, sslmode
        "pool": {"min_size": 1, "max_size": DATABASE_POOL_MAX_CONNECTIONS, "timeout": 5},
        "options": "-c lock_timeout=2000 -c statement_timeout=15000 -c idle_in_transaction_session_timeout=30000",
    },
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "access.User"

# --- Valkey -----------------------------------------------------------------------------------------------------

REDIS_URL = env.str("REDIS_URL", "redis://127.0.0.1:6379")
# A hung Valkey must cost a request little: whatever rings or hints is only a nudge.
REDIS_SOCKET_TIMEOUT_SECONDS = 1.0


# Several installations, or test runs side by side, may share one server: each takes four databases from here on.
REDIS_DATABASE_OFFSET = env.int("JARVISH_REDIS_DATABASE_OFFSET", 0)


def redis_url(database: int) -> str:
    """Return the URL of one numbered database of the given server, for redis-py, channels and django-redis."""
    database += REDIS_DATABASE_OFFSET
    if REDIS_URL.startswith("unix://"):
        return f"{REDIS_URL.split('?')[0]}?db={database}"
    return f"{REDIS_URL.rstrip('/')}/{database}"


def celery_broker_url() -> str:
    """Return the same server in the form that kombu reads."""
    if REDIS_URL.startswith("unix://"):
        return f"redis+socket://{REDIS_URL.removeprefix('unix://').split('?')[0]}?virtual_host={REDIS_DATABASE_OFFSET}"
    return redis_url(0)


CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": redis_url(1),
        "OPTIONS": {
            "IGNORE_EXCEPTIONS": True,  # a dead cache is slower, never an error
            "SOCKET_CONNECT_TIMEOUT": REDIS_SOCKET_TIMEOUT_SECONDS,
            "SOCKET_TIMEOUT": REDIS_SOCKET_TIMEOUT_SECONDS,
        },
    },
    # Kept answers: looked up inside the answer clock, so a Valkey that hangs may cost milliseconds only.
    "answers": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": redis_url(1),
        "KEY_PREFIX": "answers",
        "OPTIONS": {
            "SERIALIZER": "django_redis.serializers.json.JSONSerializer",  # never pickle what others could write
            "SOCKET_CONNECT_TIMEOUT": 0.05,
            "SOCKET_TIMEOUT": 0.05,
        },
    },
}
DJANGO_REDIS_LOG_IGNORED_EXCEPTIONS = True
BROKER_REDIS_URL = redis_url(0)  # as redis-py reads it, for looking at the queues
RATE_LIMIT_STORAGE_URL = f"redis+{redis_url(3)}" if REDIS_URL.startswith("unix://") else redis_url(3)
CHANNEL_LAYERS = {
    "default": {
        # The core layer keeps 100 messages a channel and loses them at a restart; hints are re-read by seq anyway.
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [redis_url(2)], "prefix": "jarvish"},
    }
}

# --- Celery: see docs/loop.md -----------------------------------------------------------------------------------

ANSWER_QUEUES = ("critical", "high", "normal", "low")
CELERY_APP_PATH = "jarvish_regen.celery.app"
CELERY_BROKER_URL = celery_broker_url()
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "queue_order_strategy": "priority",
    "visibility_timeout": 120,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_keepalive": not REDIS_URL.startswith("unix://"),
    "socket_connect_timeout": REDIS_SOCKET_TIMEOUT_SECONDS,
    "socket_timeout": 2.0,  # above the second that a waiting worker asks for at a time
    "health_check_interval": 10,
    "max_retries": 0,
}
CELERY_TASK_QUEUES = [Queue(name) for name in (*ANSWER_QUEUES, "solo", "prepare", "notify", "learn")]
CELERY_TASK_DEFAULT_QUEUE = "normal"
CELERY_TASK_CREATE_MISSING_QUEUES = False
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SOFT_TIME_LIMIT = 20
CELERY_TASK_TIME_LIMIT = 30
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 25
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 300_000
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "Asia/Kolkata"
CELERY_BEAT_SCHEDULE = {
    "journal.clean": {
        "task": "journal.clean",
        "schedule": schedule(3600),
        "options": {"queue": "learn", "expires": 1800},
    },
    "regeneration.audit_hits": {
        "task": "regeneration.audit_hits",
        "schedule": schedule(600),
        "options": {"queue": "learn", "expires": 300},
    },
    "journal.deliver_due": {
        "task": "journal.deliver_due",
        "schedule": schedule(5),
        "options": {"queue": "notify", "expires": 10},
    },
    "regeneration.count_rungs": {
        "task": "regeneration.count_rungs",
        "schedule": schedule(3600),
        "options": {"queue": "learn", "expires": 1800},
    },
    # Costs three queries unless the rules changed; then what a run leaves over is the next one's.
    "regeneration.recheck_shelf": {
        "task": "regeneration.recheck_shelf",
        "schedule": schedule(600),
        "options": {"queue": "learn", "expires": 500},
    },
    "regeneration.sweep_prepared": {
        "task": "regeneration.sweep_prepared",
        "schedule": schedule(600),
        "options": {"queue": "learn", "expires": 300},
    },
    "feedback.sweep_voice": {
        "task": "feedback.sweep_voice",
        "schedule": schedule(15),
        "options": {"queue": "learn", "expires": 14},
    },
    "feedback.sweep_analyses": {
        "task": "feedback.sweep_analyses",
        "schedule": schedule(60),
        "options": {"queue": "learn", "expires": 50},
    },
    "feedback.sweep_cascade": {
        "task": "feedback.sweep_cascade",
        "schedule": schedule(120),
        "options": {"queue": "learn", "expires": 100},
    },
    "learning.retrain_if_due": {
        "task": "learning.retrain_if_due",
        "schedule": schedule(3600),
        "options": {"queue": "learn", "expires": 1800},
    },
    "learning.judge_trial": {
        "task": "learning.judge_trial",
        "schedule": schedule(3600),
        "options": {"queue": "learn", "expires": 1800},
    },
    "learning.watch_drift": {
        "task": "learning.watch_drift",
        "schedule": schedule(86_400),
        "options": {"queue": "learn", "expires": 3600},
    },
    "learning.roll_up": {
        "task": "learning.roll_up",
        "schedule": schedule(60),
        "options": {"queue": "learn", "expires": 55},
    },
}

# --- The answer -------------------------------------------------------------------------------------------------

REGENERATION_DEADLINE_SECONDS = 1.4  # the answer clock, from the moment the rejection is stored
REGENERATION_LEASE_SECONDS = 3.0
REGENERATION_UNCLAIMED_SECONDS = 3.0  # what nobody claimed by then, the relay answers by itself
# Kept answers in memory: bytes for the whole machine, divided by its processes.
ANSWER_CACHE_L1_MAX_BYTES = env.int("JARVISH_ANSWER_CACHE_L1_MAX_BYTES", 256 * 1024 * 1024)
# A CDN in front of the public pages: Cloudflare's https://api.cloudflare.com/client/v4/zones/ZONE/purge_cache; empty:
# there is none.
CDN_PURGE_URL = env.str("JARVISH_CDN_PURGE_URL", "")
CDN_PURGE_TOKEN = env.str("JARVISH_CDN_PURGE_TOKEN", "")
CDN_PAGE_TAGS = ["api-docs"]
REGENERATION_CLAIMS_MAX = 3  # counted before the work; the third that dies is a dead letter
# Answers prepared while a person types (docs/prepared.md). Calls and rupees a day are of one firm.
PREPARE_CALLS_A_FORM_MAX = env.int("JARVISH_PREPARE_CALLS_A_FORM_MAX", 2)
PREPARE_CALLS_A_DAY_MAX = env.int("JARVISH_PREPARE_CALLS_A_DAY_MAX", 2000)
PREPARE_INR_A_DAY_MAX = env.float("JARVISH_PREPARE_INR_A_DAY_MAX", 100.0)
PREPARE_SECOND_WORTH_INR = env.float("JARVISH_PREPARE_SECOND_WORTH_INR", 0.5)  # a waiting advisor's, 1,800 an hour
RELAY_POLL_SECONDS = 0.1
OUTBOX_RERING_SECONDS = 1.0
DASHBOARD_PUSH_SECONDS = 1.0  # a page is told of changes at most this often
SNAPSHOT_MINUTES_KEEP_DAYS = 8  # minutes of the dashboard's roll-ups; older ranges are read from hours
SNAPSHOT_HOURS_KEEP_DAYS = env.int("JARVISH_SNAPSHOT_HOURS_KEEP_DAYS", 400)  # to compare with a year ago
METRICS_TOKEN = env.str("JARVISH_METRICS_TOKEN", "")  # empty: /metrics answers on loopback, and never in production
METRICS_KEEP_SECONDS = 5
LIVE_RECHECK_SECONDS = 5.0  # a socket whose session has ended, or whose role has changed, is cut off by then
SHELF_LOADED_ON_MIGRATE = True  # templates, library and defaults; a test puts on the shelf what it needs
MODELS_REGISTERED_ON_MIGRATE = True  # the trained model that ships is written down as the one in use
CONTENT_TEXT_MAX_CHARS = 20_000
BULK_ITEMS_MAX = 500
REQUEST_BODY_MAX_BYTES = 2_500_000
# Where more is taken, by the end of the path: a recording and the form around it.
REQUEST_BODY_MAX_BYTES_OF_SUFFIX = {"/voice": 5_600_000, "/voice/": 5_600_000}
IDEMPOTENCY_KEEP_HOURS = 24
DATA_UPLOAD_MAX_MEMORY_SIZE = REQUEST_BODY_MAX_BYTES
FILE_UPLOAD_MAX_MEMORY_SIZE = 6_000_000  # recordings never touch a disk of ours but PostgreSQL's
# Webhooks go to public addresses; a receiver on this machine (tests, development) is for the environment to allow.
WEBHOOK_ALLOW_LOOPBACK = env.bool("JARVISH_WEBHOOK_ALLOW_LOOPBACK", False)
WEBHOOK_TIMEOUT_SECONDS = 5.0  # one try, from looking its name up to the end of its reply

# OpenAI-compatible targets by environment (docs/targets.md); further ones are rows in the admin. Loopback is allowed
# here only. The first three may be lists, parted by commas.
MODEL_URL = env.str("JARVISH_MODEL_URL", "")
MODEL_KEY = env.str("JARVISH_MODEL_KEY", "")
MODEL_NAME = env.str("JARVISH_MODEL_NAME", "gpt-4o-mini")
MODELS = env.str("JARVISH_MODELS", "")  # a JSON list of targets with all their properties
MODEL_RUPEES_A_DOLLAR = env.float("JARVISH_RUPEES_A_DOLLAR", 88.0)  # prices of models are in dollars, costs in rupees
# Spoken feedback: any OpenAI-compatible POST /audio/transcriptions (docs/voice.md); empty: nothing can be recorded.
TRANSCRIBE_URL = env.str("JARVISH_TRANSCRIBE_URL", "")
TRANSCRIBE_KEY = env.str("JARVISH_TRANSCRIBE_KEY", "")
TRANSCRIBE_MODEL = env.str("JARVISH_TRANSCRIBE_MODEL", "whisper-1")
VOICE_AUDIO_MAX_BYTES = 5 * 1024 * 1024
VOICE_AUDIO_MAX_SECONDS = 60.0
VOICE_AUDIO_KEEP_HOURS = 24  # unconfirmed recordings go by then, whatever became of them
# A strong model asked about notes the local one is unsure of (docs/voice.md); calls a day are of the whole house.
CASCADE_CALLS_A_DAY_MAX = env.int("JARVISH_CASCADE_CALLS_A_DAY_MAX", 500)
CASCADE_DEADLINE_SECONDS = 20.0
LLM_SHARED_URL = redis_url(1)  # where processes tell each other which target not to ask
LLM_HEALTH_SHARED = True  # states of targets go to Valkey and PostgreSQL; a test knows its own targets only
MODEL_HEDGE_AFTER_SECONDS = env.float("JARVISH_MODEL_HEDGE_AFTER_SECONDS", 0.3)  # before P50 of the providers measured

# --- Labels and models ------------------------------------------------------------------------------------------

LABELS_RANDOM_SHARE = 0.05  # of all rejections with words: labelled a second time, blind
LABELS_UNSURE_SHARE = 0.3  # of those the model is unsure of, up to the number below
LABELS_UNSURE_A_DAY_MAX = env.int("JARVISH_LABELS_UNSURE_A_DAY_MAX", 20)
LABELS_LEASE_SECONDS = 900
TRAINING_NEW_LABELS_MIN = env.int("JARVISH_TRAINING_NEW_LABELS_MIN", 200)  # people's labels that train at once
TRAINING_NEW_LABELS_A_NIGHT_MIN = 20  # fewer change nothing that the gate could see
TRAINING_NIGHT_HOUR = 2  # in CELERY_TIMEZONE
TRAINING_LIMIT_SECONDS = 3600
MODEL_TRIAL_NOTES_MIN = env.int("JARVISH_MODEL_TRIAL_NOTES_MIN", 50)  # labelled notes read beside the one in use
MODEL_PROMOTES_ITSELF = env.bool("JARVISH_MODEL_PROMOTES_ITSELF", True)  # False: a person presses the button

# --- API --------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "jarvish_regen.access.authentication.ScopedTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["jarvish_regen.api.parsers.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": ["jarvish_regen.api.throttles.SlidingWindowThrottle"],
    "EXCEPTION_HANDLER": "drf_standardized_errors.handler.exception_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
RATE_LIMITS = {
    "read": env.str("JARVISH_RATE_LIMIT_READ", "1200/minute"),
    "write": env.str("JARVISH_RATE_LIMIT_WRITE", "300/minute"),
    "bulk": env.str("JARVISH_RATE_LIMIT_BULK", "20/minute"),
    "voice": env.str("JARVISH_RATE_LIMIT_VOICE", "20/minute"),
    "prepare": env.str("JARVISH_RATE_LIMIT_PREPARE", "120/minute"),  # posts of a form that is being filled in
    "understand": env.str("JARVISH_RATE_LIMIT_UNDERSTAND", "180/minute"),  # the same, and texts sent to be understood
}
DRF_STANDARDIZED_ERRORS = {
    "EXCEPTION_HANDLER_CLASS": "jarvish_regen.api.errors.ExceptionHandler",
    "EXCEPTION_FORMATTER_CLASS": "jarvish_regen.api.errors.ExceptionFormatter",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Jarvish Regen API",
    "DESCRIPTION": "Send drafts, reject them with marked words, read the better text, follow along. See README.md.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "ItemStateEnum": "jarvish_regen.content.states.ItemState",
        "RegenerationStateEnum": "regeneration.models.RegenerationState",
        "CaseStateEnum": "escalation.models.CaseState",
        "DeliveryStateEnum": "jarvish_regen.journal.models.Delivery.State",
        "UrgencyEnum": "regeneration.models.Urgency",
        "VoiceStateEnum": "feedback.models.VoiceNote.State",
    },
}
REST_KNOX = {
    "TOKEN_TTL": None,
    "AUTH_HEADER_PREFIX": "Token",
    "TOKEN_PREFIX": "jrv_",
}
KNOX_TOKEN_MODEL = "access.Token"  # noqa: S105  the name of a model
# Our token model stands in for knox's: a table that nobody fills but that refers to our users would stop every flush.
MIGRATION_MODULES = {"knox": None}

# --- People -----------------------------------------------------------------------------------------------------

AUTHENTICATION_BACKENDS = [
    "allauth.account.auth_backends.AuthenticationBackend",
    "django.contrib.auth.backends.ModelBackend",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
if IS_TEST:
    # Argon2 is slow on purpose; tests log in hundreds of times.
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *PASSWORD_HASHERS]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
ACCOUNT_ADAPTER = "jarvish_regen.access.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_RATE_LIMITS = {"login_failed": "10/15m/ip,10/15m/key", "reset_password": "20/15m/ip,5/15m/key"}
ACCOUNT_SESSION_REMEMBER = True
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
STAFF_MFA_REQUIRED = env.bool("JARVISH_STAFF_MFA_REQUIRED", IS_PRODUCTION)
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "content:items"
LOGOUT_REDIRECT_URL = "account_login"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "jarvish_regen.middleware.csrf_failure"
EMAIL_CONFIG = env.email("JARVISH_EMAIL_URL", default="consolemail://")
globals().update(EMAIL_CONFIG)
DEFAULT_FROM_EMAIL = env.str("JARVISH_FROM_EMAIL", "Jarvish Regen <no-reply@jarvish.example>")

# --- Browser ----------------------------------------------------------------------------------------------------

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    },
}
# What third-party pages cannot live without, only under their own prefix; everything stays self-hosted.
CONTENT_SECURITY_POLICY_OF_PREFIX = {
    # Unfold's Alpine build evaluates expressions, and it writes style attributes.
    "/admin/": {"script-src": [SELF, NONCE, UNSAFE_EVAL], "style-src": [SELF, UNSAFE_INLINE]},
    # Swagger UI writes style attributes and shows its own images from data: URLs.
    "/api/docs/": {"style-src": [SELF, UNSAFE_INLINE]},
    # Redoc writes style elements and searches in a worker made from a blob.
    "/api/redoc/": {"style-src": [SELF, UNSAFE_INLINE], "worker-src": ["blob:"]},
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
if IS_PRODUCTION:
    SECURE_SSL_REDIRECT = env.bool("JARVISH_SSL_REDIRECT", True)
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics$"]  # probes come from inside, without TLS
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = STATE_DIR / "static"
# Embedded runs serve straight from the finders; a deployment collects once and serves hashed names.
WHITENOISE_USE_FINDERS = not IS_PRODUCTION
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if IS_PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# --- Language and time ------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("hi", _("Hindi")), ("mr", _("Marathi"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Kolkata"
USE_THOUSAND_SEPARATOR = True
FORMAT_MODULE_PATH = ["jarvish_regen.formats"]  # 1,00,000

# --- Admin ------------------------------------------------------------------------------------------------------


def _desk_entry(title: Any, icon: str, app: str, model: str) -> dict[str, Any]:
    """Return one line of the admin's side bar; it shows to who may look at the list behind it."""
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{app}_{model}_changelist"),
        "permission": lambda request: request.user.has_perm(f"{app}.view_{model}"),
    }


UNFOLD = {
    "SITE_TITLE": "Jarvish Regen",
    "SITE_HEADER": "Jarvish Regen",
    "SITE_SUBHEADER": _("The desk"),
    "SITE_SYMBOL": "edit_note",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "STYLES": [lambda request: static("css/desk.css")],
    "COLORS": {
        # Paper, ink and indigo of static/css/variables.css, as the scales that Unfold draws from.
        "base": {
            "50": "#faf7f1",
            "100": "#f3ede2",
            "200": "#e5dccb",
            "300": "#d0c5b0",
            "400": "#a1977f",
            "500": "#6f6653",
            "600": "#585043",
            "700": "#423c32",
            "800": "#2a2721",
            "900": "#1e1c18",
            "950": "#14130f",
        },
        "primary": {
            "50": "#f3f4fb",
            "100": "#e6e8f5",
            "200": "#cbd0ee",
            "300": "#a9b3e6",
            "400": "#8592dc",
            "500": "#7483d8",
            "600": "#2a3a94",
            "700": "#1d2a73",
            "800": "#182259",
            "900": "#131b46",
            "950": "#10163a",
        },
    },
    "SIDEBAR": {
        "navigation": [
            {
                "title": _("Desk"),
                "items": [
                    _desk_entry(_("Cases"), "support_agent", "escalation", "case"),
                    _desk_entry(_("Drafts"), "article", "content", "contentitem"),
                    _desk_entry(_("Rejections"), "thumb_down", "feedback", "feedback"),
                    _desk_entry(_("Notes to label"), "label", "learning", "labeltask"),
                    _desk_entry(_("Labels"), "sell", "learning", "trainingrow"),
                ],
            },
            {
                "title": _("Machine"),
                "items": [
                    _desk_entry(_("Attempts"), "autorenew", "regeneration", "regeneration"),
                    _desk_entry(_("Candidates"), "compare_arrows", "regeneration", "candidate"),
                    _desk_entry(_("Versions"), "history_edu", "content", "contentversion"),
                    _desk_entry(_("Models"), "model_training", "content", "modelversion"),
                    _desk_entry(_("Trainings"), "school", "learning", "trainingrun"),
                    _desk_entry(_("Model targets"), "smart_toy", "llm", "modeltarget"),
                    _desk_entry(_("Target states"), "monitor_heart", "llm", "targetstate"),
                    _desk_entry(_("Target alarms"), "notification_important", "llm", "targetalarm"),
                ],
            },
            {
                "title": _("Shelf"),
                "items": [
                    _desk_entry(_("Templates"), "dynamic_form", "regeneration", "template"),
                    _desk_entry(_("Library"), "library_books", "regeneration", "libraryitem"),
                    _desk_entry(_("Safe defaults"), "health_and_safety", "regeneration", "defaulttext"),
                    _desk_entry(_("Orders"), "format_list_numbered", "regeneration", "fallbackorder"),
                    _desk_entry(_("Confidence"), "percent", "regeneration", "rungrecord"),
                ],
            },
            {
                "title": _("Operations"),
                "items": [
                    {
                        "title": _("Dashboard"),
                        "icon": "monitoring",
                        "link": reverse_lazy("learning:dashboard"),
                        "permission": lambda request: request.user.has_perm("learning.view_snapshot"),
                    },
                    _desk_entry(_("Dead letters"), "report", "journal", "deadletter"),
                    _desk_entry(_("Outbox"), "outbox", "journal", "outbox"),
                    _desk_entry(_("Webhooks"), "webhook", "journal", "webhookendpoint"),
                    _desk_entry(_("Deliveries"), "local_shipping", "journal", "delivery"),
                    _desk_entry(_("Idempotency keys"), "key", "journal", "idempotencykey"),
                ],
            },
            {
                "title": _("Record"),
                "items": [
                    _desk_entry(_("Audit trail"), "verified", "journal", "auditentry"),
                    _desk_entry(_("Events"), "timeline", "journal", "event"),
                ],
            },
            {
                "title": _("People"),
                "items": [
                    _desk_entry(_("Firms"), "business", "access", "firm"),
                    _desk_entry(_("Advisors"), "badge", "content", "advisorprofile"),
                    _desk_entry(_("Accounts"), "person", "access", "user"),
                    _desk_entry(_("Places"), "group", "access", "membership"),
                    _desk_entry(_("Invitations"), "mail", "access", "invitation"),
                    _desk_entry(_("Tokens"), "vpn_key", "access", "token"),
                    _desk_entry(_("Roles"), "shield_person", "auth", "group"),
                ],
            },
        ],
    },
}

# --- Logs: constant messages with fields, never client text ------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"()": "jarvish_regen.logs.FieldFormatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": env.str("JARVISH_LOG_LEVEL", "INFO")},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "django.channels.server": {"level": "WARNING"},
        "uvicorn": {"level": "INFO", "handlers": [], "propagate": True},
        "uvicorn.access": {"level": "WARNING"},  # --no-access-log is undone by this configuration
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
    },
}

SILENCED_SYSTEM_CHECKS: list[str] = []
