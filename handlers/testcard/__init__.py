"""A test card that needs no host: for judging a link, a viewer and guacr itself."""

from handlers.testcard.handler import TestcardHandler

__all__ = ["TestcardHandler"]
