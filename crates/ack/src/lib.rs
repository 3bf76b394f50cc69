//! AWS resources as Kubernetes objects.
