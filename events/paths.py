"""A piece of the API's paths that several apps stand below."""

# Any case is taken. `(?i:…)` would say so too, but no URL of the whole site could be reversed;
# this is reversed to the first letter of each, webHooks.
WEB_HOOKS = "[wW][eE][bB][Hh][oO][oO][kK][sS]"
