terraform {
  # Write-only attributes need Terraform 1.11 (or OpenTofu 1.11).
  required_version = ">= 1.11"

  required_providers {
    bridgehead = {
      source  = "bridgehead/bridgehead"
      version = ">= 0.1.0"
    }
  }
}

# With no more than this, the provider uses the file's current context.
# Instead of a file: host, cluster_ca_certificate and token; or exec; or eks.
provider "bridgehead" {
  kubernetes = {
    config_path = var.kubeconfig
  }
}
