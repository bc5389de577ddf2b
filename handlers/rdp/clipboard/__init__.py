"""The clipboard channel (MS-RDPECLIP): its messages, its formats, and what users see of it."""
