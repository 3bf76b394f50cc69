//! What every controller needs: queue, watch store, flags, metrics, probes, shutdown.
