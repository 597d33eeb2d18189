"""Requirements and the tests that are marked as covering them."""
