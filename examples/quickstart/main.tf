# One apply on an empty cluster: the agent, the root application's project, the repository, the root
# application, and the wait until all that it declares is Synced and Healthy. After that Git is in
# charge; Terraform has nothing to do until one of these objects is to change.

resource "bridgehead_agent" "this" {
  namespace = "argocd"
  image     = var.image
  replicas  = 1

  resources = {
    requests = {
      cpu    = "50m"
      memory = "64Mi"
    }
    limits = {
      memory = "256Mi"
    }
  }
}

# The root application may create applications and projects in the agent's namespace, and nothing
# else. What those may do is said by the projects in Git.
resource "bridgehead_project" "bootstrap" {
  name         = "bootstrap"
  namespace    = bridgehead_agent.this.namespace
  description  = "The root application, and nothing else"
  source_repos = [var.repo_url]

  destinations = [
    {
      server    = "https://kubernetes.default.svc"
      namespace = bridgehead_agent.this.namespace
    },
  ]

  cluster_resource_whitelist = []
  namespace_resource_whitelist = [
    { group = "argoproj.io", kind = "AppProject" },
    { group = "argoproj.io", kind = "Application" },
  ]
}

resource "bridgehead_repository" "gitops_config" {
  name                = "gitops-config"
  namespace           = bridgehead_agent.this.namespace
  url                 = var.repo_url
  username            = var.repo_username
  password_wo         = var.repo_password
  password_wo_version = var.repo_password_version
}

resource "bridgehead_application" "root" {
  name      = "root"
  namespace = bridgehead_agent.this.namespace
  project   = bridgehead_project.bootstrap.name

  source = {
    repo_url        = bridgehead_repository.gitops_config.url
    target_revision = var.target_revision
    path            = "root"
    directory = {
      recurse = true
    }
  }

  destination = {
    server    = "https://kubernetes.default.svc"
    namespace = bridgehead_agent.this.namespace
  }

  sync_policy = {
    automated = {
      prune     = true
      self_heal = true
    }
    retry = {
      limit = 5
      backoff = {
        duration     = "5s"
        factor       = 2
        max_duration = "3m"
      }
    }
  }

  # `terraform destroy` takes the workloads with it. The default, `refuse`, would stop it while there
  # are any; `orphan` would leave them running.
  on_destroy = "cascade"
}

# Waiting is a resource of its own: when it times out, the next apply waits again and recreates
# nothing. Destroying it does nothing.
resource "bridgehead_application_wait" "root" {
  name      = bridgehead_application.root.name
  namespace = bridgehead_application.root.namespace
  synced    = true
  healthy   = true
  recursive = true
  timeout   = "10m"
}
