"""Middlewares that reach for the body before any view does."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


class ReadsBody:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        self.touch(request)
        return self.get_response(request)

    def touch(self, request: HttpRequest) -> None:
        assert isinstance(request.body, bytes)


class ReadsForm(ReadsBody):
    def touch(self, request: HttpRequest) -> None:
        assert request.POST is not None


class ReadsStream(ReadsBody):
    def touch(self, request: HttpRequest) -> None:
        assert isinstance(request.read(), bytes)
