"""Programs that are agents: started as workers of ``agent`` nodes, watched while they work, judged by how they end."""
