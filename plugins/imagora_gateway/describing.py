"""What OpenAPI says of every route besides what FastAPI knows: how callers are known, and what errors look like."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

_OPENAI = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "param": {"type": "string"},
        "request": {"type": "string"},
    },
}
_EXAMPLE = {"error": {"message": "…", "type": "invalid_request_error", "param": "model", "code": "model_not_found"}}


def describe(app: FastAPI) -> None:
    """Let an app describe itself so."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = plain()
            schemes = schema.setdefault("components", {}).setdefault("securitySchemes", {})
            schemes["key"] = {"type": "http", "scheme": "bearer", "description": "A key (imk_…) or a token."}
            schema["components"].setdefault("schemas", {}).update({"OpenAIError": _OPENAI, "Problem": _PROBLEM})
            for path, operations in schema["paths"].items():
                for operation in operations.values():
                    _complete(path, operation)
        return app.openapi_schema or {}

    app.openapi = described  # type: ignore[method-assign]  # as FastAPI's documentation does it


def _complete(path: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    responses.pop("422", None)  # FastAPI's own shape, which no error of ours has
    under_v1 = path.startswith("/v1/")
    kind = "application/json" if under_v1 else "application/problem+json"
    shown: dict[str, Any] = {"schema": {"$ref": f"#/components/schemas/{'OpenAIError' if under_v1 else 'Problem'}"}}
    if under_v1:
        shown["example"] = _EXAMPLE
    headers = {"Retry-After": {"schema": {"type": "integer"}, "description": "In seconds, where it helps to wait."}}
    for status, said in (("4XX", "What is wrong with the request."), ("5XX", "What is wrong here, or too much.")):
        responses[status] = {"description": said, "content": {kind: shown}}
    responses["5XX"]["headers"] = headers
    if path not in {"/health", "/ready"}:
        operation["security"] = [{"key": []}]
