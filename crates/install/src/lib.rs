//! The objects that install the agent in a cluster.
