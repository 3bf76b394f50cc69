//! ResourceGraphDefinition to compiled, typed dependency graph.
