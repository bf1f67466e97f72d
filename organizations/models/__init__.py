from organizations.models.audit import AuditEntry
from organizations.models.credential import Access, Credential
from organizations.models.invitation import Invitation
from organizations.models.membership import Membership
from organizations.models.organization import Organization
from organizations.models.reference import Customer, CustomerIdentifier, Store, Till
from organizations.models.sign_in import SignInAttempts

__all__ = [
    "Access",
    "AuditEntry",
    "Credential",
    "Customer",
    "CustomerIdentifier",
    "Invitation",
    "Membership",
    "Organization",
    "SignInAttempts",
    "Store",
    "Till",
]
