"""The event feed: what came in, the latest first, and what is new while one looks."""

import datetime as dt
import functools
from dataclasses import dataclass, field
from hashlib import blake2b

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django_htmx.http import HttpResponseClientRefresh, reswap, retarget

from delivery.pages.feed_filter import FeedForm
from delivery.pages.feed_rows import FeedRow, feed_rows
from delivery.pages.keyset import Cursor, Stretch, stretch
from events.models import Event
from organizations.models import Organization
from organizations.pages.page import Page

PAGE_ROWS = 50
MAX_NEWS = 100  # rows that one look may bring
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
        return stretch(events, PAGE_ROWS, older=older, newer=newer, place=self.form.place)

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
        settled = Cursor.before(self.now - UNSETTLED)
        return str(min(Cursor.of(self.stretch.rows[0]), settled))

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


class FeedPage(Page):
    section = "notifications"

    @property
    def feed(self) -> Feed:
        return Feed(self.organization, FeedForm(self.request.GET, self.organization))


class EventList(FeedPage):
    """The page; for htmx in the feed's place only the feed."""

    def get(self, request: HttpRequest) -> HttpResponse:
        if is_of_another_organization(request, self.organization):
            return HttpResponseClientRefresh()
        feed = self.feed
        if feed.is_back_at_the_top:
            return redirect(feed.top_url)
        is_part = request.htmx.target == "feed"  # type: ignore[attr-defined]  # django-htmx
        template = "includes/event_feed.html" if is_part else "events/event_list.html"
        response = render(request, template, {"feed": feed})
        if is_part:
            response["HX-Push-Url"] = feed.top_url
        patch_vary_headers(response, ["HX-Request"])
        return response


class EventNews(FeedPage):
    """What came in since the feed was made, for the polling of its first page.

    `after` is what the feed called `seen`, `shown` how many rows it has. 204 if nothing is new.
    """

    def get(self, request: HttpRequest) -> HttpResponse:
        if not request.htmx:  # type: ignore[attr-defined]  # django-htmx
            return redirect("event-list")
        feed = self.feed
        if not feed.is_live or is_of_another_organization(request, self.organization):
            return HttpResponseClientRefresh()
        seen = request.GET.get("after", "")
        if feed.follows_states or not seen:
            return self._whole(feed) if feed.seen != seen else HttpResponse(status=204)
        try:
            after = Cursor.parse(seen)
        except ValueError:
            return HttpResponseClientRefresh()
        return self._since(feed, after)

    def _since(self, feed: Feed, after: Cursor) -> HttpResponse:
        given = feed.form.events(feed.now)
        news = stretch([events.filter(after.newer) for events in given], MAX_NEWS)
        if not news.rows:
            return HttpResponse(status=204)
        shown = self.request.GET.get("shown", "")
        total = (int(shown) if shown.isdecimal() and len(shown) < 9 else 0) + len(news.rows)
        if total > MAX_SHOWN and not news.older:
            return self._whole(feed)
        settled = Cursor.before(feed.now - UNSETTLED)
        context = {
            "feed": feed,
            "rows": [] if news.older else feed_rows(self.organization, news.rows),
            "too_many": MAX_NEWS if news.older else 0,
            "news_url": news_url(
                feed.form, str(max(after, min(settled, Cursor.of(news.rows[0])))), total
            ),
        }
        return render(self.request, "includes/event_news.html", context)

    def _whole(self, feed: Feed) -> HttpResponse:
        response = render(self.request, "includes/event_feed.html", {"feed": feed})
        return reswap(retarget(response, "#feed"), "outerHTML")


def signature(rows: list[FeedRow]) -> str:
    """Differs when other rows are shown, or the same ones otherwise."""
    shown = [(row.event.pk, sorted(row.counts.items())) for row in rows]
    return blake2b(repr(shown).encode(), digest_size=8).hexdigest()


def feed_url(form: FeedForm, **further: object) -> str:
    query = form.query(**further)
    return reverse("event-list") + (f"?{query}" if query else "")


def news_url(form: FeedForm, after: str, shown: int) -> str:
    return f"{reverse('event-news')}?{form.query(after=after, shown=shown)}"


def is_of_another_organization(request: HttpRequest, organization: Organization) -> bool:
    """Whether a part is asked for by a page from before another tab switched organisations."""
    asked = request.headers.get(ORGANIZATION_HEADER)
    return asked is not None and asked != str(organization.pk)
