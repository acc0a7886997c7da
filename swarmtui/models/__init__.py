"""WHO answers: chat dialects, the simulated model, the catalogue of providers, the network."""
