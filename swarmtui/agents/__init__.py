"""Roles on top of models: the planner."""
