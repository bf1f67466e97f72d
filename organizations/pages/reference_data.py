"""Tills, stores and customers: what is there, and their import from CSV."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.urls import reverse

from organizations.forms.reference_data import KINDS, ReferenceImportForm, ReferenceSearchForm
from organizations.models import Access
from organizations.pages.form_page import FormPage
from organizations.pages.page import TemplatePage
from organizations.queries import query_of
from organizations.reference_formats import FORMATS
from organizations.reference_import import Report, counts, import_csv
from organizations.reference_search import CustomerRow, found

ROWS = 50


class ReferenceData(TemplatePage):
    """One kind at a time."""

    section = "reference"
    template_name = "organizations/reference_data.html"
    parts = {"results": "includes/reference_results.html"}

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        kind, text = ReferenceSearchForm(self.request.GET).chosen
        numbers = counts(self.organization)
        paginator = Paginator(found(self.organization, kind, text), ROWS)
        if not text:
            paginator.count = numbers[kind]
        page = paginator.get_page(self.request.GET.get("page"))
        return {
            **context,
            "kind": kind,
            "q": text,
            "kinds": [(name, label, numbers[name]) for name, label in KINDS.items()],
            "is_empty": not any(numbers.values()),
            "page_obj": page,
            "rows": [CustomerRow.of(one) for one in page] if kind == "customers" else list(page),
            "noun": kind.removesuffix("s"),
            "query": f"{query_of({'kind': kind, 'q': text})}&",
            "is_renewal": bool(self.part),
        }

    def address(self, context: dict[str, Any]) -> str:
        return f"?{context['query']}".removesuffix("&")


class ReferenceImport(FormPage):
    section = "reference"
    takes_files = True
    reads = Access.WRITE
    template_name = "organizations/reference_import.html"

    def get(self, *_: Any, **__: Any) -> HttpResponseBase:
        example = FORMATS.get(self.request.GET.get("example", ""))
        if example is not None:
            return _download(f"{example.kind}.csv", example.example)
        return super().get()

    def make_form(self, data: QueryDict | None) -> ReferenceImportForm:
        if data is not None:
            return ReferenceImportForm(data, self.request.FILES)
        kind, _ = ReferenceSearchForm(self.request.GET).chosen
        return ReferenceImportForm(initial={"kind": kind})

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        return super().get_context_data(**context, formats=FORMATS.values())

    def done(self, form: Any) -> HttpResponse:
        file = form.cleaned_data["file"]
        report = import_csv(self.organization, form.cleaned_data["kind"], file, self.request)
        if report.is_refused:
            return self.render(form=form, report=report, file_name=file.name)
        messages.success(self.request, _in_words(report))
        return HttpResponseRedirect(
            f"{reverse('reference-data')}?{query_of({'kind': report.kind})}"
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
