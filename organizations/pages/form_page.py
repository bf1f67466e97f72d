"""Pages with one form: shown, refused with reasons, or done."""

from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.http import QueryDict
from django.http.response import HttpResponseBase

from organizations.pages.page import TemplatePage


class FormPage(TemplatePage):
    """What was typed stays in a form that is refused; what is wrong is told there and on top."""

    def make_form(self, data: QueryDict | None) -> forms.BaseForm:
        raise NotImplementedError

    def done(self, form: Any) -> HttpResponseBase:
        """Do what the valid form asks for, and answer. A ValidationError refuses it after all."""
        raise NotImplementedError

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        form = context.get("form") or self.make_form(None)
        return {**context, "form": form, "problems": problems(form)}

    def post(self, *_: Any, **__: Any) -> HttpResponseBase:
        form = self.make_form(self.request.POST)
        if form.is_valid():
            try:
                return self.done(form)
            except ValidationError as error:
                add_problems(form, error)
        return self.render(form=form)


def add_problems(form: forms.BaseForm, error: ValidationError) -> None:
    """To their fields; what is wrong with something that the form has no field for, to the form."""
    if not hasattr(error, "error_dict"):
        form.add_error(None, error)
        return
    for name, errors in error.error_dict.items():
        for one in errors:
            form.add_error(name if name in form.fields else None, one)


def problems(form: forms.BaseForm) -> list[tuple[str, str, str]]:
    """For the summary, from the top of the form: id of the field, its label, what is wrong with
    it."""
    found = []
    for name in sorted(form.errors, key=[*form.fields, NON_FIELD_ERRORS].index):
        errors = form.errors[name]
        field = form[name] if name in form.fields else None
        for error in errors:
            where = (field.id_for_label, str(field.label)) if field else ("main", "")
            found.append((*where, str(error)))
    return found
