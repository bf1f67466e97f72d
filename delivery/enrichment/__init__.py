"""What a webhook wants added to its payloads, looked up in reference data and filled in."""
