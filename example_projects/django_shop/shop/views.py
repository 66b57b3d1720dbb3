"""What the shop's software asks."""

from django.http import HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from .models import Seat


@require_safe
def seat(_request: HttpRequest, pk: int) -> JsonResponse:
    """Whether a seat may be used."""
    found = get_object_or_404(Seat, pk=pk)
    return JsonResponse({"seat": found.pk, "license": found.license_id, "locked": found.is_locked})
