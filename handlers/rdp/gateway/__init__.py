"""Remote desktop gateways: RDP inside HTTPS (MS-TSGU)."""
