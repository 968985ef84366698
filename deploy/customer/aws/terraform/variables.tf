variable "external_id" {
  description = "Your external ID, as cloudigrade shows it; the role cannot be assumed without it."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_+=,.@:/-]{2,}$", var.external_id)) && length(var.external_id) <= 1224
    error_message = "Must be the external ID that cloudigrade shows."
  }
}

variable "trusted_account_id" {
  description = "AWS account of cloudigrade, which may assume the role."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.trusted_account_id))
    error_message = "Must have 12 digits."
  }
}

variable "environment" {
  description = "Name of the cloudigrade installation; the trail that it creates, if none can be shared, begins with it."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{0,31}$", var.environment))
    error_message = "Must be the name that cloudigrade shows."
  }
}

variable "role_name" {
  description = "Name of the role."
  type        = string
  default     = "cloudigrade"
}

variable "makes_role" {
  description = "False in all but one region, where several make the EventBridge rule."
  type        = bool
  default     = true
}

variable "log_account_id" {
  description = "Another account whose buckets hold your trails' log files and may be read through this role; usually none."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^([0-9]{12})?$", var.log_account_id))
    error_message = "Must be empty or have 12 digits."
  }
}

variable "inspection" {
  description = "Whether and how cloudigrade may look for Red Hat Enterprise Linux inside images: none, direct or copy."
  type        = string
  default     = "none"

  validation {
    condition     = contains(["none", "direct", "copy"], var.inspection)
    error_message = "Must be none, direct or copy."
  }
}

variable "event_bus_arn" {
  description = "Event bus of cloudigrade that is told of instances going on and off; empty means by CloudTrail only."
  type        = string
  default     = ""
}
