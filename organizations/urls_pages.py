from django.contrib.auth.views import LogoutView
from django.urls import path

from organizations.pages import (
    audit_log,
    credentials,
    invitations,
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
    path(
        "preferences/organization",
        preferences.OrganizationTimeZone.as_view(),
        name="organization-time-zone",
    ),
    path("preferences/alerts", preferences.OwnAlerts.as_view(), name="own-alerts"),
    path(
        "preferences/password",
        preferences.PasswordChange.as_view(),
        name="password-change",
    ),
    path("credentials", credentials.CredentialList.as_view(), name="credential-list"),
    path("credentials/new", credentials.CredentialAdd.as_view(), name="credential-add"),
    path(
        "credentials/<int:credential_id>/revoke",
        credentials.CredentialRevoke.as_view(),
        name="credential-revoke",
    ),
    path("members", members.MembershipList.as_view(), name="membership-list"),
    path("members/invite", members.MembershipInvite.as_view(), name="membership-invite"),
    path(
        "members/<int:membership_id>/change",
        members.MembershipChange.as_view(),
        name="membership-change",
    ),
    path(
        "members/<int:membership_id>/remove",
        members.MembershipRemove.as_view(),
        name="membership-remove",
    ),
    path(
        "members/invitations/<int:invitation_id>/revoke",
        members.InvitationRevoke.as_view(),
        name="invitation-revoke",
    ),
    path(
        "invitation/<str:token>",
        invitations.InvitationAccept.as_view(),
        name="invitation-accept",
    ),
    path("audit-log", audit_log.AuditList.as_view(), name="audit-list"),
    path("audit-log/export", audit_log.AuditExport.as_view(), name="audit-export"),
    path("reference-data", reference_data.ReferenceData.as_view(), name="reference-data"),
    path(
        "reference-data/import",
        reference_data.ReferenceImport.as_view(),
        name="reference-import",
    ),
]
