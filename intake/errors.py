"""Turns whatever goes wrong in a request into the error body of the contract."""

from __future__ import annotations

import logging
import sqlite3

from flask import Flask
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from data.log.schema import LogError
from data.records import Rejection
from intake.answers import Answer, refused

logger = logging.getLogger(__name__)

TOO_LARGE = Rejection("TOO_LARGE", "the body must not be larger than 1 MiB")
TOO_SLOW = Rejection("INVALID_BODY", "the body did not arrive in time")
BAD_REQUEST = Rejection("INVALID_BODY", "the request could not be read")
UNREADABLE = Rejection("UNAVAILABLE", "the votes log cannot be read at the moment; try again")
FAULT = Rejection("INTERNAL_ERROR", "a fault in this server; it is in its log")
NOWHERE = Rejection("NOT_FOUND", "there is nothing at this path")
BY_STATUS = {
    404: NOWHERE,
    405: Rejection("METHOD_NOT_ALLOWED", "this path does not answer to this method"),
    413: TOO_LARGE,
}


def register(app: Flask) -> None:
    """Makes every error of an app answer with the error body."""
    app.register_error_handler(HTTPException, _refuse)
    app.register_error_handler(LogError, _unavailable)
    app.register_error_handler(sqlite3.DatabaseError, _unavailable)  # damage too
    app.register_error_handler(Exception, _fault)


def _refuse(error: HTTPException) -> Answer:
    if error.code is not None and error.code >= 500:
        return _fault(error)
    allowed = error.valid_methods if isinstance(error, MethodNotAllowed) else None
    headers = (("Allow", ", ".join(sorted({*allowed, "OPTIONS"}))),) if allowed else ()
    return refused(BY_STATUS.get(error.code or 400, BAD_REQUEST), *headers)


def _unavailable(error: Exception) -> Answer:
    logger.error("the votes log cannot be read: %s", error)
    return refused(UNREADABLE)


def _fault(error: Exception) -> Answer:
    logger.error("a request failed", exc_info=error)
    return refused(FAULT)
