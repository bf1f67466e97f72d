from django.contrib.auth.views import LogoutView
from django.urls import path

from organizations.pages import (
    audit_log,
    credentials,
    members,
    preferences,
    reference_data,
    session,
)

urlpatterns = [
    path("", session.Home.as_view(), name="home"),
    path("sign-in", session.SignIn.as_view(), name="sign-in"),
    path("sign-out", LogoutView.as_view(), name="sign-out"),
    path("organization", session.ChooseOrganization.as_view(), name="choose-organization"),
    path("preferences", preferences.Preferences.as_view(), name="preferences"),
    path("credentials", credentials.CredentialList.as_view(), name="credential-list"),
    path("members", members.MembershipList.as_view(), name="membership-list"),
    path("audit-log", audit_log.AuditList.as_view(), name="audit-list"),
    path("reference-data", reference_data.ReferenceData.as_view(), name="reference-data"),
]
