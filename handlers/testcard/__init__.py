"""A test card without a host, to assess a link, a viewer and guacr itself."""

from handlers.testcard.handler import TestcardHandler

__all__ = ["TestcardHandler"]
