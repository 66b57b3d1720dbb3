"""The durable inbox: every accepted delivery is stored before it is acknowledged. Nothing here loads a driver."""
