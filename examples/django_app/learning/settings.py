"""Django's settings. Those of SkillTree come from the environment: DATABASE_URL, and SKILLTREE_… if needed."""

import os
import secrets

SECRET_KEY = os.environ.get("SECRET_KEY") or secrets.token_urlsafe()
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "localhost,127.0.0.1").split(",")
ROOT_URLCONF = "learning.urls"
INSTALLED_APPS = ["skilltree.contrib.django.SkillTreeConfig"]
MIDDLEWARE = ["skilltree.contrib.django.SkillTreeMiddleware", "django.middleware.common.CommonMiddleware"]
APPEND_SLASH = False

# More would only make log-ins slower; the tests use less.
BCRYPT_COST = int(os.environ.get("BCRYPT_COST", "12"))
# Django's default keeps errors from the console.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "INFO"},
}
