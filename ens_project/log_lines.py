"""Lines in the log that others write."""

import logging


class WithoutPath(logging.Filter):
    """Django names the path of a request that it refuses or that fails, as the last argument.

    Tokens of invitations and identifiers of customers may stand in it: the route is told instead.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        request = getattr(record, "request", None)
        if request is not None and isinstance(record.args, tuple) and record.args:
            match = getattr(request, "resolver_match", None)
            record.args = (*record.args[:-1], match.route if match else "an unknown path")
        return True
