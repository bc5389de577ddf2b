"""Redirected devices: a drive, and a printer (MS-RDPEFS, MS-RDPEPC)."""
