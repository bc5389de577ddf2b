"""RDP, the protocol of Windows' remote desktops (MS-RDPBCGR)."""
