"""The engine on pyte, for machines without libghostty."""
