"""The event feed: what came in, the latest first, and what is new while one looks."""

import datetime as dt
import functools
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django_htmx.http import HttpResponseClientRefresh, reswap, retarget

from delivery.log import BY_INGESTION
from delivery.pages.feed_filter import FeedForm
from delivery.pages.feed_rows import FeedRow, feed_rows
from events.models import Event
from organizations.digits import number_of
from organizations.keyset import Cursor, Stretch, stretch
from organizations.models import Organization
from organizations.pages.page import TemplatePage

PAGE_ROWS = 50
MAX_NEWS = 100  # rows that one look may bring
MAX_COUNT = 10**8  # that a page is believed to have counted
MAX_SHOWN = 300  # rows that pile up before the page starts again from the latest
# A batch is dated before it is committed: what is younger than this may still get neighbours.
# Rows of these seconds are told again, so that their states follow too.
UNSETTLED = dt.timedelta(seconds=5)
ORGANIZATION_HEADER = "X-Organization"


@dataclass(frozen=True)
class Feed:
    """A page of the feed, or what is wrong with the question for it."""

    organization: Organization
    form: FeedForm
    now: dt.datetime = field(default_factory=timezone.now)

    @functools.cached_property
    def stretch(self) -> Stretch[Event]:
        if self.form.problems:
            return Stretch([], None, None)
        given = self.form.cleaned_data
        events = self.form.events(self.now)
        older, newer = given["older"], given["newer"]
        return stretch(events, PAGE_ROWS, self.form.order, older=older, newer=newer)

    @functools.cached_property
    def rows(self) -> list[FeedRow]:
        return feed_rows(self.organization, self.stretch.rows)

    @property
    def is_live(self) -> bool:
        return not self.form.problems and self.form.is_at_the_top

    @property
    def is_back_at_the_top(self) -> bool:
        """Whether newer events were asked for and the latest are among them."""
        is_newer = self.form.cleaned_data.get("newer") is not None
        return is_newer and not self.form.problems and not self.stretch.newer

    @property
    def follows_states(self) -> bool:
        """An event enters and leaves a feed of one state long after it came in."""
        return bool(self.form.cleaned_data["state"])

    @property
    def seen(self) -> str:
        """From where to look for news; of a feed that follows states, what it shows."""
        if self.follows_states:
            return signature(self.rows)
        if not self.stretch.rows:
            return ""
        return str(min(BY_INGESTION.of(self.stretch.rows[0]), self.settled))

    @property
    def settled(self) -> Cursor:
        return BY_INGESTION.before(self.now - UNSETTLED)

    @property
    def news_url(self) -> str:
        return news_url(self.form, self.seen, len(self.rows))

    @property
    def pause_s(self) -> int:
        return 10 if self.follows_states else 2

    @property
    def top_url(self) -> str:
        return feed_url(self.form)

    @property
    def newer_url(self) -> str | None:
        newer = self.stretch.newer
        return feed_url(self.form, newer=newer) if newer else None

    @property
    def older_url(self) -> str | None:
        older = self.stretch.older
        return feed_url(self.form, older=older) if older else None

    @property
    def kept_days(self) -> int:
        return settings.RETENTION_DAYS

    @property
    def zone(self) -> str:
        return timezone.get_current_timezone_name()


class FeedPage(TemplatePage):
    section = "notifications"

    @functools.cached_property
    def feed(self) -> Feed:
        return Feed(self.organization, FeedForm(self.request.GET, self.organization))

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        return {**context, "feed": self.feed}

    @property
    def is_of_another_organization(self) -> bool:
        """Whether a part is asked for by a page from before another tab switched."""
        asked = self.request.headers.get(ORGANIZATION_HEADER)
        return asked is not None and asked != str(self.organization.pk)


class EventList(FeedPage):
    template_name = "events/event_list.html"
    parts = {"feed": "includes/event_feed.html"}

    def get(self, *_: Any, **__: Any) -> HttpResponseBase:
        if self.is_of_another_organization:
            return HttpResponseClientRefresh()
        if self.feed.is_back_at_the_top:
            return redirect(self.feed.top_url)
        return super().get()

    def address(self, context: dict[str, Any]) -> str:
        return self.feed.top_url


class EventNews(FeedPage):
    """What came in since the feed was made, for the polling of its first page.

    `after` is what the feed called `seen`, `shown` how many rows it has. 204 if nothing is new.
    """

    template_name = "includes/event_feed.html"

    def get(self, *_: Any, **__: Any) -> HttpResponseBase:
        if not self.request.htmx:
            return redirect("event-list")
        feed = self.feed
        if not feed.is_live or self.is_of_another_organization:
            return HttpResponseClientRefresh()
        seen = self.request.GET.get("after", "")
        if feed.follows_states or not seen:
            return self._whole() if feed.seen != seen else HttpResponse(status=204)
        try:
            after = BY_INGESTION.parse(seen)
        except ValueError:
            return HttpResponseClientRefresh()
        return self._since(after)

    def _since(self, after: Cursor) -> HttpResponse:
        feed, is_new = self.feed, BY_INGESTION.newer(after)
        given = feed.form.events(feed.now)
        news = stretch([events.filter(is_new) for events in given], MAX_NEWS, BY_INGESTION)
        if not news.rows:
            return HttpResponse(status=204)
        shown = number_of(self.request.GET.get("shown", ""), MAX_COUNT) or 0
        total = shown + len(news.rows)
        if total > MAX_SHOWN and not news.older:
            return self._whole()
        seen = max(after, min(feed.settled, BY_INGESTION.of(news.rows[0])))
        context = {
            "feed": feed,
            "rows": [] if news.older else feed_rows(self.organization, news.rows),
            "too_many": MAX_NEWS if news.older else 0,
            "news_url": news_url(feed.form, str(seen), total),
        }
        return render(self.request, "includes/event_news.html", context)

    def _whole(self) -> HttpResponse:
        return reswap(retarget(self.render(), "#feed"), "outerHTML")


def signature(rows: list[FeedRow]) -> str:
    """Differs when other rows are shown, or the same ones otherwise."""
    shown = [(row.event.pk, sorted(row.counts.items())) for row in rows]
    return blake2b(repr(shown).encode(), digest_size=8).hexdigest()


def feed_url(form: FeedForm, **further: object) -> str:
    query = form.query(**further)
    return reverse("event-list") + (f"?{query}" if query else "")


def news_url(form: FeedForm, after: str, shown: int) -> str:
    return f"{reverse('event-news')}?{form.query(after=after, shown=shown)}"
