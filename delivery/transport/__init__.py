"""What is sent to a receiver, and how it went: requests, signatures, the address guard, results.

Nothing here knows Django or the database: settings come as arguments, results leave as values.
"""
