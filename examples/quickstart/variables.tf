variable "kubeconfig" {
  description = "Path of the kubeconfig file; its current context is the cluster to bootstrap."
  type        = string
  default     = "~/.kube/config"
}

variable "repo_url" {
  description = "Git repository that holds the configuration, as its own manifests name it."
  type        = string
}

variable "repo_username" {
  description = "User for the repository; leave it out where anybody may read."
  type        = string
  default     = null
}

variable "repo_password" {
  description = "Password or token for the repository. Written to the cluster, kept in neither plan nor state."
  type        = string
  default     = null
  sensitive   = true
  ephemeral   = true
}

variable "repo_password_version" {
  description = "Raise it when repo_password has changed: what is not kept can't be compared."
  type        = number
  default     = 1
}

variable "target_revision" {
  description = "Branch, tag or commit to follow."
  type        = string
  default     = "main"
}

variable "image" {
  description = "Image of the agent; the provider's own version when null."
  type        = string
  default     = null
}
