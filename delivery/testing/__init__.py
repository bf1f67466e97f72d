"""Test events: sent now, outside the queue, to see what a receiver says."""
