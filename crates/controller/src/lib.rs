//! The kro controller: performs the actions that the planner returns.
