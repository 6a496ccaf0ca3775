"""Turns whatever goes wrong in a request into the error body of the contract."""

from __future__ import annotations

import logging

from flask import Flask
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from data.records import Rejection
from intake.answers import Response, refused

logger = logging.getLogger(__name__)

BY_STATUS = {
    404: Rejection("NOT_FOUND", "there is nothing at this path"),
    405: Rejection("METHOD_NOT_ALLOWED", "this path does not answer to this method"),
    413: Rejection("TOO_LARGE", "the body must not be larger than 1 MiB"),
}
BAD_REQUEST = Rejection("INVALID_BODY", "the request could not be read")
FAULT = Rejection("INTERNAL_ERROR", "a fault in this server; it is in its log")


def register(app: Flask) -> None:
    """Makes every error of an app answer with the error body."""
    app.register_error_handler(HTTPException, _refuse)
    app.register_error_handler(Exception, _fault)


def _refuse(error: HTTPException) -> Response:
    if error.code is not None and error.code >= 500:
        return _fault(error)
    answer = refused(BY_STATUS.get(error.code or 400, BAD_REQUEST))
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        answer.headers["Allow"] = ", ".join(sorted({*error.valid_methods, "OPTIONS"}))
    return answer


def _fault(error: Exception) -> Response:
    logger.error("a request failed", exc_info=error)
    return refused(FAULT)
