"""Agents as in OpenAI Swarm: functions as tools, handoffs, context variables, a loop. Its names are re-exported lazily
by :mod:`swarmtui`."""
