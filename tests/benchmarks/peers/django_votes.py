"""Django with its ORM on psycopg, served by gunicorn with threads.

python -m tests.benchmarks.peers.django_votes PORT POSTGRES_URL TOOL …
"""

import json
import sys
from typing import Any
from urllib.parse import parse_qs, urlsplit

import django
from django.conf import settings
from gunicorn.app.base import BaseApplication

THREADS = 16


def configure(url: str) -> None:
    parts = urlsplit(url)
    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    settings.configure(
        ALLOWED_HOSTS=["*"],
        MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
        ROOT_URLCONF=__name__,
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": parts.path.lstrip("/"),
                "USER": parts.username or query.get("user", ""),
                "PASSWORD": parts.password or "",
                "HOST": parts.hostname or query.get("host", ""),
                "PORT": str(parts.port or query.get("port", "")),
                "OPTIONS": {"pool": {"min_size": THREADS, "max_size": THREADS}},
            }
        },
    )
    django.setup()


port, url, *tools = sys.argv[1:]
configure(url)

from django.db import connection, models, transaction  # noqa: E402 - wants the settings
from django.http import HttpRequest, JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402
from django.views.decorators.http import require_http_methods  # noqa: E402


class Tally(models.Model):
    tool = models.TextField(primary_key=True)
    ship = models.IntegerField(default=0)
    skip = models.IntegerField(default=0)

    class Meta:
        app_label = "votes"


class Vote(models.Model):
    voter = models.TextField()
    tool = models.TextField()
    choice = models.TextField()

    class Meta:
        app_label = "votes"
        constraints = (models.UniqueConstraint(fields=["voter", "tool"], name="one_vote"),)


@require_http_methods(["PUT"])
def vote(request: HttpRequest, slug: str) -> JsonResponse:
    visitor, choice = request.COOKIES.get("visitor"), json.loads(request.body).get("choice")
    if visitor is None or choice not in ("ship", "skip"):
        return JsonResponse({"error": "bad_request"}, status=400)
    with transaction.atomic():
        tally = Tally.objects.select_for_update().filter(tool=slug).first()
        if tally is None:
            return JsonResponse({"error": "not_found"}, status=404)
        cast, _ = Vote.objects.get_or_create(voter=visitor, tool=slug, defaults={"choice": ""})
        previous, cast.choice = cast.choice or None, choice
        if previous != choice:
            cast.save()
            setattr(tally, choice, getattr(tally, choice) + 1)
            if previous is not None:
                setattr(tally, previous, getattr(tally, previous) - 1)
            tally.save()
    changed = previous != choice
    return JsonResponse({"tool": slug, "choice": choice, "previous": previous, "changed": changed})


def ready(_: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


urlpatterns = [path("v1/tools/<slug:slug>/vote", vote), path("health/ready", ready)]


class Server(BaseApplication):
    def load_config(self) -> None:
        served = {"bind": f"127.0.0.1:{port}", "worker_class": "gthread", "threads": THREADS}
        for name, value in (served | {"keepalive": 75, "loglevel": "error"}).items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        from django.core.wsgi import get_wsgi_application

        return get_wsgi_application()


def main() -> None:
    with connection.schema_editor() as schema:
        schema.create_model(Tally)
        schema.create_model(Vote)
    Tally.objects.bulk_create(Tally(tool=tool) for tool in tools)
    connection.close_pool()
    Server().run()


if __name__ == "__main__":
    main()
