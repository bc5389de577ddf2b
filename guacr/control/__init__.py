"""The view and the actions of operators, whatever the interface."""
