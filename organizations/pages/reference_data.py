"""Tills, stores and customers: what is there, and their import from CSV."""

from typing import Any, ClassVar
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django_htmx.http import push_url

from organizations.forms.reference_data import KINDS, ReferenceImportForm, ReferenceSearchForm
from organizations.models import Access
from organizations.pages.page import Page, PageRequest
from organizations.reference_formats import FORMATS
from organizations.reference_import import Report, counts, import_csv
from organizations.reference_search import CustomerRow, found

ROWS = 50
LIST_TEMPLATE = "organizations/reference_data.html"
RESULTS = "results"  # the element that live search renews


class ReferenceData(Page):
    """One kind at a time. With scripts, only the part that changes comes anew."""

    section = "reference"

    def get(self, request: PageRequest) -> HttpResponse:
        kind, text = ReferenceSearchForm(request.GET).chosen
        numbers = counts(self.organization)
        paginator = Paginator(found(self.organization, kind, text), ROWS)
        if not text:
            paginator.count = numbers[kind]
        page = paginator.get_page(request.GET.get("page"))
        query = urlencode({"kind": kind} | ({"q": text} if text else {}))
        context = {
            "kind": kind,
            "q": text,
            "kinds": [(name, label, numbers[name]) for name, label in KINDS.items()],
            "is_empty": not any(numbers.values()),
            "page_obj": page,
            "rows": [CustomerRow.of(one) for one in page] if kind == "customers" else list(page),
            "noun": kind.removesuffix("s"),
            "query": f"{query}&",
        }
        is_renewal = request.htmx.target == RESULTS  # type: ignore[attr-defined]  # django-htmx
        name = "includes/reference_results.html" if is_renewal else LIST_TEMPLATE
        response = render(request, name, context | {"is_renewal": is_renewal})
        patch_vary_headers(response, ("HX-Request", "HX-Target"))
        return push_url(response, f"?{query}") if is_renewal else response


class ReferenceImport(Page):
    section = "reference"
    reads: ClassVar[Access] = Access.WRITE

    def get(self, request: PageRequest) -> HttpResponse:
        example = FORMATS.get(request.GET.get("example", ""))
        if example is not None:
            return _download(f"{example.kind}.csv", example.example)
        kind, _ = ReferenceSearchForm(request.GET).chosen
        return self._shown(ReferenceImportForm(initial={"kind": kind}))

    def post(self, request: PageRequest) -> HttpResponse:
        form = ReferenceImportForm(request.POST, request.FILES)
        if not form.is_valid():
            return self._shown(form)
        file = form.cleaned_data["file"]
        report = import_csv(self.organization, form.cleaned_data["kind"], file, request)
        if report.is_refused:
            return self._shown(form, report=report, file_name=file.name)
        messages.success(request, _in_words(report))
        query = urlencode({"kind": report.kind})
        return HttpResponseRedirect(f"{reverse('reference-data')}?{query}")

    def _shown(self, form: ReferenceImportForm, **context: Any) -> HttpResponse:
        problems = [
            (field.id_for_label, field.label, " ".join(map(str, field.errors)))
            for field in form
            if field.errors
        ]
        return render(
            self.request,
            "organizations/reference_import.html",
            {"form": form, "formats": FORMATS.values(), "problems": problems, **context},
        )


def _in_words(report: Report) -> str:
    return (
        f"{KINDS[report.kind]}: {report.created:,} created, {report.updated:,} updated,"
        f" {report.unchanged:,} unchanged."
    )


def _download(name: str, text: str) -> HttpResponse:
    return HttpResponse(
        text,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
