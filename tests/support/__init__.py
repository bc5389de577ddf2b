"""What the tests are made with: an independent client, a painter, and conditions to wait for."""
