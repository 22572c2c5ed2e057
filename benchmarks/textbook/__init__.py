"""The same shop as any tutorial builds it, on the same server and pool: a reference for sales and bookings."""
