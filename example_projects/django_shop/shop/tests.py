"""What the shop does when LicenseChain delivers something."""

from datetime import UTC, datetime, timedelta

from django.contrib.auth import get_user_model
from django.test import TestCase

from licensechain_hooks.contrib.django.test import WebhookTestMixin
from licensechain_hooks.testing import make_event

from .models import Customer, License, Seat

NOW = datetime.now(UTC)


class ShopTestCase(WebhookTestMixin, TestCase):
    """A shop with one customer."""

    @classmethod
    def setUpTestData(cls):
        """The customer."""
        cls.ada = Customer.objects.create(reference="user_1", name="Ada Example")

    def deliver(self, event_type, *, at=NOW, **data):
        """Deliver an event about the license lic_1, and run what listens."""
        event = make_event(event_type, data={"id": "lic_1", "userId": "user_1", **data}, timestamp=at)
        self.assertEqual(self.webhooks.send(event).status_code, 200)
        self.webhooks.drain()
        return event

    def seat(self):
        """What the shop's software is told of the only seat."""
        return self.client.get(f"/seats/{Seat.objects.get().pk}/").json()


class SeatTests(ShopTestCase):
    """Seats follow their license."""

    def test_a_new_license_has_a_seat(self):
        """It is the customer's, and may be used."""
        event = self.deliver("license.created")
        self.assertProcessed(event)
        self.assertEqual(License.objects.get().customer, self.ada)
        self.assertFalse(self.seat()["locked"])

    def test_what_locks(self):
        """A license that is revoked, suspended, expired or deleted, whatever its status says."""
        for event_type in ("license.revoked", "license.suspended", "license.expired", "license.deleted"):
            with self.subTest(event_type):
                self.deliver("license.created", at=NOW)
                self.deliver(event_type, at=NOW + timedelta(seconds=1), status="active")
                self.assertTrue(self.seat()["locked"])
                License.objects.all().delete()

    def test_what_unlocks(self):
        """A license that counts again."""
        self.deliver("license.suspended", at=NOW)
        self.deliver("license.updated", at=NOW + timedelta(seconds=1), status="ACTIVE")
        self.assertFalse(self.seat()["locked"])

    def test_every_seat(self):
        """All seats of a license are locked, and no others."""
        self.deliver("license.created")
        License.objects.get().seats.create()
        other = License.objects.create(id="lic_2", customer=self.ada, status="active").seats.create()
        self.deliver("license.revoked", at=NOW + timedelta(seconds=1))
        self.assertEqual(set(Seat.objects.filter(is_locked=False)), {other})

    def test_a_late_event_unlocks_nothing(self):
        """An event that is older than what the shop knows of the license is skipped."""
        self.deliver("license.revoked", at=NOW)
        late = self.deliver("license.created", at=NOW - timedelta(minutes=1))
        self.assertTrue(self.seat()["locked"])
        self.assertHandlers(late, follow_license="skipped")

    def test_a_redelivery_changes_nothing(self):
        """The same event twice is one event."""
        event = self.deliver("license.created")
        self.assertEqual(self.webhooks.send(event).json(), {"status": "duplicate"})
        self.assertEqual(self.webhooks.drain(), 0)
        self.assertEqual(Seat.objects.count(), 1)

    def test_a_question_changes_nothing(self):
        """That the license was validated does not make one."""
        self.assertProcessed(self.deliver("license.validated"))
        self.assertFalse(License.objects.exists())


class StrangerTests(ShopTestCase):
    """Licenses of people the shop does not know."""

    def test_the_operator_is_told_and_can_replay(self):
        """The entry is a dead letter whose error says what to do; once that is done, a replay does the rest."""
        event = self.deliver("license.created", userId="user_2")
        self.assertEntryState(event, "dead")
        self.assertIn("no customer user_2", self.webhooks.entry(event).error)
        Customer.objects.create(reference="user_2", name="Grace Example")
        self.client.force_login(get_user_model().objects.create_superuser("op"))
        self.client.post("/admin/licensechain_hooks/entry/replay/", {"pks": self.webhooks.entry(event).pk})
        self.webhooks.drain()
        self.assertProcessed(event)
        self.assertEqual(License.objects.get().customer.name, "Grace Example")


class ForgeryTests(ShopTestCase):
    """Who does not know the secret."""

    def test_nothing_happens(self):
        """A forged delivery is refused and not stored."""
        self.assertEqual(self.webhooks.send("license.revoked", tamper="signature").status_code, 401)
        self.assertEqual(self.webhooks.drain(), 0)
