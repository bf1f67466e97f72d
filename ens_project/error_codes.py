"""The one table of error codes: symbolic code in the program → what a caller of the API sees.

The numbers are a contract: they are never changed or given a second meaning. 51001 to 51099 is
the service's own block; 51099 stands for a code that is missing here, which a test forbids.
"""

from typing import NamedTuple


class Problem(NamedTuple):
    """`status` is the HTTP status; 200 marks a warning. `message` serves where the raiser has
    no better one, and as the description in the API page."""

    number: int
    status: int
    message: str


UNKNOWN = Problem(51099, 400, "The request breaks a rule.")

_GENERAL = {
    "authentication_failed": Problem(401, 401, "Wrong credentials."),
    "not_authenticated": Problem(401, 401, "Authentication is needed."),
    "permission_denied": Problem(4000, 403, "Not authorized. Access is denied!"),
    "not_authorized": Problem(4000, 403, "Not authorized. Access is denied!"),
    "not_found": Problem(404, 404, "Not found."),
    "method_not_allowed": Problem(405, 405, "The method is not allowed here."),
    "not_acceptable": Problem(406, 406, "Answers are application/json only."),
    "payload_too_large": Problem(413, 413, "The body is too large."),
    "unsupported_media_type": Problem(415, 415, "Bodies are application/json only."),
    "charset_not_supported": Problem(415, 415, "Bodies are UTF-8 only."),
    "throttled": Problem(429, 429, "Too many requests; see the header Retry-After."),
    "error": Problem(500, 500, "An error on our side. Tell us the X-Cap-Requestid."),
    "database_away": Problem(503, 503, "The database is away. Nothing was accepted."),
}

_WEBHOOKS = {
    "webhook_not_found": Problem(400, 400, "The webHookId is invalid or not found."),
    "event_names_missing": Problem(51003, 400, "Choose at least one event."),
    "max_connections_not_positive": Problem(
        51007, 400, "The maximum allowed connections must be greater than zero."
    ),
    "max_connections_missing": Problem(300004, 400, "The maximum allowed connections are missing."),
    "name_missing": Problem(51001, 400, "The name is missing."),
    "name_taken": Problem(51002, 400, "The name is taken."),
    "url_missing": Problem(51004, 400, "The URL is missing."),
    "url_malformed": Problem(51005, 400, "webHookUrl is not a usable URL."),
    "url_not_allowed": Problem(51006, 400, "webHookUrl leads where no request may go."),
    "event_unknown": Problem(51008, 400, "No such event type, or it is not active."),
    "max_connections_too_many": Problem(
        51009, 400, "The maximum allowed connections are 1,000 at most."
    ),
    "max_connections_invalid": Problem(
        51010, 400, "The maximum allowed connections are not a number."
    ),
    "name_invalid": Problem(51011, 400, "name is not usable."),
    "webhook_type_unknown": Problem(51012, 400, "webHookType is HTTP or queue."),
    "method_unknown": Problem(51014, 400, "methodType is POST or PUT."),
    "sla_invalid": Problem(51015, 400, "slaInSeconds is not usable."),
    "timeout_invalid": Problem(51016, 400, "timeoutInSeconds is from 1 to 30."),
    "source_unknown": Problem(51017, 400, "No such source of customer identifiers."),
    "card_number_without_source": Problem(
        51018, 400, "Card numbers need a source in customerIdentifiersToBeEnriched."
    ),
    "header_name_invalid": Problem(51019, 400, "A header's name is no token of RFC 9110."),
    "header_name_reserved": Problem(51020, 400, "The header is not yours to set."),
    "header_value_invalid": Problem(51021, 400, "A header's value is not usable."),
    "header_repeated": Problem(51022, 400, "A header is repeated."),
    "headers_too_many": Problem(51023, 400, "There are too many headers."),
    "headers_invalid": Problem(51024, 400, "webHookHeaders is an object of strings."),
    "event_names_invalid": Problem(51025, 400, "eventNames is an array of strings."),
    "description_invalid": Problem(51026, 400, "description is not usable."),
    "header_mask_unmatched": Problem(51027, 400, "The mask stands for no stored value."),
    "queue_url_invalid": Problem(51052, 400, "webHookUrl is no usable URL of a queue."),
    "url_mask_unmatched": Problem(51053, 400, "The mask stands for no stored password."),
    "queue_headers_invalid": Problem(51054, 400, "The queue can not carry these headers."),
    "filter_invalid": Problem(51028, 400, "filter is no filter of this service."),
    "filter_too_large": Problem(51029, 400, "filter is too large to be applied to every event."),
}

_BODIES = {
    "body_missing": Problem(51040, 400, "The request needs a JSON body."),
    "json_malformed": Problem(51041, 400, "The body is not JSON."),
    "json_not_utf8": Problem(51042, 400, "The body is not UTF-8."),
    "json_too_deep": Problem(51043, 400, "The JSON is too deep."),
    "json_duplicate_key": Problem(51044, 400, "A key is repeated."),
    "json_not_finite": Problem(51045, 400, "A number is not finite."),
    "json_number_too_long": Problem(51046, 400, "A number has too many digits."),
    "json_nul": Problem(51047, 400, "A string holds NUL."),
    "json_surrogate": Problem(51048, 400, "A string holds half a surrogate pair."),
    "not_an_object": Problem(51049, 400, "The body is not a JSON object."),
    "request_malformed": Problem(51050, 400, "The request can not be read."),
    "value_not_storable": Problem(51051, 400, "A value is out of every range."),
}

# Codes that Django's and DRF's own fields and validators raise.
_FIELDS = {
    "required": Problem(51060, 400, "The field is missing."),
    "null": Problem(51061, 400, "The field may not be null."),
    "blank": Problem(51062, 400, "The field may not be empty."),
    "empty": Problem(51062, 400, "The field may not be empty."),
    "invalid": Problem(51063, 400, "The value has the wrong type or form."),
    "parse_error": Problem(51063, 400, "The value has the wrong type or form."),
    "not_a_list": Problem(51063, 400, "The value is not an array."),
    "not_a_dict": Problem(51063, 400, "The value is not an object."),
    "max_length": Problem(51064, 400, "The value is too long."),
    "min_length": Problem(51065, 400, "The value is too short."),
    "max_value": Problem(51066, 400, "The value is too large."),
    "min_value": Problem(51067, 400, "The value is too small."),
    "max_string_length": Problem(51064, 400, "The value is too long."),
    "invalid_choice": Problem(51068, 400, "The value is not one of the choices."),
    "unique": Problem(51069, 400, "The value is taken."),
    "does_not_exist": Problem(51070, 400, "What the value refers to does not exist."),
    "null_characters_not_allowed": Problem(51047, 400, "A string holds NUL."),
    "surrogate_characters_not_allowed": Problem(51048, 400, "Half a surrogate pair."),
}

_EVENTS = {
    "event_not_object": Problem(51071, 400, "An event is a JSON object."),
    "event_name_missing": Problem(51072, 400, "eventName is missing."),
    "event_name_invalid": Problem(51073, 400, "eventName is not usable."),
    "event_type_name_invalid": Problem(51074, 400, "eventName can not be a type's name."),
    "event_type_name_reserved": Problem(51075, 400, "The name is a standard event's or ours."),
    "event_type_name_taken": Problem(51076, 400, "There is such a custom event already."),
    "event_types_too_many": Problem(51077, 400, "There are too many custom events."),
    "event_type_schema_invalid": Problem(51078, 400, "schema can not be used."),
    "event_type_sample_invalid": Problem(51079, 400, "sample is no event that fits the schema."),
    "event_type_standard": Problem(51080, 400, "A standard event can only be switched."),
    "event_type_changed": Problem(51081, 409, "Somebody else changed the event type."),
    "event_type_subscribed": Problem(51082, 409, "Webhooks subscribe to the event type."),
    "event_data_invalid": Problem(51083, 400, "data is not a JSON object."),
    "event_id_invalid": Problem(51084, 400, "eventId is not usable."),
    "event_org_mismatch": Problem(51085, 400, "orgId is of another organization."),
    "event_ref_invalid": Problem(51086, 400, "refId is not usable."),
    "event_request_invalid": Problem(51087, 400, "apiRequestId is not usable."),
    "event_created_at_invalid": Problem(51088, 400, "createdAt is no moment."),
    "event_type_mismatch": Problem(51089, 400, "eventType and eventName differ."),
    "event_mismatch": Problem(51091, 400, "data does not fit the schema of the type."),
    "events_count_invalid": Problem(51092, 400, "An array holds 1 to 1,000 events."),
    "event_conflict": Problem(51090, 409, "The eventId was used for another event."),
}

_LOGS = {
    "time_invalid": Problem(51030, 400, "The value is no time in epoch milliseconds."),
    "range_invalid": Problem(51031, 400, "endDate is before startDate."),
    "filters_exclusive": Problem(51032, 400, "eventType and eventSearchKey exclude each other."),
    "order_unknown": Problem(51033, 400, "sortBy is not one of the orders."),
    "state_unknown": Problem(51034, 400, "status is no state of a delivery."),
    "page_invalid": Problem(51035, 400, "page is a number from 1."),
    "page_size_invalid": Problem(51036, 400, "pageSize is from 1 to 200."),
}

_REPLAYS = {
    "in_flight": Problem(51037, 409, "The delivery is in flight."),
    "replay_running": Problem(51038, 409, "Another replay of the webhook is running."),
    "webhook_off": Problem(51039, 409, "The webhook is deactivated or deleted."),
    "webhook_unreadable": Problem(51039, 409, "What is secret of the webhook can not be read."),
    "replay_of_nothing": Problem(51058, 400, "Choose some of status, or missing."),
    "replay_of_test": Problem(51058, 400, "A test is not replayed."),
    "not_waiting": Problem(51059, 409, "The delivery does not wait any more."),
}

_WARNINGS = {
    "test_mismatch": Problem(51095, 200, "The test does not fit the schema of its type."),
    "entries_cut": Problem(51098, 200, "There are more entries; these are the latest."),
    "fields_unknown": Problem(51096, 200, "Fields that do not exist were ignored."),
    "name_kept": Problem(51097, 200, "The name never changes; it was kept."),
}

_ORGANIZATIONS = {
    "time_zone_unknown": Problem(51093, 400, "No such time zone in the tz database."),
    "parent_not_top": Problem(51094, 400, "A parent organization has no parent itself."),
    "reference_count_invalid": Problem(51055, 400, "The body is an array of 1 to 1,000 elements."),
    "reference_invalid": Problem(51056, 400, "A value of the reference data is not usable."),
    "reference_repeated": Problem(51057, 400, "An id or a source stands twice."),
}

TABLE = (
    _GENERAL
    | _ORGANIZATIONS
    | _WEBHOOKS
    | _BODIES
    | _FIELDS
    | _EVENTS
    | _LOGS
    | _REPLAYS
    | _WARNINGS
)
