"""The shop in the admin."""

from django.contrib import admin

from .models import Customer, License, Seat


class SeatInline(admin.TabularInline):
    """A license's seats."""

    model = Seat
    extra = 0


@admin.register(Customer)
class CustomerAdmin(admin.ModelAdmin):
    """Customers."""

    list_display = ("name", "reference")
    search_fields = ("name", "reference")


@admin.register(License)
class LicenseAdmin(admin.ModelAdmin):
    """Licenses and their seats."""

    list_display = ("id", "customer", "status", "expires_at")
    list_select_related = ("customer",)
    search_fields = ("id", "customer__name")
    inlines = (SeatInline,)
