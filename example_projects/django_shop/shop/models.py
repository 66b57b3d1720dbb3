"""What the shop knows."""

from django.db import models


class Customer(models.Model):
    """Who buys; ``reference`` is LicenseChain's id of the user."""

    reference = models.CharField(max_length=255, unique=True)
    name = models.CharField(max_length=200)

    def __str__(self) -> str:
        """The name."""
        return self.name


class License(models.Model):
    """What was bought; its id is LicenseChain's."""

    id = models.CharField(max_length=255, primary_key=True)
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="licenses")
    status = models.CharField(max_length=50)
    expires_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        """The id."""
        return self.id


class Seat(models.Model):
    """A place to run the software at."""

    license = models.ForeignKey(License, models.CASCADE, related_name="seats")
    is_locked = models.BooleanField(default=False)

    def __str__(self) -> str:
        """Whose it is."""
        return f"seat {self.pk} of {self.license_id}"
