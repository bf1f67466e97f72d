from django import forms

from organizations.reference_formats import FORMATS

KINDS = {kind: kind.capitalize() for kind in FORMATS}
MAX_SEARCH = 200


class ReferenceSearchForm(forms.Form):
    """What is no choice in the query counts as nothing chosen: an old link still shows a list."""

    kind = forms.ChoiceField(required=False, choices=KINDS.items())
    q = forms.CharField(required=False, max_length=MAX_SEARCH)

    @property
    def chosen(self) -> tuple[str, str]:
        """The kind, the first one unless another was chosen, and the text."""
        self.is_valid()
        kind = self.cleaned_data.get("kind") or next(iter(KINDS))
        return kind, self.cleaned_data.get("q", "")


class ReferenceImportForm(forms.Form):
    kind = forms.ChoiceField(label="Kind", choices=KINDS.items())
    file = forms.FileField(
        label="File",
        allow_empty_file=True,  # the import tells that it is empty
        help_text="CSV in UTF-8, up to 50 MB and 200,000 rows, with a header.",
        error_messages={"required": "Choose a file.", "missing": "Choose a file."},
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,text/csv"}),
    )
