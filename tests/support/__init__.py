"""Support for the tests: servers, conditions to wait for, and the page in a browser."""
