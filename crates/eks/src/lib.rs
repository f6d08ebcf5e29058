//! EKS clusters and their tokens through IAM.
