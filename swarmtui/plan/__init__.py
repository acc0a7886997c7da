"""WHAT is to be done: models of task file and plan, YAML with line numbers, graph, edits."""
