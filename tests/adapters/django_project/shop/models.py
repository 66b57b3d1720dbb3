"""What handlers write down."""

from django.db import models


class Lock(models.Model):
    license = models.CharField(max_length=255, unique=True)

    def __str__(self) -> str:
        return self.license


class Tenant(models.Model):
    slug = models.SlugField(unique=True)
    secret = models.CharField(max_length=255)

    def __str__(self) -> str:
        return self.slug
