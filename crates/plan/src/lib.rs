//! Compiled graph and observations to actions, status and conditions.
