output "namespace" {
  description = "Where the agent, the projects and the applications are."
  value       = bridgehead_agent.this.namespace
}

output "root_application" {
  description = "Name of the application that declares the others."
  value       = bridgehead_application.root.name
}

output "revision" {
  description = "Commit at which everything was Synced and Healthy."
  value       = bridgehead_application_wait.root.observed_revision
}
